// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Loudness of frames of 20 ms: gain control of the microphone, and how much of an echo is left.

#ifndef VOX6_LEVEL_H
#define VOX6_LEVEL_H

#include <stddef.h>
#include <stdint.h>

struct level {
    int32_t gain_q12;
    uint64_t speech; // power of a sample while somebody speaks, smoothed; 0: not known yet
    uint64_t floor; // power of a sample in pauses
    uint16_t echo_frames; // that may still hold echo
};

// Power sums of the microphone before and after cleaning, while the speaker sounds.
struct level_loss {
    uint64_t before;
    uint64_t after;
};

void level_start(struct level *level);
void level_control(struct level *level, int16_t *samples, size_t count, uint64_t far);
int level_gain_db(const struct level *level);
uint64_t level_power(const int16_t *samples, size_t count);
void level_loss_note(struct level_loss *loss, uint64_t far, uint64_t before, uint64_t after);
int level_loss_db(const struct level_loss *loss);

#endif
