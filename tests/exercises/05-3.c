/* SPDX-License-Identifier: MIT
 *
 * 05-3 - what a deferred_lock has to do; run by 05-3.bats.
 */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "deferred/deferred_lock.h"

enum { CALLERS = 10 };

static struct deferred_lock lock;
static struct deferred *asked[CALLERS];
static int had[CALLERS + 1], count; /* who has had it, in order */
static int cancelled;

static struct result got(struct result result, void *argument)
{
    if (result.kind == RESULT_FAILURE) {
        assert(failure_check(result.failure, &CancelledError));
        cancelled++;
        return result_value(NULL);
    }
    assert(count < CALLERS + 1);
    had[count++] = (int)((struct deferred **)argument - asked);
    return result;
}

static void ask(int i)
{
    asked[i] = deferred_lock_acquire(&lock);
    assert(asked[i]);
    deferred_add_both(asked[i], got, &asked[i]);
}

static void check_order(void)
{
    for (int i = 0; i < CALLERS; i++)
        ask(i);
    for (int i = 0; i < CALLERS; i++) {
        assert(count == i + 1 && had[i] == i);
        deferred_lock_release(&lock);
    }
    /* Nobody has it now, so the next one gets it at once. */
    deferred_release(asked[0]);
    ask(0);
    assert(count == CALLERS + 1);
    deferred_lock_release(&lock);
}

static void check_cancel(void)
{
    static const int gone[] = { 1, 5, 9 }, left[] = { 0, 2, 3, 4, 6, 7, 8 };

    for (int i = 0; i < CALLERS; i++)
        ask(i);
    for (int i = 0; i < 3; i++)
        deferred_cancel(asked[gone[i]]);
    assert(cancelled == 3 && count == 1);
    for (int i = 0; i < 7; i++) {
        assert(count == i + 1 && had[i] == left[i]);
        deferred_lock_release(&lock);
    }
    assert(count == 7);
}

static void check_again(void)
{
    for (int i = 0; i < CALLERS; i++)
        ask(i);
    deferred_cancel(asked[9]);
    deferred_release(asked[9]);
    ask(9);
    deferred_cancel(asked[1]);
    deferred_release(asked[1]);
    ask(1);
    for (int i = 0; i < CALLERS; i++)
        deferred_lock_release(&lock);
    assert(count == CALLERS && had[1] == 2 && had[8] == 9 && had[9] == 1);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (!strcmp(name, "order"))
        check_order();
    else if (!strcmp(name, "cancel"))
        check_cancel();
    else if (!strcmp(name, "again"))
        check_again();
    else
        return 2;
    for (int i = 0; i < CALLERS; i++)
        deferred_release(asked[i]);
    return 0;
}
