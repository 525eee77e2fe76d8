// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// net6: streams and listeners above a carrier of this file; chains of blocks.

#include "harness.h"

#include <errno.h>

#include "net6/net6_blocks.h"
#include "net6/net6_stream.h"

static const uint8_t any[16];
static const uint8_t peer[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
static const uint8_t own[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 };
static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [15] = 1 };
static const uint8_t group[16] = { 0xff, 0x02, [15] = 1 };

// ---------------------------------------------------------------------------------------------
// A carrier that does what a test says

static struct {
    int connect, listen, read, write, shutdown, traffic_class; // results
    int closes, unlistens, waiting;
    bool had_local;
} say;

static int carrier_read(struct net6_stream *stream, uint8_t *data, size_t size) {
    (void)stream;
    CHECK_EQUAL(world.depth, 0);
    if (say.read > 0) {
        CHECK((size_t)say.read <= size);
        memset(data, 'r', (size_t)say.read);
    }
    return say.read;
}

static int carrier_write(struct net6_stream *stream, const uint8_t *data, size_t length) {
    (void)stream;
    (void)data;
    CHECK_EQUAL(world.depth, 0);
    return say.write < 0 || (size_t)say.write < length ? say.write : (int)length;
}

static int carrier_poll(struct net6_stream *stream, int wanted) {
    (void)stream;
    return wanted & NET6_POLL_OUT;
}

static int carrier_shutdown(struct net6_stream *stream) {
    (void)stream;
    return say.shutdown;
}

static void carrier_close(struct net6_stream *stream) {
    (void)stream;
    ++say.closes;
}

static int carrier_set_traffic_class(struct net6_stream *stream, uint8_t traffic_class) {
    (void)stream;
    say.traffic_class = traffic_class;
    return 0;
}

static const struct net6_stream_ops ops = {
    .read = carrier_read,
    .write = carrier_write,
    .poll = carrier_poll,
    .shutdown = carrier_shutdown,
    .close = carrier_close,
    .set_traffic_class = carrier_set_traffic_class,
};

static int carrier_connect(struct net6_stream *stream, const uint8_t *local) {
    CHECK_EQUAL(world.depth, 0);
    CHECK(stream->used);
    say.had_local = local != NULL;
    stream->ops = &ops;
    if (say.connect == -ECONNREFUSED) {
        stream->error = say.connect;
        return 0;
    }
    return say.connect;
}

static int carrier_accept(struct net6_listener *listener, struct net6_stream **result) {
    (void)listener;
    if (say.waiting == 0) {
        return -EAGAIN;
    }
    --say.waiting;
    engine_enter();
    struct net6_stream *stream = net6_stream_take_incoming();
    engine_exit();
    if (stream == NULL) {
        return -EAGAIN;
    }
    stream->ops = &ops;
    *result = stream;
    return 0;
}

static bool carrier_waits(struct net6_listener *listener) {
    (void)listener;
    return say.waiting > 0;
}

static void carrier_unlisten(struct net6_listener *listener) {
    (void)listener;
    ++say.unlistens;
}

static const struct net6_listener_ops listener_ops = {
    .accept = carrier_accept,
    .poll = carrier_waits,
    .close = carrier_unlisten,
};

static int carrier_listen(struct net6_listener *listener, int backlog) {
    CHECK(backlog >= 1 && backlog <= NET6_BACKLOG_MAX);
    listener->ops = &listener_ops;
    return say.listen;
}

static const struct net6_streams carriers = { carrier_connect, carrier_listen, false };
static const struct net6_streams carriers_of_both = { carrier_connect, carrier_listen, true };
static const struct net6_backend backend = { .streams = &carriers };
static const struct net6_backend backend_of_both = { .streams = &carriers_of_both };

static struct net6_stream_counters count(void) {
    struct net6_stream_counters counters;
    net6_stream_get_counters(&counters);
    return counters;
}

