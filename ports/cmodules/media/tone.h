// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Call progress tones: one or two frequencies with a cadence (ITU-T E.180 names the kinds, its
// supplement 2 the values of each country; those are given by the caller).

#ifndef VOX6_MEDIA_TONE_H
#define VOX6_MEDIA_TONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TONE_SEGMENTS \
    (16) // ringing tones have 2, special information tone 4, a warble to ring with 10
#define TONE_HZ_MAX (3800) // below half of 8000 with room for the filter of a codec
#define TONE_DBM0_MIN (-60)
#define TONE_DBM0_MAX (0) // each of two frequencies may have this without clipping
#define TONE_MS_MAX (60000)

struct tone_segment {
    uint16_t f1_hz; // 0: none
    uint16_t f2_hz; // 0: none
    int8_t level_dbm0; // of each frequency
    uint16_t on_ms; // 0 with off_ms 0: for ever
    uint16_t off_ms;
};

struct tone_program {
    struct tone_segment segments[TONE_SEGMENTS];
    uint8_t count; // 0: silence
    bool repeat;
};

struct tone {
    struct tone_program program;
    struct tone_program next;
    bool next_pending;
    uint8_t index;
    uint32_t position; // units of 1/16000 s within the segment
    uint32_t phase1;
    uint32_t phase2;
    int32_t gain_q15; // envelope
};

int tone_check(const struct tone_program *program);
void tone_start(struct tone *tone, const struct tone_program *program);
bool tone_sounding(const struct tone *tone);
void tone_add(struct tone *tone, uint32_t rate, int32_t *mix, size_t count);

#endif
