/* SPDX-License-Identifier: MIT
 *
 * int32_server - sends each string back: strings that come after a length of
 * 32 bits, or, with --netstring, in netstrings.
 */
#include "lengths/int_receiver.h"
#include "lengths/netstring_receiver.h"
#include "program/endpoint.h"

static void int32_received(struct int_receiver *self, const char *string,
                           size_t length)
{
    int_receiver_send_string(self, string, length);
}

static const struct int_receiver_class Int32Echo = {
    .base =
        {
            .name = "Int32Echo",
            .size = sizeof(struct int_receiver),
            .data_received = int_receiver_data_received,
            .connection_lost = int_receiver_connection_lost,
        },
    .string_received = int32_received,
};

static void netstring_received(struct netstring_receiver *self,
                               const char *string, size_t length)
{
    netstring_receiver_send_string(self, string, length);
}

static const struct netstring_receiver_class NetstringEcho = {
    .base =
        {
            .name = "NetstringEcho",
            .size = sizeof(struct netstring_receiver),
            .data_received = netstring_receiver_data_received,
            .connection_lost = netstring_receiver_connection_lost,
        },
    .string_received = netstring_received,
};

int main(int argc, char **argv)
{
    bool netstring = false;
    struct options options = { .port = 9003,
                               .about = "sends each string back." };
    const struct option extra[] = {
        { "--netstring", NULL, OPTION_SWITCH, &netstring, 0 },
        { 0 },
    };
    struct factory factory = { .name = "StringEchoFactory" };

    options_server(&options, extra, argc, argv);
    factory.protocol = netstring ? &NetstringEcho.base : &Int32Echo.base;
    struct reactor *reactor = endpoint_reactor(&options);
    endpoint_listen_tcp(&options, reactor, &factory);
    return endpoint_run(&options, reactor);
}
