// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Opus (RFC 6716) for a telephone: mono at 16000 samples a second. What we send is SILK, wideband, in
// packets of 20 ms; what comes may be anything that Opus has. All but get and put belong to the
// engine context: they share one stack of their own.

#ifndef VOX6_OPUS_VOICE_H
#define VOX6_OPUS_VOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPUS_VOICE_RATE (16000)
#define OPUS_VOICE_FRAME (320) // samples that we send in a packet
#define OPUS_VOICE_PACKET_MAX (256) // octets of ours; a frame of 24 kbit/s with redundancy has 90
#define OPUS_VOICE_UNIT_MS (60) // longest piece to decode at once: longer packets are cut
#define OPUS_VOICE_SAMPLES_MAX (OPUS_VOICE_RATE / 1000 * OPUS_VOICE_UNIT_MS)
#define OPUS_VOICE_UNITS \
    (3) // pieces of a packet of 120 ms, and one for frames that do not fit evenly
#define OPUS_VOICE_UNIT_OCTETS (1276) // longest frame (RFC 6716 section 3.2.1) and its first octet
#define OPUS_VOICE_STEP (40) // samples: lengths are multiples of 2.5 ms

#define OPUS_VOICE_BIT_RATE (24000)
#define OPUS_VOICE_BIT_RATE_MIN (8000)
#define OPUS_VOICE_BIT_RATE_MAX (40000)

// Streams with Opus at a time: each costs the octets of one encoder and one decoder.
#ifndef OPUS_VOICE_PAIRS
#define OPUS_VOICE_PAIRS (2)
#endif

struct opus_voice;

struct opus_voice_unit {
    size_t samples;
    size_t length;
    uint8_t octets[OPUS_VOICE_UNIT_OCTETS];
};

struct opus_voice *opus_voice_get(void);
void opus_voice_put(struct opus_voice *voice);
size_t opus_voice_used(void);

void opus_voice_start_encoder(struct opus_voice *voice);
void opus_voice_tune(struct opus_voice *voice, uint32_t bit_rate, unsigned loss_percent);
size_t opus_voice_encode(struct opus_voice *voice, const int16_t *samples, uint8_t *packet);

size_t opus_voice_samples(const uint8_t *packet, size_t length);
bool opus_voice_cut(
    const uint8_t *packet, size_t length, size_t index, struct opus_voice_unit *unit);
bool opus_voice_is_redundant(const uint8_t *packet, size_t length);
bool opus_voice_is_pause(const uint8_t *packet, size_t length);

void opus_voice_start_decoder(struct opus_voice *voice);
size_t opus_voice_decode(
    struct opus_voice *voice, const uint8_t *packet, size_t length, int16_t *samples);
void opus_voice_conceal(
    struct opus_voice *voice, const uint8_t *next, size_t length, int16_t *samples, size_t count);

size_t opus_voice_stack_used(void);

#endif
