/* SPDX-License-Identifier: MIT
 *
 * descriptor.h - what the loop knows about one descriptor: its number, and
 * whom to call. Twisted calls the class IReadDescriptor and IWriteDescriptor.
 *
 * Embed a struct descriptor as the first member of whatever owns the number.
 * From the first reactor_add_reader or reactor_add_writer on the loop keeps a
 * pointer to it, until reactor_disconnect has run its course: connection_lost,
 * then the number is closed, then dispose. Only dispose may free the memory.
 */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include <stddef.h>

struct descriptor;

/* Why a descriptor ended. Positive reasons are errno values. */
enum {
    REASON_NONE = 0,  /* it goes on */
    REASON_DONE = -1, /* the end of the stream: closed cleanly */
    REASON_LOST = -2  /* the loop ended, and the descriptor with it */
};

/* Who is running, for a log: `describe` writes a name of at most
 * RUNNING_TEXT_MAX bytes, its NUL included, and is called only when there is
 * something to print. NULL: nobody in particular. */
enum { RUNNING_TEXT_MAX = 160 };
struct running {
    void (*describe)(const void *object, char *text);
    const void *object;
};

struct descriptor_class {
    const char *name; /* for the trace: "EchoConnection" */

    /* The name under which the three functions below run, see above: its
     * object is the descriptor. */
    void (*describe)(const void *self, char *text);

    /* Called when a read, or a write, would not block. Returns REASON_NONE to
     * go on, or the reason to drop the descriptor; the loop does the rest.
     * do_write is also called once before the wait that follows
     * reactor_add_writer, so EAGAIN is no surprise in either. */
    int (*do_read)(struct descriptor *self);
    int (*do_write)(struct descriptor *self);

    /* Called once, when the descriptor is lost to the loop, at the end of a
     * turn. The number is still open. NULL: nobody wants to know. */
    void (*connection_lost)(struct descriptor *self, int reason);

    /* Called last, once, when the number is closed. NULL: nothing to free. */
    void (*dispose)(struct descriptor *self);
};

struct descriptor {
    const struct descriptor_class *class; /* yours to set, like fd */
    int fd;

    /* The rest belongs to the loop; zero it before the first use. */
    int reason;              /* why it was lost; EBADF: a stranger has closed
                                the number, it is not ours to close any more */
    struct descriptor *next; /* among those that this turn has changed */
    unsigned char wanted;    /* POLLER_ events its owner asked for */
    unsigned char watched;   /* POLLER_ events the poller was told about */
    unsigned char state;     /* enum descriptor_state, in dispatch.c */
    unsigned char changed;   /* it is in the list of the changed */
};

/* A call that waits for the end of the turn: for an object that has no
 * descriptor and must outlive its turn. See reactor_at_turn_end. */
struct turn_end {
    struct turn_end *next;
    void (*function)(void *argument);
    void *argument;
};

#endif
