/* SPDX-License-Identifier: MIT */
#include "examples/hash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "examples/sha1.h"
#include "threads/threads.h"

enum { PIECE = 16 << 10 /* bytes at a time, on the stack of a thread */ };

const struct failure_type FileError = { "FileError", "The file cannot be read",
                                        true };

/* Belongs to the job. */
struct hash_job {
    atomic_bool unwanted; /* nobody waits any more */
    char path[];
};

/* Why it cannot be hashed, as an errno, or 0: what has no end is no file. */
static int refusal(const struct stat *status)
{
    return S_ISREG(status->st_mode)   ? 0
           : S_ISDIR(status->st_mode) ? EISDIR
                                      : EINVAL;
}

/* Looks first: to open a pipe or a device is to do something to it. What is put
 * in its place meanwhile is seen, too, and not waited for: O_NONBLOCK. */
static int open_regular(const char *path)
{
    struct stat status;
    int error = stat(path, &status) < 0 ? errno : refusal(&status);
    int file = error ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    /* What has that name now may be another file than the one we looked at. */
    if (file >= 0) {
        error = fstat(file, &status) < 0 ? errno : refusal(&status);
        if (!error)
            return file;
        close(file);
    }
    errno = error ? error : errno; /* or open has set it */
    return -1;
}

/* In a thread: all that it touches is the job, and its own. Each piece is a
 * moment to look whether anybody still waits: a file of many gigabytes would
 * hold the end of the program for as long as it takes. */
static struct result hash_path(void *argument)
{
    struct hash_job *job = argument;
    struct sha1 sha1;
    char piece[PIECE], *text = NULL;
    ssize_t length;
    int file = open_regular(job->path);

    /* A failure points to literals only, so it can leave the thread. */
    if (file < 0)
        return result_error(&FileError, errno);
    sha1_init(&sha1);
    while ((length = read(file, piece, PIECE)) > 0 &&
           !atomic_load(&job->unwanted))
        sha1_add(&sha1, piece, (size_t)length);
    int error = length < 0 ? errno : length > 0 ? ECANCELED : ENOMEM;
    close(file);
    /* The value outlives the thread: so it is memory that the receiver frees,
     * or free_value if nobody receives it. */
    if (length == 0)
        text = malloc(SHA1_TEXT_MAX);
    if (!text)
        return result_error(&FileError, error);
    sha1_finish(&sha1, text);
    return result_value(text);
}

/* In the loop, while the thread may be reading: so it is an atomic. */
static void no_longer_wanted(void *argument)
{
    atomic_store(&((struct hash_job *)argument)->unwanted, true);
}

struct deferred *hash_file(struct reactor *reactor, const char *path)
{
    const struct thread_options options = { .free_argument = free,
                                            .free_value = free,
                                            .unwanted = no_longer_wanted };
    struct hash_job *job = calloc(1, sizeof(*job) + strlen(path) + 1);

    if (!job)
        return NULL;
    strcpy(job->path, path); /* the caller's may be gone when we read it */
    return defer_to_thread(reactor, hash_path, job, &options);
}
