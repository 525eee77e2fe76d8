// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Comfort noise (RFC 3389): a level, and what reflection coefficients say of its colour.
//
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |0|   level     |      N1       |      N2       |     ...       |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

#ifndef VOX6_MEDIA_NOISE_H
#define VOX6_MEDIA_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_ORDER_MAX (12) // further coefficients mean the same noise, finer; they are left out

struct noise {
    bool known; // there is a description, which holds from `from` on until sound comes again
    bool sounding; // the last sound was this noise
    uint32_t from; // ticks of the jitter buffer
    uint8_t order;
    float gain; // of the excitation
    float reflection[NOISE_ORDER_MAX];
    float state[NOISE_ORDER_MAX + 1];
    uint32_t seed;
};

int noise_describe(struct noise *noise, const uint8_t *payload, size_t length, uint32_t from);
void noise_make(struct noise *noise, int16_t *samples, size_t count);

#endif
