// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Sums of 16-bit words as they lie in memory (RFC 1071), for every program of the kernel's.
//
// Who includes this has struct cpu with a copy of LARGEST octets and a word, and this_cpu().

#ifndef SUM_H
#define SUM_H

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

#endif
