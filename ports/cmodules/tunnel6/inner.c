// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "tunnel6/inner.h"

#include <string.h>

#define HEADER (40)
#define HOP_BY_HOP (0)
#define ICMPV6 (58)
#define UNREACHABLE (1)
#define POLICY (5) // code of it: source address failed ingress/egress policy
#define ECHO_REQUEST (128)
#define ROUTER_SOLICITATION (133)
#define REDIRECT (137)
#define PROBE (HEADER + 8 + 16)
#define PROBE_HOP_LIMIT (255)

static const uint8_t magic[8] = "PubTSPdp";

size_t inner_cut(const uint8_t *data, size_t length) {
    if (length < HEADER || data[0] >> 4 != 6) {
        return 0;
    }
    size_t whole = HEADER + (size_t)(data[4] << 8 | data[5]);
    if (whole > length || whole > TUNNEL6_MTU) {
        return 0;
    }
    if (whole == HEADER && data[6] == HOP_BY_HOP) {
        return 0; // a jumbogram
    }
    return whole;
}

static bool is_multicast(const uint8_t address[16]) {
    return address[0] == 0xff;
}

static bool is_link_local(const uint8_t address[16]) {
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

// :: and ::1
static bool is_nobody(const uint8_t address[16]) {
    return net6_is_unspecified(address) || net6_is_loopback(address);
}

bool inner_from_server(const uint8_t *packet, const uint8_t own[16]) {
    const uint8_t *source = packet + 8;
    return memcmp(packet + 24, own, 16) == 0 && memcmp(source, own, 16) != 0
        && !is_multicast(source) && !is_link_local(source) && !is_nobody(source);
}

bool inner_from_peer(const uint8_t *packet, size_t length, const uint8_t own[16]) {
    return memcmp(packet + 24, own, 16) == 0
        && (!inner_is_probe(packet, length) || packet[7] == PROBE_HOP_LIMIT);
}

bool inner_is_known(const uint8_t address[16], const struct inner_prefixes *prefixes) {
    for (size_t i = 0; i < prefixes->count; ++i) {
        if (memcmp(prefixes->list[i], address, 8) == 0) {
            return true;
        }
    }
    return false;
}

bool inner_direct_peer(const uint8_t address[16], const uint8_t own[16],
    const struct inner_prefixes *prefixes, struct inner_v4 *v4) {
    if (!inner_is_known(address, prefixes) || memcmp(address, own, 16) == 0) {
        return false;
    }
    memcpy(v4->address, address + 8, 4);
    v4->port = (uint16_t)(address[12] << 8 | address[13]);
    return v4->port >= 1024 && v4->port != TUNNEL6_SERVER_PORT
        && inner_is_public(v4->address, prefixes->martians);
}

struct range {
    uint32_t first;
    uint8_t bits;
};

static bool within(uint32_t value, const struct range *ranges, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if ((value ^ ranges[i].first) >> (32 - ranges[i].bits) == 0) {
            return true;
        }
    }
    return false;
}

#define WITHIN(value, ranges) within(value, ranges, sizeof(ranges) / sizeof((ranges)[0]))

/// lib/pubtsp/martians.py; what no policy knows as public: 0/8, 127/8, 224/3 and the reserved ones.
bool inner_is_public(const uint8_t v4[4], enum tunnel6_martians martians) {
    static const struct range reserved[] = { { 0xc0000000, 24 }, { 0xc0586300, 24 },
        { 0xc6120000, 15 }, { 0xa9fe0000, 16 } };
    static const struct range private[] = { { 0x0a000000, 8 }, { 0x64400000, 10 },
        { 0xac100000, 12 }, { 0xc0a80000, 16 } };
    static const struct range documentation[] = { { 0xc0000200, 24 }, { 0xc6336400, 24 },
        { 0xcb007100, 24 } };
    uint32_t value = (uint32_t)v4[0] << 24 | (uint32_t)v4[1] << 16 | (uint32_t)v4[2] << 8 | v4[3];
    if (v4[0] == 0 || v4[0] == 127 || v4[0] >= 224) {
        return false;
    }
    if (martians == TUNNEL6_ANY) {
        return true;
    }
    if (WITHIN(value, reserved)) {
        return false;
    }
    if (WITHIN(value, private)) {
        return martians == TUNNEL6_PRIVATE;
    }
    return !WITHIN(value, documentation) || martians == TUNNEL6_LAB;
}

int inner_icmpv6_type(const uint8_t *packet, size_t length) {
    return packet[6] == ICMPV6 && length >= HEADER + 8 ? packet[HEADER] : -1;
}

/// RFC 8200 section 8.1, over a packet whose payload is one ICMPv6 message.
static bool has_good_checksum(const uint8_t *packet, size_t length) {
    uint32_t sum = (uint32_t)(length - HEADER) + ICMPV6;
    for (size_t i = 8; i < length; i += 2) {
        sum += (uint32_t)(packet[i] << 8) + (i + 1 < length ? packet[i + 1] : 0);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

bool inner_is_probe(const uint8_t *packet, size_t length) {
    return packet[6] == ICMPV6 && length == PROBE
        && (packet[HEADER] == ECHO_REQUEST || packet[HEADER] == INNER_ECHO_REPLY)
        && memcmp(packet + HEADER + 8, magic, sizeof(magic)) == 0
        && has_good_checksum(packet, length);
}

bool inner_is_hint(const uint8_t *packet, size_t length, const uint8_t own[16]) {
    const uint8_t *quoted = packet + HEADER + 8;
    return inner_icmpv6_type(packet, length) == UNREACHABLE && packet[HEADER + 1] == POLICY
        && length >= HEADER + 8 + 24 && quoted[0] >> 4 == 6 && memcmp(quoted + 8, own, 16) == 0;
}

bool inner_is_discovery(const uint8_t *packet) {
    size_t length = HEADER + (size_t)(packet[4] << 8 | packet[5]);
    return packet[6] == ICMPV6 && length > HEADER && packet[HEADER] >= ROUTER_SOLICITATION
        && packet[HEADER] <= REDIRECT;
}

bool inner_may_leave(const uint8_t *packet) {
    const uint8_t *destination = packet + 24;
    return !is_multicast(destination) && !is_link_local(destination) && !is_nobody(destination);
}

uint8_t inner_traffic_class(const uint8_t *packet) {
    return (uint8_t)((packet[0] & 0x0f) << 4 | packet[1] >> 4);
}
