/* SPDX-License-Identifier: MIT */
/* Pseudo-terminals belong to the part of POSIX that is called XSI. */
#define _XOPEN_SOURCE 700
#include "process/process_pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"

int process_pty_open(char *path)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    const char *name = NULL;

    if (fd < 0)
        return -1;
    if (grantpt(fd) == 0 && unlockpt(fd) == 0 &&
        net_set_blocking(fd, false) == 0)
        name = ptsname(fd);
    if (name && strlen(name) < PROCESS_PTY_PATH_MAX) {
        strcpy(path, name);
        return fd;
    }
    int error = name ? ENAMETOOLONG : errno;
    close(fd);
    errno = error;
    return -1;
}
