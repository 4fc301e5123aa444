/* SPDX-License-Identifier: MIT
 *
 * http_listing.c - http_files_listing: a directory as a page of links.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/html.h"
#include "http/http_files.h"
#include "http/http_response.h"

static const char readme[] = "README.md";

struct entry {
    char name[HTTP_NAME_MAX + 2]; /* a directory's ends with a slash */
    enum { TO_READ_FIRST, DIRECTORY, OTHER_FILE } kind;
    int64_t size; /* bytes of a file */
};

/* Whether strangers may have it; then its status is filled in. */
static bool can_be_fetched(int directory, const char *name, struct stat *status)
{
    return *name != '.' &&
           fstatat(directory, name, status, AT_SYMLINK_NOFOLLOW) == 0 &&
           (S_ISREG(status->st_mode) || S_ISDIR(status->st_mode));
}

static int compare(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;

    if (one->kind != other->kind)
        return one->kind < other->kind ? -1 : 1;
    return strcmp(one->name, other->name);
}

static void fill_in(struct entry *entry, const char *name,
                    const struct stat *status)
{
    bool directory = S_ISDIR(status->st_mode);

    sprintf(entry->name, "%s%s", name, directory ? "/" : "");
    entry->size = status->st_size;
    entry->kind = directory                           ? DIRECTORY
                  : strncasecmp(name, readme, 6) == 0 ? TO_READ_FIRST
                                                      : OTHER_FILE;
}

/* Fills in the names that http_files_open would open, in no order. Returns how
 * many. */
static size_t read_entries(DIR *stream, struct entry *entries, bool *more)
{
    const struct dirent *next;
    size_t count = 0, seen = 0;
    struct stat status;

    *more = false;
    while (!*more && (next = readdir(stream))) {
        *more = seen++ == HTTP_NAMES_MAX;
        if (strlen(next->d_name) > HTTP_NAME_MAX ||
            !can_be_fetched(dirfd(stream), next->d_name, &status))
            continue;
        *more |= count == HTTP_LISTING_MAX;
        if (!*more)
            fill_in(&entries[count++], next->d_name, &status);
    }
    return count;
}

/* A link to `name`, with `file` behind it. */
static void put_link(FILE *page, const char *name, const char *file)
{
    char encoded[HTTP_ENCODED_MAX * sizeof(((struct entry *)0)->name) + 1];

    fprintf(page, "<a href=\"%s%s\">", http_encode(name, encoded), file);
    html_put_text(page, *file ? file : name);
    fputs("</a>", page);
}

static void put_size(FILE *page, int64_t bytes)
{
    static const char *const units[] = { "kB", "MB", "GB", "TB" };
    double size = (double)bytes / 1000;
    int unit = 0;

    if (bytes < 1000) {
        fprintf(page, "%d bytes", (int)bytes);
        return;
    }
    for (; size >= 1000 && unit < 3; unit++)
        size /= 1000;
    fprintf(page, "%.1f %s", size, units[unit]);
}

static void put_entry(FILE *page, int directory, const struct entry *entry)
{
    char inside[sizeof(entry->name) + sizeof(readme)];
    struct stat status;

    fputs("<tr><td>", page);
    put_link(page, entry->name, "");
    if (entry->kind == DIRECTORY) {
        sprintf(inside, "%s%s", entry->name, readme);
        if (can_be_fetched(directory, inside, &status) &&
            S_ISREG(status.st_mode)) {
            putc(' ', page);
            put_link(page, entry->name, readme);
        }
    }
    fputs("</td><td>", page);
    if (entry->kind != DIRECTORY)
        put_size(page, entry->size);
    fputs("</td></tr>\n", page);
}

static void put_page(FILE *page, DIR *stream, struct entry *entries,
                     const char *path)
{
    bool more;
    size_t count = read_entries(stream, entries, &more);

    qsort(entries, count, sizeof(*entries), compare);
    fprintf(page, "%s<title>Index of ", html_head);
    html_put_text(page, path);
    fputs("</title>\n<h1>Index of ", page);
    html_put_text(page, path);
    fputs("</h1>\n<table>\n", page);
    if (path[1] != '\0')
        fputs("<tr><td><a href=\"../\">../</a></td><td></td></tr>\n", page);
    for (size_t i = 0; i < count; i++)
        put_entry(page, dirfd(stream), &entries[i]);
    fputs(more ? "</table>\n<p>And more.</p>\n" : "</table>\n", page);
}

char *http_files_listing(int directory, const char *path, size_t *length)
{
    struct entry *entries = malloc(HTTP_LISTING_MAX * sizeof(*entries));
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy); /* it closes the copy */
    char *text = NULL;
    FILE *page = entries && stream ? open_memstream(&text, length) : NULL;

    if (page) {
        put_page(page, stream, entries, path);
        bool failed = ferror(page) != 0;
        if (fclose(page) != 0 || failed) { /* no memory for all of it */
            free(text);
            text = NULL;
            errno = ENOMEM;
        }
    }
    int error = errno;
    if (stream)
        closedir(stream);
    else if (copy >= 0)
        close(copy);
    free(entries);
    errno = error;
    return text;
}
