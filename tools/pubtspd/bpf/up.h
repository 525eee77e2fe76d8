// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// From the tunnel: rules U1 to U10 (section 7.2). The order of the checks is that of
// lib/pubtsp/rules.py, Rules.from_tunnel().

#ifndef PUBTSP_UP_H
#define PUBTSP_UP_H

#include "rules.h"

// U9: out again to another client, behind another outer header.
static __always_inline int hairpin(struct xdp_md *ctx, const struct settings *set, struct cpu *cpu,
    struct inner *inner, __u32 length, __u64 sum) {
    struct hop hop = {};
    __be32 to = inner->destination[2];
    __be16 port = inner->destination[3] & 0xffff;
    int found = next_hop4(ctx, set, to, length + OUTER, &hop);
    if (found == HOP_ELSEWHERE) {
        count(COUNT_pass_route);
        return XDP_PASS;
    }
    if (found == HOP_UNKNOWN) {
        return pass(set, COUNT_received, COUNT_pass_route, inner->source[2]);
    }
    if (!is_within_rate(set, inner->source[2])) {
        return drop(COUNT_received, COUNT_drop_rate);
    }
    if (cut(ctx, INNER_UP + length) < 0) {
        return XDP_ABORTED;
    }
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct inner *packet = data + INNER_UP;
    if (data + INNER_UP + HEADER > end) {
        return XDP_ABORTED;
    }
    sum += 0xffff - folded(packet->first) + 0xffff - *(__u16 *)&packet->next;
    packet->first = inner->first; // ECN
    packet->hops--;               // C-8
    sum += folded(packet->first) + *(__u16 *)&packet->next;
    __u8 tos = traffic_class(inner->first);
    if (!(set->flags & COPY_DSCP)) {
        tos &= 3;
    }
    COUNT_HERE(cpu, COUNT_received);
    COUNT_HERE(cpu, COUNT_down);
    return dress(ctx, set, cpu, &hop, to, port, tos, length, sum);
}

// U10: to the IPv6 side.
static __always_inline int to_internet(struct xdp_md *ctx, const struct settings *set,
    struct cpu *cpu, struct inner *inner, __u32 length) {
    struct hop hop = {};
    int found = next_hop6(ctx, set, inner, &hop);
    if (found == HOP_ELSEWHERE) {
        count(COUNT_pass_route);
        return XDP_PASS;
    }
    if (found == HOP_UNKNOWN) {
        return pass(set, COUNT_received, COUNT_pass_route, inner->source[2]);
    }
    if (!is_within_rate(set, inner->source[2])) {
        return drop(COUNT_received, COUNT_drop_rate);
    }
    if (cut(ctx, INNER_UP + length) < 0 || bpf_xdp_adjust_head(ctx, OUTER) < 0) {
        return XDP_ABORTED;
    }
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct ethernet *ethernet = data;
    struct inner *packet = data + INNER_DOWN;
    if (data + INNER_DOWN + HEADER > end) {
        return XDP_ABORTED;
    }
    __builtin_memcpy(ethernet->destination, hop.destination, 6);
    __builtin_memcpy(ethernet->source, hop.source, 6);
    ethernet->type = bpf_htons(0x86dd);
    packet->first = inner->first;
    packet->hops = inner->hops - 1;
    COUNT_HERE(cpu, COUNT_received);
    COUNT_HERE(cpu, COUNT_up);
    return leave(ctx, set, &hop);
}