static struct net6_stream *opened(void) {
    struct net6_stream *stream = NULL;
    CHECK_EQUAL(net6_stream_open(&stream, peer, 5060, NULL, 0), 0);
    return stream;
}

// ---------------------------------------------------------------------------------------------

static void test_without_backend(void) {
    struct net6_stream *stream;
    struct net6_listener *listener;
    CHECK_EQUAL(net6_stream_open(&stream, peer, 5060, NULL, 0), -ENODEV);
    CHECK_EQUAL(net6_listen(&listener, any, 5060, 4), -ENODEV);
    net6_stream_close_all();
    CHECK_EQUAL(net6_init(&backend), 0);
}

static void test_both_families(void) {
    struct net6_stream *stream;
    struct net6_listener *listener;
    CHECK_EQUAL(net6_init(&backend_of_both), 0);
    CHECK_EQUAL(net6_stream_open(&stream, v4, 5060, peer, 0), -EAFNOSUPPORT);
    CHECK_EQUAL(net6_stream_open(&stream, peer, 5060, v4, 0), -EAFNOSUPPORT);
    CHECK_EQUAL(net6_stream_open(&stream, v4, 5060, v4, 5062), 0);
    CHECK_EQUAL(stream->local_port, 5062);
    net6_stream_close(stream);
    CHECK_EQUAL(net6_listen(&listener, v4, 5060, 4), 0);
    net6_listener_close(listener);
    CHECK_EQUAL(net6_init(&backend), 0);
}

static void test_what_cannot_be_opened(void) {
    struct net6_stream *stream;
    struct net6_listener *listener;
    CHECK_EQUAL(net6_stream_open(&stream, v4, 5060, NULL, 0), -EAFNOSUPPORT);
    CHECK_EQUAL(net6_stream_open(&stream, peer, 5060, v4, 0), -EAFNOSUPPORT);
    CHECK_EQUAL(net6_stream_open(&stream, group, 5060, NULL, 0), -EINVAL);
    CHECK_EQUAL(net6_stream_open(&stream, any, 5060, NULL, 0), -EINVAL);
    CHECK_EQUAL(net6_stream_open(&stream, peer, 0, NULL, 0), -EINVAL);
    CHECK_EQUAL(net6_listen(&listener, v4, 5060, 4), -EAFNOSUPPORT);
    CHECK_EQUAL(net6_listen(&listener, group, 5060, 4), -EINVAL);
    CHECK_EQUAL(net6_listen(&listener, any, 5060, 0), -EINVAL);
    CHECK_EQUAL(net6_listen(&listener, any, 5060, NET6_BACKLOG_MAX + 1), -EINVAL);
    say.connect = -ENETUNREACH;
    for (int i = 0; i < 2 * NET6_STREAMS; ++i) {
        CHECK_EQUAL(net6_stream_open(&stream, peer, 5060, NULL, 0), -ENETUNREACH);
    }
    say.connect = 0;
    say.listen = -EADDRINUSE;
    for (int i = 0; i < 2 * NET6_LISTENERS; ++i) {
        CHECK_EQUAL(net6_listen(&listener, any, 5060, 4), -EADDRINUSE);
    }
    say.listen = 0;
    CHECK_EQUAL(count().streams + count().listeners, 0);
    CHECK_EQUAL(count().connects, 0);
}

static void test_local(void) {
    struct net6_stream *stream;
    CHECK_EQUAL(net6_stream_open(&stream, peer, 5060, own, 0), 0);
    CHECK(say.had_local);
    net6_stream_close(stream);
    CHECK_EQUAL(net6_stream_open(&stream, peer, 5060, any, 0), 0);
    CHECK(!say.had_local);
    net6_stream_close(stream);
}

