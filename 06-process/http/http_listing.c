/* SPDX-License-Identifier: MIT
 *
 * http_listing.c - http_files_listing: a directory as a page of links.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/http_files.h"
#include "http/http_response.h"

static const char readme[] = "README.md";

struct entry {
    char name[HTTP_NAME_MAX + 2]; /* a directory's ends with a slash */
};

/* What of a file's status says what it is: 0 if there is none. */
static mode_t kind_of(int directory, const char *name)
{
    struct stat status;

    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return status.st_mode & S_IFMT;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name,
                  ((const struct entry *)b)->name);
}

/* Fills in the names that http_files_open would open, in no order. Returns how
 * many. */
static size_t read_entries(DIR *stream, struct entry *entries, bool *more)
{
    const struct dirent *next;
    size_t count = 0, seen = 0;

    *more = false;
    while (!*more && (next = readdir(stream))) {
        *more = seen++ == HTTP_NAMES_MAX;
        if (*next->d_name == '.' || strlen(next->d_name) > HTTP_NAME_MAX)
            continue;
        mode_t kind = kind_of(dirfd(stream), next->d_name);
        if (kind != S_IFREG && kind != S_IFDIR)
            continue;
        *more |= count == HTTP_LISTING_MAX;
        if (!*more)
            sprintf(entries[count++].name, "%s%s", next->d_name,
                    kind == S_IFDIR ? "/" : "");
    }
    return count;
}

/* Text for people. What is no letter may be markup, in a name as well. */
static void put_text(FILE *page, const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&\"'", *text))
            fprintf(page, "&#%d;", *text);
        else
            putc(*text, page);
    }
}

/* A link to `name`, with `file` behind it. */
static void put_link(FILE *page, const char *name, const char *file)
{
    char encoded[HTTP_ENCODED_MAX * sizeof(struct entry) + 1];

    fprintf(page, " <a href=\"%s%s\">", http_encode(name, encoded), file);
    put_text(page, *file ? file : name);
    fputs("</a>", page);
}

static void put_entry(FILE *page, int directory, const struct entry *entry)
{
    char inside[sizeof(entry->name) + sizeof(readme)];

    fputs("<li>", page);
    put_link(page, entry->name, "");
    sprintf(inside, "%s%s", entry->name, readme);
    if (strchr(entry->name, '/') && kind_of(directory, inside) == S_IFREG)
        put_link(page, entry->name, readme);
    fputs("</li>\n", page);
}

static void put_page(FILE *page, DIR *stream, struct entry *entries,
                     const char *path)
{
    bool more;
    size_t count = read_entries(stream, entries, &more);

    qsort(entries, count, sizeof(*entries), compare);
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<title>", page);
    put_text(page, path);
    fputs("</title>\n<h1>", page);
    put_text(page, path);
    fputs("</h1>\n<ul>\n", page);
    if (path[1] != '\0')
        fputs("<li> <a href=\"../\">../</a></li>\n", page);
    for (size_t i = 0; i < count; i++)
        put_entry(page, dirfd(stream), &entries[i]);
    fputs(more ? "</ul>\n<p>And more.</p>\n" : "</ul>\n", page);
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