static __always_inline int from_tunnel(
    struct xdp_md *ctx, const struct settings *set, struct cpu *cpu) {
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct outer *outer = data + ETHERNET;
    __u8 *nibble = data + INNER_UP;
    struct inner inner;
    if (data + INNER_UP + 1 > end) {
        return XDP_PASS; // Ethernet's shortest frame is longer
    }
    if (outer->destination != set->service || outer->protocol != IPPROTO_UDP) {
        return XDP_PASS;
    }
    __be32 v4 = outer->source;
    if (outer->version_length != 0x45 || outer->fragment & bpf_htons(0x3fff)) {
        return pass(set, COUNT_received, COUNT_pass_odd, v4);
    }
    if (outer->destination_port != bpf_htons(SERVER_PORT)) {
        return XDP_PASS;
    }
    __u32 total = bpf_ntohs(outer->total);
    if (total < OUTER || total + ETHERNET > bpf_xdp_get_buff_len(ctx)
        || bpf_ntohs(outer->length) != total - 20) {
        return pass(set, COUNT_received, COUNT_pass_odd, v4);
    }
    if (sum_ipv4(outer) != 0xffff) {
        return drop(COUNT_received, COUNT_drop_ipv4);
    }
    // U1, U2
    __u32 received = total - OUTER;
    if (received && *nibble >> 4 == 0xf) {
        return pass(set, COUNT_received, COUNT_pass_tsp, v4); // 310 for what U1 refuses
    }
    if (!is_usable(set, v4, bpf_ntohs(outer->source_port))) {
        return drop(COUNT_received, COUNT_drop_U1);
    }
    if (!received) {
        return drop(COUNT_received, COUNT_keepalives);
    }
    if (*nibble >> 4 != 6) {
        return drop(COUNT_received, COUNT_drop_nibble);
    }
    // U3; what is shorter than a header is shorter than it says, too
    if (data + INNER_UP + HEADER > end) {
        return drop(COUNT_received, COUNT_drop_U3);
    }
    __builtin_memcpy(&inner, data + INNER_UP, sizeof(inner));
    __u32 length = HEADER + bpf_ntohs(inner.length);
    if (length > received || (length == HEADER && inner.next == HOP_BY_HOP)) {
        return drop(COUNT_received, COUNT_drop_U3); // shorter than it says, or a jumbogram
    }
    if (length > LARGEST) {
        if (!is_prefix(set, inner.source)) {
            return drop(COUNT_received, COUNT_drop_U3);
        }
        return pass_error(ctx, set, COUNT_received, COUNT_drop_U3, v4, INNER_UP, &inner, 1);
    }
    // U4, egress check
    __be32 observed = inner.source[3] & bpf_htonl(0xffff0000);
    int is_observed = inner.source[2] == v4 && (__be16)observed == outer->source_port;
    if (!is_prefix(set, inner.source)) {
        if (!(set->flags & FOREIGN_HINT) || !is_observed) {
            return drop(COUNT_received, COUNT_drop_U4);
        }
        return pass_error(ctx, set, COUNT_received, COUNT_drop_U4, v4, INNER_UP, &inner, 0);
    }
    if (!is_observed || !is_valid(set, inner.source)) {
        return pass_error(ctx, set, COUNT_received, COUNT_drop_U4, v4, INNER_UP, &inner, 0);
    }
    if (set->flags & HAVE_DENY6 && (is_denied(inner.source) || is_denied(inner.destination))) {
        return drop(COUNT_received, COUNT_drop_deny);
    }
    // U5
    if (is_extension(inner.next)) {
        if (inner.next == HOP_BY_HOP && !(set->flags & ALLOW_HOP_BY_HOP)) {
            return drop(COUNT_received, COUNT_drop_U5);
        }
        if (upper_layer(ctx, INNER_UP, length, inner.next) & BROKEN) {
            return drop(COUNT_received, COUNT_drop_U5);
        }
    }
    // U6
    int inside = is_prefix(set, inner.destination);
    if (!inside && is_forbidden(set, inner.destination)) {
        return pass_error(ctx, set, COUNT_received, COUNT_drop_U6, v4, INNER_UP, &inner, 0);
    }
    // RFC 6040, normal mode: what the outer header has learnt of congestion
    __u32 marked = outer->tos & 3;
    if (marked) {
        __u32 ecn = traffic_class(inner.first) & 3;
        if (marked == 3 && ecn == 0) {
            return drop(COUNT_received, COUNT_drop_ecn);
        }
        if (ecn && ecn != 3 && (marked == 3 || (marked == 1 && ecn == 2))) {
            inner.first = (inner.first & ~bpf_htonl(3 << 20)) | bpf_htonl(marked << 20);
        }
    }
    // U7
    if (is_own(set, inner.destination)) {
        if (!is_echo(ctx, INNER_UP, length, inner.next)) {
            return pass_error(ctx, set, COUNT_received, COUNT_drop_U7, v4, INNER_UP, &inner, 0);
        }
        return pass(set, COUNT_received, COUNT_pass_echo, v4);
    }
    // U8
    if (inner.hops <= 1) {
        return pass_error(ctx, set, COUNT_received, COUNT_drop_U8, v4, INNER_UP, &inner, 0);
    }
    // U9
    if (inside) {
        if (!(set->flags & HAIRPIN)) {
            return pass_error(ctx, set, COUNT_received, COUNT_drop_U9, v4, INNER_UP, &inner, 0);
        }
        int failed = judge_destination(set, &inner);
        if (failed) {
            return pass_error(ctx, set, COUNT_received, failed, v4, INNER_UP, &inner, 0);
        }
    }
    // The kernel knows better why a checksum is not right: it judges again.
    __u64 sum = sum_of(ctx, INNER_UP, length);
    if (length != received || !outer->udp_checksum
        || folded(folded(sum) + sum_udp(outer)) != 0xffff) {
        return pass(set, COUNT_received, COUNT_pass_odd, v4);
    }
    if (inside) {
        return hairpin(ctx, set, cpu, &inner, length, sum);
    }
    return to_internet(ctx, set, cpu, &inner, length);
}

#endif
