// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Where a packet leaves: by the daemon's table of next hops, else by the kernel's routes, which
// answer a program only where the interface forwards.

#ifndef SIPROXY64_ROUTE_H
#define SIPROXY64_ROUTE_H

#include "headers.h"

#define AF_INET 2
#define AF_INET6 10
#define SAFE 1280 // octets of a packet that needs no look at the MTU

// Return 0 with a hop found, -1: to this machine, by an interface that is not ours, by a neighbour
// yet to be found, or too large for the path.
__noinline int next_hop(struct xdp_md *ctx, const struct direction *way,
    const struct datagram *packet, struct hop *hop) {
    struct bpf_fib_lookup route = {};
    struct hop *known;
    if (!way || !packet || !hop) {
        return -1;
    }
    int to4 = is_mapped(way->destination);
    __u32 total = bpf_ntohs(packet->length) + (to4 ? 20 : 40);
    if (total <= SAFE) {
        if (to4) {
            struct key4 key = { .bits = 32, .address = way->destination[3] };
            known = bpf_map_lookup_elem(&hops4, &key);
        } else {
            struct key6 key = { .bits = 128,
                .address = { way->destination[0], way->destination[1], way->destination[2],
                    way->destination[3] } };
            known = bpf_map_lookup_elem(&hops6, &key);
        }
        if (known && known->interface) {
            *hop = *known;
            return 0;
        }
    }
    route.ifindex = ctx->ingress_ifindex;
    route.l4_protocol = IPPROTO_UDP;
    route.tot_len = total;
    route.sport = way->source_port;
    route.dport = way->destination_port;
    if (to4) {
        route.family = AF_INET;
        route.tos = packet->tclass & 0xfc;
        route.ipv4_src = way->source[3];
        route.ipv4_dst = way->destination[3];
    } else {
        route.family = AF_INET6;
        route.flowinfo = bpf_htonl((__u32)packet->tclass << 20);
        __builtin_memcpy(route.ipv6_src, way->source, 16);
        __builtin_memcpy(route.ipv6_dst, way->destination, 16);
    }
    if (bpf_fib_lookup(ctx, &route, sizeof(route), 0) != BPF_FIB_LKUP_RET_SUCCESS) {
        return -1;
    }
    __u32 interface = route.ifindex;
    if (!bpf_map_lookup_elem(&arms, &interface)) {
        return -1;
    }
    hop->interface = interface;
    __builtin_memcpy(hop->destination, route.dmac, 6);
    __builtin_memcpy(hop->source, route.smac, 6);
    return 0;
}

#endif
