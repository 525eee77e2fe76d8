// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// To the tunnel: rules D1 to D9 (section 7.3). The order of the checks is that of
// lib/pubtsp/rules.py, Rules.to_tunnel().

#ifndef PUBTSP_DOWN_H
#define PUBTSP_DOWN_H

#include "rules.h"

// D9: the whole packet in a datagram to the client.
static __always_inline int to_client(struct xdp_md *ctx, const struct settings *set,
    struct cpu *cpu, struct inner *inner, __u32 length, __u64 sum, __u32 source) {
    struct hop hop = {};
    __be32 v4 = inner->destination[2];
    __be16 port = inner->destination[3] & 0xffff;
    int found = next_hop4(ctx, set, v4, length + OUTER, &hop);
    if (found == HOP_ELSEWHERE) {
        count(COUNT_pass_route);
        return XDP_PASS;
    }
    if (found == HOP_UNKNOWN) {
        return pass(set, COUNT_received_up, COUNT_pass_route, source);
    }
    if (!is_within_rate(set, v4)) {
        return drop(COUNT_received_up, COUNT_drop_rate);
    }
    if (cut(ctx, INNER_DOWN + length) < 0 || bpf_xdp_adjust_head(ctx, -OUTER) < 0) {
        return XDP_ABORTED;
    }
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct inner *packet = data + INNER_UP;
    if (data + INNER_UP + HEADER > end) {
        return XDP_ABORTED;
    }
    __u16 before = *(__u16 *)&packet->next;
    packet->hops--; // C-8
    sum += 0xffff - before + *(__u16 *)&packet->next;
    __u8 tos = traffic_class(inner->first);
    if (!(set->flags & COPY_DSCP)) {
        tos &= 3; // ECN is always copied (RFC 6040)
    }
    COUNT_HERE(cpu, COUNT_received_up);
    COUNT_HERE(cpu, COUNT_down);
    return dress(ctx, set, cpu, &hop, v4, port, tos, length, sum);
}

static __always_inline int to_tunnel(
    struct xdp_md *ctx, const struct settings *set, struct cpu *cpu) {
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct inner inner;
    if (data + INNER_DOWN + HEADER > end) {
        return XDP_PASS;
    }
    __builtin_memcpy(&inner, data + INNER_DOWN, sizeof(inner));
    // D2: all else is not for us
    if (!is_prefix(set, inner.destination)) {
        return XDP_PASS;
    }
    // D1; octets behind the packet are Ethernet's padding
    __u32 length = HEADER + bpf_ntohs(inner.length);
    if (bpf_ntohl(inner.first) >> 28 != 6 || ETHERNET + length > bpf_xdp_get_buff_len(ctx)) {
        return drop(COUNT_received_up, COUNT_drop_D1);
    }
    if (set->flags & HAVE_DENY6 && (is_denied(inner.source) || is_denied(inner.destination))) {
        return drop(COUNT_received_up, COUNT_drop_deny);
    }
    __u32 source = inner.source[0] ^ inner.source[1] * 0x85ebca6b;
    int bad = is_bad_source(set, inner.source);
    // D3, the server itself
    if (is_own(set, inner.destination)) {
        if (bad) {
            return drop(COUNT_received_up, COUNT_drop_D3);
        }
        if (!is_echo(ctx, INNER_DOWN, length, inner.next)) {
            return pass_error(
                ctx, set, COUNT_received_up, COUNT_drop_D3, source, INNER_DOWN, &inner, 0);
        }
        return pass(set, COUNT_received_up, COUNT_pass_ping, source);
    }
    // D3, D4, D5
    int failed = judge_destination(set, &inner);
    if (failed) {
        if (bad) {
            return drop(COUNT_received_up, failed);
        }
        return pass_error(ctx, set, COUNT_received_up, failed, source, INNER_DOWN, &inner, 0);
    }
    // D6, ingress filter
    if (bad) {
        return drop(COUNT_received_up, COUNT_drop_D6);
    }
    // D7
    if (length > LARGEST) {
        return pass_error(
            ctx, set, COUNT_received_up, COUNT_drop_D7, source, INNER_DOWN, &inner, 1);
    }
    // D8
    if (inner.hops <= 1) {
        return pass_error(
            ctx, set, COUNT_received_up, COUNT_drop_D8, source, INNER_DOWN, &inner, 0);
    }
    __u64 sum = sum_of(ctx, INNER_DOWN, length);
    __be16 *udp_checksum = data + INNER_DOWN + HEADER + 6;
    int zero = 0;
    if (inner.next == IPPROTO_UDP && data + INNER_DOWN + HEADER + 8 <= end) {
        zero = *udp_checksum == 0;
    }
    if (!is_inner_right(&inner, sum, zero)) {
        return pass(set, COUNT_received_up, COUNT_pass_odd, source);
    }
    return to_client(ctx, set, cpu, &inner, length, sum, source);
}

#endif
