/* SPDX-License-Identifier: MIT
 *
 * A C library that has no memory once: linked into a program with ld's --wrap
 * of these three, whose POOR-th call together fails, and says "poor" on
 * standard error. POOR is a number in the environment.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static atomic_int calls;

static bool fails(void)
{
    const char *poor = getenv("POOR");

    if (!poor || atomic_fetch_add(&calls, 1) + 1 != atoi(poor))
        return false;
    fputs("poor\n", stderr);
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}
