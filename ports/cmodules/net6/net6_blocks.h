// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// One pool of small blocks for all that waits to be read: datagrams, and the octets of streams that lwIP
// carries. Everything here is within engine_enter().

#ifndef VOX6_NET6_BLOCKS_H
#define VOX6_NET6_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net6/net6_core.h"

#define NET6_NO_BLOCK (0xffff)

struct net6_block {
    uint16_t next;
    uint8_t octets[NET6_BLOCK_OCTETS];
};
extern struct net6_block net6_blocks[NET6_BLOCKS];

// Fills the pool; again: nothing.
void net6_blocks_init(void);
size_t net6_blocks_free(void);
size_t net6_blocks_most(void); // most blocks ever in use
// One of the pool, which is not empty; its next is NET6_NO_BLOCK.
uint16_t net6_block_take(void);
// Gives a chain back; NET6_NO_BLOCK: nothing.
void net6_blocks_give(uint16_t first);

// Octets without bounds between them: blocks that are full but the first and the last. length 0: no
// block; all zero is an empty one.
struct net6_octets {
    uint16_t first, last;
    uint16_t skip; // octets of the first block that were read
    uint16_t fill; // octets of the last block that are written
    uint32_t length;
};

// Appends length octets, or nothing if less than spare blocks would stay free; says which.
bool net6_octets_append(
    struct net6_octets *octets, net6_copy copy, const void *source, size_t length, size_t spare);
// Takes size octets at most; returns how many.
size_t net6_octets_read(struct net6_octets *octets, uint8_t *data, size_t size);
void net6_octets_clear(struct net6_octets *octets);

#endif
