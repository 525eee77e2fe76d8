// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Sound between 8000 and 16000 samples a second by a half-band filter.

#ifndef VOX6_MEDIA_RESAMPLE_H
#define VOX6_MEDIA_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#define RESAMPLE_TAPS (31) // of which 15 outside the centre are zero
#define RESAMPLE_SAMPLES_MAX (320) // longest piece in the higher rate

// The newest samples of the input, kept while nothing is converted too, so that a conversion may
// begin in the middle of sound.
struct resample {
    int16_t history[RESAMPLE_TAPS - 1];
};

void resample_reset(struct resample *state);
void resample_pass(struct resample *state, const int16_t *in, size_t count);
void resample_input_doubled(struct resample *state);
void resample_input_halved(struct resample *state);
void resample_double(struct resample *state, const int16_t *in, size_t count, int16_t *out);
void resample_halve(struct resample *state, const int16_t *in, size_t count, int16_t *out);

#endif
