// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Source and sink of frames for pubtsp_planes.py, both in the kernel.
//
// generate  run by BPF_PROG_TEST_RUN with live frames: writes the next frame of the map over what
//           the receiver has left in the page, hands it to an interface, as a network card would
// sink      counts and drops

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define FRAMES 32768
#define LONGEST 320

struct frame {
    __u32 length;
    __u8 octets[LONGEST];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, FRAMES);
    __type(key, __u32);
    __type(value, struct frame);
} frames SEC(".maps");

// 0: interface, 1: how many frames of the map are used
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, __u32);
} plan SEC(".maps");

// 0: sent, 1: arrived, 2: octets arrived
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 3);
    __type(key, __u32);
    __type(value, __u64);
} counts SEC(".maps");

static __always_inline __u64 count(__u32 which, __u64 more) {
    __u64 *value = bpf_map_lookup_elem(&counts, &which);
    if (!value) {
        return 0;
    }
    *value += more;
    return *value;
}

SEC("xdp")
int generate(struct xdp_md *ctx) {
    __u32 zero = 0, one = 1;
    __u32 *interface = bpf_map_lookup_elem(&plan, &zero);
    __u32 *used = bpf_map_lookup_elem(&plan, &one);
    if (!interface || !used || !*used) {
        return XDP_ABORTED;
    }
    __u32 index = count(0, 1) % *used;
    struct frame *frame = bpf_map_lookup_elem(&frames, &index);
    if (!frame) {
        return XDP_ABORTED;
    }
    __u32 length = frame->length;
    if (length < 14 || length > LONGEST) {
        return XDP_ABORTED;
    }
    if (bpf_xdp_store_bytes(ctx, 0, frame->octets, length) < 0) {
        return XDP_ABORTED;
    }
    return bpf_redirect(*interface, 0);
}

SEC("xdp")
int sink(struct xdp_md *ctx) {
    count(1, 1);
    count(2, bpf_xdp_get_buff_len(ctx));
    return XDP_DROP;
}

char license_name[] SEC("license") = "GPL";
