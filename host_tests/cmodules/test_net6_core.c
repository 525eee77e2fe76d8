// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// net6: endpoints, queues, the two pools; addresses as text; the sound ring.

#include "harness.h"

#include <errno.h>
#include <unistd.h>

#include "net6/net6_core.h"
#include "net6/resolv_conf.h"
#include "ring/ring.h"

static const uint8_t any[16];
static const uint8_t peer[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

static int open_result, opened, closed, joins;
static struct {
    size_t length;
    uint8_t peer[16], local[16];
    uint16_t port;
    bool has_local;
    uint8_t hop_limit;
    int traffic_class;
    int result;
} sent;

static int fake_open(struct net6_endpoint *endpoint) {
    CHECK(world.depth > 0);
    if (open_result < 0) {
        return open_result;
    }
    endpoint->handle = ++opened;
    if (endpoint->port == 0) {
        endpoint->port = (uint16_t)(40000 + opened);
    }
    return 0;
}

static void fake_close(struct net6_endpoint *endpoint) {
    CHECK(world.depth > 0);
    endpoint->handle = -1;
    ++closed;
}

static int fake_send(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t to[16], uint16_t port, const struct net6_way *way) {
    (void)endpoint;
    (void)data;
    CHECK(world.depth > 0);
    sent.length = length;
    memcpy(sent.peer, to, 16);
    sent.port = port;
    sent.has_local = way->local != NULL;
    if (way->local != NULL) {
        memcpy(sent.local, way->local, 16);
    }
    sent.hop_limit = way->hop_limit;
    sent.traffic_class = way->traffic_class;
    return sent.result;
}

static int fake_set_traffic_class(struct net6_endpoint *endpoint) {
    return endpoint->traffic_class == 0xff ? -EPERM : 0;
}

static int fake_join(struct net6_endpoint *endpoint, const uint8_t group[16], uint32_t scope) {
    (void)endpoint;
    (void)group;
    joins += (int)scope;
    return 0;
}

static size_t fake_addresses(struct net6_address *addresses, size_t max) {
    CHECK_EQUAL(world.depth, 0);
    CHECK(max > 0);
    memset(addresses, 0, sizeof(*addresses));
    memcpy(addresses->address, peer, 16);
    return 1;
}

static size_t fake_servers(uint8_t (*servers)[16], size_t max) {
    CHECK(max > 0);
    memcpy(servers[0], peer, 16);
    return 1;
}

static const struct net6_backend backend = {
    fake_open,
    fake_close,
    fake_send,
    fake_set_traffic_class,
    fake_join,
    fake_addresses,
    fake_servers,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
};

static uint8_t pattern(size_t length, size_t at) {
    return (uint8_t)(length * 7 + at * 13 + (at >> 8));
}

static void deliver(struct net6_endpoint *endpoint, size_t length) {
    struct net6_meta meta = {
        .peer_port = (uint16_t)(length & 0xffff), .time_us = length + 1, .traffic_class = 0xb8
    };
    memcpy(meta.peer, peer, 16);
    uint8_t *data = malloc(length ? length : 1);
    for (size_t i = 0; i < length; ++i) {
        data[i] = pattern(length, i);
    }
    engine_enter();
    net6_deliver(endpoint, data, length, &meta);
    engine_exit();
    free(data);
}

static void read_back(struct net6_endpoint *endpoint, size_t length) {
    struct net6_meta meta;
    uint8_t *data =
        malloc(length ? length : 1); // as long as the datagram: ASan sees a write past it
    CHECK_EQUAL(net6_read(endpoint, data, length, &meta), length);
    for (size_t i = 0; i < length; ++i) {
        CHECK_EQUAL(data[i], pattern(length, i));
    }
    CHECK_EQUAL(meta.peer_port, length & 0xffff);
    CHECK_EQUAL(meta.time_us, length + 1);
    CHECK_EQUAL(meta.traffic_class, 0xb8);
    free(data);
}

static void check_idle(void) {
    struct net6_use use;
    net6_use(&use);
    CHECK_EQUAL(use.endpoints, 0);
    CHECK_EQUAL(use.datagrams, 0);
    CHECK_EQUAL(use.blocks, 0);
    CHECK_EQUAL(opened, closed);
    CHECK_EQUAL(world.depth, 0);
    CHECK_EQUAL(world.signals, 1); // net6_changed()
}

static struct net6_endpoint *open_one(size_t queue) {
    struct net6_endpoint *endpoint = NULL;
    CHECK_EQUAL(net6_open(&endpoint, any, 0, queue), 0);
    return endpoint;
}

static void test_without_backend(void) {
    struct net6_endpoint *endpoint = NULL;
    CHECK_EQUAL(net6_open(&endpoint, any, 0, 1), -ENODEV);
    CHECK_EQUAL(net6_addresses(&(struct net6_address){ 0 }, 1), 0);
    net6_note_change();
    CHECK_EQUAL(net6_init(&backend), 0);
    CHECK_EQUAL(net6_init(&backend), 0);
    check_idle();
}

static void test_open(void) {
    struct net6_endpoint *endpoints[NET6_ENDPOINTS], *more = NULL;
    open_result = -EADDRINUSE;
    CHECK_EQUAL(net6_open(&more, any, 5060, 8), -EADDRINUSE);
    open_result = 0;
    check_idle();
    CHECK_EQUAL(net6_open(&more, any, 0, 0), -EINVAL);
    CHECK_EQUAL(net6_open(&more, any, 0, NET6_QUEUE_MAX + 1), -EINVAL);
    for (size_t i = 0; i < NET6_ENDPOINTS; ++i) {
        endpoints[i] = open_one(1);
        CHECK(endpoints[i]->port > 40000);
    }
    CHECK_EQUAL(net6_open(&more, any, 0, 1), -ENOMEM);
    for (size_t i = 0; i < NET6_ENDPOINTS; ++i) {
        net6_close(endpoints[i]);
        net6_close(endpoints[i]); // twice: as once
    }
    check_idle();
}

static void test_queue_keeps_order_and_octets(void) {
    static const size_t lengths[] = { 0, 1, 172, 255, 256, 257, 1400 };
    struct net6_endpoint *endpoint = open_one(8);
    uint8_t octet;
    struct net6_meta meta;
    for (int turn = 0; turn < 50; ++turn) {
        CHECK_EQUAL(endpoint->readable.raised, 0);
        CHECK_EQUAL(net6_read(endpoint, &octet, 1, &meta), -EAGAIN);
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
            deliver(endpoint, lengths[i]);
            CHECK_EQUAL(endpoint->readable.raised, 1);
        }
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
            CHECK_EQUAL(endpoint->readable.raised, 1);
            read_back(endpoint, lengths[i]);
        }
    }
    CHECK_EQUAL(endpoint->counters.received, 350);
    CHECK_EQUAL(endpoint->counters.dropped_queue, 0);
    net6_close(endpoint);
    check_idle();
}

