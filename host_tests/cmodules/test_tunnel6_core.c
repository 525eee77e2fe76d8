// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// tunnel6: what is taken, what is left to Python, what leaves, each rule of inner.c once kept and once
// broken. test_tunnel6_rows.py compares the same core with lib/pubtsp on packets by the thousand.

#include "harness.h"

#include <errno.h>

#include "tunnel6/inner.h"
#include "tunnel6/tunnel6_core.h"

static const uint8_t prefix[8] = { 0x20, 0x01, 0x0d, 0xb8, 0x36, 0x53, 0, 1 };
// 203.0.113.77:54321 and 198.51.100.9:40000 as the server hands them out
static const uint8_t own[16] = { 0x20, 0x01, 0x0d, 0xb8, 0x36, 0x53, 0, 1, 203, 0, 113, 77, 0xd4,
    0x31, 0xe0, 0xf0 };
static const uint8_t other[16] = { 0x20, 0x01, 0x0d, 0xb8, 0x36, 0x53, 0, 1, 198, 51, 100, 9, 0x9c,
    0x40, 0x12, 0x34 };
static const uint8_t keepalive[16] = { 0x20, 0x01, 0x0d, 0xb8, 0x36, 0x53, 0, 1, [15] = 1 };
static const uint8_t far_away[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 };
static const uint8_t server[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
static const uint8_t stranger[16] = { [10] = 0xff, 0xff, 198, 51, 100, 9 };
#define OTHER_PORT (40000)

static struct {
    uint8_t octets[2000];
    size_t length;
    uint8_t peer[16];
    uint16_t port;
    uint8_t traffic_class;
    int count, result;
} sent;

static struct {
    uint8_t octets[2000];
    size_t length;
    int count;
    bool full;
} input;

static int take_sent(const uint8_t *data, size_t length, const uint8_t peer[16], uint16_t port,
    uint8_t traffic_class) {
    CHECK(length <= sizeof(sent.octets));
    memcpy(sent.octets, data, length);
    sent.length = length;
    memcpy(sent.peer, peer, 16);
    sent.port = port;
    sent.traffic_class = traffic_class;
    ++sent.count;
    return sent.result;
}

static bool take_input(const uint8_t *packet, size_t length) {
    CHECK(length >= 40 && length <= TUNNEL6_MTU);
    memcpy(input.octets, packet, length);
    input.length = length;
    ++input.count;
    return !input.full;
}

static const struct tunnel6_sides sides = { take_sent, take_input };
static struct tunnel6_counters before;

static void begin(void) {
    memset(&sent, 0, sizeof(sent));
    memset(&input, 0, sizeof(input));
    tunnel6_reset();
    tunnel6_configure(own, server, TUNNEL6_SERVER_PORT, keepalive);
    CHECK_EQUAL(tunnel6_set_prefixes(&prefix, 1, TUNNEL6_LAB), 0);
    tunnel6_count(&before);
}

#define GREW(name, by) \
    do { \
        struct tunnel6_counters now_; \
        tunnel6_count(&now_); \
        CHECK_EQUAL(now_.name - before.name, by); \
        before = now_; \
    } while (0)

struct packet {
    uint8_t octets[1400];
    size_t length;
};

static void checksum(struct packet *p) {
    uint32_t sum = (uint32_t)(p->length - 40) + p->octets[6];
    p->octets[42] = p->octets[43] = 0;
    for (size_t i = 8; i < p->length; i += 2) {
        sum += (uint32_t)(p->octets[i] << 8) + (i + 1 < p->length ? p->octets[i + 1] : 0);
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    p->octets[42] = (uint8_t)(~sum >> 8);
    p->octets[43] = (uint8_t)~sum;
}

static struct packet make(const uint8_t from[16], const uint8_t to[16], uint8_t next_header,
    const void *payload, size_t length) {
    struct packet p = { .octets = { 0x60, [6] = next_header, [7] = 64 }, .length = 40 + length };
    p.octets[4] = (uint8_t)(length >> 8);
    p.octets[5] = (uint8_t)length;
    memcpy(p.octets + 8, from, 16);
    memcpy(p.octets + 24, to, 16);
    memcpy(p.octets + 40, payload, length);
    return p;
}

static struct packet icmp(
    const uint8_t from[16], const uint8_t to[16], uint8_t type, uint8_t code) {
    uint8_t message[8] = { type, code };
    struct packet p = make(from, to, 58, message, sizeof(message));
    checksum(&p);
    return p;
}

static struct packet probe(const uint8_t from[16], const uint8_t to[16], uint8_t type) {
    uint8_t message[24] = { type, [4] = 0x7e, 0x57, 0, 0, 'P', 'u', 'b', 'T', 'S', 'P', 'd', 'p' };
    struct packet p = make(from, to, 58, message, sizeof(message));
    p.octets[7] = 255;
    checksum(&p);
    return p;
}

// A buffer of just this length, so that ASan sees a read past it.
static bool give(const struct packet *p, const uint8_t peer[16], uint16_t port) {
    struct net6_meta meta = { .peer_port = port };
    memcpy(meta.peer, peer, 16);
    uint8_t *data = malloc(p->length ? p->length : 1);
    memcpy(data, p->octets, p->length);
    engine_enter();
    bool consumed = tunnel6_receive(NULL, data, p->length, &meta);
    engine_exit();
    free(data);
    return consumed;
}

static bool from_server(const struct packet *p) {
    return give(p, server, TUNNEL6_SERVER_PORT);
}

static int put(const struct packet *p) {
    uint8_t *data = malloc(p->length ? p->length : 1);
    memcpy(data, p->octets, p->length);
    engine_enter();
    int result = tunnel6_output(data, p->length);
    engine_exit();
    free(data);
    return result;
}

static void test_nibbles(void) {
    begin();
    struct packet p = { .length = 0 };
    CHECK(from_server(&p));
    GREW(keepalives, 1);
    p = (struct packet){ .octets = { 0xf0 }, .length = 8 };
    CHECK(!from_server(&p));
    CHECK(!give(&p, stranger, 9)); // another server's answer: Python knows
    GREW(queued, 2);
    for (int nibble = 0; nibble < 15; ++nibble) {
        p = make(far_away, own, 17, "12345678", 8);
        p.octets[0] = (uint8_t)(nibble << 4);
        CHECK(from_server(&p));
        CHECK_EQUAL(input.count, nibble > 6 ? 1 : nibble == 6);
    }
    GREW(malformed, 14);
}

static void test_lengths(void) {
    begin();
    struct packet p = make(far_away, own, 17, "12345678", 8);
    CHECK(from_server(&p) && input.count == 1 && input.length == 48);
    p.length += 3; // what stands behind is cut off
    CHECK(from_server(&p) && input.count == 2 && input.length == 48);
    for (size_t length = 1; length < 48; ++length) {
        p.length = length;
        CHECK(from_server(&p));
    }
    GREW(malformed, 47);
    p = make(far_away, own, 0, "", 0); // a jumbogram
    CHECK(from_server(&p));
    p = make(far_away, own, 59, "", 0); // no next header: nothing wrong
    CHECK(from_server(&p));
    CHECK_EQUAL(input.count, 3);
    uint8_t zeros[1241] = { 0 };
    p = make(far_away, own, 17, zeros, 1240);
    CHECK(from_server(&p) && input.count == 4);
    p = make(far_away, own, 17, zeros, 1241); // 1281 octets
    CHECK(from_server(&p) && input.count == 4);
    GREW(malformed, 2);
}

static void test_sources_of_the_server_s_packets(void) {
    begin();
    static const uint8_t bad[][16] = { { 0xff, 0x0e, [15] = 1 }, { 0xfe, 0x80, [15] = 1 },
        { 0xfe, 0xbf, [15] = 1 }, { 0 }, { [15] = 1 } };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        struct packet p = make(bad[i], own, 17, "12345678", 8);
        CHECK(from_server(&p));
    }
    struct packet p = make(own, own, 17, "12345678", 8);
    CHECK(from_server(&p));
    p = make(far_away, other, 17, "12345678", 8);
    CHECK(from_server(&p));
    GREW(foreign, 7);
    static const uint8_t good[][16] = { { 0xfe, 0xc0, [15] = 1 }, { [15] = 2 }, { 0xfd } };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        p = make(good[i], own, 17, "12345678", 8);
        CHECK(from_server(&p));
    }
    CHECK_EQUAL(input.count, 3);
    tunnel6_configure(NULL, server, 0, keepalive);
    p = make(far_away, own, 17, "12345678", 8);
    CHECK(from_server(&p));
    GREW(foreign, 1);
    CHECK_EQUAL(input.count, 3);
}

