// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Where packets go next, as tools/common/next_hops.py keeps it for every program of the kernel's.

#ifndef NEXT_HOPS_H
#define NEXT_HOPS_H

#include <linux/types.h>

// The last 12 octets are the beginning of the packet's Ethernet header.
struct hop {
    __u32 interface; // 0: ask the kernel's routes
    __u8 destination[6];
    __u8 source[6];
};

struct key4 {
    __u32 bits;
    __be32 address;
};

struct key6 {
    __u32 bits;
    __be32 address[4];
};

#endif // NEXT_HOPS_H
