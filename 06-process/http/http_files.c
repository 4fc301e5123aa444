/* SPDX-License-Identifier: MIT */
#include "http/http_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

const char *http_files_type(const char *path)
{
    static const char text[] = "text/plain; charset=utf-8";
    static const struct {
        const char *end, *type;
    } types[] = {
        { ".html", "text/html; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" },
        { ".json", "application/json; charset=utf-8" },
        { ".png", "image/png" },
        { ".jpg", "image/jpeg" },
        { ".gif", "image/gif" },
        { ".svg", "image/svg+xml; charset=utf-8" },
        { ".md", text }, /* as text/markdown a browser would save it */
        { ".txt", text },
        { ".c", text },
        { ".h", text },
        { ".bats", text },
        { ".bash", text },
        { "/Makefile", text },
        { "/LICENSE", text },
    };
    size_t length = strlen(path);

    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        size_t size = strlen(types[i].end);
        if (length >= size && !strcmp(path + length - size, types[i].end))
            return types[i].type;
    }
    return "application/octet-stream";
}
