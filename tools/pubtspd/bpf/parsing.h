// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Headers of both sides, and the walk through IPv6's extension headers.

#ifndef PUBTSP_PARSING_H
#define PUBTSP_PARSING_H

#include <linux/in.h>
#include "layout.h"

#define ETHERNET 14
#define OUTER 28                    // IPv4 and UDP
#define INNER_UP (ETHERNET + OUTER) // where the packet stands in a datagram
#define INNER_DOWN ETHERNET         // and on the IPv6 side
#define HEADER 40                   // of IPv6
#define SERVER_PORT 3653

struct ethernet {
    __u8 destination[6];
    __u8 source[6];
    __be16 type;
};

struct outer {
    __u8 version_length;
    __u8 tos;
    __be16 total;
    __be16 id;
    __be16 fragment;
    __u8 ttl;
    __u8 protocol;
    __be16 checksum;
    __be32 source;
    __be32 destination;
    __be16 source_port;
    __be16 destination_port;
    __be16 length;
    __be16 udp_checksum;
};

struct inner {
    __be32 first; // version, traffic class, flow label
    __be16 length;
    __u8 next;
    __u8 hops;
    __be32 source[4];
    __be32 destination[4];
};

enum {
    HOP_BY_HOP = 0,
    ROUTING = 43,
    FRAGMENT = 44,
    ICMPV6 = 58,
    DESTINATION_OPTIONS = 60,
};

#define MAX_EXTENSIONS 6 // as lib/pubtsp's ipv6.upper_layer()

// Results of upper_layer() besides a next header in bits 0..7 and its offset from bit 8 on.
#define LATER (1 << 28)  // a fragment that is not the first: nothing behind it is known
#define BROKEN (1 << 29) // malformed, or a Routing Header type 0

static __always_inline int is_extension(__u32 kind) {
    return kind == HOP_BY_HOP || kind == ROUTING || kind == FRAGMENT
        || kind == DESTINATION_OPTIONS;
}

// Walk the extension headers. base: where the packet stands in the frame; length: its octets;
// kind: next header of its IPv6 header.
__noinline __u32 upper_layer(struct xdp_md *ctx, __u32 base, __u32 length, __u32 kind) {
    __u32 at = HEADER;
#pragma unroll
    for (int i = 0; i <= MAX_EXTENSIONS; i++) {
        __u8 head[4];
        if (!is_extension(kind)) {
            return at << 8 | kind;
        }
        if (at + 8 > length || bpf_xdp_load_bytes(ctx, base + at, head, sizeof(head)) < 0) {
            return BROKEN;
        }
        if (kind == ROUTING && head[2] == 0) { // RFC 5095
            return BROKEN;
        }
        if (kind == FRAGMENT) {
            if (head[2] || head[3] & 0xf8) {
                return LATER | (at + 8) << 8 | head[0];
            }
            at += 8;
        } else {
            at += 8 + 8 * head[1];
        }
        kind = head[0];
    }
    return BROKEN;
}

// Return whether a packet is an ICMPv6 error or Redirect, which no error may answer.
__noinline int is_error(struct xdp_md *ctx, __u32 base, __u32 length, __u32 kind) {
    __u32 found = upper_layer(ctx, base, length, kind);
    __u32 at = found >> 8;
    __u8 type;
    if (found & (LATER | BROKEN) || (found & 0xff) != ICMPV6) {
        return 0;
    }
    if (at >= length || bpf_xdp_load_bytes(ctx, base + at, &type, 1) < 0) {
        return 1;
    }
    return type < 128 || type == 137;
}

// Return whether a packet is an ICMPv6 Echo Request, all of it or the first fragment.
__noinline int is_echo(struct xdp_md *ctx, __u32 base, __u32 length, __u32 kind) {
    __u32 found = upper_layer(ctx, base, length, kind);
    __u32 at = found >> 8;
    __u8 type;
    if (found & (LATER | BROKEN) || (found & 0xff) != ICMPV6 || at >= length) {
        return 0;
    }
    return bpf_xdp_load_bytes(ctx, base + at, &type, 1) == 0 && type == 128;
}

static __always_inline __u8 traffic_class(__be32 first) {
    return bpf_ntohl(first) >> 20;
}

#endif
