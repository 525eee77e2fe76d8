// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The media relay as one XDP program: of a stream whose far ends are known, what the locked peer
// sends leaves from the other side at once. All else goes unchanged to the kernel and so to the
// sockets of the portable plane (README.md).

#include "checksum.h"
#include "route.h"

// For the daemon: it takes the names from here, and no object of another layout.
#define NAME(name) #name,
const char counter_names[][16] = { COUNTERS(NAME) };
#undef NAME
const __u32 layout_version = LAYOUT_VERSION;

static __always_inline void count(struct cpu *cpu, __u32 slot, __be16 length) {
    struct traffic *traffic = bpf_map_lookup_elem(&slots, &slot);
    if (traffic) {
        traffic->packets++;
        traffic->octets += bpf_ntohs(length) - 8;
        traffic->last = bpf_ktime_get_coarse_ns();
    }
    cpu->counters[COUNT_relayed]++;
}

static __always_inline int is_peer(const struct direction *way, const struct datagram *packet) {
    return way->peer[3] == packet->from[3] && way->peer[2] == packet->from[2]
        && way->peer[1] == packet->from[1] && way->peer[0] == packet->from[0]
        && way->peer_port == packet->from_port;
}

// Write a datagram anew for the other side. From here on the frame is no longer what it was.
static __always_inline int relay(struct xdp_md *ctx, const struct arm *arm, struct cpu *cpu,
    const struct direction *way, const struct datagram *packet, const struct hop *hop) {
    int to4 = is_mapped(way->destination);
    int padding = bpf_xdp_get_buff_len(ctx) - packet->head - bpf_ntohs(packet->length);
    int less = (int)packet->head - (to4 ? HEAD4 : HEAD6);
    if (padding > 0 && bpf_xdp_adjust_tail(ctx, -padding) < 0) {
        return XDP_ABORTED;
    }
    if (less && bpf_xdp_adjust_head(ctx, less) < 0) {
        return XDP_ABORTED;
    }
    if ((to4 ? write4(ctx, way, packet, hop) : write6(ctx, way, packet, hop)) < 0) {
        return XDP_ABORTED;
    }
    count(cpu, way->slot, packet->length);
    if (hop->interface == ctx->ingress_ifindex && !(arm->flags & NO_TX)) {
        return XDP_TX;
    }
    return bpf_redirect(hop->interface, 0);
}

SEC("xdp")
int siproxy64(struct xdp_md *ctx) {
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct ethhdr *ethernet = data;
    struct datagram packet = {};
    struct hop hop = {};
    __u32 interface = ctx->ingress_ifindex;
    struct arm *arm = bpf_map_lookup_elem(&arms, &interface);
    struct cpu *cpu = this_cpu();
    if (!arm || !cpu || data + ETHERNET > end
        || *(__u32 *)ethernet->h_dest != *(__u32 *)arm->address
        || *(__u16 *)(ethernet->h_dest + 4) != *(__u16 *)(arm->address + 4)) {
        return XDP_PASS;
    }
    if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
        if (!read4(ctx, &packet)) {
            return XDP_PASS;
        }
    } else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
        if (!read6(ctx, &packet)) {
            return XDP_PASS;
        }
    } else {
        return XDP_PASS;
    }
    struct direction *way = bpf_map_lookup_elem(&directions, &packet.to);
    if (!way) {
        return XDP_PASS;
    }
    if (!is_peer(way, &packet)) {
        return pass(COUNT_pass_peer);
    }
    if (packet.is_odd || packet.hops <= 1 || bpf_ntohs(packet.length) < 8) {
        return pass(COUNT_pass_odd);
    }
    if (next_hop(ctx, way, &packet, &hop) < 0) {
        return pass(COUNT_pass_route);
    }
    if (renew(ctx, arm, way, &packet) < 0) {
        return pass(COUNT_pass_checksum);
    }
    return relay(ctx, arm, cpu, way, &packet, &hop);
}

char license_name[] SEC("license") = "GPL";
