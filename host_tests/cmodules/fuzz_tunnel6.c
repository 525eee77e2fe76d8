// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// libFuzzer target: a script of datagrams from the server and from strangers, of packets of our own
// stack and of what Python says, against the tunnel's core. Whatever comes: no octet out of bounds, each
// datagram is counted once, what reaches the stack is to us and from nobody impossible, and what leaves
// goes to the server or to the IPv4 address and port that its destination holds.
//
// Input: records of one octet of command, one of length, and so many octets.

#include "harness.h"

#include "tunnel6/inner.h"
#include "tunnel6/tunnel6_core.h"

#define COMMANDS_MAX (100) // a run stays short

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t prefixes[2][8] = { { 0x20, 0x01, 0x0d, 0xb8, 0x36, 0x53, 0, 1 },
    { 0x20, 0x01, 0x0d, 0xb8, 0x36, 0x53, 0, 2 } };
static const uint8_t own[16] = { 0x20, 0x01, 0x0d, 0xb8, 0x36, 0x53, 0, 1, 203, 0, 113, 77, 0xd4,
    0x31, 0xe0, 0xf0 };
static const uint8_t keepalive[16] = { 0x20, 0x01, 0x0d, 0xb8, 0x36, 0x53, 0, 1, [15] = 1 };
static const uint8_t server[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
static int inputs;

static int check_sent(const uint8_t *data, size_t length, const uint8_t peer[16], uint16_t port,
    uint8_t traffic_class) {
    CHECK(length >= 40 && length <= TUNNEL6_MTU && inner_cut(data, length) == length);
    CHECK(memcmp(data + 8, own, 16) == 0);
    CHECK_EQUAL(traffic_class, (data[0] & 15) << 4 | data[1] >> 4);
    if (memcmp(peer, server, 16) == 0 && port == TUNNEL6_SERVER_PORT) {
        return port % 7 ? 0 : -1;
    }
    CHECK(memcmp(peer + 12, data + 24 + 8, 4) == 0 && port == (data[36] << 8 | data[37]));
    CHECK(port >= 1024 && port != TUNNEL6_SERVER_PORT);
    return 0;
}

static bool check_input(const uint8_t *packet, size_t length) {
    CHECK(inner_cut(packet, length) == length);
    CHECK(memcmp(packet + 24, own, 16) == 0 && memcmp(packet + 8, own, 16) != 0);
    CHECK(packet[8] != 0xff && !net6_is_loopback(packet + 8));
    ++inputs;
    return inputs % 5 != 0;
}

static uint32_t sum(void) {
    struct tunnel6_counters c;
    tunnel6_count(&c);
    return c.received_server + c.received_direct + c.dropped + c.queued + c.foreign + c.malformed
        + c.strangers + c.discovery + c.keepalives;
}

static void receive(uint8_t kind, const uint8_t *data, size_t length) {
    struct net6_meta meta = { .peer_port = TUNNEL6_SERVER_PORT };
    memcpy(meta.peer, server, 16);
    uint8_t *copy = malloc(length ? length : 1);
    memcpy(copy, data, length);
    if (kind & 1 && length >= 40) { // likely ones: to us
        copy[0] = (uint8_t)(0x60 | (copy[0] & 15));
        memcpy(copy + 24, own, 16);
        copy[4] = (uint8_t)((length - 40) >> 8);
        copy[5] = (uint8_t)(length - 40);
    }
    if (kind & 2) { // a stranger, perhaps the one that the source names
        memset(meta.peer + 12, 7, 4);
        meta.peer_port = 5000;
        if (kind & 4 && length >= 40) {
            memcpy(copy + 8, prefixes[0], 8);
            memcpy(meta.peer + 12, copy + 16, 4);
            meta.peer_port = (uint16_t)(copy[20] << 8 | copy[21]);
        }
    }
    uint32_t before = sum();
    int inputs_before = inputs;
    engine_enter();
    bool consumed = tunnel6_receive(NULL, copy, length, &meta);
    engine_exit();
    CHECK_EQUAL(sum() - before, 1);
    CHECK(consumed || inputs == inputs_before);
    free(copy);
}

static void send(uint8_t kind, const uint8_t *data, size_t length) {
    uint8_t *copy = malloc(length ? length : 1);
    memcpy(copy, data, length);
    if (kind & 1 && length >= 40) {
        copy[0] = (uint8_t)(0x60 | (copy[0] & 15));
        memcpy(copy + 8, own, 16);
        copy[4] = (uint8_t)((length - 40) >> 8);
        copy[5] = (uint8_t)(length - 40);
        if (kind & 2) {
            memcpy(copy + 24, prefixes[kind >> 2 & 1], 8);
        }
    }
    engine_enter();
    tunnel6_output(copy, length);
    engine_exit();
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct tunnel6_sides sides = { check_sent, check_input };
    CHECK_EQUAL(tunnel6_init(&sides), 0);
    tunnel6_reset();
    tunnel6_configure(own, server, TUNNEL6_SERVER_PORT, keepalive);
    tunnel6_set_prefixes(prefixes, 2, TUNNEL6_LAB);
    for (int n = 0; n < COMMANDS_MAX && size >= 2; ++n) {
        uint8_t command = data[0];
        size_t length = data[1] * 6u;
        data += 2;
        size -= 2;
        length = length < size ? length : size;
        switch (command & 7) {
            case 0:
            case 1:
            case 2:
                receive(command >> 3, data, length);
                break;
            case 3:
            case 4:
                send(command >> 3, data, length);
                break;
            case 5:
                if (length >= 16) {
                    uint8_t peer[16] = { [10] = 0xff, 0xff };
                    uint8_t address[16];
                    memcpy(address, data, 16);
                    memcpy(peer + 12, data + 8, 4);
                    if (command & 8) {
                        memcpy(address, prefixes[0], 8);
                    }
                    tunnel6_set_peer(address, command & 16 ? NULL : peer,
                        (uint16_t)(address[12] << 8 | address[13]));
                }
                break;
            case 6: {
                uint8_t wanted[TUNNEL6_WANTED][16];
                struct tunnel6_peer peers[TUNNEL6_PEERS];
                CHECK(tunnel6_wanted(wanted) <= TUNNEL6_WANTED);
                CHECK(!tunnel6_signal()->raised);
                CHECK(tunnel6_peers(peers) <= TUNNEL6_PEERS);
                world.now_us += command * 10000u;
                break;
            }
            default:
                tunnel6_set_prefixes(
                    prefixes, command >> 3 & 1 ? 2 : 1, (enum tunnel6_martians)(command >> 4 & 3));
                break;
        }
        data += length;
        size -= length;
    }
    tunnel6_reset();
    return 0;
}
