/* SPDX-License-Identifier: MIT */
#include "examples/clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"

enum { SIZE_MIN = 64 }; /* descriptors that the table begins with */

static const char greeting[] = "hello";
static const char answer[] = "response";
static const size_t answer_length = sizeof(answer) - 1;

/* The two ways into the lists and out of them, which keep the counts. A count
 * that is kept wrong once is wrong for ever, so nobody else writes these. */
static void set_input(struct clients *clients, int fd, bool input)
{
    struct client *client = &clients->table[fd];

    clients->inputs += (int)input - (int)client->input;
    client->input = input;
}

static void set_owed(struct clients *clients, int fd, size_t owed)
{
    struct client *client = &clients->table[fd];

    clients->outputs += (int)(owed > 0) - (int)(client->owed > 0);
    client->owed = owed;
}

/* All three arrays have a place for each descriptor, because the kernel always
 * hands out the smallest free number: they stay as small as the crowd was. An
 * array that has grown when another cannot is kept; the size counts. */
static int grow(struct clients *clients, int fd)
{
    size_t old = (size_t)clients->size;
    size_t size = fd < SIZE_MIN ? SIZE_MIN : 2 * (size_t)fd;
    struct client *table = realloc(clients->table, size * sizeof(*table));
    if (table)
        clients->table = table;
    int *rlist = realloc(clients->rlist, size * sizeof(*rlist));
    if (rlist)
        clients->rlist = rlist;
    int *wlist = realloc(clients->wlist, size * sizeof(*wlist));
    if (wlist)
        clients->wlist = wlist;

    if (!table || !rlist || !wlist)
        return -1;
    /* No client yet: what realloc adds is not zero. */
    memset(table + old, 0, (size - old) * sizeof(*table));
    clients->size = (int)size;
    return 0;
}

/* From now on its number is an index into the table. */
int clients_add(struct clients *clients, int fd)
{
    if (fd >= clients->size && grow(clients, fd) < 0)
        return -1;
    set_input(clients, fd, true);
    return 0;
}

/* Out of both counts: whoever is given the number next begins at nothing. */
void clients_drop(struct clients *clients, int fd)
{
    set_input(clients, fd, false);
    set_owed(clients, fd, 0);
    close(fd);
}

/* Somebody may be announced and gone again: then this is -1 with EAGAIN, and
 * nothing has happened. */
int clients_accept(struct clients *clients)
{
    int fd = net_accept(clients->listener, NULL, NET_NONBLOCKING);

    if (fd < 0 && net_accept_exhausted(errno))
        set_input(clients, clients->listener, false);
    if (fd >= 0 && clients_add(clients, fd) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The rest is one turn long: without it a listener that nobody can be accepted
 * from would be ready in every turn, and the processor never idle. */
bool clients_accept_again(struct clients *clients)
{
    if (clients->table[clients->listener].input)
        return false;
    set_input(clients, clients->listener, true);
    return true;
}

void clients_greet(int fd)
{
    /* It always fits: nothing else is in the new connection's send buffer. If
     * the client is gone already, the first recv will tell. */
    send(fd, greeting, sizeof(greeting) - 1, MSG_NOSIGNAL);
}

void clients_read(struct clients *clients, int fd, int maximum)
{
    struct client *client = &clients->table[fd];
    char message[CLIENT_MESSAGE_MAX];

    for (int i = 0; i < maximum; i++) {
        /* "Ready" was true when the kernel said it: EAGAIN is no error. */
        ssize_t length = net_receive(fd, message, sizeof(message));
        if (length < 0 && errno == EAGAIN)
            return;
        /* A failure, or an end with nothing to wait for. */
        if (length < 0 || (length == 0 && client->owed == 0)) {
            clients_drop(clients, fd);
            return;
        }
        if (length == 0) { /* it may still listen: the answers come first */
            set_input(clients, fd, false);
            return;
        }
        /* Not sent here: whether it can take it is for the next wait to say. */
        set_owed(clients, fd, client->owed + answer_length);
    }
}

void clients_answer(struct clients *clients, int fd)
{
    struct client *client = &clients->table[fd];

    if (client->owed == 0)
        return;
    /* The kernel may have taken one half of an answer the last time. A client
     * that never reads costs us no more than this number. */
    size_t length = client->owed % answer_length;
    if (length == 0)
        length = answer_length;
    ssize_t sent =
        send(fd, answer + answer_length - length, length, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (sent > 0)
        set_owed(clients, fd, client->owed - (size_t)sent);
    /* It has gone, or it had ended its stream and has all its answers now. */
    if (sent < 0 || (client->owed == 0 && !client->input))
        clients_drop(clients, fd);
}

void clients_none_ready(struct clients *clients)
{
    clients->rcount = 0;
    clients->wcount = 0;
}

/* The kernel also reports what nobody has asked for (an error, a hang-up): that
 * must not get into the lists. */
void clients_ready(struct clients *clients, int fd, bool readable,
                   bool writable)
{
    const struct client *client = &clients->table[fd];

    if (readable && client->input)
        clients->rlist[clients->rcount++] = fd;
    if (writable && client->owed > 0)
        clients->wlist[clients->wcount++] = fd;
}
