/* SPDX-License-Identifier: MIT
 *
 * hash_file.h - the SHA-1 of a file, computed in a thread: a file is read for
 * as long as it takes, and nobody can ask a disk to tell when it is ready.
 */
#ifndef HASH_FILE_H
#define HASH_FILE_H

#include "deferred/deferred.h"
#include "reactor/reactor.h"

/* The file cannot be read; the number is the errno. EINVAL: it is neither a
 * regular file nor a directory, for which it is EISDIR. */
extern const struct failure_type FileError;

/* Fires with the hash as text, 40 hexadecimal digits, which the receiver frees
 * with free(); or with FileError, or a failure of defer_to_thread. `path` is
 * copied. NULL with ENOMEM. */
struct deferred *hash_file(struct reactor *reactor, const char *path);

#endif
