/* SPDX-License-Identifier: MIT
 *
 * How a get_page ends that does not get its page: it takes too long, is
 * cancelled, the loop is stopped or freed, there is no memory; at each stage.
 *
 * That it fires once is checked here; that all is freed, and once, by the
 * address sanitizer.
 */
#include <stdlib.h>

#include "deferred/deferred_timeout.h"
#include "page_fetch.h"

enum stage {
    ASKED,      /* get_page has returned */
    HANDSHAKE,  /* the server does not accept */
    LOOKED_UP,  /* in a thread, perhaps still */
    REQUESTED,  /* the request has come */
    IN_HEAD,    /* the status has gone */
    IN_BODY,    /* so has the head, and a byte */
    REDIRECTED, /* to a server that does not accept */
    FETCHED,    /* the page is there, but the server does not close */
    STAGES
};

struct scene {
    struct talk web;
    struct fetch_of fetch;
    int listener, fd;  /* -1: none */
    int deaf, waiting; /* a listener with a full queue */
};

static int deaf_number(struct scene *scene)
{
    int number;

    scene->deaf = peer_listen(0, &number);
    scene->waiting = peer_connect(number);
    return number;
}

static void answer(struct scene *scene, const char *text)
{
    scene->fd = web_accept(&scene->web, scene->listener, "GET / ");
    peer_send(scene->fd, text);
    loop_turns(scene->web.reactor, 3);
}

/* Brings a get_page so far. */
static void begin(struct scene *scene, const char *poller, enum stage stage,
                  double timeout)
{
    const struct get_page_options options = { .timeout = timeout };
    char url[URL_TEXT_MAX], text[HEARD_MAX];

    *scene = (struct scene){ .fd = -1, .deaf = -1, .waiting = -1 };
    scene->listener = web_listen(&scene->web, poller);
    sprintf(url, "http://%s:%d/",
            stage == LOOKED_UP ? "localhost" : "127.0.0.1",
            stage == HANDSHAKE ? deaf_number(scene) : scene->web.number);
    fetch_url(&scene->web, &scene->fetch, url, &options);
    if (stage == HANDSHAKE || stage == LOOKED_UP)
        loop_turns(scene->web.reactor, 3);
    if (stage == REQUESTED)
        answer(scene, "");
    if (stage == IN_HEAD)
        answer(scene, OK);
    if (stage == IN_BODY)
        answer(scene, OK LENGTH "2\r\n\r\nx");
    if (stage == REDIRECTED) {
        sprintf(text, FOUND "http://127.0.0.1:%d/\r\n\r\n", deaf_number(scene));
        answer(scene, text);
    }
    if (stage == FETCHED) {
        answer(scene, OK LENGTH "1\r\n\r\nx");
        fetch_hears(&scene->web, &scene->fetch, "200 x");
    } else {
        CHECK(scene->fetch.times == 0);
    }
}