static void test_what_is_left_to_python(void) {
    begin();
    struct packet p = icmp(keepalive, own, 129, 0);
    CHECK(!from_server(&p));
    p = icmp(keepalive, other, 129, 0); // a NAT that rewrites payloads
    CHECK(!from_server(&p));
    p = icmp(far_away, own, 129, 0); // not from the keepalive address: the stack's
    CHECK(from_server(&p) && input.count == 1);
    p = icmp(keepalive, own, 128, 0); // a ping: the stack answers
    CHECK(from_server(&p) && input.count == 2);
    uint8_t message[8 + 24] = { 1, 5, [8] = 0x60 };
    memcpy(message + 8 + 8, own, 16);
    p = make(far_away, own, 58, message, sizeof(message));
    CHECK(!from_server(&p));
    message[1] = 4;
    p = make(far_away, own, 58, message, sizeof(message));
    CHECK(from_server(&p) && input.count == 3);
    message[1] = 5;
    message[8] = 0x40;
    p = make(far_away, own, 58, message, sizeof(message));
    CHECK(from_server(&p) && input.count == 4);
    message[8] = 0x60;
    message[16] ^= 1;
    p = make(far_away, own, 58, message, sizeof(message));
    CHECK(from_server(&p) && input.count == 5);
    message[16] ^= 1;
    p = make(far_away, own, 58, message, sizeof(message) - 1);
    CHECK(from_server(&p) && input.count == 6);
    for (uint8_t type = 128; type <= 129; ++type) {
        p = probe(other, own, type);
        CHECK(!from_server(&p));
        p.octets[60] ^= 1; // bad checksum: no probe
        CHECK(from_server(&p));
        p = probe(other, own, type);
        p.octets[48] ^= 1; // no magic
        CHECK(from_server(&p));
    }
    CHECK_EQUAL(input.count, 10);
    for (int type = 133; type <= 137; ++type) {
        p = icmp(far_away, own, (uint8_t)type, 0);
        CHECK(from_server(&p));
        p = icmp(other, own, (uint8_t)type, 0);
        CHECK(give(&p, stranger, OTHER_PORT));
    }
    GREW(discovery, 10);
    CHECK_EQUAL(input.count, 10);
}

