/* SPDX-License-Identifier: MIT
 *
 * The look-up of names: rows C7, C9, C17, C20 and D7. The C library asks us
 * instead of a name server: "good" is 127.0.0.1, "hang" does not answer until
 * it is let go, and nobody knows any other name.
 */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"
#include "stream/resolver.h"
#include "talk.h"
#include "thread_tools.h"
#include "threads/threads.h"

/* Seconds within which a loop that is not held up answers. */
static const double promptly = 0.25;

static struct gate gate;
static atomic_int asked, asked_by_loop;
static pthread_t loop_thread;

int __real_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **found);

int __wrap_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **found)
{
    struct addrinfo numeric = *hints;

    numeric.ai_flags |= AI_NUMERICHOST;
    int error = __real_getaddrinfo(host, service, &numeric, found);
    if (!error || hints->ai_flags & AI_NUMERICHOST)
        return error;
    atomic_fetch_add(&asked, 1);
    if (pthread_equal(pthread_self(), loop_thread))
        atomic_fetch_add(&asked_by_loop, 1);
    if (!strcmp(host, "hang") && hints->ai_family == AF_INET)
        gate_wait(&gate);
    if (!strcmp(host, "good") || !strcmp(host, "hang"))
        host = "127.0.0.1";
    return __real_getaddrinfo(host, service, &numeric, found);
}

static void begin(struct talk *talk, const char *poller)
{
    loop_thread = pthread_self();
    gate_open(&gate);
    talk_new(talk, poller, &Talker);
}

static void end(struct talk *talk)
{
    talk_free(talk);
    gate_close(&gate);
    CHECK(atomic_load(&asked_by_loop) == 0);
}

static void call(struct talk *talk, const char *host, int number,
                 const struct connector_options *options)
{
    talk->connector =
        reactor_connect_tcp(talk->reactor, host, number, &talk->base, options);
    CHECK(talk->connector != NULL);
}

/* --- resolver_look_up --- */

static struct result note(struct result result, void *argument)
{
    char text[FAILURE_TEXT_MAX];

    CHECK(pthread_equal(pthread_self(), loop_thread));
    ++*(volatile int *)argument;
    if (result.kind == RESULT_FAILURE) {
        unit_note((void *)failure_message(result.failure, text));
    } else {
        unit_note(address_text(result.value, text));
        free(result.value);
    }
    return result_value(NULL);
}

/* `told` is volatile: it changes in the loop, out of sight of who waits. */
static struct deferred *look_up(struct talk *talk, const char *host,
                                volatile int *told)
{
    struct deferred *deferred = resolver_look_up(talk->reactor, host, 80);

    CHECK(deferred && deferred_add_both(deferred, note, (void *)told) == 0);
    return deferred;
}

static void C17_numeric_needs_no_thread(const char *poller)
{
    struct talk talk;
    volatile int told = 0;
    int threads = threads_at_first();

    begin(&talk, poller);
    deferred_release(look_up(&talk, "127.0.0.1", &told));
    CHECK(told == 1 && unit_noted("127.0.0.1:80"));
    deferred_release(look_up(&talk, "::1", &told));
    CHECK(told == 2 && unit_noted("[::1]:80"));
    loop_turns(talk.reactor, 2);
    talk_call(&talk, 1, NULL); /* nobody listens there */
    TALK_UNTIL(&talk, talk.failed == 1);
    CHECK(atomic_load(&asked) == 0 && threads_now() == threads);
    end(&talk);
}

static void C17_names_do(const char *poller)
{
    struct talk talk;
    volatile int told = 0;

    begin(&talk, poller);
    deferred_release(look_up(&talk, "good", &told));
    CHECK(told == 0);
    TALK_UNTIL(&talk, told == 1);
    CHECK(unit_noted("127.0.0.1:80"));
    deferred_release(look_up(&talk, "nobody", &told));
    TALK_UNTIL(&talk, told == 2);
    CHECK(unit_noted("DNS lookup failed: Name or service not known."));
    deferred_release(look_up(&talk, "", &told));
    TALK_UNTIL(&talk, told == 3);
    CHECK(unit_noted("DNS lookup failed: Name or service not known."));
    end(&talk);
}