static void test_eight_and_a_ninth(void) {
    struct net6_stream *streams[NET6_STREAMS], *more;
    for (int i = 0; i < NET6_STREAMS; ++i) {
        streams[i] = opened();
    }
    CHECK_EQUAL(net6_stream_open(&more, peer, 5060, NULL, 0), -ENOMEM);
    CHECK_EQUAL(count().streams, NET6_STREAMS);
    net6_stream_close(streams[3]);
    CHECK(opened() == streams[3]);
    say.closes = 0;
    net6_stream_close_all();
    CHECK_EQUAL(say.closes, NET6_STREAMS);
    CHECK_EQUAL(count().streams, 0);
    net6_stream_close(streams[0]); // again: nothing
    CHECK_EQUAL(say.closes, NET6_STREAMS);
}

static void test_listeners(void) {
    struct net6_listener *listeners[NET6_LISTENERS], *more;
    struct net6_stream *stream, *taken[NET6_STREAMS];
    for (int i = 0; i < NET6_LISTENERS; ++i) {
        CHECK_EQUAL(net6_listen(&listeners[i], any, 5060, 4), 0);
    }
    CHECK_EQUAL(net6_listen(&more, any, 5060, 4), -ENOMEM);
    CHECK(!net6_listener_poll(listeners[0]));
    CHECK_EQUAL(net6_accept(listeners[0], &stream), -EAGAIN);
    say.waiting = NET6_STREAMS;
    CHECK(net6_listener_poll(listeners[0]));
    int got = 0;
    for (int i = 0; i < NET6_STREAMS; ++i) {
        got += net6_accept(listeners[0], &taken[got]) == 0;
    }
    CHECK_EQUAL(got, NET6_STREAMS - NET6_STREAMS_RESERVE);
    CHECK_EQUAL(count().refused, NET6_STREAMS_RESERVE);
    CHECK_EQUAL(count().accepted, got);
    opened(); // the reserve is ours
    opened();
    CHECK_EQUAL(net6_stream_open(&stream, peer, 5060, NULL, 0), -ENOMEM);
    say.unlistens = 0;
    net6_close_all(); // a soft reset
    CHECK_EQUAL(say.unlistens, NET6_LISTENERS);
    CHECK_EQUAL(count().streams + count().listeners, 0);
}

static void test_errors_stay(void) {
    uint8_t data[10];
    struct net6_stream *stream = opened();
    uint32_t errors = count().errors;
    say.read = -EAGAIN;
    CHECK_EQUAL(net6_stream_read(stream, data, 10), -EAGAIN);
    say.write = -ECONNRESET;
    CHECK_EQUAL(net6_stream_write(stream, data, 10), -ECONNRESET);
    say.write = 10;
    CHECK_EQUAL(net6_stream_write(stream, data, 10), -ECONNRESET);
    CHECK_EQUAL(net6_stream_shutdown(stream), -ECONNRESET);
    CHECK_EQUAL(net6_stream_set_traffic_class(stream, 1), -ECONNRESET);
    say.read = 5; // what came before it
    CHECK_EQUAL(net6_stream_read(stream, data, 10), 5);
    say.read = 0; // the kernel's word after it
    CHECK_EQUAL(net6_stream_read(stream, data, 10), -ECONNRESET);
    say.read = -EPIPE;
    CHECK_EQUAL(net6_stream_read(stream, data, 10), -ECONNRESET);
    CHECK_EQUAL(count().errors, errors + 1);
    net6_stream_close(stream);
    say.connect = -ECONNREFUSED;
    say.read = 0;
    stream = opened();
    CHECK_EQUAL(net6_stream_read(stream, data, 10), -ECONNREFUSED);
    CHECK_EQUAL(net6_stream_write(stream, data, 10), -ECONNREFUSED);
    CHECK_EQUAL(count().errors, errors + 2);
    net6_stream_close(stream);
    say.connect = 0;
}