static void test_strangers(void) {
    begin();
    struct packet p = make(other, own, 17, "12345678", 8);
    CHECK(give(&p, stranger, OTHER_PORT));
    CHECK_EQUAL(input.count, 1);
    GREW(received_direct, 1);
    struct packet good = probe(other, own, 128);
    CHECK(!give(&good, stranger, OTHER_PORT));
    GREW(queued, 1);

    int refused = 0;
    CHECK(give(&p, stranger, OTHER_PORT + 1)); // another port
    ++refused;
    uint8_t elsewhere[16];
    memcpy(elsewhere, stranger, 16);
    elsewhere[15] ^= 1; // another IPv4 address
    CHECK(give(&p, elsewhere, OTHER_PORT));
    ++refused;
    CHECK(give(&p, far_away, OTHER_PORT)); // not of IPv4
    ++refused;
    CHECK(give(&p, server, OTHER_PORT)); // the server's address, another port
    ++refused;
    p = make(far_away, own, 17, "12345678", 8); // in no known prefix
    CHECK(give(&p, stranger, OTHER_PORT));
    ++refused;
    p = make(other, far_away, 17, "12345678", 8); // not to us
    CHECK(give(&p, stranger, OTHER_PORT));
    ++refused;
    good.octets[7] = 254; // a router stood between
    CHECK(give(&good, stranger, OTHER_PORT));
    ++refused;
    static const uint16_t ports[] = { 0, 1023, TUNNEL6_SERVER_PORT };
    for (size_t i = 0; i < 3; ++i) {
        uint8_t from[16];
        memcpy(from, other, 16);
        from[12] = (uint8_t)(ports[i] >> 8);
        from[13] = (uint8_t)ports[i];
        p = make(from, own, 17, "12345678", 8);
        CHECK(give(&p, stranger, ports[i]));
        ++refused;
    }
    uint8_t as_we[16] = { [10] = 0xff, 0xff, 203, 0, 113, 77 };
    p = make(own, own, 17, "12345678", 8);
    CHECK(give(&p, as_we, 54321));
    ++refused;
    GREW(strangers, refused);
    CHECK_EQUAL(input.count, 1);
    p = make(other, own, 17, "12345678", 8);
    CHECK_EQUAL(tunnel6_set_prefixes(&prefix, 1, TUNNEL6_STRICT), 0);
    CHECK(give(&p, stranger, OTHER_PORT)); // a documentation address
    CHECK_EQUAL(tunnel6_set_prefixes(&prefix, 1, TUNNEL6_ANY), 0);
    CHECK(give(&p, stranger, OTHER_PORT));
    CHECK_EQUAL(input.count, 2);
    CHECK_EQUAL(tunnel6_set_prefixes(NULL, 0, TUNNEL6_ANY), 0); // switched off
    CHECK(give(&p, stranger, OTHER_PORT));
    GREW(strangers, 2);
}

