// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The client's end of a PubTSP tunnel (RFC 5572 profile): which datagrams are packets for us, which are
// for the engine in Python (lib/pubtsp), and where packets of ours go. Plain C without lwIP; the rules
// are those of lib/pubtsp/inner.py and packets.py. One tunnel.

#ifndef VOX6_TUNNEL6_CORE_H
#define VOX6_TUNNEL6_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "net6/net6_core.h"

#define TUNNEL6_MTU (1280) // both ways, so no path needs to be searched
#define TUNNEL6_SERVER_PORT (3653)
#define TUNNEL6_PEERS (8) // direct paths
#define TUNNEL6_PREFIXES (16) // our server's, and a configured list
#define TUNNEL6_WANTED (8) // destinations that wait to be told
#define TUNNEL6_WANTED_AGAIN_US (1000000) // a destination that was told is told again after this

// What lies on both sides; called in the engine context or within engine_enter().
struct tunnel6_sides {
    // A datagram to a v4-mapped peer, with this traffic class. 0 or a negative errno.
    int (*send)(const uint8_t *data, size_t length, const uint8_t peer[16], uint16_t port,
        uint8_t traffic_class);
    // A packet for the IPv6 stack; length octets, whole. False: it has no room.
    bool (*input)(const uint8_t *packet, size_t length);
};

struct tunnel6_counters {
    uint32_t sent_server, sent_direct;
    uint32_t received_server, received_direct; // given to the IPv6 stack
    uint32_t dropped; // for which the IPv6 stack had no room
    uint32_t queued; // left to Python
    uint32_t foreign; // section 6.4: not to us, or a source that cannot be; or no tunnel
    uint32_t malformed; // lengths, or neither signalling nor IPv6
    uint32_t strangers; // neither the server nor a client who passes the check of section 12
    uint32_t discovery; // Redirects and other neighbour discovery, which ends at a link
    uint32_t keepalives; // empty datagrams
    uint32_t not_sent; // packets that may not leave, or that the socket refused
};

struct tunnel6_peer {
    uint8_t address[16];
    uint8_t peer[16]; // v4-mapped
    uint16_t port;
    bool used;
    uint32_t sent, received; // straight, since it was set
};

// Which IPv4 addresses a stranger may have (pubtsp.md section 7.4): any, or by policy.
enum tunnel6_martians {
    TUNNEL6_ANY,
    TUNNEL6_STRICT,
    TUNNEL6_PRIVATE, // RFC 1918 and 100.64/10 count as public
    TUNNEL6_LAB, // documentation prefixes count as public
};

// Once, before all others; again: nothing. 0 or a negative errno.
int tunnel6_init(const struct tunnel6_sides *sides);

// A datagram for the tunnel's endpoint (a net6_receiver). True: it is consumed; false: it is Python's.
bool tunnel6_receive(void *arg, const uint8_t *data, size_t length, const struct net6_meta *meta);

// A packet of our IPv6 stack, by a direct path or by the server. Engine context or within
// engine_enter(). 0 or a negative errno.
int tunnel6_output(const uint8_t *packet, size_t length);

// VM context, all below; each takes engine_enter() itself.

// Up with this address; NULL: down. Another address forgets peers and wanted destinations.
void tunnel6_configure(
    const uint8_t *address, const uint8_t server[16], uint16_t port, const uint8_t keepalive[16]);
// Known PubTSP prefixes; none: no direct paths. Peers outside are forgotten. -E2BIG.
int tunnel6_set_prefixes(
    const uint8_t (*prefixes)[8], size_t count, enum tunnel6_martians martians);
// The direct path to address is peer (v4-mapped) and port; NULL: by the server again. -EACCES: they
// are not what the address says (the egress check); -ENOBUFS: 8 are set.
int tunnel6_set_peer(const uint8_t address[16], const uint8_t *peer, uint16_t port);
size_t tunnel6_peers(struct tunnel6_peer peers[TUNNEL6_PEERS]);
// Takes the destinations for which a direct path might be found.
size_t tunnel6_wanted(uint8_t wanted[TUNNEL6_WANTED][16]);
engine_signal *tunnel6_signal(void); // raised while tunnel6_wanted() has something
void tunnel6_count(struct tunnel6_counters *counters);
// As after tunnel6_init(), but for the counters.
void tunnel6_reset(void);

#endif
