// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What the rules of both directions have in common (sections 4.3, 7.2, 7.3).

#ifndef PUBTSP_RULES_H
#define PUBTSP_RULES_H

#include "forward.h"
#include "siphash.h"

// Return whether the tag of an address in our prefix is good, by either key.
static __always_inline int is_valid(const struct settings *set, const __be32 *address) {
    __u32 last = bpf_ntohl(address[3]);
    __u32 tag = last & 0xffff;
    __u64 prefix = (__u64)address[1] << 32 | address[0];
    __u64 rest = (__u64)(address[3] & bpf_htonl(0xffff0000)) << 32 | address[2];
    if (set->flags & TAG_LAN) {
        return tag != 0;
    }
    if (!(set->flags & TAG_MAC)) {
        return tag == 0;
    }
    if (set->flags & HAVE_KEY && tag_of(set->key[0], set->key[1], prefix, rest) == tag) {
        return 1;
    }
    return set->flags & HAVE_PREVIOUS
        && tag_of(set->previous[0], set->previous[1], prefix, rest) == tag;
}

// Return 0 for a destination in our prefix that is a client's, or the counter of the rule that
// says that it is not: D3, D4, D5.
__noinline int judge_destination(const struct settings *set, const struct inner *inner) {
    if (!set || !inner) {
        return COUNT_drop_D3;
    }
    __be32 v4 = inner->destination[2];
    __u32 port = bpf_ntohl(inner->destination[3]) >> 16;
    if (port == 0) {
        return COUNT_drop_D3;
    }
    if (!is_usable(set, v4, port) || is_server(set, v4)) {
        return COUNT_drop_D4;
    }
    if (!is_valid(set, inner->destination)) {
        return COUNT_drop_D5;
    }
    return 0;
}

// Return whether a destination is the server's own: P::1 or P::.
static __always_inline int is_own(const struct settings *set, const __be32 *address) {
    return is_prefix(set, address) && address[2] == 0 && bpf_ntohl(address[3]) < 2;
}

static __always_inline int drop(enum counter side, enum counter what) {
    count(side);
    count(what);
    return XDP_DROP;
}

// Leave a packet to the portable plane if its source has not done so too often.
static __always_inline int pass(
    const struct settings *set, enum counter side, enum counter what, __u32 source) {
    if (!may_pass(set, source, what)) {
        return drop(side, COUNT_drop_passing);
    }
    count(what);
    return XDP_PASS;
}

// Leave it to the portable plane to answer with an error, if one may be sent at all.
static __always_inline int pass_error(struct xdp_md *ctx, const struct settings *set,
    enum counter side, enum counter what, __u32 source, __u32 base, const struct inner *inner,
    int too_big) {
    __u32 length = HEADER + bpf_ntohs(inner->length);
    if (bpf_ntohl(inner->destination[0]) >> 24 == 0xff && !too_big) { // RFC 4443, 2.4(e)
        return drop(side, what);
    }
    if (is_error(ctx, base, length, inner->next)) {
        return drop(side, what);
    }
    if (!may_error(set, source, what == COUNT_drop_D5)) {
        count(COUNT_limited);
        return drop(side, what);
    }
    count(COUNT_pass_error);
    return XDP_PASS;
}

#endif