static void test_no_room(void) {
    begin();
    struct packet p = make(far_away, own, 17, "12345678", 8);
    input.full = true;
    CHECK(from_server(&p));
    p = make(other, own, 17, "12345678", 8);
    CHECK(give(&p, stranger, OTHER_PORT));
    GREW(dropped, 2);
    input.full = false;
    CHECK(give(&p, stranger, OTHER_PORT));
    GREW(received_direct, 1);
}

static void test_output(void) {
    begin();
    struct packet p = make(own, far_away, 17, "12345678", 8);
    p.octets[0] = 0x6b;
    p.octets[1] = 0x80;
    CHECK_EQUAL(put(&p), 0);
    CHECK(sent.count == 1 && sent.length == 48 && sent.port == TUNNEL6_SERVER_PORT);
    CHECK(memcmp(sent.octets, p.octets, 48) == 0 && memcmp(sent.peer, server, 16) == 0);
    CHECK_EQUAL(sent.traffic_class, 0xb8);
    GREW(sent_server, 1);
    sent.result = -ENETUNREACH;
    CHECK_EQUAL(put(&p), -ENETUNREACH);
    sent.result = 0;
    int refused = 1;
    p.length = 0;
    CHECK(put(&p) < 0);
    ++refused;
    p.length = 47;
    CHECK(put(&p) < 0);
    ++refused;
    p.length = 49;
    CHECK(put(&p) < 0);
    ++refused;
    p = make(other, far_away, 17, "12345678", 8); // not our address
    CHECK(put(&p) < 0);
    ++refused;
    static const uint8_t bad[][16] = { { 0xff, 0x02, [15] = 1 }, { 0xfe, 0x80, [15] = 1 }, { 0 },
        { [15] = 1 } };
    for (size_t i = 0; i < 4; ++i) {
        p = make(own, bad[i], 17, "12345678", 8);
        CHECK(put(&p) < 0);
        ++refused;
    }
    tunnel6_configure(NULL, server, 0, keepalive);
    p = make(own, far_away, 17, "12345678", 8);
    CHECK(put(&p) < 0);
    ++refused;
    GREW(not_sent, refused);
    CHECK_EQUAL(sent.count, 2);
}

