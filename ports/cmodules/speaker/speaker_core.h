// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What makes a loudspeaker and a microphone in one room a telephone: the echo of the speaker is
// taken out of the microphone, then steady noise, then the level is brought to what peers expect.
// One instance, as there is one device. Functions whose comment names no context are for the VM,
// outside engine_enter().

#ifndef VOX6_SPEAKER_CORE_H
#define VOX6_SPEAKER_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/audio_device.h"

// Samples that canceller and suppressor take at a time: 20 ms at 8000, 10 ms at 16000, so that both
// rates need the same memory and all else doubles.
#define SPEAKER_BLOCK (160)

// Longest echo that is taken out, from the moment the device is expected to play a frame: 120 ms at
// 8000, 60 ms at 16000.
#define SPEAKER_TAIL (960)

// Memory for the canceller with its suppressor, and for a suppressor alone; pointers of 64 bits.
#define SPEAKER_ECHO_OCTETS (48 * 1024)
#define SPEAKER_NOISE_OCTETS (20 * 1024)

// The most by which a device may play a frame later than in the tick after it got it.
#define SPEAKER_DELAY_MS_MAX (100)

struct speaker_config {
    bool echo;
    bool noise;
    bool gain;
    uint16_t delay_ms; // of the device, 0..SPEAKER_DELAY_MS_MAX
};

struct speaker_figures {
    int echo_return_loss_db; // what the canceller took off while the speaker sounded
    int gain_db;
    uint32_t frames; // cleaned
};

size_t speaker_memory(const struct speaker_config *config);
bool speaker_is(const struct speaker_config *config);
void speaker_configure(const struct speaker_config *config, uint32_t rate, void *memory);
void speaker_set_rate(uint32_t rate);
void speaker_figures(struct speaker_figures *figures);

// Engine context: once each tick, in this order. samples of a frame of 20 ms; others are left.
void speaker_clean(int16_t *microphone, size_t count);
void speaker_played(const int16_t *samples, size_t count);

#endif
