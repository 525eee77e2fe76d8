// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Token buckets of fixed memory, without locks: each is one word, the time when it is full again.

#ifndef PUBTSP_BUCKETS_H
#define PUBTSP_BUCKETS_H

#include "layout.h"

#define SECOND 1000000000ULL
#define ERRORS_TOTAL 1000   // ICMPv6 errors a second, as lib/pubtsp's server
#define STRANGERS_TOTAL 10  // those of D5
#define PASSING_RATE 1000   // other packets a second for the portable plane, each source
#define PASSING_TOTAL 10000 // all sources, each kind; so that a flood of one kind stops no other

// Parts of the map; the first slots of PART_TOTALS are single buckets.
enum { PART_ERRORS, PART_PASSING, PART_PACKETS, PART_TOTALS };
enum { TOTAL_ERRORS, TOTAL_STRANGERS, TOTAL_PASSING }; // the last: one for each kind

// Return 1: taken, 0: there is none, -1: another CPU was faster, *full is what it left.
static __always_inline int try_take(
    __u64 *word, __u64 *full, __u64 now, __u64 interval, __u64 burst) {
    __u64 from = *full > now ? *full : now;
    if (from - now > (burst - 1) * interval) {
        return 0;
    }
    __u64 seen = __sync_val_compare_and_swap(word, *full, from + interval);
    if (seen == *full) {
        return 1;
    }
    *full = seen;
    return -1;
}

// Take one token. burst: tokens of a full bucket; interval: ns until one comes back. Without a
// loop: the verifier follows one to no end when it must think of mispredicted jumps.
__noinline int take(__u32 slot, __u64 now, __u64 interval, __u64 burst) {
    __u64 *word = bpf_map_lookup_elem(&buckets, &slot);
    if (!word) {
        return 0;
    }
    __u64 full = *(volatile __u64 *)word;
    int taken = try_take(word, &full, now, interval, burst);
    if (taken < 0) {
        taken = try_take(word, &full, now, interval, burst);
    }
    if (taken < 0) {
        taken = try_take(word, &full, now, interval, burst);
    }
    return taken != 0;
}

static __always_inline __u32 slot_of(const struct settings *set, __u32 part, __u32 source) {
    __u32 mixed = (source ^ set->salt) * 0x9e3779b1;
    return part * SLOTS + ((mixed ^ mixed >> 15) & (SLOTS - 1));
}

static __always_inline int take_total(__u32 which, __u64 now, __u64 rate) {
    return take(PART_TOTALS * SLOTS + which, now, SECOND / rate, rate);
}

// Return whether an ICMPv6 error may be made for a source. stranger: it is one of D5.
__noinline int may_error(const struct settings *set, __u32 source, int stranger) {
    __u64 now = bpf_ktime_get_coarse_ns();
    if (!set || !set->error_interval) {
        return 0;
    }
    if (stranger && !take_total(TOTAL_STRANGERS, now, STRANGERS_TOTAL)) {
        return 0;
    }
    return take(slot_of(set, PART_ERRORS, source), now, set->error_interval, set->error_burst)
        && take_total(TOTAL_ERRORS, now, ERRORS_TOTAL);
}

// Return whether another packet of a source may pass to the portable plane. kind: its counter.
__noinline int may_pass(const struct settings *set, __u32 source, __u32 kind) {
    __u64 now = bpf_ktime_get_coarse_ns();
    if (!set) {
        return 0;
    }
    return take(slot_of(set, PART_PASSING, source), now, SECOND / PASSING_RATE, PASSING_RATE)
        && take_total(TOTAL_PASSING + kind - COUNT_pass_tsp, now, PASSING_TOTAL);
}

// Return whether a packet from or to a client is within packet_rate (D-11).
static __always_inline int is_within_rate(const struct settings *set, __be32 v4) {
    if (!set->packet_interval) {
        return 1;
    }
    return take(slot_of(set, PART_PACKETS, v4), bpf_ktime_get_coarse_ns(), set->packet_interval,
        set->packet_burst);
}

#endif