static void test_peers(void) {
    begin();
    struct tunnel6_peer list[TUNNEL6_PEERS];
    CHECK_EQUAL(tunnel6_peers(list), 0);
    CHECK_EQUAL(tunnel6_set_peer(other, stranger, OTHER_PORT + 1), -EACCES);
    CHECK_EQUAL(tunnel6_set_peer(other, server, OTHER_PORT), -EACCES);
    CHECK_EQUAL(tunnel6_set_peer(far_away, stranger, OTHER_PORT), -EACCES);
    CHECK_EQUAL(tunnel6_set_peer(own, stranger, 54321), -EACCES);
    CHECK_EQUAL(tunnel6_set_peer(other, other, OTHER_PORT), -EACCES);
    CHECK_EQUAL(tunnel6_set_peer(other, stranger, OTHER_PORT), 0);
    struct packet p = make(own, other, 17, "12345678", 8);
    CHECK_EQUAL(put(&p), 0);
    CHECK(memcmp(sent.peer, stranger, 16) == 0 && sent.port == OTHER_PORT);
    p = make(other, own, 17, "12345678", 8);
    CHECK(give(&p, stranger, OTHER_PORT));
    CHECK(give(&p, stranger, OTHER_PORT));
    CHECK_EQUAL(tunnel6_peers(list), 1);
    CHECK(list[0].sent == 1 && list[0].received == 2);
    GREW(sent_direct, 1);
    uint8_t address[16], peer[16];
    memcpy(address, other, 16);
    memcpy(peer, stranger, 16);
    for (int i = 1; i <= TUNNEL6_PEERS; ++i) {
        address[11] = peer[15] = (uint8_t)(100 + i);
        CHECK_EQUAL(tunnel6_set_peer(address, peer, OTHER_PORT), i < TUNNEL6_PEERS ? 0 : -ENOBUFS);
    }
    CHECK_EQUAL(tunnel6_peers(list), TUNNEL6_PEERS);
    CHECK_EQUAL(tunnel6_set_peer(other, NULL, 0), 0);
    CHECK_EQUAL(tunnel6_set_peer(other, NULL, 0), 0);
    CHECK_EQUAL(tunnel6_peers(list), TUNNEL6_PEERS - 1);
    tunnel6_configure(own, server, TUNNEL6_SERVER_PORT, keepalive); // the same address
    CHECK_EQUAL(tunnel6_peers(list), TUNNEL6_PEERS - 1);
    CHECK_EQUAL(tunnel6_set_prefixes((const uint8_t (*)[8])far_away, 1, TUNNEL6_LAB), 0);
    CHECK_EQUAL(tunnel6_peers(list), 0);
    CHECK_EQUAL(tunnel6_set_prefixes(&prefix, 1, TUNNEL6_LAB), 0);
    CHECK_EQUAL(tunnel6_set_peer(other, stranger, OTHER_PORT), 0);
    tunnel6_configure(far_away, server, TUNNEL6_SERVER_PORT, keepalive);
    CHECK_EQUAL(tunnel6_peers(list), 0);
}

static void test_wanted(void) {
    begin();
    uint8_t list[TUNNEL6_WANTED][16];
    struct packet p = make(own, far_away, 17, "12345678", 8);
    CHECK_EQUAL(put(&p), 0);
    p = make(own, keepalive, 17, "12345678", 8);
    CHECK_EQUAL(put(&p), 0);
    CHECK(!tunnel6_signal()->raised); // neither is a client's
    p = make(own, other, 17, "12345678", 8);
    for (int i = 0; i < 3; ++i) {
        CHECK_EQUAL(put(&p), 0);
    }
    CHECK(tunnel6_signal()->raised);
    CHECK_EQUAL(tunnel6_wanted(list), 1);
    CHECK(memcmp(list[0], other, 16) == 0 && !tunnel6_signal()->raised);
    CHECK_EQUAL(put(&p), 0);
    CHECK(!tunnel6_signal()->raised); // told a moment ago
    world.now_us += TUNNEL6_WANTED_AGAIN_US;
    CHECK_EQUAL(put(&p), 0);
    CHECK(tunnel6_signal()->raised);
    CHECK_EQUAL(tunnel6_wanted(list), 1);
    for (int i = 0; i < 20; ++i) { // more than there is room for
        p.octets[24 + 11] = (uint8_t)(50 + i);
        CHECK_EQUAL(put(&p), 0);
    }
    CHECK_EQUAL(tunnel6_wanted(list), TUNNEL6_WANTED);
    for (int i = 0; i < TUNNEL6_WANTED; ++i) {
        CHECK_EQUAL(list[i][11] >= 50 && list[i][11] < 50 + TUNNEL6_WANTED, true);
    }
    CHECK_EQUAL(tunnel6_set_peer(other, stranger, OTHER_PORT), 0);
    world.now_us += TUNNEL6_WANTED_AGAIN_US;
    p = make(own, other, 17, "12345678", 8);
    CHECK_EQUAL(put(&p), 0);
    CHECK(!tunnel6_signal()->raised); // it has a path
    CHECK_EQUAL(tunnel6_set_prefixes(NULL, 0, TUNNEL6_ANY), 0);
    CHECK_EQUAL(put(&p), 0);
    CHECK(!tunnel6_signal()->raised);
}