static void cancelled(const char *poller)
{
    struct talk talk;
    volatile int told = 0;

    begin(&talk, poller);
    CHECK(thread_pool_set_maximum(reactor_thread_pool(talk.reactor), 1) == 0);
    struct deferred *runs = look_up(&talk, "hang", &told);
    struct deferred *waits = look_up(&talk, "hang", &told);
    loop_turns(talk.reactor, 1);
    gate_until(&gate, 1);
    deferred_cancel(runs);
    deferred_cancel(waits);
    CHECK(told == 2 && unit_noted("Cancelled.Cancelled."));
    deferred_release(runs);
    deferred_release(waits);
    gate_let(&gate, 1);
    deferred_release(look_up(&talk, "good", &told));
    TALK_UNTIL(&talk, told == 3);
    CHECK(unit_noted("127.0.0.1:80"));
    end(&talk);
}

static struct result take(struct result result, void *argument)
{
    ++*(volatile int *)argument;
    CHECK(result.kind == RESULT_VALUE);
    free(result.value);
    return result_value(NULL);
}

static void too_many(const char *poller)
{
    struct talk talk;
    volatile int told = 0, late = 0;

    begin(&talk, poller);
    for (int i = 0; i < THREAD_POOL_QUEUE_MAX; i++) {
        struct deferred *deferred = resolver_look_up(talk.reactor, "good", 80);
        CHECK(deferred &&
              deferred_add_both(deferred, take, (void *)&told) == 0);
        deferred_release(deferred);
    }
    deferred_release(look_up(&talk, "good", &late));
    CHECK(late == 1);
    CHECK(unit_noted("DNS lookup failed: There is no thread for it."));
    CHECK(told == 0);
    TALK_UNTIL(&talk, told == THREAD_POOL_QUEUE_MAX);
    end(&talk);
}

/* --- connect_tcp --- */

static void D7_by_name(const char *poller)
{
    const struct connector_options bound = { 0, "127.0.0.2", 0 };
    struct talk talk;
    struct address peer;
    char text[ADDRESS_TEXT_MAX];
    int number, fd, listener = peer_listen(5, &number);

    begin(&talk, poller);
    call(&talk, "good", number, NULL);
    CHECK(!strcmp(connector_host(talk.connector), "good"));
    TALK_UNTIL(&talk, talk.made == 1);
    call(&talk, "good", number, &bound);
    TALK_UNTIL(&talk, talk.made == 2);
    for (int i = 0; i < 2; i++) {
        TALK_UNTIL(&talk,
                   (fd = net_accept(listener, &peer, NET_NONBLOCKING)) >= 0);
        close(fd);
    }
    CHECK(!strcmp(address_host(&peer, text), "127.0.0.2"));
    TALK_UNTIL(&talk, talk.client_lost == 2);
    close(listener);
    end(&talk);
}

static void try_a_better_name(struct talk *talk)
{
    if (talk->failed == 1)
        CHECK(connector_connect(talk->connector) == 0);
}

static void C17_unknown(const char *poller)
{
    struct talk talk;

    begin(&talk, poller);
    talk.notes = true;
    talk.on_failed = try_a_better_name;
    call(&talk, "nobody", 1, NULL);
    CHECK(unit_noted("start connecting "));
    TALK_UNTIL(&talk, talk.failed == 2);
    CHECK(unit_noted("failed connecting failed stop "));
    CHECK(failure_check(talk.reason, &DNSLookupError));
    CHECK(
        !strcmp(talk.message, "DNS lookup failed: Name or service not known."));
    end(&talk);
}

/* The loop has somebody else to serve while a name server is silent. */
static void echo(struct talker *self)
{
    transport_write(self->base.transport, "x", 1);
}

