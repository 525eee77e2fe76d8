// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What the program and the daemon share: streams, interfaces, next hops, counters (README.md has
// the offsets). Addresses are 16 octets as everywhere, IPv4 v4-mapped; numbers without be are in
// the machine's order.

#ifndef SIPROXY64_LAYOUT_H
#define SIPROXY64_LAYOUT_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "next_hops.h"

#define LAYOUT_VERSION 1
#define LARGEST 1480 // octets of a UDP datagram whose whole checksum can be made

// Where a packet arrives. A v4-mapped address says its family.
struct local {
    __be32 address[4];
    __be16 port;
    __u16 unused;
};

// Where it goes on: one direction of a stream whose far ends are known, both locked.
struct direction {
    __be32 peer[4]; // the only sender that passes here
    __be32 source[4];
    __be32 destination[4];
    __be16 peer_port;
    __be16 source_port;
    __be16 destination_port;
    __be16 delta; // what the new addresses and ports add to the sum of the old ones
    __u32 slot;   // its traffic
};

struct traffic {
    __u64 packets;
    __u64 octets; // of UDP payloads
    __u64 last;   // ns of the monotonic clock
};

enum {
    VERIFY = 1 << 0, // packets may come without the checksum that a network card would make
    NO_TX = 1 << 1,  // XDP_TX of the interface is not what it should be: veth
};

struct arm {
    __u8 address[6]; // frames to others are not for us
    __u16 flags;
};

// Counters of what is for a known local port; all but the first went to its socket.
#define COUNTERS(X) \
    X(relayed) \
    X(pass_peer)     /* of another sender than the locked one */ \
    X(pass_odd)      /* fragments, options, lengths that do not fit, no hop left */ \
    X(pass_checksum) /* not right here, or absent where it must not be */ \
    X(pass_route)    /* no next hop known here, or the packet is too large for it */

#define ENTRY(name) COUNT_##name,
enum counter { COUNTERS(ENTRY) COUNTERS_END };
#undef ENTRY

// What each CPU has to itself.
struct cpu {
    __u64 counters[8];
    __u8 copy[LARGEST + 64]; // of the datagram whose checksum is wanted
};

// The daemon sets how many streams there are before it loads the program.
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, struct local);
    __type(value, struct direction);
} directions SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 4096);
    __type(key, __u32);
    __type(value, struct traffic);
} slots SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, __u32); // interface index
    __type(value, struct arm);
} arms SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct cpu);
} cpus SEC(".maps");

#define TRIE(name, of) \
    struct { \
        __uint(type, BPF_MAP_TYPE_LPM_TRIE); \
        __uint(map_flags, BPF_F_NO_PREALLOC); \
        __uint(max_entries, 4096); \
        __type(key, of); \
        __type(value, struct hop); \
    } name SEC(".maps")

TRIE(hops4, struct key4);
TRIE(hops6, struct key6);

static __always_inline struct cpu *this_cpu(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&cpus, &zero);
}

// Leave a packet to the kernel, and so to the socket of its port.
__noinline int pass(__u32 why) {
    struct cpu *cpu = this_cpu();
    if (cpu && why < COUNTERS_END) {
        cpu->counters[why]++;
    }
    return XDP_PASS;
}

#endif
