// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "media/tone.h"

#include <errno.h>
#include <string.h>

#include "voicecodecs/voicecodecs_core.h"

// Time of the program is counted in samples of the highest rate, so that a change of rate in the
// middle of a cadence moves nothing.
#define UNITS_PER_SECOND (16000)
#define UNITS_PER_MS (UNITS_PER_SECOND / 1000)

// The envelope takes 4 ms from silence to full and back: no click, and short beside any cadence.
#define ENVELOPE_MS (4)
#define GAIN_FULL (32767)

// Peak of a sine of 0 dBm0: full scale is 3.14 dBm0 (ITU-T G.711, A-law).
#define PEAK_0_DBM0 (22826)

// 10^(-n/20) in Q15.
static const uint16_t decibel[20] = {
    32767,
    29204,
    26028,
    23197,
    20675,
    18426,
    16422,
    14636,
    13045,
    11626,
    10362,
    9235,
    8231,
    7336,
    6538,
    5827,
    5193,
    4628,
    4125,
    3676,
};

static int32_t peak_of(int level_dbm0) {
    int below = -level_dbm0;
    int32_t peak = (int32_t)((PEAK_0_DBM0 * (uint32_t)decibel[below % 20]) >> 15);
    for (; below >= 20; below -= 20) {
        peak = (peak + 5) / 10;
    }
    return peak;
}

// Returns 0, or -EINVAL for a value outside the bounds of tone.h or a program that never advances.
int tone_check(const struct tone_program *program) {
    if (program->count > TONE_SEGMENTS) {
        return -EINVAL;
    }
    for (int i = 0; i < program->count; i++) {
        const struct tone_segment *s = &program->segments[i];
        if (s->f1_hz > TONE_HZ_MAX || s->f2_hz > TONE_HZ_MAX || s->on_ms > TONE_MS_MAX
            || s->off_ms > TONE_MS_MAX || s->level_dbm0 < TONE_DBM0_MIN
            || s->level_dbm0 > TONE_DBM0_MAX) {
            return -EINVAL;
        }
    }
    return 0;
}

// What sounds now fades out first, then the program begins with its first segment; a program
// without segments ends the tone. The program has passed tone_check().
void tone_start(struct tone *tone, const struct tone_program *program) {
    tone->next = *program;
    tone->next_pending = true;
}

bool tone_sounding(const struct tone *tone) {
    return tone->next_pending || tone->program.count > 0 || tone->gain_q15 > 0;
}

static void begin_next(struct tone *tone) {
    tone->program = tone->next;
    tone->next_pending = false;
    tone->index = 0;
    tone->position = 0;
    tone->phase1 = 0;
    tone->phase2 = 0;
}

// Moves to the segment that holds the position; false at the end of the program.
static bool settle(struct tone *tone) {
    for (int tries = 0; tries <= 2 * TONE_SEGMENTS; tries++) {
        if (tone->index >= tone->program.count) {
            if (!tone->program.repeat || tone->program.count == 0) {
                tone->program.count = 0;
                return false;
            }
            tone->index = 0;
        }
        const struct tone_segment *s = &tone->program.segments[tone->index];
        uint32_t length = (uint32_t)(s->on_ms + s->off_ms) * UNITS_PER_MS;
        if (length == 0 || tone->position < length) {
            return true;
        }
        tone->position -= length;
        tone->index++;
        // Each segment starts its sines at phase 0 under a silent envelope; one that follows
        // without a pause goes on with the phase it has.
        if (s->off_ms > 0) {
            tone->phase1 = 0;
            tone->phase2 = 0;
        }
    }
    tone->program.count = 0;
    return false;
}

// Adds count samples of the program to mix (32-bit, saturated by the caller).
void tone_add(struct tone *tone, uint32_t rate, int32_t *mix, size_t count) {
    uint32_t unit = UNITS_PER_SECOND / rate;
    int32_t slope = (int32_t)(GAIN_FULL * 1000 / (ENVELOPE_MS * rate));
    size_t done = 0;
    while (done < count) {
        if (tone->next_pending && tone->gain_q15 == 0) {
            begin_next(tone);
        }
        if (!settle(tone)) {
            tone->gain_q15 = 0;
            if (tone->next_pending) {
                continue;
            }
            return;
        }
        const struct tone_segment *s = &tone->program.segments[tone->index];
        uint32_t on = (uint32_t)s->on_ms * UNITS_PER_MS;
        uint32_t length = on + (uint32_t)s->off_ms * UNITS_PER_MS;
        bool endless = length == 0;
        uint32_t step1 = (uint32_t)(((uint64_t)s->f1_hz << 32) / rate);
        uint32_t step2 = (uint32_t)(((uint64_t)s->f2_hz << 32) / rate);
        int32_t peak = peak_of(s->level_dbm0);
        // The fade-out ends where the pause begins; without a pause the next segment follows at once.
        uint32_t fade_at = on;
        uint32_t fade = ENVELOPE_MS * UNITS_PER_MS;
        bool last = tone->index + 1 == tone->program.count && !tone->program.repeat;
        if (!endless && (s->off_ms > 0 || last)) {
            fade_at = on > fade ? on - fade : 0;
        }
        bool stopping = tone->next_pending;
        for (; done < count; done++) {
            if (!endless && tone->position >= length) {
                break;
            }
            bool on_now = !stopping && (endless || tone->position < fade_at);
            if (on_now) {
                tone->gain_q15 += slope;
                if (tone->gain_q15 > GAIN_FULL) {
                    tone->gain_q15 = GAIN_FULL;
                }
            } else {
                tone->gain_q15 -= slope;
                if (tone->gain_q15 <= 0) {
                    tone->gain_q15 = 0;
                }
            }
            if (tone->gain_q15 > 0) {
                int32_t sum = 0;
                if (step1 != 0) {
                    sum += voice_sine(tone->phase1);
                }
                if (step2 != 0) {
                    sum += voice_sine(tone->phase2);
                }
                int32_t gain = peak * tone->gain_q15 >> 15;
                mix[done] += (int32_t)(((int64_t)sum * gain + (1 << 14)) >> 15);
            } else if (stopping) {
                break;
            }
            tone->phase1 += step1;
            tone->phase2 += step2;
            tone->position += unit;
        }
    }
}
