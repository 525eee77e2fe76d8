// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The audio device: the two sound rings of the panel window, clocked by the board's own timer.

#include "audio_qemu.h"

#include <errno.h>
#include <string.h>

#include "engine/audio_device.h"
#include "engine/engine.h"
#include "mps2.h"
#include "ring/ring.h"
#include "window.h"

#define FRAME_US (AUDIO_FRAME_MS * 1000)

// Frame events that a stalled host may have delayed and that are still made up for, so that RTP time
// stays true: half a second. Beyond that the sound is lost anyway and the clock starts anew.
#define CATCH_UP_FRAMES (25)

static bool running;
static uint32_t device_rate;
static uint64_t due_us;

int audio_device_start(uint32_t rate) {
    if (rate != 8000 && rate != 16000) {
        return -EINVAL;
    }
    engine_enter();
    if (!running || rate != device_rate) {
        device_rate = rate;
        ring_start(MICROPHONE_RING, rate, rate / 1000 * AUDIO_FRAME_MS);
        ring_start(SPEAKER_RING, rate, rate / 1000 * AUDIO_FRAME_MS);
    }
    if (!running) {
        due_us = engine_time_us() + FRAME_US;
        running = true;
    }
    engine_exit();
    return engine_start();
}

void audio_device_stop(void) {
    engine_enter();
    running = false;
    engine_exit();
}

void audio_device_read(int16_t *samples, size_t count) {
    size_t got = ring_read(MICROPHONE_RING, samples, count);
    memset(samples + got, 0, (count - got) * sizeof(*samples));
}

void audio_device_write(const int16_t *samples, size_t count) {
    size_t put = ring_write(SPEAKER_RING, samples, count);
    SPEAKER_RING->drops = SPEAKER_RING->drops + (count - put);
}

bool audio_qemu_tick(void) {
    if (!running) {
        return false;
    }
    uint64_t now = engine_time_us();
    if (now < due_us) {
        return false;
    }
    uint64_t due = due_us;
    due_us += FRAME_US;
    if (now - due > (uint64_t)CATCH_UP_FRAMES * FRAME_US) {
        due_us = now + FRAME_US;
    }
    MARK("mark_tick_begin");
    media_tick(due);
    MARK("mark_tick_end");
    return engine_time_us() >= due_us;
}
