// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What the program and the daemon share: maps, settings, counters (README.md has the offsets).

#ifndef PUBTSP_LAYOUT_H
#define PUBTSP_LAYOUT_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "next_hops.h"

#define LAYOUT_VERSION 1

// Bits of settings.flags.
enum {
    TAG_MAC = 1 << 0, // the keyed tag; with neither this nor TAG_LAN the tag is 0
    TAG_LAN = 1 << 1, // any tag but 0
    HAVE_KEY = 1 << 2,
    HAVE_PREVIOUS = 1 << 3,
    MARTIANS_PRIVATE = 1 << 4,
    MARTIANS_LAB = 1 << 5,
    ALLOW_ULA = 1 << 6,
    ALLOW_NAT64 = 1 << 7,
    ALLOW_HOP_BY_HOP = 1 << 8,
    HAIRPIN = 1 << 9,
    COPY_DSCP = 1 << 10,
    FOREIGN_HINT = 1 << 11,
    HAVE_DENY4 = 1 << 12, // the map of that name is not empty
    HAVE_ALLOW4 = 1 << 13,
    HAVE_DENY6 = 1 << 14,
    HAVE_SERVERS = 1 << 15,
    NEXT_HOPS = 1 << 16, // ask hops4 and hops6 before the kernel's routes
    NO_TX = 1 << 17,     // XDP_TX of an interface is not what it should be: veth
};

// One of the two interfaces; both are the same with a one-armed server.
struct arm {
    __u32 interface; // index, 0: none
    __u8 address[6]; // frames to others are not for us
    __u8 unused[2];
};

// Addresses as on the wire, all else in the machine's order.
struct settings {
    __be32 prefix[2];
    __be32 service; // the IPv4 address that clients send to
    __u32 flags;
    __u64 key[2]; // as SipHash takes it: two little-endian words
    __u64 previous[2];
    __u32 ports_min;
    __u32 cpus;           // IP IDs of different CPUs never meet
    __u32 salt;           // which sources share a bucket
    __u32 route6;         // interface whose routes packets of the tunnel take
    __u32 route4;         // the same for datagrams to clients
    __u32 error_burst;    // ICMPv6 errors at once, for each source
    __u64 error_interval; // ns between two of them, 0: none at all
    __u64 packet_burst;
    __u64 packet_interval; // ns between two packets of one IPv4 address, 0: no limit
    struct arm arms[2];
};

// Counters; the names are those of lib/pubtsp's Server where it has them. R is received and not
// passed on, T the same of the IPv6 side.
#define COUNTERS(X) \
    X(received) \
    X(received_up) \
    X(up) \
    X(down) \
    X(keepalives) \
    X(limited) \
    X(drop_nibble) \
    X(drop_U1) \
    X(drop_U3) \
    X(drop_U4) \
    X(drop_U5) \
    X(drop_U6) \
    X(drop_U7) \
    X(drop_U8) \
    X(drop_U9) \
    X(drop_D1) \
    X(drop_D3) \
    X(drop_D4) \
    X(drop_D5) \
    X(drop_D6) \
    X(drop_D7) \
    X(drop_D8) \
    X(drop_deny) \
    X(drop_ecn) \
    X(drop_rate) \
    X(drop_ipv4)    /* a wrong checksum in the outer IPv4 header */ \
    X(drop_passing) /* more than what may pass to the portable plane */ \
    X(pass_error)   /* passed: the portable plane answers with an ICMPv6 error */ \
    X(pass_tsp)     /* passed: TSP */ \
    X(pass_echo)    /* passed: an echo of a client to P::1 */ \
    X(pass_ping)    /* passed: one of the IPv6 side */ \
    X(pass_odd)     /* passed: fragments, options, checksums that are not right here */ \
    X(pass_route)   /* passed: no next hop known here */

#define ENTRY(name) COUNT_##name,
enum counter { COUNTERS(ENTRY) COUNTERS_END };
#undef ENTRY

#define LARGEST 1280 // octets of a packet in the tunnel (section 7.6)

// What each CPU has to itself.
struct cpu {
    __u64 counters[48];
    __u64 datagrams;                    // sent, for IP IDs
    __u8 copy[LARGEST + 256];           // of the packet whose checksum is wanted
};

#define SLOTS 16384 // sources told apart by a bucket; those that share a slot share its tokens

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2); // one is read while the other is written
    __type(key, __u32);
    __type(value, struct settings);
} settings SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32); // which of the two settings counts
} active SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct cpu);
} cpus SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4 * SLOTS);
    __type(key, __u32);
    __type(value, __u64); // when the bucket will be full again, ns of the coarse monotonic clock
} buckets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, __be32);
    __type(value, __u8);
} servers SEC(".maps");

#define TRIE(name, of, what, entries) \
    struct { \
        __uint(type, BPF_MAP_TYPE_LPM_TRIE); \
        __uint(map_flags, BPF_F_NO_PREALLOC); \
        __uint(max_entries, entries); \
        __type(key, of); \
        __type(value, what); \
    } name SEC(".maps")

TRIE(deny4, struct key4, __u8, 65536);
TRIE(allow4, struct key4, __u8, 65536);
TRIE(deny6, struct key6, __u8, 65536);
TRIE(hops4, struct key4, struct hop, 4096);
TRIE(hops6, struct key6, struct hop, 4096);

static __always_inline struct settings *settings_now(void) {
    __u32 zero = 0;
    __u32 *which = bpf_map_lookup_elem(&active, &zero);
    if (!which) {
        return 0;
    }
    __u32 index = *which & 1;
    return bpf_map_lookup_elem(&settings, &index);
}

static __always_inline struct cpu *this_cpu(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&cpus, &zero);
}

// A function of its own: the verifier lets no program without CAP_PERFMON come to one addition with
// different numbers, as clang would have it.
__noinline int count(__u32 what) {
    struct cpu *cpu = this_cpu();
    if (!cpu || what >= COUNTERS_END) {
        return 0;
    }
    cpu->counters[what]++;
    return 1;
}

// The same for packets that are forwarded, where a call would be felt.
#define COUNT_HERE(cpu, what) \
    do { \
        asm volatile("" : : "i"(what), "i"(__LINE__)); \
        (cpu)->counters[what]++; \
    } while (0)

#endif