static void test_long_ones(void) {
    struct net6_endpoint *endpoint = open_one(2);
    deliver(endpoint, NET6_DATAGRAM_MAX);
    read_back(endpoint, NET6_DATAGRAM_MAX);
    deliver(endpoint, NET6_DATAGRAM_MAX + 1);
    CHECK_EQUAL(endpoint->waiting, 0);
    CHECK_EQUAL(endpoint->counters.dropped_size, 1);
    deliver(endpoint, 1000);
    uint8_t few[10];
    struct net6_meta meta;
    CHECK_EQUAL(net6_read(endpoint, few, sizeof(few), &meta), 1000); // the rest is lost
    CHECK_EQUAL(few[9], pattern(1000, 9));
    CHECK_EQUAL(endpoint->waiting, 0);
    net6_close(endpoint);
    check_idle();
}

static void test_overflow(void) {
    struct net6_endpoint *endpoint = open_one(4);
    for (size_t i = 0; i < 10; ++i) {
        deliver(endpoint, 100 + i);
    }
    CHECK_EQUAL(endpoint->waiting, 4);
    CHECK_EQUAL(endpoint->counters.dropped_queue, 6);
    for (size_t i = 0; i < 4; ++i) {
        read_back(endpoint, 100 + i); // the first stay
    }
    deliver(endpoint, 9);
    net6_close(endpoint); // with one waiting
    check_idle();
}

