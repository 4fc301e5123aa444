/* SPDX-License-Identifier: MIT */
#include "upload/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Temporary names begin with this, and names that begin with this are refused:
 * otherwise one client's file could take the place of another's half. */
static const char reserved[] = ".upload-";

/* Temporary names that we try before we give up. */
enum { TRIES_MAX = 1000 };

/* A descriptor and not a path: whoever renames the directory later moves our
 * uploads with it, and does not lead them elsewhere. */
int upload_directory(const char *path)
{
    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return -1;
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* What is checked is exactly what will be opened, byte for byte: nothing is
 * decoded or shortened afterwards. */
const char *upload_check(const char *name, size_t length, int64_t size)
{
    if (length == 0)
        return "filename is empty";
    if (length > UPLOAD_NAME_MAX)
        return "filename is too long";
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte == '/')
            return "filename has a slash";
        if (byte < ' ' || byte == 0x7f)
            return "filename has a control byte";
    }
    /* No NUL is inside, so from here on it is a string. */
    if (!strcmp(name, ".") || !strcmp(name, ".."))
        return "filename is a directory";
    if (!strncmp(name, reserved, strlen(reserved)))
        return "filename is reserved";
    if (size < 0)
        return "filesize is negative";
    return size > UPLOAD_SIZE_MAX ? "filesize is over the limit" : NULL;
}

/* O_EXCL makes the file ours alone and follows no symbolic link; the time of
 * day makes it likely that the first name is free. */
static int open_temporary(struct upload *upload)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    for (long i = 0; i < TRIES_MAX; i++) {
        snprintf(upload->temporary, sizeof(upload->temporary), "%s%09ld",
                 reserved, now.tv_nsec + i);
        int file = openat(upload->directory, upload->temporary,
                          O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file >= 0 || errno != EEXIST)
            return file;
    }
    return -1;
}

/* The name is copied: it may lie in a buffer that the bytes overwrite. */
int upload_open(struct upload *upload, int directory, const char *name,
                int64_t size)
{
    struct stat status;

    /* Better to hear of it now than after a gigabyte. A symbolic link is
     * looked at itself, for it is what will be replaced. */
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EISDIR;
        if (S_ISDIR(status.st_mode))
            return -1;
    } else if (errno != ENOENT) {
        return -1;
    }
    upload->directory = directory;
    upload->error = 0;
    upload->size = size;
    upload->received = 0;
    strcpy(upload->name, name);
    upload->file = open_temporary(upload);
    return upload->file < 0 ? -1 : 0;
}

size_t upload_write(struct upload *upload, const char *data, size_t length)
{
    int64_t missing = upload->size - upload->received;
    size_t ours = (int64_t)length < missing ? length : (size_t)missing;

    upload->received += (int64_t)ours;
    /* After an error the bytes are counted and dropped: a client that is in the
     * middle of its file must be heard to the end. */
    for (size_t left = ours; left > 0 && !upload->error;) {
        ssize_t written = write(upload->file, data, left);
        if (written >= 0) {
            data += written;
            left -= (size_t)written;
        } else if (errno != EINTR) {
            upload->error = errno;
        }
    }
    return ours;
}

void upload_remove(const struct upload *upload)
{
    unlinkat(upload->directory, upload->temporary, 0);
}

int upload_close(struct upload *upload)
{
    int error = upload->error;

    /* Some file systems report a full disk only here. */
    if (close(upload->file) < 0 && !error)
        error = errno;
    if (upload->received < upload->size)
        error = ECANCELED;
    /* Replaces whatever has the name, a symbolic link included, but for a
     * directory; the file there, if somebody has it open, lives on. */
    if (!error && renameat(upload->directory, upload->temporary,
                           upload->directory, upload->name) < 0)
        error = errno;
    if (!error)
        return 0;
    upload_remove(upload);
    errno = error;
    return -1;
}
