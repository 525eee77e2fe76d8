// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "media/noise.h"

#include <errno.h>
#include <math.h>

#include "media/sound.h"

#define LEVEL (0x7f)
#define DECIBEL (0.8912509f) // one down, as a factor of amplitude
#define FULL_SCALE (32768.0f) // RFC 3389 section 3: dBov, of the digital overload point
#define STABLE (0.99f)

// Takes a payload: from is the moment that it describes. Returns 0, or -EINVAL for what is none.
int noise_describe(struct noise *noise, const uint8_t *payload, size_t length, uint32_t from) {
    if (length == 0) {
        return -EINVAL;
    }
    float gain = FULL_SCALE;
    for (int level = payload[0] & LEVEL; level > 0; level--) {
        gain *= DECIBEL;
    }
    noise->known = true;
    noise->from = from;
    noise->order = (uint8_t)(length - 1 < NOISE_ORDER_MAX ? length - 1 : NOISE_ORDER_MAX);
    for (int i = 0; i < noise->order; i++) {
        // Section 3.1: N = 127 is zero, a step is 258 / 32768.
        float k = (float)((int)payload[1 + i] - 127) * (258.0f / 32768.0f);
        k = k > STABLE ? STABLE : k < -STABLE ? -STABLE : k;
        noise->reflection[i] = k;
        gain *= sqrtf(1 - k * k); // the filter gives that much power
    }
    noise->gain = gain * 1.7320508f; // of noise with even distribution, whose rms is 1 / sqrt(3)
    return 0;
}

static float excitation(struct noise *noise) {
    noise->seed = noise->seed * 1664525u + 1013904223u;
    return (float)(int32_t)noise->seed * (1.0f / 2147483648.0f);
}

// Lattice of an all-pole filter over white noise.
void noise_make(struct noise *noise, int16_t *samples, size_t count) {
    for (size_t n = 0; n < count; n++) {
        float forward = noise->gain * excitation(noise);
        for (int i = noise->order - 1; i >= 0; i--) {
            forward -= noise->reflection[i] * noise->state[i];
            noise->state[i + 1] = noise->state[i] + noise->reflection[i] * forward;
        }
        noise->state[0] = forward;
        forward = forward > INT16_MAX ? INT16_MAX : forward < -INT16_MAX ? -INT16_MAX : forward;
        samples[n] = (int16_t)forward;
    }
}
