// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Where a packet leaves, and how it is dressed for that.

#ifndef PUBTSP_FORWARD_H
#define PUBTSP_FORWARD_H

#include "buckets.h"
#include "checksum.h"
#include "martians.h"

#define AF_INET 2
#define AF_INET6 10
#define HOP_LIMIT 64 // of outer datagrams

enum hop_result {
    HOP_FOUND,
    HOP_UNKNOWN, // its neighbour is to be found first, or there is no route
    HOP_ELSEWHERE, // to this machine, or by an interface that is not ours
};

// Only by the two interfaces that the daemon has named: any other may want frames of another kind.
static __always_inline int is_arm(const struct settings *set, __u32 interface) {
    return interface == set->arms[0].interface || interface == set->arms[1].interface;
}

static __always_inline enum hop_result judged(
    const struct settings *set, const struct bpf_fib_lookup *route, long result) {
    switch (result) {
        case BPF_FIB_LKUP_RET_SUCCESS:
            return is_arm(set, route->ifindex) ? HOP_FOUND : HOP_ELSEWHERE;
        case BPF_FIB_LKUP_RET_NOT_FWDED:
        case BPF_FIB_LKUP_RET_FWD_DISABLED:
        case BPF_FIB_LKUP_RET_UNSUPP_LWT:
            return HOP_ELSEWHERE;
        default:
            return HOP_UNKNOWN;
    }
}

__noinline int next_hop6(
    struct xdp_md *ctx, const struct settings *set, const struct inner *inner, struct hop *hop) {
    struct bpf_fib_lookup route = {};
    if (!set || !inner || !hop) {
        return HOP_ELSEWHERE;
    }
    if (set->flags & NEXT_HOPS) {
        struct key6 key = { .bits = 128,
            .address = { inner->destination[0], inner->destination[1], inner->destination[2],
                inner->destination[3] } };
        struct hop *known = bpf_map_lookup_elem(&hops6, &key);
        if (known && known->interface) {
            *hop = *known;
            return HOP_FOUND;
        }
    }
    route.family = AF_INET6;
    route.ifindex = set->route6;
    route.flowinfo = inner->first & bpf_htonl(0x0fffffff);
    route.l4_protocol = inner->next;
    route.tot_len = HEADER + bpf_ntohs(inner->length);
    __builtin_memcpy(route.ipv6_src, inner->source, 16);
    __builtin_memcpy(route.ipv6_dst, inner->destination, 16);
    int result = judged(set, &route, bpf_fib_lookup(ctx, &route, sizeof(route), 0));
    hop->interface = route.ifindex;
    __builtin_memcpy(hop->destination, route.dmac, 6);
    __builtin_memcpy(hop->source, route.smac, 6);
    return result;
}

__noinline int next_hop4(
    struct xdp_md *ctx, const struct settings *set, __be32 v4, __u32 total, struct hop *hop) {
    struct bpf_fib_lookup route = {};
    if (!set || !hop) {
        return HOP_ELSEWHERE;
    }
    if (set->flags & NEXT_HOPS) {
        struct key4 key = { .bits = 32, .address = v4 };
        struct hop *known = bpf_map_lookup_elem(&hops4, &key);
        if (known && known->interface) {
            *hop = *known;
            return HOP_FOUND;
        }
    }
    route.family = AF_INET;
    route.ifindex = set->route4;
    route.l4_protocol = IPPROTO_UDP;
    route.tot_len = total;
    route.ipv4_src = set->service;
    route.ipv4_dst = v4;
    int result = judged(set, &route, bpf_fib_lookup(ctx, &route, sizeof(route), 0));
    hop->interface = route.ifindex;
    __builtin_memcpy(hop->destination, route.dmac, 6);
    __builtin_memcpy(hop->source, route.smac, 6);
    return result;
}

// Cut what stands behind a packet in its frame. It changes the frame: look for its end anew.
static __always_inline int cut(struct xdp_md *ctx, __u32 whole) {
    int more = bpf_xdp_get_buff_len(ctx) - whole;
    return more > 0 ? bpf_xdp_adjust_tail(ctx, -more) : 0;
}

// Hand a dressed frame to an interface.
static __always_inline int leave(
    struct xdp_md *ctx, const struct settings *set, const struct hop *hop) {
    if (hop->interface == ctx->ingress_ifindex && !(set->flags & NO_TX)) {
        return XDP_TX;
    }
    return bpf_redirect(hop->interface, 0);
}

// Write the 42 octets before a packet: Ethernet, IPv4, UDP to a client (D9). The frame has room
// for them. length: octets of the packet; sum: over them; tos: of the outer header.
static __always_inline int dress(struct xdp_md *ctx, const struct settings *set, struct cpu *cpu,
    const struct hop *hop, __be32 v4, __be16 port, __u8 tos, __u32 length, __u64 sum) {
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct ethernet *ethernet = data;
    struct outer *outer = data + ETHERNET;
    if (data + INNER_UP > end) {
        return XDP_ABORTED;
    }
    __builtin_memcpy(ethernet->destination, hop->destination, 6);
    __builtin_memcpy(ethernet->source, hop->source, 6);
    ethernet->type = bpf_htons(0x0800);
    outer->version_length = 0x45;
    outer->tos = tos;
    outer->total = bpf_htons(length + OUTER);
    // DF is clear, so that an ID must not come again soon (RFC 6864): each CPU counts its own.
    outer->id = bpf_htons(cpu->datagrams++ * set->cpus + bpf_get_smp_processor_id());
    outer->fragment = 0;
    outer->ttl = HOP_LIMIT;
    outer->protocol = IPPROTO_UDP;
    outer->checksum = 0;
    outer->source = set->service;
    outer->destination = v4;
    outer->source_port = bpf_htons(SERVER_PORT);
    outer->destination_port = port;
    outer->length = bpf_htons(length + 8);
    outer->udp_checksum = 0;
    outer->checksum = ~sum_ipv4(outer);
    __u16 checksum = ~folded(folded(sum) + sum_udp(outer));
    outer->udp_checksum = checksum ? checksum : 0xffff; // 0 says that there is none
    return leave(ctx, set, hop);
}

#endif
