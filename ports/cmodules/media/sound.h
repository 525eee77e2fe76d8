// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What is done to samples on their way: gain, joining without a click, change of rate.

#ifndef VOX6_MEDIA_SOUND_H
#define VOX6_MEDIA_SOUND_H

#include <stddef.h>
#include <stdint.h>

#include "media/resample.h"

#define SOUND_GAIN_FULL (32768)

// Where sound ended, to join other sound on to it.
struct sound_edge {
    int32_t last;
    int32_t slope; // a sample
};

static inline int16_t sound_saturate(int32_t value) {
    if (value > INT16_MAX) {
        return INT16_MAX;
    }
    return value < INT16_MIN ? INT16_MIN : (int16_t)value;
}

void sound_ramp(int16_t *samples, size_t count, int32_t from, int32_t to);
void sound_edge_keep(struct sound_edge *edge, const int16_t *samples, size_t count);
void sound_declick(int16_t *samples, size_t count, const struct sound_edge *edge);
size_t sound_convert(struct resample *state, const int16_t *in, size_t count, uint32_t from,
    uint32_t to, int16_t *out);

#endif
