// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "media/stretch.h"

#include <stdlib.h>
#include <string.h>

// The lag at which the sound is most like itself, by the average magnitude difference over one
// overlap. At 16000 every second sample and lag is looked at: pitch is not finer than that.
static size_t find_lag(const int16_t *in, uint32_t rate) {
    size_t step = rate / 8000;
    size_t overlap = STRETCH_OVERLAP(rate);
    size_t best = STRETCH_LAG_MIN(rate);
    uint32_t least = UINT32_MAX;
    for (size_t lag = STRETCH_LAG_MIN(rate); lag <= STRETCH_LAG_MAX(rate); lag += step) {
        uint32_t sum = 0;
        for (size_t i = 0; i < overlap; i += step) {
            sum += (uint32_t)abs(in[i + lag] - in[i]);
        }
        if (sum < least) {
            least = sum;
            best = lag;
        }
    }
    return best;
}

static void crossfade(const int16_t *from, const int16_t *to, int16_t *out, size_t count) {
    int32_t step = (1 << 15) / (int32_t)count;
    int32_t weight = 0;
    for (size_t i = 0; i < count; i++) {
        out[i] = (int16_t)((from[i] * ((1 << 15) - weight) + to[i] * weight) >> 15);
        weight += step;
    }
}

// in: count + STRETCH_LAG_MAX samples; out: count samples, not overlapping in.
// Returns the samples of in that out stands for: count and one lag.
size_t stretch_shorten(const int16_t *in, int16_t *out, size_t count, uint32_t rate) {
    size_t lag = find_lag(in, rate);
    size_t overlap = STRETCH_OVERLAP(rate);
    crossfade(in, in + lag, out, overlap);
    memcpy(out + overlap, in + lag + overlap, (count - overlap) * sizeof(in[0]));
    return count + lag;
}

// in, out: count samples of 20 ms, not overlapping. Returns count less one lag.
size_t stretch_lengthen(const int16_t *in, int16_t *out, size_t count, uint32_t rate) {
    size_t lag = find_lag(in, rate);
    size_t overlap = STRETCH_OVERLAP(rate);
    memcpy(out, in, lag * sizeof(in[0]));
    crossfade(in + lag, in, out + lag, overlap);
    memcpy(out + lag + overlap, in + overlap, (count - lag - overlap) * sizeof(in[0]));
    return count - lag;
}
