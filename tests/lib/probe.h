/* SPDX-License-Identifier: MIT
 *
 * probe.h - a descriptor that counts what the loop does with it, and a loop
 * that can be run one turn at a time. For the loop_*_test.c beside this file.
 *
 * A struct probe is the case's, on its stack; what the loop holds is a struct
 * of its own, allocated by probe_open and freed in dispose, so that the
 * address sanitizer sees the loop touch it too late.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "net/address.h"
#include "reactor/reactor.h"

struct probe {
    struct reactor *reactor;
    struct descriptor *descriptor; /* NULL once it is disposed of */
    int fd;                        /* what the loop watches */
    int other;                     /* the peer's end, the case's; -1: none */
    char name[2];                  /* "a", for the notes */
    int reads, writes, losses, disposals;
    size_t received; /* bytes */
    int reason;      /* of the loss */

    /* What to do beyond counting; NULL: read what is there and count it; stop
     * writing; nothing. */
    int (*on_read)(struct probe *self);
    int (*on_write)(struct probe *self);
    void (*on_lost)(struct probe *self);
    struct probe *friend; /* for these three */
    bool notes;           /* unit_note "ra" at a read of a, "wa", "la" */
};

/* A connected pair, nothing waiting in it: UNIX sockets; _tcp: over loopback;
 * _adopt: watches `fd`, whatever it is. Not yet added to the loop. */
void probe_open(struct probe *probe, struct reactor *reactor, char name);
void probe_open_tcp(struct probe *probe, struct reactor *reactor, char name);
void probe_adopt(struct probe *probe, struct reactor *reactor, char name,
                 int fd);

/* A client of its own, made when this returns: blocking, closed on exec. -1
 * with errno. */
int probe_connect(const struct address *address);

/* The default of on_read, at most 4096 bytes: for one that does more. */
int probe_receive(struct probe *probe);

/* What the reactor's functions of that name do. */
void probe_add_reader(struct probe *probe);
void probe_add_writer(struct probe *probe);
void probe_lose(struct probe *probe, int reason);

/* Sends a byte from the other end; closes the other end. */
void probe_poke(struct probe *probe);
void probe_hang_up(struct probe *probe);

/* Checks that it was lost for `reason`, once, and disposed of, once, and its
 * number closed. Closes the other end. */
void probe_check_lost(struct probe *probe, int reason);

/* A new loop; never NULL. */
struct reactor *loop_new(const char *poller);

/* Runs it until it has waited that many times without sleeping; and for so
 * long. Either way it can be run again. */
void loop_turns(struct reactor *reactor, int turns);
void loop_run_for(struct reactor *reactor, double seconds);

/* Lets some time go by in which the loop must sleep; the second checks as well
 * that `probe`, which has nothing to read, is served afterwards. */
void loop_check_quiet(struct reactor *reactor);
void probe_check_served(struct probe *probe);

/* reactor_stop and reactor_crash, as callbacks that cannot fail. */
void loop_stop(void *reactor);
void loop_crash(void *reactor);

#endif
