// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Internet checksums (RFC 1071, RFC 1624). A sum is of 16-bit words as they lie in memory.

#ifndef PUBTSP_CHECKSUM_H
#define PUBTSP_CHECKSUM_H

#include "parsing.h"

#define CHUNK 512 // octets that bpf_csum_diff() takes at once before Linux 6.13

static __always_inline __u32 folded(__u64 sum) {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

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

// Return the sum over the outer IPv4 header without options: 0xffff if its checksum is right.
static __always_inline __u32 sum_ipv4(const struct outer *outer) {
    const __u16 *word = (const void *)outer;
    __u32 sum = 0;
#pragma unroll
    for (int i = 0; i < 10; i++) {
        sum += word[i];
    }
    return folded(sum);
}

// Return the sum over the UDP header and its pseudo-header (RFC 768).
static __always_inline __u64 sum_udp(const struct outer *outer) {
    __u64 sum = (__u64)outer->source + outer->destination + bpf_htons(IPPROTO_UDP);
    return sum + 2 * (__u32)outer->length + outer->source_port + outer->destination_port
        + outer->udp_checksum;
}

// Return whether the checksum of a packet's UDP, TCP or ICMPv6 is right; what cannot be judged is.
// sum: over the whole packet. zero: its UDP says that it has none (RFC 6935).
//
// A host on the same machine hands out packets whose checksum a network card would have to fill
// in. The kernel does that when it forwards them, this program cannot: such packets are left to it.
static __always_inline int is_inner_right(const struct inner *inner, __u64 sum, int zero) {
    __u64 first;
    if (zero
        || (inner->next != IPPROTO_UDP && inner->next != IPPROTO_TCP && inner->next != ICMPV6)) {
        return 1;
    }
    // of the first 8 octets only length and next header stand in the pseudo-header
    first = (__u64)inner->first + (inner->length + ((__u32)inner->hops << 8 | inner->next));
    sum = folded(sum) + 0xffff - folded(first);
    return folded(sum + inner->length + bpf_htons(inner->next)) == 0xffff;
}

#endif
