// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Sound ring of the panel link: shared memory, one writer for each index.
//
// offset  type    field       written by
//  0      u8[4]   magic       phone, "V6RG", last of all at start
//  4      u32     version     phone, 1
//  8      u32     rate        phone, samples a second
// 12      u32     frame       phone, samples of one 20 ms frame
// 16      u32     capacity    phone, samples, a power of two
// 20      u32     generation  phone, counts up at each start or change of rate
// 24      u32     head        writer of samples: free-running count of samples written
// 28      u32     tail        reader of samples: free-running count of samples read
// 32      u32     drops       phone: samples lost (speaker: ring full; microphone: none there)
// 36      u8[28]  reserved, zero
// 64      i16[]   samples, little endian; sample n stands at index n mod capacity

#ifndef VOX6_RING_H
#define VOX6_RING_H

#include <stddef.h>
#include <stdint.h>

#define RING_VERSION (1)
#define RING_CAPACITY (8192)

struct ring {
    uint8_t magic[4];
    volatile uint32_t version;
    volatile uint32_t rate;
    volatile uint32_t frame;
    volatile uint32_t capacity;
    volatile uint32_t generation;
    volatile uint32_t head;
    volatile uint32_t tail;
    volatile uint32_t drops;
    uint8_t reserved[28];
    int16_t samples[RING_CAPACITY];
};

void ring_start(struct ring *ring, uint32_t rate, uint32_t frame);
size_t ring_read(struct ring *ring, int16_t *samples, size_t count);
size_t ring_write(struct ring *ring, const int16_t *samples, size_t count);

#endif
