// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// A program without an operating system for the emulated Cortex-M7: frames of 20 ms through the
// speaker path between marks (marks.c), FRAMES of each row of `rows`. Linked with the image's own
// objects; speaker.py builds and runs it.

#include <stdint.h>

#include "bare_m7.h"
#include "speaker/speaker_core.h"

#define FRAMES (250) // 5 s: the filter is adapted by then, which costs the most

static const struct {
    uint32_t rate;
    struct speaker_config config;
} rows[] = {
    { 8000, { .echo = true } },
    { 8000, { .noise = true } },
    { 8000, { .echo = true, .noise = true, .gain = true } },
    { 16000, { .echo = true } },
    { 16000, { .echo = true, .noise = true, .gain = true } },
};

void engine_enter(void) {
}

void engine_exit(void) {
}

static uint32_t seed = 1;

static int32_t hiss(int32_t most) {
    seed = seed * 1664525 + 1013904223;
    return ((int32_t)(seed >> 16) - 32768) * most / 32768;
}

static int run(void) {
    static int16_t played[AUDIO_FRAME_MAX], past[2 * AUDIO_FRAME_MAX], microphone[AUDIO_FRAME_MAX];
    static uint64_t memory[SPEAKER_ECHO_OCTETS / sizeof(uint64_t)];
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        size_t frame = rows[row].rate / 1000 * AUDIO_FRAME_MS;
        int32_t low = 0;
        speaker_configure(&rows[row].config, rows[row].rate, memory);
        for (int number = 0; number < FRAMES; number++) {
            // Syllables of coloured noise, and an echo of two ways.
            int32_t loud = number % 12 < 9 ? 6000 : 40;
            for (size_t i = 0; i < frame; i++) {
                low += (hiss(loud) - low) / 2;
                microphone[i] = (int16_t)(past[i + frame - 40] / 2 + past[i + 17] / 4 + hiss(20));
                played[i] = (int16_t)low;
            }
            mark_begin();
            speaker_clean(microphone, frame);
            speaker_played(played, frame);
            mark_end();
            memmove(past, past + frame, frame * sizeof(past[0]));
            memcpy(past + frame, played, frame * sizeof(past[0]));
        }
        struct speaker_figures figures;
        speaker_figures(&figures);
        if (figures.frames != (row + 1) * FRAMES
            || (rows[row].config.echo && figures.echo_return_loss_db < 10)) {
            return 1;
        }
    }
    return 0;
}
