/* SPDX-License-Identifier: MIT
 *
 * resolver.h - the address that belongs to a name, without blocking the loop:
 * a thread of the reactor's pool asks the name server.
 */
#ifndef RESOLVER_H
#define RESOLVER_H

#include "deferred/deferred.h"
#include "net/address.h"
#include "reactor/reactor.h"

/* What address_resolve would find: the value is a struct address, which the
 * receiver frees with free(). DNSLookupError: there is none, or no thread to
 * ask for it; CancelledError, also when the loop is stopped before it begins.
 * A numeric address needs no thread: its Deferred has fired already. Cancel it
 * when you have waited long enough; the thread goes on until its C library has
 * had enough as well, and the end of the loop waits for that. `host` is copied.
 * NULL with ENOMEM. */
struct deferred *resolver_look_up(struct reactor *reactor, const char *host,
                                  int port);

#endif
