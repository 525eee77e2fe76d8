// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The client's rules for packets as pure functions: lib/pubtsp/inner.py in C, name by name where it can
// be (pubtsp.md sections 6.4 and 12). packet is a whole IPv6 packet as inner_cut() found it.

#ifndef VOX6_TUNNEL6_INNER_H
#define VOX6_TUNNEL6_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel6/tunnel6_core.h"

#define INNER_SIGNALLING (0xf) // high nibble of TSP (C-1)
#define INNER_ECHO_REPLY (129)

struct inner_v4 {
    uint8_t address[4];
    uint16_t port;
};

struct inner_prefixes {
    uint8_t list[TUNNEL6_PREFIXES][8];
    size_t count;
    enum tunnel6_martians martians;
};

// Length of the packet in a datagram of so many octets, without what stands behind it; 0: lengths do
// not fit, too long, a jumbogram, or not IPv6 (U3).
size_t inner_cut(const uint8_t *data, size_t length);

// Whether a packet that the server sent is for us: our address, a source that can be (section 6.4).
bool inner_from_server(const uint8_t *packet, const uint8_t own[16]);

// Whether a packet is for us and, if it is a probe, comes from no router. That its source is
// where the datagram came from is the caller's check, by inner_direct_peer().
bool inner_from_peer(const uint8_t *packet, size_t length, const uint8_t own[16]);

// IPv4 and port behind an address, if it is a client's in a known prefix and not ours.
bool inner_direct_peer(const uint8_t address[16], const uint8_t own[16],
    const struct inner_prefixes *prefixes, struct inner_v4 *v4);

bool inner_is_known(const uint8_t address[16], const struct inner_prefixes *prefixes);
bool inner_is_public(const uint8_t v4[4], enum tunnel6_martians martians);

// Type of the ICMPv6 message right behind the header, -1 for other packets.
int inner_icmpv6_type(const uint8_t *packet, size_t length);

// A probe of a direct path or the reply to one, with a good checksum.
bool inner_is_probe(const uint8_t *packet, size_t length);

// ICMPv6 1/5 that quotes a packet of ours: the server wants us to ask anew.
bool inner_is_hint(const uint8_t *packet, size_t length, const uint8_t own[16]);

// Neighbour discovery, Redirects among it: of one link, so never of a tunnel.
bool inner_is_discovery(const uint8_t *packet);

// Whether the destination may be outside: not multicast, of one link, loopback or unspecified.
bool inner_may_leave(const uint8_t *packet);

uint8_t inner_traffic_class(const uint8_t *packet);

#endif