// A flood at some endpoints leaves room for the first datagram of another.
static void test_flood_does_not_starve(void) {
    struct net6_endpoint *flooded[8], *quiet = open_one(8);
    for (size_t i = 0; i < 8; ++i) {
        flooded[i] = open_one(NET6_QUEUE_MAX);
        deliver(flooded[i], 10);
    }
    for (size_t i = 0; i < 8 * NET6_QUEUE_MAX; ++i) {
        deliver(flooded[i % 8], 1400);
    }
    struct net6_use use;
    net6_use(&use);
    CHECK(use.blocks <= NET6_BLOCKS - NET6_BLOCKS_RESERVE);
    CHECK(use.datagrams <= NET6_DATAGRAMS - NET6_DATAGRAMS_RESERVE);
    deliver(quiet, 1400);
    read_back(quiet, 1400);
    for (size_t i = 0; i < 8; ++i) {
        net6_close(flooded[i]);
    }
    net6_close(quiet);
    net6_use(&use);
    CHECK(use.blocks_most <= NET6_BLOCKS);
    check_idle();
}

static struct {
    size_t count, length;
    uint8_t last;
    bool take;
} heard;

static bool receiver(void *arg, const uint8_t *data, size_t length, const struct net6_meta *meta) {
    CHECK(arg == &heard);
    CHECK(world.depth > 0);
    CHECK_EQUAL(meta->time_us, length + 1);
    ++heard.count;
    heard.length = length;
    heard.last = length ? data[length - 1] : 0;
    return heard.take;
}

static void set_receiver(struct net6_endpoint *endpoint, net6_receiver to) {
    engine_enter();
    net6_packet_ops.set_receiver(endpoint, to, &heard);
    engine_exit();
}

static void copy_pieces(const void *source, size_t offset, uint8_t *to, size_t length) {
    for (size_t i = 0; i < length; ++i) {
        to[i] = pattern(*(const size_t *)source, offset + i);
    }
}

static void test_receiver(void) {
    struct net6_endpoint *endpoint = open_one(4);
    deliver(endpoint, 5);
    memset(&heard, 0, sizeof(heard));
    heard.take = true;
    set_receiver(endpoint, receiver);
    CHECK_EQUAL(endpoint->waiting, 0); // what waited is of the time before
    CHECK_EQUAL(endpoint->counters.dropped_queue, 1);
    CHECK_EQUAL(endpoint->readable.raised, 0);
    deliver(endpoint, 172);
    CHECK_EQUAL(heard.count, 1);
    CHECK_EQUAL(heard.length, 172);
    heard.take = false; // what it does not want is queued
    deliver(endpoint, 20);
    read_back(endpoint, 20);

    static const size_t lengths[] = { 0, 700, NET6_RECEIVER_MAX, NET6_RECEIVER_MAX + 1,
        NET6_DATAGRAM_MAX, NET6_DATAGRAM_MAX + 1 };
    heard.take = true;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
        size_t before = heard.count;
        struct net6_meta meta = {
            .time_us = lengths[i] + 1, .peer_port = (uint16_t)lengths[i], .traffic_class = 0xb8
        };
        engine_enter();
        net6_deliver_from(endpoint, copy_pieces, &lengths[i], lengths[i], &meta);
        engine_exit();
        if (lengths[i] <= NET6_RECEIVER_MAX) {
            CHECK_EQUAL(heard.count, before + 1);
            CHECK_EQUAL(heard.length, lengths[i]);
            CHECK_EQUAL(heard.last, lengths[i] ? pattern(lengths[i], lengths[i] - 1) : 0);
        } else {
            CHECK_EQUAL(heard.count, before);
            if (lengths[i] <= NET6_DATAGRAM_MAX) {
                read_back(endpoint, lengths[i]);
            }
        }
    }
    CHECK_EQUAL(endpoint->counters.dropped_size, 1);

    set_receiver(endpoint, NULL);
    deliver(endpoint, 30);
    read_back(endpoint, 30);
    // Closed under media's hands it stays until media lets go.
    set_receiver(endpoint, receiver);
    net6_close(endpoint);
    CHECK(endpoint->used);
    deliver(endpoint, 31);
    CHECK_EQUAL(heard.length, 31);
    set_receiver(endpoint, NULL);
    CHECK(!endpoint->used);
    check_idle();
}

