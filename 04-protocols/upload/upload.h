/* SPDX-License-Identifier: MIT
 *
 * upload.h - a file that a stranger sends, from its name to its last byte.
 *
 * Until all of it has arrived it has a temporary name; then it takes its own,
 * in one step and whatever that name was before. Nobody ever sees half a file
 * under it, and of two uploads of one name the last to be complete stays. The
 * caller brings the bytes and owns the struct; no function here waits for a
 * network.
 */
#ifndef UPLOAD_H
#define UPLOAD_H

#include <stddef.h>
#include <stdint.h>

enum {
    UPLOAD_NAME_MAX = 255, /* bytes of a name, as of most file systems */
    UPLOAD_SIZE_MAX = 1024 * 1024 * 1024, /* bytes of a file */
    UPLOAD_TEMPORARY_MAX = 32 /* bytes of a temporary name and its NUL */
};

struct upload {
    int directory;    /* borrowed */
    int file;         /* what is written to */
    int error;        /* the errno of the first write that failed, or 0 */
    int64_t size;     /* bytes that were announced */
    int64_t received; /* bytes that have arrived, written or not */
    char name[UPLOAD_NAME_MAX + 1];
    char temporary[UPLOAD_TEMPORARY_MAX];
};

/* Opens the directory that uploads go to, and makes it if it is missing.
 * Returns a descriptor for upload_open, which the caller owns and closes, or
 * -1 with errno. */
int upload_directory(const char *path);

/* May a stranger choose this name and this size? Returns NULL, or a literal
 * that says why not: a name may neither lead out of the directory nor play
 * tricks on a terminal, nor be one of our temporary names. */
const char *upload_check(const char *name, size_t length, int64_t size);

/* Begins a file whose name and size have passed upload_check. Returns 0, or
 * -1 with errno: then there is nothing to close. EISDIR: the name belongs to
 * a directory. */
int upload_open(struct upload *upload, int directory, const char *name,
                int64_t size);

/* Takes what belongs to the file from the first of `length` bytes, and returns
 * how many that are. It takes them even when the disk does not, so that the
 * caller still finds what follows the file; upload_close tells. Past
 * `ulimit -f` SIGXFSZ must be ignored, as options.c does. */
size_t upload_write(struct upload *upload, const char *data, size_t length);

/* Ends what upload_open began. Complete and written, the file takes its name;
 * otherwise nothing of it is left. Returns 0, or -1 with errno: ECANCELED when
 * bytes are missing, or what went wrong with the disk. */
int upload_close(struct upload *upload);

/* Removes the temporary file and nothing else, when the program ends in the
 * middle of an upload. Any thread may call it. */
void upload_remove(const struct upload *upload);

#endif