static void D7_C7_a_silent_name_server(const char *poller)
{
    const struct connector_options quick = { .timeout = 0.6 };
    struct talk server, client;

    begin(&client, poller);
    const struct tcp_port_options local = { "127.0.0.1", 5 };
    struct address address;
    talk_join(&server, client.reactor, &Talker);
    server.on_data = echo;
    server.port = reactor_listen_tcp(client.reactor, 0, &server.base, &local);
    CHECK(server.port && port_get_host(server.port, &address) == 0);
    server.number = address_port(&address);
    int fd = talk_peer(&server);
    double start = reactor_seconds();
    call(&client, "hang", server.number, &quick);
    for (int i = 0; i < 5; i++) {
        double sent = reactor_seconds();
        peer_send(fd, "x");
        peer_expect(&server, fd, "x");
        CHECK(reactor_seconds() - sent < promptly);
    }
    gate_until(&gate, 1);
    CHECK(client.failed == 0);
    TALK_UNTIL(&client, client.failed == 1);
    double took = reactor_seconds() - start;
    CHECK(took >= 0.6 && took < 0.6 + promptly);
    CHECK(failure_check(client.reason, &TimeoutError));
    CHECK(!strcmp(client.message, "User timeout caused connection failure."));
    CHECK(client.stopped == 1 && client.base.ports == 0);
    /* Its answer comes when nobody wants it any more. */
    gate_let(&gate, 1);
    while (atomic_load(&gate.passed) < 1)
        sleep_ms(1);
    loop_check_quiet(client.reactor);
    CHECK(client.failed == 1 && client.builds == 0 && server.made == 1);
    close(fd);
    TALK_UNTIL(&server, server.lost == 1);
    end(&client);
}

/* It costs the attempts that ask it, and nobody else. */
static struct result quick(void *argument)
{
    return result_value(argument);
}

static struct result note_quick(struct result result, void *argument)
{
    ++*(volatile int *)argument;
    return result;
}

static void a_silent_name_server_and_others(const char *poller)
{
    struct talk talk, other;
    int number, told = 0, listener = peer_listen(64, &number);

    begin(&talk, poller);
    talk_join(&other, talk.reactor, &Talker);
    for (int i = 0; i < 20; i++)
        call(&talk, "hang", number, NULL);
    loop_turns(talk.reactor, 2);
    gate_until(&gate, THREAD_POOL_MAXIMUM / 2);
    talk_call(&other, number, NULL);
    struct deferred *job = defer_to_thread(talk.reactor, quick, NULL, NULL);
    CHECK(job && deferred_add_both(job, note_quick, &told) == 0);
    deferred_release(job);
    TALK_UNTIL(&talk, told == 1 && other.made == 1);
    CHECK(talk.failed == 0 && talk.made == 0);
    gate_let(&gate, 20);
    TALK_UNTIL(&talk, talk.made + talk.failed == 20);
    close(listener);
    end(&talk);
}

static void stop_connecting(struct talk *talk)
{
    int before = talk->failed;

    CHECK(connector_stop_connecting(talk->connector) == 0);
    CHECK(talk->failed == before + 1);
    CHECK(!strcmp(talk->message, "User aborted connection."));
}

static void C9_stop_in_the_look_up(const char *poller)
{
    struct talk talk;

    begin(&talk, poller);
    call(&talk, "hang", 1, NULL); /* it runs */
    loop_turns(talk.reactor, 2);
    gate_until(&gate, 1);
    stop_connecting(&talk);
    CHECK(thread_pool_set_maximum(reactor_thread_pool(talk.reactor), 1) == 0);
    call(&talk, "good", 1, NULL); /* it waits for a thread */
    loop_turns(talk.reactor, 2);
    stop_connecting(&talk);
    gate_let(&gate, 1);
    loop_run_for(talk.reactor, 0.03);
    CHECK(talk.failed == 2 && talk.builds == 0 && talk.attempts == 2);
    CHECK(atomic_load(&asked) == 1);
    end(&talk);
}

/* Stopped, and tried again at once, while the first look-up goes on. */
static void again_while_it_hangs(const char *poller)
{
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    begin(&talk, poller);
    talk.on_failed = try_a_better_name;
    call(&talk, "hang", number, NULL);
    loop_turns(talk.reactor, 2);
    gate_until(&gate, 1);
    stop_connecting(&talk);
    loop_turns(talk.reactor, 2);
    gate_until(&gate, 2);
    gate_let(&gate, 2);
    TALK_UNTIL(&talk, talk.made == 1);
    loop_turns(talk.reactor, 3);
    CHECK(talk.failed == 1 && talk.builds == 1 && talk.attempts == 2);
    close(listener);
    end(&talk);
}

