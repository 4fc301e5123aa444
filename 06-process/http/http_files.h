/* SPDX-License-Identifier: MIT
 *
 * http_files.h - the files of one directory, for strangers: there is no path
 * that leads out of it.
 *
 * The directory is a descriptor, so that renaming it or changing our own does
 * not matter. It stays the caller's, and what is opened becomes the caller's.
 */
#ifndef HTTP_FILES_H
#define HTTP_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum {
    HTTP_NAME_MAX = 255,     /* bytes of a name, as of most file systems */
    HTTP_LISTING_MAX = 1000, /* names in a listing */
    HTTP_NAMES_MAX = 4000,   /* names that are looked at for one */
    HTTP_SNIFFED_MAX = 4096  /* bytes of a file that may tell its type */
};

struct http_file {
    int fd;
    bool directory; /* if it is none, it is a regular file */
    int64_t size;   /* bytes */
    time_t modified;
};

/* Opens what "/path" means below `root`, for reading; with a slash at the end
 * it must be a directory. No name in it may begin with a dot, and symbolic
 * links are not followed. Returns 0, or -1 with errno: EACCES for what is no
 * stranger's business, ENOENT. */
int http_files_open(int root, const char *path, struct http_file *file);

/* The Content-Type of an open file, by how its path ends, whatever the case; of
 * one that says nothing by that, text if it begins like text in UTF-8. So a
 * browser shows what people can read, and saves the rest. */
const char *http_files_type(const struct http_file *file, const char *path);

/* A page with a link to each thing in the directory that can be fetched, and to
 * the README.md of each directory in it: what to read first, then directories,
 * then files with their sizes, each in the order of their names. `path` is what
 * it is called, with the slash at its end. Returns the page, which the caller
 * frees, or NULL with errno. Looks at HTTP_NAMES_MAX names at most, so that it
 * does not block for long. */
char *http_files_listing(int directory, const char *path, size_t *length);

#endif
