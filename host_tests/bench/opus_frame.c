// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// A program without an operating system for the emulated Cortex-M7: one frame of Opus between marks
// (marks.c), FRAMES of each row of opus.py. It fails if the stack of Opus has less than SPARE octets
// left.

#include "bare_m7.h"
#include "opus_packets.h"
#include "voicecodecs/opus_voice.h"

#define FRAMES (30)
#define SPARE (1024) // for interrupts that come meanwhile

static int16_t voice[100 * OPUS_VOICE_FRAME];

// Pulses of a voice at 140 Hz through a low pass, with noise and pauses.
static void make_voice(void) {
    uint32_t seed = 1;
    int32_t low = 0;
    for (int i = 0; i < (int)(sizeof(voice) / sizeof(voice[0])); i++) {
        seed = seed * 1664525 + 1013904223;
        int32_t hiss = (int32_t)(seed >> 20) - 2048, at = i % 4000;
        int32_t loud = at < 200 ? at * 5 : at < 3000 ? 1000 : 50;
        low += ((i % 114) * 200 - 11400 - low) / 4;
        voice[i] = (int16_t)((low / 2 + hiss / 2) * loud / 1000);
    }
}

static int run(void) {
    static const uint8_t *const kinds[] = { silk_60_ms, silk_stereo_60_ms, hybrid_stereo,
        celt_stereo };
    static uint8_t packets[2 * FRAMES][OPUS_VOICE_PACKET_MAX];
    static int16_t sound[OPUS_VOICE_SAMPLES_MAX];
    size_t lengths[2 * FRAMES];
    struct opus_voice *opus = opus_voice_get();
    make_voice();
    for (int i = 0; i < 2 * FRAMES; i++) { // two rows: without and with redundancy
        opus_voice_tune(opus, OPUS_VOICE_BIT_RATE, i < FRAMES ? 0 : 10);
        mark_begin();
        lengths[i] = opus_voice_encode(opus, voice + i * OPUS_VOICE_FRAME, packets[i]);
        mark_end();
        if (lengths[i] == 0) {
            return 1;
        }
    }
    for (int i = 0; i < FRAMES; i++) {
        mark_begin();
        opus_voice_decode(opus, packets[i], lengths[i], sound);
        mark_end();
    }
    for (int i = 0; i < FRAMES; i++) {
        mark_begin();
        opus_voice_conceal(opus, NULL, 0, sound, OPUS_VOICE_FRAME);
        mark_end();
        opus_voice_decode(opus, packets[i], lengths[i], sound);
    }
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        const uint8_t *at = kinds[kind];
        opus_voice_start_decoder(opus);
        for (int i = 0; i < FRAMES; i++) {
            size_t length = (size_t)at[0] << 8 | at[1];
            mark_begin();
            size_t count = opus_voice_decode(opus, at + 2, length, sound);
            mark_end();
            if (count == 0) {
                return 1;
            }
            at += 2 + length;
        }
        opus_voice_conceal(opus, NULL, 0, sound, OPUS_VOICE_SAMPLES_MAX);
    }
    return opus_voice_stack_used() + SPARE > OPUS_VOICE_STACK ? 1 : 0;
}
