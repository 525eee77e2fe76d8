// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The two pools of streams and listeners, and what is the same for all that carry them. Plain C: no
// py/*.h, no operating system.

#include "net6/net6_stream.h"

#include <errno.h>
#include <string.h>

#include "net6/net6_core.h"

static struct net6_stream streams[NET6_STREAMS];
static struct net6_listener listeners[NET6_LISTENERS];
static struct net6_stream_counters counters;

/// A free stream, cleared and used from now on; NULL: there is none. spare: how many must stay free.
/// Within engine_enter().
static struct net6_stream *take(size_t spare) {
    struct net6_stream *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < NET6_STREAMS; ++i) {
        if (!streams[i].used) {
            ++count;
            found = found == NULL ? &streams[i] : found;
        }
    }
    if (count <= spare) {
        return NULL;
    }
    memset(found, 0, sizeof(*found));
    found->fd = -1;
    found->used = true;
    return found;
}

struct net6_stream *net6_stream_take_incoming(void) {
    struct net6_stream *stream = take(NET6_STREAMS_RESERVE);
    counters.refused += stream == NULL;
    return stream;
}

void net6_stream_give(struct net6_stream *stream) {
    stream->used = false;
}

struct net6_stream *net6_stream_at(size_t n) {
    return n < NET6_STREAMS ? &streams[n] : NULL;
}

/// Opens a stream to peer. -ENOMEM if all are used, -EAFNOSUPPORT for IPv4, else what stands in the
/// way on our side (-ENETUNREACH, -EADDRNOTAVAIL ...). What the peer does comes by read and write.
int net6_stream_open(struct net6_stream **result, const uint8_t peer[16], uint16_t port,
    const uint8_t *local, uint16_t local_port) {
    const struct net6_streams *backend = net6_streams_backend();
    if (backend == NULL) {
        return -ENODEV;
    }
    bool v4 = net6_is_v4_mapped(peer);
    if ((v4 && !backend->both_families) || (local != NULL && net6_is_v4_mapped(local) != v4)) {
        return -EAFNOSUPPORT; // IPv4 is for the tunnel's datagrams alone on a phone
    }
    if (port == 0 || peer[0] == 0xff || net6_is_unspecified(peer)) {
        return -EINVAL;
    }
    int error = engine_start();
    if (error < 0) {
        return error;
    }
    engine_enter();
    struct net6_stream *stream = take(0);
    engine_exit();
    if (stream == NULL) {
        return -ENOMEM;
    }
    memcpy(stream->peer, peer, 16);
    stream->peer_port = port;
    stream->local_port = local_port;
    error = backend->connect(stream, local != NULL && !net6_is_unspecified(local) ? local : NULL);
    engine_enter();
    if (error < 0) {
        net6_stream_give(stream);
    } else {
        ++counters.connects;
        counters.errors += stream->error != 0; // refused at once
        *result = stream;
    }
    engine_exit();
    return error;
}

static int keep(struct net6_stream *stream, int result) {
    if (result < 0 && result != -EAGAIN && stream->error == 0) {
        stream->error = result;
        ++counters.errors;
    }
    return result;
}

int net6_stream_read(struct net6_stream *stream, uint8_t *data, size_t size) {
    // What came before an error is read first, even if a write has met the error.
    int result = keep(stream, stream->ops->read(stream, data, size));
    return result <= 0 && stream->error != 0 ? stream->error : result;
}

int net6_stream_write(struct net6_stream *stream, const uint8_t *data, size_t length) {
    if (stream->error != 0) {
        return stream->error;
    }
    if (stream->local_ended) {
        return -EPIPE;
    }
    return keep(stream, stream->ops->write(stream, data, length));
}

int net6_stream_poll(struct net6_stream *stream, int wanted) {
    return stream->ops->poll(stream, wanted);
}

int net6_stream_shutdown(struct net6_stream *stream) {
    if (stream->error != 0) {
        return stream->error;
    }
    int result = stream->local_ended ? 0 : stream->ops->shutdown(stream);
    stream->local_ended = stream->local_ended || result == 0;
    return result;
}

int net6_stream_set_traffic_class(struct net6_stream *stream, uint8_t traffic_class) {
    return stream->error != 0 ? stream->error
                              : stream->ops->set_traffic_class(stream, traffic_class);
}

void net6_stream_close(struct net6_stream *stream) {
    if (stream->used) {
        stream->ops->close(stream);
        engine_enter();
        net6_stream_give(stream);
        engine_exit();
    }
}

/// Listens at a port. backlog: connections that may wait, 1..NET6_BACKLOG_MAX.
int net6_listen(
    struct net6_listener **result, const uint8_t local[16], uint16_t port, int backlog) {
    const struct net6_streams *backend = net6_streams_backend();
    if (backend == NULL) {
        return -ENODEV;
    }
    if (net6_is_v4_mapped(local) && !backend->both_families) {
        return -EAFNOSUPPORT;
    }
    if (backlog < 1 || backlog > NET6_BACKLOG_MAX || local[0] == 0xff) {
        return -EINVAL;
    }
    int error = engine_start();
    if (error < 0) {
        return error;
    }
    struct net6_listener *listener = NULL;
    for (size_t i = 0; i < NET6_LISTENERS && listener == NULL; ++i) {
        listener = listeners[i].used ? NULL : &listeners[i]; // the VM's alone: no lock
    }
    if (listener == NULL) {
        return -ENOMEM;
    }
    memset(listener, 0, sizeof(*listener));
    listener->fd = listener->socket = -1;
    memcpy(listener->local, local, 16);
    listener->port = port;
    error = backend->listen(listener, backlog);
    if (error == 0) {
        listener->used = true;
        *result = listener;
    }
    return error;
}

/// Takes the first connection that waits.
int net6_accept(struct net6_listener *listener, struct net6_stream **result) {
    int error = listener->ops->accept(listener, result);
    counters.accepted += error == 0;
    return error;
}

bool net6_listener_poll(struct net6_listener *listener) {
    return listener->ops->poll(listener);
}

void net6_listener_close(struct net6_listener *listener) {
    if (listener->used) {
        listener->ops->close(listener);
        listener->used = false;
    }
}

void net6_stream_close_all(void) {
    for (size_t i = 0; i < NET6_LISTENERS; ++i) {
        net6_listener_close(&listeners[i]);
    }
    for (size_t i = 0; i < NET6_STREAMS; ++i) {
        net6_stream_close(&streams[i]);
    }
}

void net6_stream_get_counters(struct net6_stream_counters *result) {
    engine_enter();
    *result = counters;
    result->streams = result->listeners = 0;
    for (size_t i = 0; i < NET6_STREAMS; ++i) {
        result->streams += streams[i].used;
    }
    for (size_t i = 0; i < NET6_LISTENERS; ++i) {
        result->listeners += listeners[i].used;
    }
    engine_exit();
}
