/* SPDX-License-Identifier: MIT
 *
 * amqp_broker - keeps messages in queues for others: a small RabbitMQ for the
 * other programs here, for one user, in memory only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/broker.h"
#include "program/endpoint.h"
#include "protocol/log.h"

/* The clients are told why, and the loop goes on until they have gone. */
struct stopping {
    struct broker broker;
    struct reactor *reactor;
    struct trigger trigger;
    struct delayed_call call;
    double since; /* seconds; when it began */
};

static void wait_for_clients(void *argument)
{
    struct stopping *self = argument;

    if (self->broker.connections &&
        reactor_seconds() - self->since < BROKER_CLOSE_TIMEOUT &&
        reactor_call_later(self->reactor, &self->call, 0.02, wait_for_clients,
                           self) == 0)
        return;
    reactor_release_shutdown(self->reactor);
}

static void stop(void *argument)
{
    struct stopping *self = argument;

    reactor_hold_shutdown(self->reactor);
    self->since = reactor_seconds();
    broker_stop(&self->broker);
    wait_for_clients(self);
}

int main(int argc, char **argv)
{
    struct options options = { .port = 5672,
                               .about = "keeps messages in queues." };
    struct stopping self = { 0 };
    int heartbeat = 60, mebibytes = BROKER_BYTES_MAX >> 20;
    const char *login = "guest:guest";
    const struct option extra[] = {
        { "-b", "HEARTBEAT", OPTION_NUMBER, &heartbeat, UINT16_MAX },
        { "-m", "MEBIBYTES", OPTION_NUMBER, &mebibytes, 1 << 10 },
        { "-u", "USER:PASSWORD", OPTION_TEXT, &login, 0 },
        { 0 },
    };
    char user[AMQP_SHORT_MAX];

    options_server(&options, extra, argc, argv);
    const char *colon = strchr(login, ':');
    if (!colon || (size_t)(colon - login) >= sizeof(user))
        return options_failed(&options, "-u", "USER:PASSWORD is wanted");
    memcpy(user, login, (size_t)(colon - login));
    user[colon - login] = '\0';
    printf("All is in memory: when the broker ends, every message is lost\n");
    self.reactor = endpoint_reactor(&options);
    log_start(stdout, self.reactor);
    broker_init(&self.broker, clock_of_reactor(self.reactor));
    self.broker.user = user;
    self.broker.password = colon + 1;
    self.broker.heartbeat = heartbeat;
    self.broker.bytes_max = (size_t)mebibytes << 20;
    reactor_add_trigger(self.reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN,
                        &self.trigger, stop, &self);
    endpoint_listen_tcp(&options, self.reactor, &self.broker.base);
    int status = endpoint_run(&options, self.reactor);
    broker_free(&self.broker);
    return status;
}