static void test_send(void) {
    struct net6_endpoint *endpoint = open_one(1);
    static const uint8_t data[3] = { 1, 2, 3 }, local[16] = { 0xfd, [15] = 9 };
    struct net6_way way = { .local = local, .hop_limit = 9, .traffic_class = NET6_USUAL };
    CHECK_EQUAL(net6_send(endpoint, data, 3, peer, 5060, &way), 0);
    CHECK_EQUAL(sent.hop_limit, 9);
    CHECK_EQUAL(sent.traffic_class, 0);
    CHECK_EQUAL(sent.length, 3);
    CHECK_EQUAL(sent.port, 5060);
    CHECK(
        sent.has_local && memcmp(sent.local, local, 16) == 0 && memcmp(sent.peer, peer, 16) == 0);
    engine_enter();
    CHECK_EQUAL(net6_packet_ops.send(endpoint, data, 2, peer, 7), 0);
    engine_exit();
    CHECK(!sent.has_local);
    sent.result = -ENETUNREACH;
    CHECK_EQUAL(net6_send(endpoint, data, 3, peer, 5060, NULL), -ENETUNREACH);
    sent.result = 0;
    CHECK_EQUAL(endpoint->counters.sent, 2);
    CHECK_EQUAL(endpoint->counters.errors, 1);
    CHECK_EQUAL(net6_set_traffic_class(endpoint, 0xb8), 0);
    CHECK_EQUAL(net6_send(endpoint, data, 1, peer, 7, NULL), 0);
    CHECK(sent.traffic_class == 0xb8 && sent.hop_limit == 0);
    way = (struct net6_way){ .traffic_class = 0x21 };
    CHECK_EQUAL(net6_send(endpoint, data, 1, peer, 7, &way), 0);
    CHECK(sent.traffic_class == 0x21 && !sent.has_local);
    CHECK_EQUAL(net6_set_traffic_class(endpoint, 0xff), -EPERM);
    static const uint8_t group[16] = { 0xff, 0x05, [15] = 0xfb };
    CHECK_EQUAL(net6_join(endpoint, group, 3), 0);
    CHECK_EQUAL(joins, 3);
    CHECK_EQUAL(net6_join(endpoint, peer, 3), -EINVAL);
    net6_close(endpoint);
    check_idle();
}

static void test_move(void) {
    struct net6_endpoint *endpoint = open_one(1);
    static const uint8_t data[1], one[16] = { 0xfd, [15] = 1 }, two[16] = { 0xfd, [15] = 2 };
    net6_move(endpoint, one);
    CHECK_EQUAL(net6_send(endpoint, data, 1, peer, 7, NULL), 0);
    CHECK(sent.has_local && memcmp(sent.local, one, 16) == 0);
    engine_enter();
    CHECK_EQUAL(net6_packet_ops.send(endpoint, data, 1, peer, 7), 0); // media goes along
    engine_exit();
    CHECK(sent.has_local && memcmp(sent.local, one, 16) == 0);
    struct net6_way way = { .local = two, .traffic_class = NET6_USUAL };
    CHECK_EQUAL(net6_send(endpoint, data, 1, peer, 7, &way), 0);
    CHECK(memcmp(sent.local, two, 16) == 0);
    net6_move(endpoint, NULL);
    CHECK_EQUAL(net6_send(endpoint, data, 1, peer, 7, NULL), 0);
    CHECK(!sent.has_local);
    net6_close(endpoint);
    check_idle();
}

