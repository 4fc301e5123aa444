/* SPDX-License-Identifier: MIT
 *
 * Trying again: rows C21 to C23. Each case bears the name of its row.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/log.h"
#include "stream/reconnecting_client_factory.h"
#include "talk.h"

static void run_until(struct reactor *reactor, int64_t *now, double seconds)
{
    *now += (int64_t)(seconds * 1e9);
    unit_stop_clock(*now);
    loop_turns(reactor, 8);
}

static struct reconnecting_client_factory retrying;
static int retry_attempts;

static void count_attempt(struct factory *base, struct connector *connector)
{
    ((struct reconnecting_client_factory *)base)->connector = connector;
    retry_attempts++;
}

static void begin_retrying(struct reactor *reactor, int number)
{
    reconnecting_client_factory_init(&retrying, "Retrying", &Talker);
    retrying.base.started_connecting = count_attempt;
    retry_attempts = 0;
    retrying.jitter = 0;
    CHECK(reactor_connect_tcp(reactor, "127.0.0.1", number, &retrying.base,
                              NULL) != NULL);
}

static void C21_its_numbers(const char *poller)
{
    double sum = 0, squares = 0;
    enum { DRAWS = 4000 };

    reconnecting_client_factory_init(&retrying, "Retrying", &Talker);
    CHECK(retrying.initial_delay == 1.0 && retrying.max_delay == 3600);
    CHECK(retrying.factor == 2.7182818284590451);
    CHECK(retrying.jitter == 0.119626565582 && retrying.max_retries == 0);
    /* A wait at the cap has the deviation that the row promises. */
    struct reactor *reactor = loop_new(poller);
    struct connector *connector = reactor_connect_tcp(
        reactor, "127.0.0.1", closed_number(), &retrying.base, NULL);
    CHECK(connector_stop_connecting(connector) == 0);
    for (int i = 0; i < DRAWS; i++) {
        retrying.delay = 3600;
        reconnecting_client_factory_retry(&retrying.base, connector,
                                          (struct failure){ 0 });
        double off = retrying.delay / 3600 - 1;
        sum += off;
        squares += off * off;
    }
    CHECK(sum / DRAWS > -0.01 && sum / DRAWS < 0.01);
    CHECK(squares / DRAWS > 0.0130 && squares / DRAWS < 0.0157);
    reconnecting_client_factory_stop_trying(&retrying);
    reactor_free(reactor);
}

/* A wide jitter is less than nothing now and then: a client that gives up, or
 * that hammers on its server, for ever. */
static void L6_a_wide_jitter(const char *poller)
{
    struct reactor *reactor = loop_new(poller);

    reconnecting_client_factory_init(&retrying, "Retrying", &Talker);
    retrying.jitter = 0.8;
    struct connector *connector = reactor_connect_tcp(
        reactor, "127.0.0.1", closed_number(), &retrying.base, NULL);
    CHECK(connector_stop_connecting(connector) == 0);
    for (int i = 0; i < 4000; i++) {
        retrying.delay = 1;
        reconnecting_client_factory_retry(&retrying.base, connector,
                                          (struct failure){ 0 });
        CHECK(retrying.connector == connector);
        CHECK(retrying.delay >= retrying.initial_delay);
    }
    reconnecting_client_factory_stop_trying(&retrying);
    reactor_free(reactor);
}

static void L6_told_when_there_is_no_retry(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    FILE *log = tmpfile();
    char text[4096];

    log_start(log, reactor);
    begin_retrying(reactor, closed_number());
    retrying.delay = (double)NAN; /* no duration */
    for (int i = 0; i < 20 && (retry_attempts == 0 || retrying.connector); i++)
        loop_turns(reactor, 1);
    CHECK(retrying.connector == NULL && retrying.base.ports == 0);
    rewind(log);
    text[fread(text, 1, sizeof(text) - 1, log)] = '\0';
    CHECK(strstr(text, " will not be tried again: Invalid argument\n"));
    reactor_free(reactor);
    fclose(log);
}

static void C22_the_waits(const char *poller)
{
    const double waits[] = { 2.71, 7.38, 20.0, 54.5,   148,
                             403,  1096, 2980, 3599.9, 3599.9 };
    struct reactor *reactor = loop_new(poller);
    int64_t now = delayed_calls_now();

    unit_stop_clock(now);
    begin_retrying(reactor, closed_number());
    run_until(reactor, &now, 0);
    CHECK(retry_attempts == 1);
    for (int i = 0; i < 10; i++) {
        run_until(reactor, &now, waits[i]);
        CHECK(retry_attempts == i + 1);
        run_until(reactor, &now, waits[i] > 100 ? 2 : 0.2);
        CHECK(retry_attempts == i + 2);
    }
    reconnecting_client_factory_stop_trying(&retrying);
    reactor_free(reactor);
}

static void C22_max_retries(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    int64_t now = delayed_calls_now();

    unit_stop_clock(now);
    begin_retrying(reactor, closed_number());
    retrying.max_retries = 2;
    for (int i = 0; i < 6; i++)
        run_until(reactor, &now, 4000);
    CHECK(retry_attempts == 3);
    CHECK(retrying.base.ports == 0);
    reactor_free(reactor);
}

static void C23_reset_and_stop(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    int64_t now = delayed_calls_now();

    unit_stop_clock(now);
    begin_retrying(reactor, closed_number());
    run_until(reactor, &now, 0);
    run_until(reactor, &now, 3);
    run_until(reactor, &now, 8);
    CHECK(retry_attempts == 3);
    reconnecting_client_factory_reset_delay(&retrying);
    run_until(reactor, &now, 21);
    CHECK(retry_attempts == 4);
    run_until(reactor, &now, 2.6);
    CHECK(retry_attempts == 4);
    run_until(reactor, &now, 0.2);
    CHECK(retry_attempts == 5);
    reconnecting_client_factory_stop_trying(&retrying); /* one is pending */
    run_until(reactor, &now, 4000);
    CHECK(retry_attempts == 5);
    reactor_free(reactor);
}

static void C23_stop_while_connecting(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    int number, waiting, listener = deaf_listener(&number, &waiting);

    begin_retrying(reactor, number);
    loop_turns(reactor, 3);
    reconnecting_client_factory_stop_trying(&retrying);
    loop_check_quiet(reactor);
    CHECK(retry_attempts == 1 && retrying.base.ports == 0);
    reactor_free(reactor);
    close(listener);
    close(waiting);
}

static const struct unit_case cases[] = {
    { "C21_its_numbers", C21_its_numbers },
    { "L6_a_wide_jitter", L6_a_wide_jitter },
    { "L6_told_when_there_is_no_retry", L6_told_when_there_is_no_retry },
    { "C22_the_waits", C22_the_waits },
    { "C22_max_retries", C22_max_retries },
    { "C23_reset_and_stop", C23_reset_and_stop },
    { "C23_stop_while_connecting", C23_stop_while_connecting },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
