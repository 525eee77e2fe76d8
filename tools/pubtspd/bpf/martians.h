// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Which addresses may stand behind a tunnel (section 7.4), which are the IPv6 Internet's (U6, D6).

#ifndef PUBTSP_MARTIANS_H
#define PUBTSP_MARTIANS_H

#include "parsing.h"

#define IS_IN(v4, network, bits) (((v4) ^ (network)) >> (32 - (bits)) == 0)

// Return whether an IPv4 address, in the machine's order, is public unicast (RFC 6890).
__noinline int is_public(__u32 v4, __u32 flags) {
    __u32 first = v4 >> 24;
    if (first == 0 || first == 127 || first >= 224) {
        return 0;
    }
    if (IS_IN(v4, 0xc0000000, 24) || IS_IN(v4, 0xc0586300, 24) || IS_IN(v4, 0xc6120000, 15)
        || IS_IN(v4, 0xa9fe0000, 16)) {
        return 0;
    }
    if (first == 10 || IS_IN(v4, 0x64400000, 10) || IS_IN(v4, 0xac100000, 12)
        || IS_IN(v4, 0xc0a80000, 16)) {
        return (flags & MARTIANS_PRIVATE) != 0;
    }
    if (IS_IN(v4, 0xc0000200, 24) || IS_IN(v4, 0xc6336400, 24) || IS_IN(v4, 0xcb007100, 24)) {
        return (flags & MARTIANS_LAB) != 0;
    }
    return 1;
}

// Return whether an IPv4 address belongs to a PubTSP server: this one or another.
static __always_inline int is_server(const struct settings *set, __be32 v4) {
    if (v4 == set->service) {
        return 1;
    }
    return set->flags & HAVE_SERVERS && bpf_map_lookup_elem(&servers, &v4);
}

// Return whether a client may have this IPv4 address and port (U1, D4).
__noinline int is_usable(const struct settings *set, __be32 v4, __u32 port) {
    struct key4 key = { .bits = 32, .address = v4 };
    if (!set || port < set->ports_min || port == SERVER_PORT) {
        return 0;
    }
    if (!is_public(bpf_ntohl(v4), set->flags)) {
        return 0;
    }
    if (set->flags & HAVE_DENY4 && bpf_map_lookup_elem(&deny4, &key)) {
        return 0;
    }
    return !(set->flags & HAVE_ALLOW4) || bpf_map_lookup_elem(&allow4, &key) != 0;
}

static __always_inline int is_denied(const __be32 *address) {
    struct key6 key = { .bits = 128,
        .address = { address[0], address[1], address[2], address[3] } };
    return bpf_map_lookup_elem(&deny6, &key) != 0;
}

static __always_inline int is_prefix(const struct settings *set, const __be32 *address) {
    return address[0] == set->prefix[0] && address[1] == set->prefix[1];
}

// Return whether an IPv4 address inside an IPv6 one makes it unreachable from here (RFC 6324).
static __always_inline int is_bad_inside(const struct settings *set, __u32 v4) {
    return is_server(set, bpf_htonl(v4)) || !is_public(v4, set->flags);
}

// Return whether a destination outside our prefix is none of the IPv6 Internet's (U6).
static __always_inline int is_forbidden(const struct settings *set, const __be32 *address) {
    __u32 a = bpf_ntohl(address[0]);
    __u32 b = bpf_ntohl(address[1]);
    __u32 c = bpf_ntohl(address[2]);
    __u32 d = bpf_ntohl(address[3]);
    __u32 first = a >> 24;
    if (first == 0) {
        if (a == 0 && b == 0 && (c == 0 || c == 0xffff)) { // ::/96, ::ffff:0:0/96
            return 1;
        }
        if (a == 0x0064ff9b && ((b == 0 && c == 0) || b >> 16 == 1)) { // RFC 6052, RFC 8215
            return !(set->flags & ALLOW_NAT64);
        }
        return 0;
    }
    if (first >= 0xfc) {
        if (first == 0xff || (first == 0xfe && a & 0x800000)) {
            return 1;
        }
        return first < 0xfe && !(set->flags & ALLOW_ULA);
    }
    if (a == 0x20010db8) {
        return !(set->flags & MARTIANS_LAB);
    }
    if (a >> 16 == 0x2002) { // 6to4
        return is_bad_inside(set, a << 16 | b >> 16);
    }
    if (a == 0x20010000) { // Teredo: its server, its client
        return is_bad_inside(set, b) || is_bad_inside(set, ~d);
    }
    return 0;
}

// Return whether no packet of the IPv6 side may come from there (D6, RFC 2827).
static __always_inline int is_bad_source(const struct settings *set, const __be32 *address) {
    __u32 a = bpf_ntohl(address[0]);
    __u32 first = a >> 24;
    if (is_prefix(set, address)) {
        return 1;
    }
    if (first == 0) {
        __u32 c = bpf_ntohl(address[2]);
        if (a != 0 || address[1] != 0) {
            return 0;
        }
        return c == 0xffff || (c == 0 && bpf_ntohl(address[3]) < 2);
    }
    if (first < 0xfc) {
        return 0;
    }
    if (first == 0xff || a >> 22 == 0xfe80 >> 6) {
        return 1;
    }
    return first < 0xfe && !(set->flags & ALLOW_ULA);
}

#endif