/* `wanted` has been heard by now, or the page before. */
static void end(struct scene *scene, enum stage stage, const char *wanted)
{
    const int fds[] = { scene->fd, scene->deaf, scene->waiting,
                        scene->listener };
    const char *heard = scene->fetch.heard;

    if (stage == FETCHED)
        wanted = "200 x";
    if (scene->fetch.times != 1 || strcmp(heard, wanted) != 0)
        fprintf(stderr, "stage %d: heard %d: %s instead of %s\n", stage,
                scene->fetch.times, heard, wanted);
    CHECK(scene->fetch.times == 1 && !strcmp(heard, wanted));
    deferred_release(scene->fetch.deferred);
    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void cancelled(const char *poller)
{
    struct scene scene;

    for (enum stage stage = 0; stage < STAGES; stage++) {
        begin(&scene, poller, stage, 0);
        deferred_cancel(scene.fetch.deferred);
        CHECK(scene.fetch.times == 1);
        deferred_cancel(scene.fetch.deferred);
        if (scene.fd >= 0)
            peer_expect_end(&scene.web, scene.fd);
        loop_turns(scene.web.reactor, 3);
        end(&scene, stage, "CancelledError");
        talk_free(&scene.web);
    }
}

/* The server goes on, for nobody: not even a redirect is followed. */
static void cancelled_and_answered(const char *poller)
{
    static const char moved[] = "HTTP/1.1 302 Moved\r\nLocation: /\r\n\r\n";
    struct scene scene;

    for (int late = 0; late < 2; late++) {
        begin(&scene, poller, REQUESTED, 0);
        if (!late)
            peer_send(scene.fd, moved);
        loop_turns(scene.web.reactor, 3);
        deferred_cancel(scene.fetch.deferred);
        peer_send(scene.fd, late ? moved : "and so on");
        close(scene.fd);
        scene.fd = -1;
        loop_turns(scene.web.reactor, 10);
        CHECK(net_accept(scene.listener, NULL, NET_NONBLOCKING) < 0);
        end(&scene, REQUESTED, "CancelledError");
        talk_free(&scene.web);
    }
}

static void takes_too_long(const char *poller)
{
    struct scene scene;

    for (enum stage stage = 0; stage < STAGES; stage++) {
        if (stage == ASKED || stage == LOOKED_UP) /* then the server accepts */
            continue;
        double start = reactor_seconds();
        begin(&scene, poller, stage, 0.1);
        TALK_UNTIL(&scene.web, scene.fetch.times > 0);
        CHECK(stage == FETCHED || reactor_seconds() - start >= 0.1);
        if (scene.fd >= 0)
            peer_expect_end(&scene.web, scene.fd);
        end(&scene, stage, "TimeoutError");
        CHECK(stage == FETCHED ||
              failure_check(scene.fetch.failure, &DeferredTimeout));
        talk_free(&scene.web);
    }
}

/* Byte after byte is in time for nobody, redirect after redirect neither. */
static void one_time_for_all(const char *poller)
{
    const struct get_page_options options = { .timeout = 0.1,
                                              .redirects = 100000 };
    struct talk web;
    struct fetch_of fetch = { 0 };
    int listener = web_listen(&web, poller), fd;

    fetch_path(&web, &fetch, "/", &options);
    while (fetch.times == 0) {
        loop_turns(web.reactor, 1);
        if ((fd = net_accept(listener, NULL, NET_NONBLOCKING)) < 0)
            continue;
        peer_send(fd, FOUND "/\r\n\r\n");
        close(fd);
    }
    fetch_done(&web, &fetch, "TimeoutError");
    web_free(&web, listener);
}

/* A name that is looked up may be found by then, or not. */
static void stopped(const char *poller)
{
    static const char *const heard[STAGES] = {
        [ASKED] = "ConnectError",     [HANDSHAKE] = "ConnectError",
        [LOOKED_UP] = NULL,           [REQUESTED] = "ConnectionLost",
        [IN_HEAD] = "PartialPage",    [IN_BODY] = "PartialPage",
        [REDIRECTED] = "ConnectError"
    };
    struct delayed_call call = { 0 };
    struct scene scene;

    for (enum stage stage = 0; stage < STAGES; stage++) {
        begin(&scene, poller, stage, 0);
        CHECK(reactor_call_later(scene.web.reactor, &call, 0, loop_stop,
                                 scene.web.reactor) == 0);
        CHECK(reactor_run(scene.web.reactor) == 0);
        CHECK(scene.fetch.times == 1 || stage == LOOKED_UP);
        talk_free(&scene.web);
        end(&scene, stage, heard[stage] ? heard[stage] : scene.fetch.heard);
    }
}

static struct talk *retry_web;
static struct fetch_of retried;

static void retry(struct fetch_of *self)
{
    (void)self;
    fetch_path(retry_web, &retried, "/", NULL);
}

/* The loop is freed without a stop, or has never run. */
static void freed(const char *poller)
{
    struct scene scene;

    for (enum stage stage = 0; stage < STAGES; stage++) {
        begin(&scene, poller, stage, 0);
        talk_free(&scene.web);
        end(&scene, stage, "UserError");
    }
    for (enum stage stage = 0; stage < FETCHED; stage++) {
        begin(&scene, poller, stage, 0);
        retry_web = &scene.web;
        scene.fetch.on_heard = retry;
        talk_free(&scene.web);
        end(&scene, stage, "UserError");
        CHECK(retried.times == 1 && !strcmp(retried.heard, "UserError"));
        deferred_release(retried.deferred);
    }
}

static void without_memory(const char *poller)
{
    struct talk web;
    struct fetch_of fetch = { 0 };
    int listener = web_listen(&web, poller), fd, after = 0;

    do {
        unit_fail_allocation(after++);
        fetch = (struct fetch_of){ 0 };
        char url[URL_TEXT_MAX];
        sprintf(url, "http://127.0.0.1:%d/", web.number);
        fetch.deferred = get_page(web.reactor, url, NULL);
        if (!fetch.deferred)
            continue;
        CHECK(deferred_add_both(fetch.deferred, hear, &fetch) == 0);
        for (bool moved = false; fetch.times == 0;) {
            loop_turns(web.reactor, 1);
            if ((fd = net_accept(listener, NULL, NET_NONBLOCKING)) < 0)
                continue;
            peer_send(fd, moved ? OK LENGTH "1\r\n\r\nx" : FOUND "/\r\n\r\n");
            close(fd);
            moved = true;
        }
        deferred_release(fetch.deferred);
    } while (unit_allocation_failed());
    unit_fail_allocation(-1);
    CHECK(after > 10 && !strcmp(fetch.heard, "200 x"));
    web_free(&web, listener);
}

static const struct unit_case cases[] = {
    { "cancelled", cancelled },
    { "cancelled_and_answered", cancelled_and_answered },
    { "takes_too_long", takes_too_long },
    { "one_time_for_all", one_time_for_all },
    { "stopped", stopped },
    { "freed", freed },
    { "without_memory", without_memory },
    { NULL, NULL },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
