/* SPDX-License-Identifier: MIT */
#include "process/process_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int visit_if_kept(int (*visit)(void *, int), void *argument, int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags < 0 || flags & FD_CLOEXEC ? 0 : visit(argument, fd);
}

/* Linux lists what is open. Elsewhere, or when no descriptor is left for the
 * list, every number is tried. */
int process_files_each(int end, int (*visit)(void *argument, int fd),
                       void *argument)
{
    DIR *list = end < 0 ? opendir("/proc/self/fd") : NULL;
    const struct dirent *entry;
    int result = 0;

    if (!list) {
        if (end < 0)
            end = (int)sysconf(_SC_OPEN_MAX);
        for (int fd = 0; fd < end && !result; fd++)
            result = visit_if_kept(visit, argument, fd);
        return result;
    }
    while (!result && (entry = readdir(list)))
        if (entry->d_name[0] != '.')
            result = visit_if_kept(visit, argument, atoi(entry->d_name));
    closedir(list);
    return result;
}
