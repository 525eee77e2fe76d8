// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The tunnel's state and its two ways: tunnel6_receive() and tunnel6_output(). What they may let pass
// is said in inner.c.

#include "tunnel6/tunnel6_core.h"

#include <errno.h>
#include <string.h>

#include "tunnel6/inner.h"

static const struct tunnel6_sides *sides;
static engine_signal signal;
static struct tunnel6_counters count;

static bool up;
static uint8_t own[16], server[16], keepalive[16];
static uint16_t server_port;
static struct inner_prefixes prefixes;
static struct tunnel6_peer peers[TUNNEL6_PEERS];

// Destinations that Python shall hear of, or has heard of a moment ago.
static struct {
    uint8_t address[16];
    bool used;
    bool waiting; // to be told
    uint64_t told_us;
} wanted[TUNNEL6_WANTED];

int tunnel6_init(const struct tunnel6_sides *both) {
    if (sides != NULL) {
        return 0;
    }
    int result = engine_signal_init(&signal);
    if (result == 0) {
        sides = both;
    }
    return result;
}

static void forget_wanted(void) {
    memset(wanted, 0, sizeof(wanted));
    engine_signal_clear(&signal);
}

static struct tunnel6_peer *find_peer(const uint8_t address[16]) {
    for (size_t i = 0; i < TUNNEL6_PEERS; ++i) {
        if (peers[i].used && memcmp(peers[i].address, address, 16) == 0) {
            return &peers[i];
        }
    }
    return NULL;
}

/// Where a client of PubTSP may be reached straight. False: by the server alone.
static bool direct_peer(const uint8_t address[16], struct inner_v4 *v4) {
    return inner_direct_peer(address, own, &prefixes, v4)
        && memcmp(v4->address, server + 12, 4) != 0;
}

// ---------------------------------------------------------------------------------------------
// In

static bool leave_to_python(void) {
    ++count.queued;
    return false;
}

static void pass_on(const uint8_t *packet, size_t length, uint32_t *counter) {
    ++*(sides->input(packet, length) ? counter : &count.dropped);
}

static bool receive_from_server(const uint8_t *packet, size_t length) {
    int kind = inner_icmpv6_type(packet, length);
    if (kind == INNER_ECHO_REPLY && memcmp(packet + 8, keepalive, 16) == 0) {
        return leave_to_python(); // whatever its destination: a NAT may have changed it (6.5)
    }
    if (!inner_from_server(packet, own)) {
        ++count.foreign;
    } else if (inner_is_discovery(packet)) {
        ++count.discovery;
    } else if (inner_is_hint(packet, length, own) || inner_is_probe(packet, length)) {
        return leave_to_python();
    } else {
        pass_on(packet, length, &count.received_server);
    }
    return true;
}

static bool receive_from_stranger(
    const uint8_t *packet, size_t length, const uint8_t peer[16], uint16_t port) {
    struct inner_v4 v4;
    if (!net6_is_v4_mapped(peer) || !direct_peer(packet + 8, &v4)
        || memcmp(v4.address, peer + 12, 4) != 0 || v4.port != port
        || !inner_from_peer(packet, length, own)) {
        ++count.strangers;
        return true;
    }
    if (inner_is_probe(packet, length)) {
        return leave_to_python();
    }
    if (inner_is_discovery(packet)) {
        ++count.discovery;
        return true;
    }
    struct tunnel6_peer *known = find_peer(packet + 8);
    if (known != NULL) {
        ++known->received;
    }
    pass_on(packet, length, &count.received_direct);
    return true;
}

bool tunnel6_receive(void *arg, const uint8_t *data, size_t length, const struct net6_meta *meta) {
    (void)arg;
    if (length == 0) {
        ++count.keepalives;
        return true;
    }
    if (data[0] >> 4 == INNER_SIGNALLING) {
        return leave_to_python();
    }
    length = inner_cut(data, length);
    if (length == 0) {
        ++count.malformed;
        return true;
    }
    if (!up) {
        ++count.foreign;
        return true;
    }
    if (meta->peer_port == server_port && memcmp(meta->peer, server, 16) == 0) {
        return receive_from_server(data, length);
    }
    return receive_from_stranger(data, length, meta->peer, meta->peer_port);
}

// ---------------------------------------------------------------------------------------------
// Out

/// A destination that might be reached straight: Python is told, now and then.
static void note_wanted(const uint8_t address[16]) {
    struct inner_v4 v4;
    if (!direct_peer(address, &v4)) {
        return;
    }
    size_t at = TUNNEL6_WANTED; // the free place, or that of who was told longest ago
    for (size_t i = 0; i < TUNNEL6_WANTED; ++i) {
        if (wanted[i].used && memcmp(wanted[i].address, address, 16) == 0) {
            if (wanted[i].waiting
                || engine_time_us() - wanted[i].told_us < TUNNEL6_WANTED_AGAIN_US) {
                return;
            }
            at = i;
            break;
        }
        if (!wanted[i].waiting
            && (at == TUNNEL6_WANTED
                || (wanted[at].used
                    && (!wanted[i].used || wanted[i].told_us < wanted[at].told_us)))) {
            at = i;
        }
    }
    if (at == TUNNEL6_WANTED) {
        return; // eight wait already
    }
    memcpy(wanted[at].address, address, 16);
    wanted[at].used = wanted[at].waiting = true;
    engine_signal_raise(&signal);
}

