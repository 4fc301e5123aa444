/* SPDX-License-Identifier: MIT
 *
 * tcp_options.h - two switches of a TCP connection, off when it is new.
 *
 * On a transport that is no socket they fail with ENOTSOCK; functions that
 * return int return 0 or 1, or -1 with errno.
 */
#ifndef TCP_OPTIONS_H
#define TCP_OPTIONS_H

#include <stdbool.h>

#include "protocol/transport.h"

/* TCP_NODELAY: small pieces leave at once, and do not wait for others. The
 * loop sends once a turn, so this matters only to who answers in two turns. */
int tcp_options_get_no_delay(const struct transport *transport);
int tcp_options_set_no_delay(struct transport *transport, bool on);

/* SO_KEEPALIVE: the kernel asks a silent peer, after two hours on Linux,
 * whether it is still there. */
int tcp_options_get_keep_alive(const struct transport *transport);
int tcp_options_set_keep_alive(struct transport *transport, bool on);

#endif
