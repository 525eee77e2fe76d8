// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Streams over the host kernel's TCP sockets. The engine has no part in them: the VM calls the kernel
// and poll(2) waits at the socket itself.

#define _GNU_SOURCE
#include "net6/net6_stream_kernel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net6/net6_sockaddr.h"

#if NET6_POLL_IN != POLLIN || NET6_POLL_OUT != POLLOUT || NET6_POLL_ERR != POLLERR \
    || NET6_POLL_HUP != POLLHUP
#error "net6: poll(2) has other values here"
#endif

static int set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int poll_one(int fd, int wanted) {
    struct pollfd one = { .fd = fd, .events = (short)wanted };
    return poll(&one, 1, 0) > 0 ? one.revents : 0;
}

/// The kernel says EINTR of a signal, EWOULDBLOCK and EINPROGRESS of a wait.
static int result_of(ssize_t result) {
    if (result >= 0) {
        return (int)result;
    }
    return errno == EINTR || errno == EWOULDBLOCK || errno == EINPROGRESS ? -EAGAIN : -errno;
}

static int kernel_read(struct net6_stream *stream, uint8_t *data, size_t size) {
    return result_of(recv(stream->fd, data, size, MSG_DONTWAIT));
}

static int kernel_write(struct net6_stream *stream, const uint8_t *data, size_t length) {
    return result_of(send(stream->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static int kernel_poll(struct net6_stream *stream, int wanted) {
    return poll_one(stream->fd, wanted);
}

static int kernel_shutdown(struct net6_stream *stream) {
    if (shutdown(stream->fd, SHUT_WR) == 0) {
        return 0;
    }
    return errno == ENOTCONN ? -EAGAIN : -errno; // not connected yet
}

static void kernel_close(struct net6_stream *stream) {
    close(stream->fd);
    stream->fd = -1;
}

static int kernel_set_traffic_class(struct net6_stream *stream, uint8_t traffic_class) {
    return set(stream->fd, IPPROTO_IPV6, IPV6_TCLASS, traffic_class);
}

static const struct net6_stream_ops ops = {
    .read = kernel_read,
    .write = kernel_write,
    .poll = kernel_poll,
    .shutdown = kernel_shutdown,
    .close = kernel_close,
    .set_traffic_class = kernel_set_traffic_class,
};

/// A request or an answer leaves when it is written (no Nagle: RFC 3261 has no waits for it).
static void begin(struct net6_stream *stream, int fd) {
    struct sockaddr_in6 local;
    socklen_t length = sizeof(local);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (getsockname(fd, (struct sockaddr *)&local, &length) == 0) {
        net6_from_wire(&local.sin6_addr, local.sin6_scope_id, stream->local);
        stream->local_port = ntohs(local.sin6_port);
    }
    stream->fd = fd;
    stream->ops = &ops;
}

static int make_socket(const uint8_t address[16]) {
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int result = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !net6_is_v4_mapped(address));
#if NET6_FREEBIND
    result = result < 0 ? result : set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
#endif
    if (result < 0) {
        close(fd);
        return result;
    }
    return fd;
}

int net6_stream_kernel_connect(struct net6_stream *stream, const uint8_t *local) {
    int fd = make_socket(stream->peer);
    if (fd < 0) {
        return fd;
    }
    struct sockaddr_in6 address;
    if (local != NULL) {
        net6_to_sockaddr(local, stream->local_port, &address);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
            goto failed;
        }
    }
    net6_to_sockaddr(stream->peer, stream->peer_port, &address);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS) {
        if (errno != ECONNREFUSED) {
            goto failed;
        }
        stream->error = -ECONNREFUSED; // the peer's word, told by read and write as always
    }
    begin(stream, fd);
    return 0;
failed:;
    int result = -errno;
    close(fd);
    return result;
}

int net6_stream_kernel_listen(struct net6_listener *listener, int backlog) {
    int fd = make_socket(listener->local);
    if (fd < 0) {
        return fd;
    }
    struct sockaddr_in6 address;
    socklen_t length = sizeof(address);
    net6_to_sockaddr(listener->local, listener->port, &address);
    int result = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (result == 0
        && (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, backlog) < 0
            || getsockname(fd, (struct sockaddr *)&address, &length) < 0)) {
        result = -errno;
    }
    if (result < 0) {
        close(fd);
        return result;
    }
    listener->port = ntohs(address.sin6_port);
    listener->socket = fd;
    return 0;
}

int net6_stream_kernel_accept(struct net6_listener *listener, struct net6_stream **result) {
    struct sockaddr_in6 peer;
    socklen_t length = sizeof(peer);
    int fd =
        accept4(listener->socket, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        // One that has gone before we took it is none (accept(2)).
        return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM ? -errno
                                                                                         : -EAGAIN;
    }
    engine_enter();
    struct net6_stream *stream = net6_stream_take_incoming();
    engine_exit();
    if (stream == NULL) {
        struct linger now = { .l_onoff = 1 };
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); // a reset
        close(fd);
        return -EAGAIN;
    }
    net6_from_wire(&peer.sin6_addr, peer.sin6_scope_id, stream->peer);
    stream->peer_port = ntohs(peer.sin6_port);
    begin(stream, fd);
    *result = stream;
    return 0;
}

bool net6_stream_kernel_waits(struct net6_listener *listener) {
    return poll_one(listener->socket, POLLIN) != 0;
}

void net6_stream_kernel_unlisten(struct net6_listener *listener) {
    if (listener->socket >= 0) {
        close(listener->socket);
        listener->socket = -1;
    }
}
