// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Streams on unix: the kernel's, and lwIP's in the tunnel of this process. The source address chooses,
// without one the rule for datagrams (README.md). A listener bound to :: has a socket of the kernel and
// a pcb of lwIP with the same port.

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net6/net6_lwip.h"
#include "net6/net6_stream_kernel.h"
#include "net6/net6_unix.h"

#define PORT_TRIES (8) // ports of the kernel at which somebody listens in the tunnel already

static int unix_connect(struct net6_stream *stream, const uint8_t *local) {
    const uint8_t *peer = stream->peer;
    int result = net6_lwip_start();
    if (result < 0) {
        return result;
    }
    engine_enter();
    bool by_tunnel = local != NULL
        ? net6_tunnel_is(local)
        : net6_tunnel_is(peer) || (net6_tunnel_is_preferred() && !net6_unix_is_near(peer));
    bool may_tunnel = local == NULL && net6_tunnel_is_up() && !net6_unix_is_near(peer);
    engine_exit();
    if (by_tunnel) {
        return net6_stream_lwip_connect(stream, local);
    }
    result = net6_stream_kernel_connect(stream, local);
    if ((result == -ENETUNREACH || result == -EADDRNOTAVAIL) && may_tunnel) {
        return net6_stream_lwip_connect(stream, local); // better than not at all
    }
    return result;
}

static int unix_accept(struct net6_listener *listener, struct net6_stream **result) {
    int error = -EAGAIN;
    if (listener->pcb != NULL) {
        error = net6_stream_lwip_accept(listener, result);
    }
    if (error == -EAGAIN && listener->socket >= 0) {
        error = net6_stream_kernel_accept(listener, result);
    }
    return error;
}

static bool unix_waits(struct net6_listener *listener) {
    return (listener->pcb != NULL && net6_stream_lwip_waits(listener))
        || (listener->socket >= 0 && net6_stream_kernel_waits(listener));
}

static void unix_unlisten(struct net6_listener *listener) {
    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
    net6_stream_lwip_unlisten(listener);
    net6_stream_kernel_unlisten(listener);
}

static const struct net6_listener_ops listener_ops = {
    .accept = unix_accept,
    .poll = unix_waits,
    .close = unix_unlisten,
};

static int listen_both(struct net6_listener *listener, int backlog) {
    uint16_t wanted = listener->port;
    int result = -EADDRINUSE;
    for (int i = 0; i < PORT_TRIES && result == -EADDRINUSE; ++i) {
        listener->port = wanted;
        result = net6_stream_kernel_listen(listener, backlog);
        if (result < 0) {
            return result;
        }
        result = net6_stream_lwip_listen(listener, backlog);
        if (result < 0) {
            net6_stream_kernel_unlisten(listener);
            if (wanted != 0) {
                return result;
            }
        }
    }
    return result;
}

static int add(int fd, int which) {
    struct epoll_event event = { .events = EPOLLIN };
    return which >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, which, &event) < 0 ? -errno : 0;
}

/// One descriptor that is readable when the socket or the signal of lwIP's connections is.
static int join_descriptors(struct net6_listener *listener) {
    listener->fd = epoll_create1(EPOLL_CLOEXEC);
    int result = listener->fd < 0 ? -errno : add(listener->fd, listener->socket);
    if (result == 0 && listener->pcb != NULL) {
        result = add(listener->fd, listener->ready.fd);
    }
    return result;
}

static int unix_listen(struct net6_listener *listener, int backlog) {
    int result = net6_lwip_start();
    if (result < 0) {
        return result;
    }
    engine_enter();
    bool by_tunnel = net6_tunnel_is(listener->local);
    engine_exit();
    listener->ops = &listener_ops;
    if (by_tunnel) {
        result = net6_stream_lwip_listen(listener, backlog);
    } else if (net6_is_unspecified(listener->local)) {
        result = listen_both(listener, backlog);
    } else {
        result = net6_stream_kernel_listen(listener, backlog);
    }
    if (result == 0) {
        result = join_descriptors(listener);
        if (result < 0) {
            unix_unlisten(listener);
        }
    }
    return result;
}

const struct net6_streams net6_unix_streams = {
    .connect = unix_connect,
    .listen = unix_listen,
};