static void let_one(void *argument)
{
    (void)argument;
    gate_let(&gate, 1);
}

/* The loop ends: the look-up that runs is waited for, and its attempt is lost
 * with everything; one that has not begun hears nothing. */
static void C20_the_loop_ends(const char *poller)
{
    struct delayed_call stop = { 0 }, let = { 0 };
    struct talk runs, waits;
    int number, listener = peer_listen(5, &number);

    begin(&runs, poller);
    talk_join(&waits, runs.reactor, &Talker);
    CHECK(thread_pool_set_maximum(reactor_thread_pool(runs.reactor), 1) == 0);
    call(&runs, "hang", number, NULL);
    loop_turns(runs.reactor, 2);
    gate_until(&gate, 1);
    call(&waits, "good", number, NULL);
    loop_turns(runs.reactor, 2);
    CHECK(reactor_call_later(runs.reactor, &stop, 0, loop_stop, runs.reactor) ==
          0);
    CHECK(reactor_call_later(runs.reactor, &let, 0.05, let_one, NULL) == 0);
    CHECK(reactor_run(runs.reactor) == 0);
    CHECK(runs.failed == 1 && failure_check(runs.reason, &ConnectError));
    CHECK(waits.failed == 0 && runs.builds + waits.builds == 0);
    CHECK(atomic_load(&asked) == 1);
    end(&runs);
    close(listener);
    CHECK(runs.failed == 1 && waits.failed == 0);
}

static void the_loop_never_ran(const char *poller)
{
    struct talk talk;
    volatile int told = 0;

    begin(&talk, poller);
    call(&talk, "good", 1, NULL);
    deferred_release(look_up(&talk, "good", &told));
    reactor_free(talk.reactor);
    CHECK(unit_noted("Cancelled.") && told == 1);
    CHECK(talk.failed == 0 && atomic_load(&asked) == 0);
    gate_close(&gate);
}

/* Freed while a look-up runs, after a crash, in either order of the two. */
static void freed_after_a_crash(const char *poller)
{
    for (int order = 0; order < 2; order++) {
        struct talk talk;
        begin(&talk, poller);
        if (order)
            CHECK(reactor_thread_pool(talk.reactor));
        call(&talk, "hang", 1, NULL);
        loop_turns(talk.reactor, 2);
        gate_until(&gate, 1);
        gate_let(&gate, 1);
        reactor_free(talk.reactor);
        CHECK(talk.made == 0 && talk.failed <= 1);
        gate_close(&gate);
    }
}

static void no_memory(const char *poller)
{
    bool failed = true;

    for (int i = 0; failed; i++) {
        struct reactor *reactor = loop_new(poller);
        CHECK(reactor_thread_pool(reactor));
        unit_fail_allocation(i);
        struct deferred *deferred = resolver_look_up(reactor, "good", 80);
        failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        CHECK((deferred == NULL) == failed);
        deferred_release(deferred);
        reactor_free(reactor);
    }
    struct reactor *reactor = loop_new(poller);
    for (int i = 0; i < 2; i++) {
        unit_fail_allocation(i);
        CHECK(!resolver_look_up(reactor, "127.0.0.1", 80));
        unit_fail_allocation(-1);
    }
    reactor_free(reactor);
}

static const struct unit_case cases[] = {
    { "C17_numeric_needs_no_thread", C17_numeric_needs_no_thread },
    { "C17_names_do", C17_names_do },
    { "cancelled", cancelled },
    { "too_many", too_many },
    { "D7_by_name", D7_by_name },
    { "C17_unknown", C17_unknown },
    { "D7_C7_a_silent_name_server", D7_C7_a_silent_name_server },
    { "a_silent_name_server_and_others", a_silent_name_server_and_others },
    { "C9_stop_in_the_look_up", C9_stop_in_the_look_up },
    { "again_while_it_hangs", again_while_it_hangs },
    { "C20_the_loop_ends", C20_the_loop_ends },
    { "the_loop_never_ran", the_loop_never_ran },
    { "freed_after_a_crash", freed_after_a_crash },
    { "no_memory", no_memory },
    { 0 },
};

int main(int argc, char **argv)
{
    return threads_main(cases, argc, argv);
}
