// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The pool of blocks, and chains of them that hold a stream's octets. Plain C.

#include "net6/net6_blocks.h"

#include <string.h>

#if NET6_BLOCKS >= NET6_NO_BLOCK
#error "net6: a block's index does not fit"
#endif

struct net6_block net6_blocks[NET6_BLOCKS];

static uint16_t free_block, free_count, least_free;
static bool ready;

void net6_blocks_init(void) {
    if (!ready) {
        for (size_t i = 0; i < NET6_BLOCKS; ++i) {
            net6_blocks[i].next = i + 1 < NET6_BLOCKS ? (uint16_t)(i + 1) : NET6_NO_BLOCK;
        }
        free_block = 0;
        free_count = least_free = NET6_BLOCKS;
        ready = true;
    }
}

size_t net6_blocks_free(void) {
    return free_count;
}

size_t net6_blocks_most(void) {
    return ready ? (size_t)(NET6_BLOCKS - least_free) : 0;
}

uint16_t net6_block_take(void) {
    uint16_t index = free_block;
    free_block = net6_blocks[index].next;
    net6_blocks[index].next = NET6_NO_BLOCK;
    --free_count;
    least_free = free_count < least_free ? free_count : least_free;
    return index;
}

void net6_blocks_give(uint16_t first) {
    while (first != NET6_NO_BLOCK) {
        uint16_t next = net6_blocks[first].next;
        net6_blocks[first].next = free_block;
        free_block = first;
        ++free_count;
        first = next;
    }
}

bool net6_octets_append(
    struct net6_octets *octets, net6_copy copy, const void *source, size_t length, size_t spare) {
    size_t room = octets->length ? NET6_BLOCK_OCTETS - octets->fill : 0;
    size_t more = length > room ? length - room : 0;
    if ((more + NET6_BLOCK_OCTETS - 1) / NET6_BLOCK_OCTETS + spare > free_count) {
        return false;
    }
    for (size_t offset = 0; offset < length;) {
        if (octets->length == 0) {
            octets->first = octets->last = net6_block_take();
            octets->skip = octets->fill = 0;
        } else if (octets->fill == NET6_BLOCK_OCTETS) {
            uint16_t index = net6_block_take();
            net6_blocks[octets->last].next = index;
            octets->last = index;
            octets->fill = 0;
        }
        size_t part = NET6_BLOCK_OCTETS - octets->fill;
        part = part < length - offset ? part : length - offset;
        copy(source, offset, net6_blocks[octets->last].octets + octets->fill, part);
        octets->fill = (uint16_t)(octets->fill + part);
        octets->length += (uint32_t)part;
        offset += part;
    }
    return true;
}

size_t net6_octets_read(struct net6_octets *octets, uint8_t *data, size_t size) {
    size_t done = 0;
    while (done < size && octets->length > 0) {
        struct net6_block *block = &net6_blocks[octets->first];
        size_t part = NET6_BLOCK_OCTETS - octets->skip;
        part = part < octets->length ? part : octets->length;
        part = part < size - done ? part : size - done;
        memcpy(data + done, block->octets + octets->skip, part);
        done += part;
        octets->skip = (uint16_t)(octets->skip + part);
        octets->length -= (uint32_t)part;
        if (octets->length == 0 || octets->skip == NET6_BLOCK_OCTETS) {
            uint16_t empty = octets->first;
            octets->first = block->next;
            octets->skip = 0;
            block->next = NET6_NO_BLOCK;
            net6_blocks_give(empty);
        }
    }
    return done;
}

void net6_octets_clear(struct net6_octets *octets) {
    if (octets->length > 0) {
        net6_blocks_give(octets->first);
    }
    memset(octets, 0, sizeof(*octets));
}
