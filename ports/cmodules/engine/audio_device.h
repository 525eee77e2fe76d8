// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The audio device of a board, seen from media: signed 16-bit mono, one frame each 20 ms.
// A port implements it (on the virtual boards by the two rings of the panel link).

#ifndef VOX6_AUDIO_DEVICE_H
#define VOX6_AUDIO_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#define AUDIO_FRAME_MS (20)
#define AUDIO_RATE_MAX (16000)
#define AUDIO_FRAME_MAX (AUDIO_RATE_MAX / 1000 * AUDIO_FRAME_MS)

// Starts the frame event, or changes the rate of a running device (8000 or 16000).
// Returns 0 or a negative errno. VM context, outside engine_enter().
int audio_device_start(uint32_t rate);

// Ends the frame event. VM context.
void audio_device_stop(void);

// Engine context, from media_tick() alone: count samples of the microphone (what is missing is
// filled with zeros and counted by the device), count samples to the speaker.
void audio_device_read(int16_t *samples, size_t count);
void audio_device_write(const int16_t *samples, size_t count);

// Implemented by media; the port calls it in the engine context at each frame event, with the
// engine_time_us() at which that event was due.
void media_tick(uint64_t due_us);

#endif
