// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "media/resample.h"

#include <string.h>

// Half-band low pass, Kaiser window of beta 6, at 16000 samples a second: -0.5 dB at 3400 Hz, -69 dB
// from 5000 Hz. The centre is 1/2, the even offsets are zero, these are offsets 1, 3 .. 15 in Q15.
#define SIDE_TAPS (8)
static const int16_t side[SIDE_TAPS] = { 10323, -3157, 1588, -861, 454, -218, 88, -25 };

#define DOUBLE_HISTORY (2 * SIDE_TAPS - 1)
#define HALVE_HISTORY (RESAMPLE_TAPS - 1)
#define HISTORY (RESAMPLE_TAPS - 1)

static inline int16_t saturate16(int32_t value) {
    if (value > INT16_MAX) {
        return INT16_MAX;
    }
    return value < INT16_MIN ? INT16_MIN : (int16_t)value;
}

void resample_reset(struct resample *state) {
    memset(state, 0, sizeof(*state));
}

// Samples that go by unconverted.
void resample_pass(struct resample *state, const int16_t *in, size_t count) {
    if (count >= HISTORY) {
        memcpy(state->history, in + count - HISTORY, sizeof(state->history));
    } else {
        memmove(state->history, state->history + count, (HISTORY - count) * sizeof(in[0]));
        memcpy(state->history + HISTORY - count, in, count * sizeof(in[0]));
    }
}

// The input goes on at twice the rate: what is kept of it is drawn out.
void resample_input_doubled(struct resample *state) {
    int16_t *h = state->history;
    for (int i = 0; i < HISTORY / 2; i++) {
        h[2 * i] = (int16_t)((h[HISTORY / 2 + i - 1] + h[HISTORY / 2 + i]) / 2);
        h[2 * i + 1] = h[HISTORY / 2 + i];
    }
}

// The input goes on at half the rate; what lies further back is taken for silence.
void resample_input_halved(struct resample *state) {
    int16_t *h = state->history;
    for (int i = HISTORY / 2 - 1; i >= 0; i--) {
        h[HISTORY / 2 + i] = h[2 * i + 1];
    }
    memset(h, 0, HISTORY / 2 * sizeof(h[0]));
}

// count samples become 2 * count; the sound comes 1 ms later.
void resample_double(struct resample *state, const int16_t *in, size_t count, int16_t *out) {
    int16_t work[DOUBLE_HISTORY + RESAMPLE_SAMPLES_MAX / 2];
    if (count == 0 || count > RESAMPLE_SAMPLES_MAX / 2) {
        return;
    }
    memcpy(work, state->history + HISTORY - DOUBLE_HISTORY, DOUBLE_HISTORY * sizeof(work[0]));
    memcpy(work + DOUBLE_HISTORY, in, count * sizeof(work[0]));
    for (size_t i = 0; i < count; i++) {
        const int16_t *x = work + i + SIDE_TAPS - 1;
        int32_t sum = 1 << 13;
        for (int k = 0; k < SIDE_TAPS; k++) {
            sum += side[k] * (x[-k] + x[1 + k]);
        }
        out[2 * i] = x[0];
        out[2 * i + 1] = saturate16(sum >> 14);
    }
    resample_pass(state, in, count);
}

// count samples, even, become count / 2; the sound comes 1 ms later.
void resample_halve(struct resample *state, const int16_t *in, size_t count, int16_t *out) {
    int16_t work[HALVE_HISTORY + RESAMPLE_SAMPLES_MAX];
    if (count == 0 || count > RESAMPLE_SAMPLES_MAX || count % 2 != 0) {
        return;
    }
    memcpy(work, state->history, sizeof(state->history));
    memcpy(work + HALVE_HISTORY, in, count * sizeof(work[0]));
    for (size_t i = 0; i < count / 2; i++) {
        const int16_t *x = work + 2 * i + HALVE_HISTORY / 2 + 1;
        int32_t sum = x[0] * (1 << 14) + (1 << 14);
        for (int k = 0; k < SIDE_TAPS; k++) {
            sum += side[k] * (x[-1 - 2 * k] + x[1 + 2 * k]);
        }
        out[i] = saturate16(sum >> 15);
    }
    resample_pass(state, in, count);
}
