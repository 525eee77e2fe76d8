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

#define CHUNK 512 // octets that bpf_csum_diff() takes at once before Linux 6.13

// Return the sum over octets of the frame, at most CHUNK * 3. The copy is what lets a program
// without CAP_PERFMON sum a length that it learns from the packet.
__noinline __u32 sum_of(struct xdp_md *ctx, __u32 offset, __u32 length) {
    struct cpu *cpu = this_cpu();
    __u32 sum = 0;
    asm volatile("" : "+r"(length)); // clang knows its bounds, the verifier must be shown them
    if (!cpu || length < 1 || length > LARGEST) {
        return 0;
    }
    *(__u32 *)(cpu->copy + (length & ~3)) = 0; // the last word is filled up
    if (bpf_xdp_load_bytes(ctx, offset, cpu->copy, length) < 0) {
        return 0;
    }
    __u32 left = (length + 3) & ~3;
#pragma unroll
    for (int i = 0; i < 3; i++) {
        __u32 now = left > CHUNK ? CHUNK : left;
        asm volatile("" : "+r"(now));
        if (now > CHUNK) {
            return 0;
        }
        sum = bpf_csum_diff(0, 0, (__be32 *)(cpu->copy + i * CHUNK), now, sum);
        if (left <= CHUNK) {
            break;
        }
        left -= CHUNK;
    }
    return sum;
}

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
