/* SPDX-License-Identifier: MIT */
#include "http/http_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_NONBLOCK: or a FIFO would hold the whole server until somebody writes. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY };

/* Opens one name, `length` bytes, in `directory`: a step of the walk. */
static int open_name(int directory, const char *name, size_t length)
{
    bool inner = name[length] == '/';
    char text[HTTP_NAME_MAX + 1];

    if (length > HTTP_NAME_MAX)
        errno = ENAMETOOLONG;
    else if (length == 0)
        errno = ENOENT;
    else if (*name == '.') /* "..", and whoever hides something means it */
        errno = EACCES;
    else {
        memcpy(text, name, length);
        text[length] = '\0';
        return openat(directory, text, OPEN_FLAGS | (inner ? O_DIRECTORY : 0));
    }
    return -1;
}

static void close_quietly(int fd)
{
    int error = errno;

    close(fd);
    errno = error;
}

/* Follows the path name by name. One openat for all of it would follow links
 * in the middle. */
static int walk(int root, const char *path)
{
    int fd = openat(root, ".", OPEN_FLAGS | O_DIRECTORY);

    while (fd >= 0 && path[0] == '/' && path[1] != '\0') {
        const char *name = path + 1;
        size_t length = strcspn(name, "/");
        int next = open_name(fd, name, length);
        close_quietly(fd);
        fd = next;
        path = name + length;
    }
    return fd;
}

int http_files_open(int root, const char *path, struct http_file *file)
{
    struct stat status;

    file->fd = walk(root, path);
    if (file->fd < 0)
        return -1;
    if (fstat(file->fd, &status) < 0) {
        close_quietly(file->fd);
        return -1;
    }
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        close(file->fd);
        errno = EACCES;
        return -1;
    }
    file->directory = S_ISDIR(status.st_mode);
    file->size = status.st_size;
    file->modified = status.st_mtime;
    return 0;
}

/* How many bytes the character at `text` has, of which `length` are left: 0 if
 * it is none, or a NUL; more than `length` if it may be cut off. */
static size_t utf8_size(const unsigned char *text, size_t length)
{
    size_t size = *text < 0x80   ? *text != '\0'
                  : *text < 0xc2 ? 0
                  : *text < 0xe0 ? 2
                  : *text < 0xf0 ? 3
                  : *text < 0xf5 ? 4
                                 : 0;

    for (size_t i = 1; i < size && i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

/* Whether the file begins like text in UTF-8. */
static bool is_text(const struct http_file *file)
{
    unsigned char text[HTTP_SNIFFED_MAX];
    ssize_t length = pread(file->fd, text, sizeof(text), 0);

    for (ssize_t i = 0; i < length;) {
        size_t size = utf8_size(text + i, (size_t)(length - i));
        /* The last character is cut off by us, but not in a short file. */
        if (size == 0 || (i + (ssize_t)size > length && length == file->size))
            return false;
        i += (ssize_t)size;
    }
    return length >= 0;
}

const char *http_files_type(const struct http_file *file, const char *path)
{
    static const char text[] = "text/plain; charset=utf-8";
    static const struct {
        const char *end, *type;
    } types[] = {
        { ".html", "text/html; charset=utf-8" },
        { ".htm", "text/html; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" },
        { ".json", "application/json; charset=utf-8" },
        { ".xml", "application/xml" },
        { ".png", "image/png" },
        { ".jpg", "image/jpeg" },
        { ".jpeg", "image/jpeg" },
        { ".gif", "image/gif" },
        { ".webp", "image/webp" },
        { ".ico", "image/x-icon" },
        { ".svg", "image/svg+xml; charset=utf-8" },
        { ".pdf", "application/pdf" },
        { ".mp3", "audio/mpeg" },
        { ".mp4", "video/mp4" },
        { ".md", text }, /* as text/markdown a browser would save it */
        { ".txt", text },
    };
    size_t length = strlen(path);

    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        size_t size = strlen(types[i].end);
        if (length >= size && !strcasecmp(path + length - size, types[i].end))
            return types[i].type;
    }
    return is_text(file) ? text : "application/octet-stream";
}
