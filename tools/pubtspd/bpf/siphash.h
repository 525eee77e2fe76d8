// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// SipHash-2-4 (Aumasson and Bernstein, 2012) of 14 octets: the tag of an address (section 4.4).

#ifndef PUBTSP_SIPHASH_H
#define PUBTSP_SIPHASH_H

#include "layout.h"

#define ROTATED(x, by) ((x) << (by) | (x) >> (64 - (by)))

#define SIP_ROUND \
    do { \
        v0 += v1; \
        v1 = ROTATED(v1, 13) ^ v0; \
        v0 = ROTATED(v0, 32); \
        v2 += v3; \
        v3 = ROTATED(v3, 16) ^ v2; \
        v0 += v3; \
        v3 = ROTATED(v3, 21) ^ v0; \
        v2 += v1; \
        v1 = ROTATED(v1, 17) ^ v2; \
        v2 = ROTATED(v2, 32); \
    } while (0)

// Return the tag as a number, 1..0xffff. prefix: octets 0..7 as a little-endian word; rest:
// octets 8..13, IPv4 and port, likewise.
__noinline __u32 tag_of(__u64 key0, __u64 key1, __u64 prefix, __u64 rest) {
    __u64 v0 = key0 ^ 0x736f6d6570736575ULL;
    __u64 v1 = key1 ^ 0x646f72616e646f6dULL;
    __u64 v2 = key0 ^ 0x6c7967656e657261ULL;
    __u64 v3 = key1 ^ 0x7465646279746573ULL;
    v3 ^= prefix;
    SIP_ROUND;
    SIP_ROUND;
    v0 ^= prefix;
    rest |= 14ULL << 56; // the length
    v3 ^= rest;
    SIP_ROUND;
    SIP_ROUND;
    v0 ^= rest;
    v2 ^= 0xff;
    SIP_ROUND;
    SIP_ROUND;
    SIP_ROUND;
    SIP_ROUND;
    __u32 tag = (v0 ^ v1 ^ v2 ^ v3) & 0xffff;
    return tag ? tag : 0xffff;
}

#endif
