// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "voicecodecs/conceal.h"

#include <string.h>

// What is not there is made of the last pitch cycles, repeated; as ITU-T G.711 appendix I does, but
// without a delay: the joint is smoothed with the past turned round instead of with the future.

#define PER_MS(rate) ((rate) / 1000)
#define LAG_MIN_MS_Q2 (10) // 2.5 ms: 400 Hz
#define LAG_MAX_MS (15)
#define WINDOW_MS (20) // that is compared
#define HOLD_MS (10) // in which what is made up is as loud as what was
#define FADE_MS (60) // and in which it ends
#define BACK_MS (5) // in which real sound takes over

#define FULL (32768)

void conceal_start(struct conceal *conceal, uint32_t rate) {
    memset(conceal, 0, sizeof(*conceal));
    conceal->rate = rate;
}

static void remember(struct conceal *conceal, const int16_t *samples, size_t count) {
    int16_t *history = conceal->history;
    if (count >= CONCEAL_HISTORY) {
        memcpy(history, samples + count - CONCEAL_HISTORY, sizeof(conceal->history));
        return;
    }
    memmove(history, history + count, (CONCEAL_HISTORY - count) * sizeof(history[0]));
    memcpy(history + CONCEAL_HISTORY - count, samples, count * sizeof(history[0]));
}

// The lag at which the last 20 ms are most like what came before, by normalized correlation. At
// 16000 every second sample and lag is looked at.
static size_t find_lag(const struct conceal *conceal) {
    size_t step = conceal->rate / 8000;
    size_t window = WINDOW_MS * PER_MS(conceal->rate);
    size_t least = LAG_MIN_MS_Q2 * PER_MS(conceal->rate) / 4;
    size_t most = LAG_MAX_MS * PER_MS(conceal->rate);
    const int16_t *now = conceal->history + CONCEAL_HISTORY - window;
    float best = 0;
    size_t found = most;
    int64_t power = 0; // of the samples from now - lag on
    for (size_t i = 0; i < window; i += step) {
        const int16_t *past = now - least + step;
        power += (int32_t)past[i] * past[i];
    }
    for (size_t lag = least; lag <= most; lag += step) {
        const int16_t *past = now - lag;
        int64_t product = 0;
        for (size_t i = 0; i < window; i += step) {
            product += (int32_t)now[i] * past[i];
        }
        power += (int32_t)past[0] * past[0] - (int32_t)past[window] * past[window];
        if (product > 0) {
            float likeness = (float)product * (float)product / ((float)power + 1.0f);
            if (likeness > best) {
                best = likeness;
                found = lag;
            }
        }
    }
    return found;
}

// Gain of the sample made up so long after the last real one.
static int32_t gain_at(const struct conceal *conceal, uint32_t missing) {
    uint32_t whole = HOLD_MS * PER_MS(conceal->rate);
    uint32_t fade = FADE_MS * PER_MS(conceal->rate);
    if (missing <= whole) {
        return FULL;
    }
    if (missing >= whole + fade) {
        return 0;
    }
    return (int32_t)(FULL - (missing - whole) * FULL / fade);
}

static int16_t next_sample(struct conceal *conceal) {
    const int16_t *end = conceal->history + CONCEAL_HISTORY;
    size_t lag = conceal->lag, overlap = lag / 4;
    int32_t value = end[(int)conceal->at - (int)lag];
    // The end of the cycle flows into its beginning.
    size_t left = lag - conceal->at;
    if (left <= overlap) {
        int32_t weight = (int32_t)((overlap - left + 1) * FULL / (overlap + 1));
        int32_t before = end[(int)conceal->at - 2 * (int)lag];
        value += (before - value) * weight / FULL;
    }
    // And the joint with what was real: the past turned round.
    if (conceal->missing < overlap) {
        int32_t weight = (int32_t)((conceal->missing + 1) * FULL / (overlap + 1));
        int32_t turned = end[-1 - (int)conceal->missing];
        value = turned + (value - turned) * weight / FULL;
    }
    value = value * gain_at(conceal, conceal->missing) / FULL;
    conceal->missing++;
    if (++conceal->at >= lag) {
        conceal->at = 0;
    }
    return (int16_t)value;
}

// Makes up count samples. What is made is not remembered: a long gap repeats what was real.
void conceal_make(struct conceal *conceal, int16_t *samples, size_t count) {
    if (conceal->missing == 0) {
        conceal->lag = (uint16_t)find_lag(conceal);
        conceal->at = 0;
    }
    for (size_t i = 0; i < count; i++) {
        samples[i] = next_sample(conceal);
    }
}

// Takes real sound, and joins it to what was made up.
void conceal_heard(struct conceal *conceal, int16_t *samples, size_t count) {
    if (conceal->missing > 0) {
        size_t overlap = BACK_MS * PER_MS(conceal->rate);
        if (overlap > count) {
            overlap = count;
        }
        for (size_t i = 0; i < overlap; i++) {
            int32_t made = next_sample(conceal);
            int32_t weight = (int32_t)((i + 1) * FULL / (overlap + 1));
            samples[i] = (int16_t)(made + (samples[i] - made) * weight / FULL);
        }
        conceal->missing = 0;
    }
    remember(conceal, samples, count);
}