static void test_martians(void) {
    static const struct {
        uint8_t v4[4];
        bool any, strict, private, lab;
    } rows[] = {
        { { 0, 1, 2, 3 }, 0, 0, 0, 0 },
        { { 127, 0, 0, 1 }, 0, 0, 0, 0 },
        { { 224, 0, 0, 1 }, 0, 0, 0, 0 },
        { { 255, 255, 255, 255 }, 0, 0, 0, 0 },
        { { 10, 0, 0, 1 }, 1, 0, 1, 0 },
        { { 100, 63, 255, 255 }, 1, 1, 1, 1 },
        { { 100, 64, 0, 0 }, 1, 0, 1, 0 },
        { { 100, 127, 255, 255 }, 1, 0, 1, 0 },
        { { 172, 31, 255, 255 }, 1, 0, 1, 0 },
        { { 172, 32, 0, 0 }, 1, 1, 1, 1 },
        { { 192, 168, 1, 1 }, 1, 0, 1, 0 },
        { { 169, 254, 1, 1 }, 1, 0, 0, 0 },
        { { 192, 0, 0, 1 }, 1, 0, 0, 0 },
        { { 192, 0, 2, 1 }, 1, 0, 0, 1 },
        { { 192, 88, 99, 1 }, 1, 0, 0, 0 },
        { { 198, 19, 0, 1 }, 1, 0, 0, 0 },
        { { 203, 0, 113, 1 }, 1, 0, 0, 1 },
        { { 223, 255, 255, 255 }, 1, 1, 1, 1 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        CHECK_EQUAL(inner_is_public(rows[i].v4, TUNNEL6_ANY), rows[i].any);
        CHECK_EQUAL(inner_is_public(rows[i].v4, TUNNEL6_STRICT), rows[i].strict);
        CHECK_EQUAL(inner_is_public(rows[i].v4, TUNNEL6_PRIVATE), rows[i].private);
        CHECK_EQUAL(inner_is_public(rows[i].v4, TUNNEL6_LAB), rows[i].lab);
    }
}

static void test_bounds(void) {
    begin();
    uint8_t many[TUNNEL6_PREFIXES + 1][8] = { { 0 } };
    CHECK_EQUAL(
        tunnel6_set_prefixes((const uint8_t (*)[8])many, TUNNEL6_PREFIXES + 1, TUNNEL6_ANY),
        -E2BIG);
    CHECK_EQUAL(
        tunnel6_set_prefixes((const uint8_t (*)[8])many, TUNNEL6_PREFIXES, TUNNEL6_ANY), 0);
    tunnel6_reset();
    struct packet p = make(own, far_away, 17, "12345678", 8);
    CHECK(put(&p) < 0);
}

int main(void) {
    world_reset();
    CHECK_EQUAL(tunnel6_init(&sides), 0);
    CHECK_EQUAL(tunnel6_init(&sides), 0);
    RUN(test_nibbles);
    RUN(test_lengths);
    RUN(test_sources_of_the_server_s_packets);
    RUN(test_what_is_left_to_python);
    RUN(test_strangers);
    RUN(test_no_room);
    RUN(test_output);
    RUN(test_peers);
    RUN(test_wanted);
    RUN(test_martians);
    RUN(test_bounds);
    return 0;
}
