// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "media/sound.h"

#include <string.h>

// A step in the sound is spread over so many samples (4 ms at 16000).
#define DECLICK_SAMPLES (64)

// Linear gain from `from` to `to` over the samples.
void sound_ramp(int16_t *samples, size_t count, int32_t from, int32_t to) {
    if (from == SOUND_GAIN_FULL && to == SOUND_GAIN_FULL) {
        return;
    }
    if (from == 0 && to == 0) {
        memset(samples, 0, count * sizeof(samples[0]));
        return;
    }
    int32_t step = (to - from) / (int32_t)count;
    int32_t gain = from;
    for (size_t i = 0; i < count; i++) {
        gain += step;
        samples[i] = (int16_t)((samples[i] * gain) / SOUND_GAIN_FULL);
    }
}

void sound_edge_keep(struct sound_edge *edge, const int16_t *samples, size_t count) {
    edge->last = samples[count - 1];
    edge->slope = count > 1 ? samples[count - 1] - samples[count - 2] : 0;
}

// Joins the samples to those before them: what is left of the step decays in a straight line.
void sound_declick(int16_t *samples, size_t count, const struct sound_edge *edge) {
    int32_t step = edge->last + edge->slope - samples[0];
    size_t length = count < DECLICK_SAMPLES ? count : DECLICK_SAMPLES;
    for (size_t i = 0; i < length; i++) {
        samples[i] = sound_saturate(samples[i] + step * (int32_t)(length - i) / (int32_t)length);
    }
}

// Converts between the rates that there are. Returns the samples written.
size_t sound_convert(struct resample *state, const int16_t *in, size_t count, uint32_t from,
    uint32_t to, int16_t *out) {
    if (from == to) {
        resample_pass(state, in, count);
        memcpy(out, in, count * sizeof(in[0]));
        return count;
    }
    if (from < to) {
        resample_double(state, in, count, out);
        return count * 2;
    }
    resample_halve(state, in, count, out);
    return count / 2;
}