static void test_two_families_do_not_mix(void) {
    static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff }, data[1];
    static const uint8_t server[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
    struct net6_endpoint *endpoint, *six = open_one(1);
    CHECK_EQUAL(net6_open(&endpoint, mapped, 0, 1), 0);
    CHECK_EQUAL(net6_send(endpoint, data, 1, server, 3653, NULL), 0);
    CHECK_EQUAL(net6_send(endpoint, data, 1, peer, 3653, NULL), -EAFNOSUPPORT);
    CHECK_EQUAL(net6_send(six, data, 1, server, 3653, NULL), -EAFNOSUPPORT);
    CHECK_EQUAL(six->counters.errors, 1);
    net6_close(endpoint);
    net6_close(six);
    check_idle();
}

static bool consume_short(
    void *arg, const uint8_t *data, size_t length, const struct net6_meta *meta) {
    (void)data;
    (void)meta;
    ++*(int *)arg;
    return length < 10;
}

static void test_filter(void) {
    struct net6_endpoint *endpoint = open_one(8);
    int calls = 0;
    deliver(endpoint, 20);
    net6_set_filter(endpoint, consume_short, &calls);
    CHECK_EQUAL(endpoint->waiting, 1); // what waited is still there
    deliver(endpoint, 9);
    deliver(endpoint, 21);
    CHECK_EQUAL(calls, 2);
    read_back(endpoint, 20);
    read_back(endpoint, 21);
    CHECK_EQUAL(endpoint->counters.received, 3);
    net6_close(endpoint); // stays while it is held
    CHECK(endpoint->used);
    net6_set_filter(endpoint, NULL, NULL);
    CHECK(!endpoint->used);
    check_idle();
}

static void test_address_order(void) {
    struct net6_address list[4];
    const struct net6_address rows[] = {
        { .address = { [15] = 1 }, .state = NET6_PREFERRED },
        { .address = { 0xfe, 0x80 }, .state = NET6_PREFERRED },
        { .address = { 0x20, [15] = 1 }, .state = NET6_DEPRECATED },
        { .address = { 0x20, [15] = 2 }, .state = NET6_PREFERRED, .temporary = true },
        { .address = { 0x20, [15] = 3 }, .state = NET6_PREFERRED },
        { .address = { 0x20, [15] = 4 }, .state = NET6_PREFERRED },
        { .address = { 0x20, [15] = 5 }, .state = NET6_TENTATIVE },
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        count = net6_insert(list, count, 4, &rows[i]);
    }
    CHECK_EQUAL(count, 4);
    CHECK_EQUAL(list[0].address[15], 3);
    CHECK_EQUAL(list[1].address[15], 4);
    CHECK_EQUAL(list[2].address[15], 2);
    CHECK_EQUAL(list[3].address[15], 1);
    CHECK_EQUAL(list[3].address[0], 0x20);
}

static void test_what_a_system_may_not_do(void) {
    CHECK_EQUAL(net6_add_address(peer, 1, 1), -EOPNOTSUPP);
    CHECK_EQUAL(net6_add_address(peer, 2, 1), -EINVAL);
    CHECK_EQUAL(net6_remove_address(peer), -EOPNOTSUPP);
    CHECK(net6_router_flags() < 0);
}

static void check_server(const struct resolv_conf *conf, size_t i, const char *text) {
    char found[NET6_TEXT_MAX];
    CHECK(i < conf->server_count);
    net6_to_text(conf->servers[i], found);
    if (strcmp(found, text) != 0) {
        fprintf(stderr, "%s is not %s\n", found, text);
        exit(1);
    }
}

