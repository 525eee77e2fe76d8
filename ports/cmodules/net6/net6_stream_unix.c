// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Streams on unix.

#include "net6/net6_stream_kernel.h"
#include "net6/net6_unix.h"

static int unix_connect(struct net6_stream *stream, const uint8_t *local) {
    return net6_stream_kernel_connect(stream, local);
}

static const struct net6_listener_ops listener_ops = {
    .accept = net6_stream_kernel_accept,
    .poll = net6_stream_kernel_waits,
    .close = net6_stream_kernel_unlisten,
};

static int unix_listen(struct net6_listener *listener, int backlog) {
    int result = net6_stream_kernel_listen(listener, backlog);
    listener->fd = listener->socket;
    listener->ops = &listener_ops;
    return result;
}

const struct net6_streams net6_unix_streams = {
    .connect = unix_connect,
    .listen = unix_listen,
};