int tunnel6_output(const uint8_t *packet, size_t length) {
    int result = -EHOSTUNREACH;
    if (!up || length == 0 || inner_cut(packet, length) != length
        || memcmp(packet + 8, own, 16) != 0 || !inner_may_leave(packet)) {
        goto out;
    }
    uint8_t traffic_class = inner_traffic_class(packet);
    struct tunnel6_peer *peer = find_peer(packet + 24);
    if (peer != NULL) {
        result = sides->send(packet, length, peer->peer, peer->port, traffic_class);
        if (result == 0) {
            ++peer->sent;
            ++count.sent_direct;
        }
    } else {
        if (prefixes.count > 0) {
            note_wanted(packet + 24);
        }
        result = sides->send(packet, length, server, server_port, traffic_class);
        if (result == 0) {
            ++count.sent_server;
        }
    }
out:
    if (result < 0) {
        ++count.not_sent;
    }
    return result;
}

// ---------------------------------------------------------------------------------------------
// What Python says and asks

void tunnel6_configure(const uint8_t *address, const uint8_t new_server[16], uint16_t port,
    const uint8_t new_keepalive[16]) {
    engine_enter();
    if (address == NULL || !up || memcmp(address, own, 16) != 0) {
        memset(peers, 0, sizeof(peers));
        forget_wanted();
    }
    up = address != NULL;
    if (up) {
        memcpy(own, address, 16);
        memcpy(server, new_server, 16);
        memcpy(keepalive, new_keepalive, 16);
        server_port = port;
    }
    engine_exit();
}

int tunnel6_set_prefixes(const uint8_t (*list)[8], size_t number, enum tunnel6_martians martians) {
    if (number > TUNNEL6_PREFIXES) {
        return -E2BIG;
    }
    engine_enter();
    prefixes.count = number;
    prefixes.martians = martians;
    for (size_t i = 0; i < number; ++i) {
        memcpy(prefixes.list[i], list[i], 8);
    }
    for (size_t i = 0; i < TUNNEL6_PEERS; ++i) {
        if (peers[i].used && !inner_is_known(peers[i].address, &prefixes)) {
            peers[i].used = false;
        }
    }
    forget_wanted();
    engine_exit();
    return 0;
}

int tunnel6_set_peer(const uint8_t address[16], const uint8_t *peer, uint16_t port) {
    int result = 0;
    engine_enter();
    struct tunnel6_peer *entry = find_peer(address);
    if (peer == NULL) {
        if (entry != NULL) {
            entry->used = false;
        }
        goto out;
    }
    struct inner_v4 v4;
    if (!up || !direct_peer(address, &v4) || !net6_is_v4_mapped(peer)
        || memcmp(v4.address, peer + 12, 4) != 0 || v4.port != port) {
        result = -EACCES;
        goto out;
    }
    for (size_t i = 0; i < TUNNEL6_PEERS && entry == NULL; ++i) {
        if (!peers[i].used) {
            entry = &peers[i];
        }
    }
    if (entry == NULL) {
        result = -ENOBUFS;
        goto out;
    }
    memset(entry, 0, sizeof(*entry));
    memcpy(entry->address, address, 16);
    memcpy(entry->peer, peer, 16);
    entry->port = port;
    entry->used = true;
out:
    engine_exit();
    return result;
}

size_t tunnel6_peers(struct tunnel6_peer list[TUNNEL6_PEERS]) {
    size_t number = 0;
    engine_enter();
    for (size_t i = 0; i < TUNNEL6_PEERS; ++i) {
        if (peers[i].used) {
            list[number++] = peers[i];
        }
    }
    engine_exit();
    return number;
}

size_t tunnel6_wanted(uint8_t list[TUNNEL6_WANTED][16]) {
    size_t number = 0;
    engine_enter();
    for (size_t i = 0; i < TUNNEL6_WANTED; ++i) {
        if (wanted[i].waiting) {
            memcpy(list[number++], wanted[i].address, 16);
            wanted[i].waiting = false;
            wanted[i].told_us = engine_time_us();
        }
    }
    engine_signal_clear(&signal);
    engine_exit();
    return number;
}

engine_signal *tunnel6_signal(void) {
    return &signal;
}

void tunnel6_count(struct tunnel6_counters *counters) {
    engine_enter();
    *counters = count;
    engine_exit();
}

void tunnel6_reset(void) {
    engine_enter();
    up = false;
    memset(peers, 0, sizeof(peers));
    memset(&prefixes, 0, sizeof(prefixes));
    if (sides != NULL) {
        forget_wanted();
    }
    engine_exit();
}