static void test_resolv_conf(void) {
    char path[] = "/tmp/resolv-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fprintf(file,
        "# nameserver 192.0.2.9\nnameserver 192.0.2.53\r\n\tnameserver  2001:db8::53 x\n"
        "nameserver\nnameserver fe80::1\nnameserver fe80::1%%7\nnameserver fe80::2%%lo\n"
        "nameserver 192.0.2.999\nnameserver zzz\ndomain first.example\n"
        "search second.example third.example\noptions edns0\n");
    for (int i = 0; i < 3000; ++i) {
        fputc('x', file);
    }
    fprintf(
        file, "nameserver 192.0.2.8\nnameserver ::2"); // the end of a long line; no end of line
    fclose(file);
    setenv("VOX6_RESOLV_CONF", path, 1);
    struct resolv_conf conf;
    resolv_conf_read(&conf);
    CHECK_EQUAL(conf.server_count, 5);
    check_server(&conf, 0, "::ffff:192.0.2.53");
    check_server(&conf, 1, "2001:db8::53");
    check_server(&conf, 2, "fe80::1%7");
    check_server(&conf, 3, "fe80::2%1");
    check_server(&conf, 4, "::2");
    CHECK(strcmp(conf.domain, "second.example") == 0);
    unlink(path);
    resolv_conf_read(&conf);
    CHECK(conf.server_count == 0 && conf.domain[0] == 0);
}

static void test_changes_and_lists(void) {
    struct net6_address addresses[NET6_ADDRESSES];
    uint8_t servers[NET6_SERVERS][16];
    engine_signal_clear(net6_changed());
    net6_note_change();
    CHECK_EQUAL(net6_changed()->raised, 1);
    CHECK_EQUAL(net6_addresses(addresses, NET6_ADDRESSES), 1);
    CHECK_EQUAL(net6_servers(servers, NET6_SERVERS), 1);
    struct net6_endpoint *a = open_one(4);
    open_one(4);
    deliver(a, 100);
    set_receiver(a, receiver);
    net6_close_all(); // a soft reset forgets receivers, too
    CHECK_EQUAL(net6_changed()->raised, 0);
    check_idle();
}

// Any order of things leaves the pools whole.
static void test_random_use(void) {
    struct net6_endpoint *endpoints[4];
    size_t waiting[4][NET6_QUEUE_MAX], count[4] = { 0 };
    for (size_t i = 0; i < 4; ++i) {
        endpoints[i] = open_one(4 + 20 * i);
    }
    for (int turn = 0; turn < 200000; ++turn) {
        size_t i = random_u32() % 4;
        if (random_u32() % 2) {
            size_t length = random_u32() % (random_u32() % 8 ? 300 : 9000);
            size_t before = endpoints[i]->waiting;
            deliver(endpoints[i], length);
            if (endpoints[i]->waiting > before) {
                waiting[i][count[i]++] = length;
            }
            CHECK_EQUAL(endpoints[i]->waiting, count[i]);
        } else if (count[i]) {
            read_back(endpoints[i], waiting[i][0]);
            memmove(&waiting[i][0], &waiting[i][1], --count[i] * sizeof(size_t));
        }
    }
    for (size_t i = 0; i < 4; ++i) {
        while (count[i]) {
            read_back(endpoints[i], waiting[i][0]);
            memmove(&waiting[i][0], &waiting[i][1], --count[i] * sizeof(size_t));
        }
        net6_close(endpoints[i]);
    }
    check_idle();
}

// Text -------------------------------------------------------------------------------------------

