/* SPDX-License-Identifier: MIT
 *
 * libuv_echo - an echo server on libuv, as a careful user of it writes one: an
 * answer is tried at once, and only what the kernel does not take is queued,
 * in the block it was read into.
 */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "raw.h"

enum { BLOCK = 64 * 1024, BACKLOG = 4096 };

struct block {
    uv_write_t request; /* first: libuv hands it back */
    struct block *next;
    char bytes[BLOCK];
};

static struct block *spare;

static void give_back(struct block *block)
{
    block->next = spare;
    spare = block;
}

static struct block *block_of(const uv_buf_t *buffer)
{
    return (struct block *)(buffer->base - offsetof(struct block, bytes));
}

static void make_room(uv_handle_t *handle, size_t hint, uv_buf_t *buffer)
{
    struct block *block = spare ? spare : malloc(sizeof(*block));

    (void)handle, (void)hint;
    if (!block)
        exit(1);
    if (spare)
        spare = spare->next;
    *buffer = uv_buf_init(block->bytes, BLOCK);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void hang_up(uv_stream_t *stream)
{
    if (!uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, on_closed);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buf);

static void on_written(uv_write_t *request, int status)
{
    uv_stream_t *stream = request->handle;

    give_back((struct block *)request);
    if (status < 0)
        hang_up(stream);
    else if (!uv_is_closing((uv_handle_t *)stream))
        uv_read_start(stream, make_room, on_read);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buf)
{
    struct block *block = block_of(buf);
    uv_buf_t rest = uv_buf_init(buf->base, length > 0 ? (unsigned)length : 0);
    int sent = length > 0 ? uv_try_write(stream, &rest, 1) : 0;

    if (sent == UV_EAGAIN)
        sent = 0;
    rest = uv_buf_init(rest.base + sent, (unsigned)(length - sent));
    if (length <= 0 || sent < 0 || sent == length) {
        give_back(block);
        if (length < 0 || sent < 0)
            hang_up(stream);
        return;
    }
    uv_read_stop(stream); /* a peer that does not read is not read */
    if (uv_write(&block->request, stream, &rest, 1, on_written) < 0)
        hang_up(stream);
}

static void on_connection(uv_stream_t *listener, int status)
{
    uv_tcp_t *client = status < 0 ? NULL : malloc(sizeof(*client));

    if (!client)
        return;
    uv_tcp_init(listener->loop, client);
    if (uv_accept(listener, (uv_stream_t *)client) < 0)
        hang_up((uv_stream_t *)client);
    else
        uv_read_start((uv_stream_t *)client, make_room, on_read);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;

    uv_tcp_init(loop, &listener);
    if (uv_tcp_open(&listener, raw_listen(argc, argv)) < 0 ||
        uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection) < 0)
        return 1;
    return uv_run(loop, UV_RUN_DEFAULT);
}
