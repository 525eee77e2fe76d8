// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "speaker/level.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define GAIN_ONE (4096) // Q12
#define GAIN_LEAST (GAIN_ONE / 4) // -12 dB
#define GAIN_MOST (GAIN_ONE * 6) // 15.6 dB: somebody at the other side of a desk

// Speech is brought to -26 dB of full scale, what ITU-T P.56 and our codecs' tests take as nominal.
#define TARGET_RMS (1640)
#define TARGET_POWER ((uint64_t)TARGET_RMS * TARGET_RMS)

#define SPEECH_OVER_FLOOR (8) // 9 dB: a frame that is louder than this is speech
#define SPEECH_LEAST (30 * 30) // and louder than this, -61 dB
#define SPEECH_SHIFT (5) // 1/32 a frame of speech: half way in 0.4 s
#define FLOOR_SHIFT (7) // the floor rises by 1/128 a frame: 6 dB in 3.5 s, falls at once
#define UP_SHIFT (8) // 1/256 a frame: 1.7 dB a second
#define DOWN_SHIFT (5) // 1/32 a frame: 13 dB a second
#define PEAK_MOST (30000)
#define RAMP_SAMPLES (32)

#define FAR_SOUNDS (50 * 50) // power of a sample of the far end that makes an echo
#define ECHO_FRAMES (8) // that follow it: the tail of the canceller and the suppressor's window

#define LOSS_SHIFT (6) // 1/64 a frame: half way in 0.9 s of far speech

uint64_t level_power(const int16_t *samples, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (uint64_t)((int32_t)samples[i] * samples[i]);
    }
    return sum / count;
}

void level_start(struct level *level) {
    memset(level, 0, sizeof(*level));
    level->gain_q12 = GAIN_ONE;
}

// Largest r with r * r <= x.
static uint32_t root(uint64_t x) {
    uint64_t r = 0;
    for (uint64_t bit = (uint64_t)1 << 31; bit != 0; bit >>= 1) {
        if ((r | bit) * (r | bit) <= x) {
            r |= bit;
        }
    }
    return (uint32_t)r;
}

static void learn(struct level *level, uint64_t power) {
    if (level->floor == 0 || power < level->floor) {
        level->floor = power == 0 ? 1 : power;
    } else {
        level->floor += (level->floor >> FLOOR_SHIFT) + 1;
    }
    if (power < SPEECH_LEAST || power / SPEECH_OVER_FLOOR < level->floor) {
        return;
    }
    if (level->speech == 0) {
        level->speech = power;
    } else if (power > level->speech) {
        level->speech += (power - level->speech) >> SPEECH_SHIFT;
    } else {
        level->speech -= (level->speech - power) >> SPEECH_SHIFT;
    }
    uint64_t wanted = GAIN_ONE * (uint64_t)TARGET_RMS / (root(level->speech) + 1);
    if (wanted > GAIN_MOST) {
        wanted = GAIN_MOST;
    } else if (wanted < GAIN_LEAST) {
        wanted = GAIN_LEAST;
    }
    int32_t gain = level->gain_q12;
    if ((int32_t)wanted > gain) {
        int32_t step = (gain >> UP_SHIFT) + 1;
        level->gain_q12 = gain + step < (int32_t)wanted ? gain + step : (int32_t)wanted;
    } else {
        int32_t step = (gain >> DOWN_SHIFT) + 1;
        level->gain_q12 = gain - step > (int32_t)wanted ? gain - step : (int32_t)wanted;
    }
}

// Brings speech to its level, in place. far: power of what the speaker plays; an echo, or what is
// left of it, is not speech and moves nothing.
void level_control(struct level *level, int16_t *samples, size_t count, uint64_t far) {
    int32_t from = level->gain_q12;
    if (far > FAR_SOUNDS) {
        level->echo_frames = ECHO_FRAMES;
    } else if (level->echo_frames > 0) {
        level->echo_frames--;
    }
    if (level->echo_frames == 0) {
        learn(level, level_power(samples, count));
    }
    int32_t peak = 1;
    for (size_t i = 0; i < count; i++) {
        int32_t size = abs(samples[i]);
        peak = size > peak ? size : peak;
    }
    // The frame that would be cut off is turned down at its start, and the gain comes back slowly.
    if ((int64_t)peak * level->gain_q12 > (int64_t)PEAK_MOST * GAIN_ONE) {
        level->gain_q12 = PEAK_MOST * GAIN_ONE / peak;
        if (level->gain_q12 < GAIN_LEAST) {
            level->gain_q12 = GAIN_LEAST;
        }
    }
    for (size_t i = 0; i < count; i++) {
        int32_t gain = level->gain_q12;
        if (i < RAMP_SAMPLES) {
            gain = from + (gain - from) * (int32_t)(i + 1) / RAMP_SAMPLES;
        }
        int32_t value = (samples[i] * gain) / GAIN_ONE;
        samples[i] = (int16_t)(value > INT16_MAX ? INT16_MAX
                : value < INT16_MIN              ? INT16_MIN
                                                 : value);
    }
}

// Binary logarithm, Q8, straight between powers of two: at most 0.09 (0.26 dB of power) too low.
static int32_t log2_q8(uint64_t x) {
    if (x == 0) {
        return 0;
    }
    int32_t whole = 63 - __builtin_clzll(x);
    uint64_t part = whole >= 8 ? x >> (whole - 8) : x << (8 - whole);
    return whole * 256 + (int32_t)(part - 256);
}

// 10 log10(a / b), rounded.
static int ratio_db(uint64_t a, uint64_t b) {
    int32_t db_q8 = (log2_q8(a) - log2_q8(b)) * 771 / 256; // 3.0103 dB an octave of power
    return (db_q8 + (db_q8 < 0 ? -128 : 128)) / 256;
}

int level_gain_db(const struct level *level) {
    return ratio_db(
        (uint64_t)(level->gain_q12 * (int64_t)level->gain_q12), (uint64_t)GAIN_ONE * GAIN_ONE);
}

// far, before, after: power of a sample of the same frame.
void level_loss_note(struct level_loss *loss, uint64_t far, uint64_t before, uint64_t after) {
    if (far < FAR_SOUNDS) {
        return;
    }
    loss->before += before * 256 - (loss->before >> LOSS_SHIFT);
    loss->after += after * 256 - (loss->after >> LOSS_SHIFT);
}

int level_loss_db(const struct level_loss *loss) {
    if (loss->before == 0) {
        return 0;
    }
    return ratio_db(loss->before, loss->after);
}