static void test_half_close(void) {
    uint8_t data[10];
    struct net6_stream *stream = opened();
    say.shutdown = -EAGAIN;
    CHECK_EQUAL(net6_stream_shutdown(stream), -EAGAIN); // not connected yet
    say.write = 4;
    CHECK_EQUAL(net6_stream_write(stream, data, 10), 4);
    say.shutdown = 0;
    CHECK_EQUAL(net6_stream_shutdown(stream), 0);
    say.shutdown = -EIO;
    CHECK_EQUAL(net6_stream_shutdown(stream), 0); // once
    CHECK_EQUAL(net6_stream_write(stream, data, 10), -EPIPE);
    say.read = 7;
    CHECK_EQUAL(net6_stream_read(stream, data, 10), 7);
    CHECK_EQUAL(net6_stream_set_traffic_class(stream, 0x60), 0);
    CHECK_EQUAL(say.traffic_class, 0x60);
    CHECK_EQUAL(net6_stream_poll(stream, NET6_POLL_IN | NET6_POLL_OUT), NET6_POLL_OUT);
    net6_stream_close(stream);
}

// ---------------------------------------------------------------------------------------------

static void copy(const void *source, size_t offset, uint8_t *to, size_t length) {
    memcpy(to, (const uint8_t *)source + offset, length);
}

/// Appends and reads of random sizes against one flat buffer: order, all or nothing, no block lost.
static void test_octets(void) {
    static uint8_t flat[1 << 16];
    struct net6_octets octets[3] = { 0 };
    size_t head[3] = { 0 }, tail[3] = { 0 };
    CHECK_EQUAL(net6_blocks_free(), NET6_BLOCKS);
    for (size_t i = 0; i < sizeof(flat); ++i) {
        flat[i] = (uint8_t)(i * 31 + (i >> 8));
    }
    for (int turn = 0; turn < 20000; ++turn) {
        size_t which = random_u32() % 3;
        struct net6_octets *one = &octets[which];
        if (random_u32() & 1) {
            size_t length = random_u32() % 1300;
            size_t spare = random_u32() % NET6_BLOCKS;
            if (head[which] + length > sizeof(flat)) {
                continue;
            }
            size_t before = net6_blocks_free();
            if (net6_octets_append(one, copy, flat + head[which], length, spare)) {
                head[which] += length;
                CHECK(before == net6_blocks_free() || net6_blocks_free() >= spare);
            } else {
                CHECK_EQUAL(before, net6_blocks_free());
            }
        } else {
            size_t size = random_u32() % 3000;
            uint8_t *data = malloc(size ? size : 1); // ASan sees a write past it
            size_t got = net6_octets_read(one, data, size);
            size_t waiting = head[which] - tail[which];
            CHECK_EQUAL(got, size < waiting ? size : waiting);
            CHECK(memcmp(data, flat + tail[which], got) == 0);
            tail[which] += got;
            free(data);
        }
        CHECK_EQUAL(one->length, head[which] - tail[which]);
        if (turn % 500 == 0) {
            net6_octets_clear(one);
            head[which] = tail[which] = 0;
        }
    }
    for (int i = 0; i < 3; ++i) {
        net6_octets_clear(&octets[i]);
    }
    CHECK_EQUAL(net6_blocks_free(), NET6_BLOCKS);
}

static void test_small_pieces_are_packed(void) {
    struct net6_octets octets = { 0 };
    for (int i = 0; i < 1000; ++i) {
        CHECK(net6_octets_append(&octets, copy, "x", 1, 0));
    }
    CHECK_EQUAL(NET6_BLOCKS - net6_blocks_free(), 4);
    CHECK(net6_octets_append(&octets, copy, "", 0, NET6_BLOCKS) == false);
    net6_octets_clear(&octets);
    net6_octets_clear(&octets);
    CHECK_EQUAL(net6_blocks_free(), NET6_BLOCKS);
}

int main(void) {
    world_reset();
    RUN(test_without_backend);
    RUN(test_what_cannot_be_opened);
    RUN(test_local);
    RUN(test_eight_and_a_ninth);
    RUN(test_listeners);
    RUN(test_errors_stay);
    RUN(test_half_close);
    RUN(test_octets);
    RUN(test_small_pieces_are_packed);
    RUN(test_both_families);
    return 0;
}
