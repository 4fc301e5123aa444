/* SPDX-License-Identifier: MIT
 *
 * datagram.h - what the programs that speak in datagrams share. It is for
 * main, and for callbacks that print.
 */
#ifndef DATAGRAM_H
#define DATAGRAM_H

#include <stddef.h>

#include "program/options.h"
#include "udp/udp.h"

/* Bytes; no UDP datagram carries more, so that none is ever cut off. */
enum { DATAGRAM_MAX = 65535 };

/* Prints "DATA HOST PORT" on standard output, as one line: what strangers send
 * is shown as net/text.h says, and does not reach the terminal as it is. */
void datagram_print(const char *data, size_t length,
                    const struct address *from);

/* reactor_listen_udp where -p says, and -i if `udp` names no interface. If it
 * cannot be had, says so on standard error and ends the program, status 1. */
struct udp_port *datagram_listen(const struct options *options,
                                 struct reactor *reactor,
                                 struct datagram_protocol *protocol,
                                 const struct udp_options *udp);

/* Prints "listening on ADDRESS:PORT", the port as the kernel gave it. */
void datagram_ready(const struct udp_port *port);

#endif