static void test_text_both_ways(void) {
    static const struct {
        const char *text;
        uint8_t address[16];
    } cases[] = {
        { "::", { 0 } },
        { "::1", { [15] = 1 } },
        { "1::", { [1] = 1 } },
        { "2001:db8::1", { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } },
        { "2001:db8:0:1:1:1:1:1",
            { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1 } }, // 4.2.2
        { "2001:0:0:1::1", { 0x20, 0x01, 0, 0, 0, 0, 0, 1, [15] = 1 } }, // 4.2.3: the longest run
        { "2001:db8::1:0:0:1",
            { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1 } }, // the first
        { "fe80::abcd%7", { 0xfe, 0x80, 0, 7, [14] = 0xab, 0xcd } },
        { "fe80::1%65535", { 0xfe, 0x80, 0xff, 0xff, [15] = 1 } },
        { "ff02::fb%3", { 0xff, 0x02, 0, 3, [15] = 0xfb } },
        { "ff05::fb", { 0xff, 0x05, [15] = 0xfb } },
        { "::ffff:192.0.2.129", { [10] = 0xff, 0xff, 192, 0, 2, 129 } }, // section 5
        { "::ffff:0.0.0.0", { [10] = 0xff, 0xff } },
        { "64:ff9b::c000:221", { 0, 0x64, 0xff, 0x9b, [12] = 192, 0, 2, 33 } },
        { "1:2:3:4:5:6:7:8", { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8 } },
        { "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            { 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                0xff, 0xff } },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[NET6_TEXT_MAX];
        uint8_t address[16];
        size_t length = net6_to_text(cases[i].address, text);
        if (strcmp(text, cases[i].text) != 0) {
            fprintf(stderr, "%s, not %s\n", text, cases[i].text);
            exit(1);
        }
        CHECK_EQUAL(length, strlen(text));
        CHECK_EQUAL(net6_from_text(text, length, address), 0);
        CHECK(memcmp(address, cases[i].address, 16) == 0);
    }
}

static int from(const char *text, uint8_t address[16]) {
    size_t length = strlen(text);
    char *copy = malloc(length ? length : 1); // no ending zero: ASan sees a read past it
    memcpy(copy, text, length);
    int result = net6_from_text(copy, length, address);
    free(copy);
    return result;
}

static void test_text_accepted(void) {
    static const char *const same[] = { "2001:db8::1", "2001:DB8::1", "2001:0db8:0:0:0:0:0:1",
        "2001:db8:0:0::0:1", "2001:db8::0.0.0.1" };
    uint8_t address[16];
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); ++i) {
        CHECK_EQUAL(from(same[i], address), 0);
        CHECK(memcmp(address, peer, 16) == 0);
    }
    static const char *const wrong[] = { "", ":", ":::", "1", "1:", "1::2::3",
        "12345::", "g::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:", "2001:db8::1%1", "fe80::1%",
        "fe80::1%x", "fe80::1%65536", "fe80::1%01", "fe80::1%1x", "::1.2.3", "::1.2.3.4.5",
        "::1.2.3.256", "::1.2.3.04", "1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:5",
        ":1::", "[::1]", "::1 ", " ::1", "::ffff:1..2.3", "1:::2" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        if (from(wrong[i], address) == 0) {
            fprintf(stderr, "taken: %s\n", wrong[i]);
            exit(1);
        }
    }
}

// What is written is read back the same; what is made of noise is refused or read, never more.
static void test_text_random(void) {
    for (int turn = 0; turn < 200000; ++turn) {
        uint8_t address[16], back[16];
        char text[NET6_TEXT_MAX];
        for (size_t i = 0; i < 16; ++i) {
            address[i] = random_u32() % 3 ? 0 : (uint8_t)random_u32();
        }
        size_t length = net6_to_text(address, text);
        CHECK(length < NET6_TEXT_MAX);
        CHECK_EQUAL(net6_from_text(text, length, back), 0);
        CHECK(memcmp(address, back, 16) == 0);
        static const char alphabet[] = "0123456789abcdef::::..%% gF";
        for (size_t i = 0; i < length; ++i) {
            if (random_u32() % 8 == 0) {
                text[i] = alphabet[random_u32() % (sizeof(alphabet) - 1)];
            }
        }
        text[length] = 0;
        if (from(text, back) == 0) {
            char again[NET6_TEXT_MAX];
            size_t n = net6_to_text(back, again);
            CHECK_EQUAL(net6_from_text(again, n, address), 0);
            CHECK(memcmp(address, back, 16) == 0);
        }
    }
}

// Ring -------------------------------------------------------------------------------------------

static void test_ring(void) {
    struct ring *ring = calloc(1, sizeof(*ring));
    int16_t in[500], out[500];
    memset(ring, 0x55, sizeof(*ring)); // a file with anything in it
    ring_start(ring, 8000, 160);
    CHECK(memcmp(ring->magic, "V6RG", 4) == 0);
    CHECK_EQUAL(ring->generation, 1);
    CHECK_EQUAL(ring_read(ring, out, 500), 0);
    uint16_t next = 0, expect = 0;
    for (int turn = 0; turn < 10000; ++turn) {
        size_t count = random_u32() % 500;
        for (size_t i = 0; i < count; ++i) {
            in[i] = (int16_t)(uint16_t)(next + i);
        }
        next = (uint16_t)(next + ring_write(ring, in, count));
        count = ring_read(ring, out, random_u32() % 500);
        for (size_t i = 0; i < count; ++i) {
            CHECK_EQUAL((uint16_t)out[i], expect);
            ++expect;
        }
    }
    ring_start(ring, 16000, 320);
    CHECK_EQUAL(ring->generation, 2);
    CHECK_EQUAL(ring->rate, 16000);
    free(ring);
}

