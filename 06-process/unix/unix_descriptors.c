/* SPDX-License-Identifier: MIT */
#include "unix/unix_descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reactor/trace.h"
#include "stream/connection.h"

/* Bytes beside those of the stream; no message of Linux carries more. */
enum { CONTROL_MAX = CMSG_SPACE(253 * sizeof(int)) };

/* Found by its first member: who is enabled has a class of its own. */
struct unix_descriptors {
    struct descriptor_class class;
    const struct descriptor_class *plain; /* what it was before */
    void (*received)(struct protocol *self, int fd);
    int count; /* that wait to be sent */
    int queue[UNIX_DESCRIPTORS_MAX];
};

static struct unix_descriptors *of(const struct descriptor *base)
{
    return (struct unix_descriptors *)base->class;
}

/* Nothing was asked for but descriptors, so they are in one piece. */
static void give(struct connection *connection, struct msghdr *message)
{
    const struct unix_descriptors *self = of(&connection->base);
    struct cmsghdr *part = CMSG_FIRSTHDR(message);
    size_t count = part ? (part->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(part) + i * sizeof(fd), sizeof(fd));
        /* The one before may have aborted the connection. */
        if (connection->connected && self->received)
            self->received(connection->protocol, fd);
        else
            close(fd);
    }
}

static int deliver(struct connection *connection, struct msghdr *message,
                   size_t length)
{
    const struct protocol_class *class = connection->protocol->class;

    give(connection, message);
    if (message->msg_flags & MSG_CTRUNC) /* one is gone, and with it its use */
        return EMFILE;
    if (!connection->connected)
        return REASON_NONE;
    trace("  %s %d: data_received, %zu bytes", class->name, connection->base.fd,
          length);
    if (class->data_received)
        class->data_received(connection->protocol, message->msg_iov->iov_base,
                             length);
    return REASON_NONE;
}

/* One call takes both, so that nothing can come between. Where nobody wants
 * descriptors the plain do_read reads, and the kernel closes them. */
static int do_read(struct descriptor *base)
{
    struct connection *connection = (struct connection *)base;
    const struct unix_descriptors *self = of(base);
    char data[CONNECTION_READ_MAX];
    _Alignas(struct cmsghdr) char control[CONTROL_MAX];
    struct msghdr message = { .msg_iov = &(struct iovec){ data, sizeof(data) },
                              .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen = sizeof(control) };

    if (!self->received || connection->lingering)
        return self->plain->do_read(base);
    ssize_t length = recvmsg(base->fd, &message, MSG_CMSG_CLOEXEC);
    if (length < 0)
        return errno == EAGAIN || errno == EINTR ? REASON_NONE : errno;
    if (length == 0) /* the end of the stream is there to be read again */
        return self->plain->do_read(base);
    struct log_system before = log_enter(connection_log_system(connection));
    int result = deliver(connection, &message, (size_t)length);
    log_enter(before);
    return result;
}

static ssize_t send_with_byte(int socket, const char *byte, int fd)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct msghdr message = { .msg_iov = &(struct iovec){ (char *)byte, 1 },
                              .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen = sizeof(control) };
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);

    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(part), &fd, sizeof(fd));
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

static int do_write(struct descriptor *base)
{
    struct connection *connection = (struct connection *)base;
    struct unix_descriptors *self = of(base);

    if ((size_t)self->count > buffer_length(&connection->output)) {
        struct log_system before = log_enter(connection_log_system(connection));
        log_message("A mis-use of IUNIXTransport.sendFileDescriptor caused the "
                    "connection to be closed.");
        log_enter(before);
        return EINVAL;
    }
    while (self->count > 0) {
        int fd = self->queue[0];
        if (send_with_byte(base->fd, buffer_data(&connection->output), fd) < 0)
            return errno == EAGAIN || errno == EINTR || errno == ENOBUFS
                       ? REASON_NONE
                       : errno;
        buffer_consume(&connection->output, 1);
        memmove(self->queue, self->queue + 1,
                (size_t)--self->count * sizeof(fd));
        close(fd);
    }
    return self->plain->do_write(base);
}

static void dispose(struct descriptor *base)
{
    struct unix_descriptors *self = of(base);

    base->class = self->plain;
    while (self->count > 0)
        close(self->queue[--self->count]);
    free(self);
    base->class->dispose(base);
}

static bool is_enabled(const struct transport *transport)
{
    return transport->class == &connection_transport &&
           connection_of(transport)->base.class->do_read == do_read;
}

int unix_descriptors_enable(struct transport *transport,
                            void (*received)(struct protocol *self, int fd))
{
    struct connection *connection = connection_of(transport);
    struct address peer = { 0 };

    errno = EINVAL;
    if (transport->class != &connection_transport ||
        connection_get_peer(transport, &peer) < 0 ||
        peer.bytes.ss_family != AF_UNIX)
        return -1;
    if (!is_enabled(transport)) {
        struct unix_descriptors *self = calloc(1, sizeof(*self));
        if (!self)
            return -1;
        self->plain = connection->base.class;
        self->class = *self->plain;
        self->class.do_read = do_read;
        self->class.do_write = do_write;
        self->class.dispose = dispose;
        connection->base.class = &self->class;
    }
    of(&connection->base)->received = received;
    return 0;
}

int unix_descriptors_send(struct transport *transport, int fd)
{
    struct connection *connection = connection_of(transport);

    errno = EINVAL;
    if (!is_enabled(transport))
        return -1;
    errno = ENOTCONN;
    if (!connection->connected || connection->write_lost ||
        connection->lingering)
        return -1;
    struct unix_descriptors *self = of(&connection->base);
    errno = EAGAIN;
    if (self->count == UNIX_DESCRIPTORS_MAX)
        return -1;
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    self->queue[self->count++] = fd;
    reactor_add_writer(connection->reactor, &connection->base);
    return 0;
}
