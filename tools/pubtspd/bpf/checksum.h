// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Internet checksums (RFC 1071, RFC 1624). A sum is of 16-bit words as they lie in memory.

#ifndef PUBTSP_CHECKSUM_H
#define PUBTSP_CHECKSUM_H

#include "parsing.h"
#include "sum.h"

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
