// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The data plane of the tunnel server as one XDP program: what it can decide it forwards or drops,
// all else goes unchanged to the kernel and so to the portable plane (README.md).

#include "down.h"
#include "up.h"

// For the daemon: it takes the names from here, and no object of another layout.
#define NAME(name) #name,
const char counter_names[][16] = { COUNTERS(NAME) };
#undef NAME
const __u32 layout_version = LAYOUT_VERSION;

// Frames to others and to all: the kernel knows what to do with them.
static __always_inline int is_for_us(
    struct xdp_md *ctx, const struct settings *set, const struct ethernet *ethernet) {
    __u32 first = *(__u32 *)ethernet->destination;
    __u16 rest = *(__u16 *)(ethernet->destination + 4);
    if (ctx->ingress_ifindex == set->arms[0].interface) {
        return first == *(__u32 *)set->arms[0].address
            && rest == *(__u16 *)(set->arms[0].address + 4);
    }
    return ctx->ingress_ifindex
        == set->arms[1].interface && first == *(__u32 *)set->arms[1].address
        && rest == *(__u16 *)(set->arms[1].address + 4);
}

SEC("xdp")
int pubtsp(struct xdp_md *ctx) {
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct ethernet *ethernet = data;
    struct settings *set = settings_now();
    struct cpu *cpu = this_cpu();
    if (!set || !cpu || data + ETHERNET > end || !is_for_us(ctx, set, ethernet)) {
        return XDP_PASS;
    }
    if (ethernet->type == bpf_htons(0x0800)) {
        return from_tunnel(ctx, set, cpu);
    }
    if (ethernet->type == bpf_htons(0x86dd)) {
        return to_tunnel(ctx, set, cpu);
    }
    return XDP_PASS;
}

char license_name[] SEC("license") = "GPL";
