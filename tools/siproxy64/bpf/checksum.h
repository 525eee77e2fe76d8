// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The checksum of UDP for the other side's addresses and ports (RFC 768, RFC 1624).
//
// One pseudo-header sums like the other: both hold addresses, the length and the number of UDP,
// and the ffff of a v4-mapped address adds nothing. So a direction has one constant, delta.

#ifndef SIPROXY64_CHECKSUM_H
#define SIPROXY64_CHECKSUM_H

#include "headers.h"

// Return the sum over a datagram as it came, with its pseudo-header: 0xffff if it is right.
static __always_inline __u32 sum_whole(struct xdp_md *ctx, const struct datagram *packet) {
    __u64 sum = sum_of(ctx, packet->head, bpf_ntohs(packet->length));
#pragma unroll
    for (int i = 0; i < 4; i++) {
        sum += (__u64)packet->from[i] + packet->to.address[i];
    }
    return folded(sum + packet->length + bpf_htons(IPPROTO_UDP));
}

// Put in place the checksum that a packet is to leave with; -1 if it must go the kernel's way.
static __always_inline int renew(struct xdp_md *ctx, const struct arm *arm,
    const struct direction *way, struct datagram *packet) {
    __u32 sum = (__u16)~packet->checksum;
    if (!packet->checksum || arm->flags & VERIFY) {
        if (bpf_ntohs(packet->length) > LARGEST) {
            return -1;
        }
        __u32 whole = sum_whole(ctx, packet);
        if (!packet->checksum) {
            if (packet->head != HEAD4) {
                return -1; // only IPv4 lets a sender do without one
            }
            sum = whole;
        } else if (whole != 0xffff) {
            return -1;
        }
    }
    __u16 checksum = ~folded(sum + way->delta);
    packet->checksum = checksum ? checksum : 0xffff; // 0 says that there is none
    return 0;
}

#endif