static void test_ring_full_and_broken(void) {
    struct ring *ring = calloc(1, sizeof(*ring));
    static int16_t samples[RING_CAPACITY + 1];
    ring_start(ring, 8000, 160);
    CHECK_EQUAL(ring_write(ring, samples, RING_CAPACITY + 1), RING_CAPACITY);
    CHECK_EQUAL(ring_write(ring, samples, 1), 0);
    CHECK_EQUAL(ring_read(ring, samples, RING_CAPACITY + 1), RING_CAPACITY);
    for (int turn = 0; turn < 100000; ++turn) { // the other side writes nonsense into its index
        ring->head = random_u32();
        size_t count = ring_read(ring, samples, RING_CAPACITY);
        CHECK(count <= RING_CAPACITY);
        CHECK(ring->head - ring->tail <= RING_CAPACITY);
        ring->tail = random_u32();
        CHECK(ring_write(ring, samples, 320) <= 320);
    }
    ring->capacity = 1; // nor is a written capacity believed
    ring->head = ring->tail + 100;
    CHECK_EQUAL(ring_read(ring, samples, 320), 100);
    free(ring);
}

// --- a backend without an engine

static int pumps, kernel_has;

static void fake_pump(struct net6_endpoint *endpoint) {
    CHECK(world.depth > 0);
    CHECK_EQUAL(endpoint->waiting, 0);
    ++pumps;
    if (kernel_has > 0) {
        --kernel_has;
        struct net6_meta meta = { .peer_port = 5060 };
        net6_deliver(endpoint, (const uint8_t *)"OPTIONS", 7, &meta);
    }
}

static void test_pump(void) {
    struct net6_backend pumped = backend;
    pumped.pump = fake_pump;
    CHECK_EQUAL(net6_init(&pumped), 0);
    struct net6_endpoint *endpoint;
    CHECK_EQUAL(net6_open(&endpoint, any, 5060, 1), 0);
    uint8_t data[16];
    struct net6_meta meta;
    kernel_has = 2;
    for (int i = 0; i < 2; ++i) {
        CHECK_EQUAL(net6_read(endpoint, data, sizeof(data), &meta), 7);
        CHECK_EQUAL(memcmp(data, "OPTIONS", 7), 0);
        CHECK_EQUAL(meta.peer_port, 5060);
    }
    CHECK_EQUAL(net6_read(endpoint, data, sizeof(data), &meta), -EAGAIN);
    CHECK_EQUAL(pumps, 3);
    CHECK_EQUAL(endpoint->counters.received, 2);
    CHECK_EQUAL(endpoint->counters.dropped_queue, 0);
    net6_close(endpoint);
    CHECK_EQUAL(net6_init(&backend), 0);
}

int main(void) {
    world_reset();
    RUN(test_without_backend);
    RUN(test_open);
    RUN(test_queue_keeps_order_and_octets);
    RUN(test_long_ones);
    RUN(test_overflow);
    RUN(test_flood_does_not_starve);
    RUN(test_receiver);
    RUN(test_send);
    RUN(test_move);
    RUN(test_two_families_do_not_mix);
    RUN(test_filter);
    RUN(test_address_order);
    RUN(test_what_a_system_may_not_do);
    RUN(test_resolv_conf);
    RUN(test_changes_and_lists);
    RUN(test_pump);
    RUN(test_random_use);
    RUN(test_text_both_ways);
    RUN(test_text_accepted);
    RUN(test_text_random);
    RUN(test_ring);
    RUN(test_ring_full_and_broken);
    return 0;
}
