// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "voicecodecs/voicecodecs_core.h"

#include <string.h>

#include "voicecodecs/conceal.h"
#include "voicecodecs/opus_voice.h"

#include "spandsp/telephony.h"
#include "spandsp/bit_operations.h"
#include "spandsp/complex.h"
#include "spandsp/dds.h"
#include "spandsp/g711.h"
#include "spandsp/g722.h"
#include "spandsp/private/g711.h"
#include "spandsp/private/g722.h"

_Static_assert(sizeof(struct g722_encode_state_s) <= VOICE_STATE_OCTETS, "G.722 encoder state");
_Static_assert(sizeof(struct g722_decode_state_s) <= VOICE_STATE_OCTETS, "G.722 decoder state");
_Static_assert(sizeof(struct g711_state_s) <= VOICE_STATE_OCTETS, "G.711 state");
_Static_assert(sizeof(struct conceal) <= VOICE_CONCEALER_OCTETS, "concealer state");

#define G722_RATE (64000)

_Static_assert(OPUS_VOICE_SAMPLES_MAX == VOICE_SAMPLES_MAX, "longest piece");
_Static_assert(OPUS_VOICE_PACKET_MAX <= VOICE_FRAME_OCTETS_MAX, "octets of a frame");

static void pcmu_start(struct voice_state *state) {
    g711_init((g711_state_t *)state->opaque.octets, G711_ULAW);
}

static void pcma_start(struct voice_state *state) {
    g711_init((g711_state_t *)state->opaque.octets, G711_ALAW);
}

static size_t g711_encode_octets(
    struct voice_state *state, const int16_t *samples, size_t count, uint8_t *octets) {
    return (size_t)g711_encode((g711_state_t *)state->opaque.octets, octets, samples, (int)count);
}

static size_t g711_decode_octets(
    struct voice_state *state, const uint8_t *octets, size_t length, int16_t *samples) {
    return (size_t)g711_decode((g711_state_t *)state->opaque.octets, samples, octets, (int)length);
}

static void g722_start_encoder(struct voice_state *state) {
    g722_encode_init((g722_encode_state_t *)state->opaque.octets, G722_RATE, 0);
}

static void g722_start_decoder(struct voice_state *state) {
    g722_decode_init((g722_decode_state_t *)state->opaque.octets, G722_RATE, 0);
}

static size_t g722_encode_octets(
    struct voice_state *state, const int16_t *samples, size_t count, uint8_t *octets) {
    return (size_t)g722_encode(
        (g722_encode_state_t *)state->opaque.octets, octets, samples, (int)(count & ~(size_t)1));
}

static size_t g722_decode_octets(
    struct voice_state *state, const uint8_t *octets, size_t length, int16_t *samples) {
    return (size_t)g722_decode(
        (g722_decode_state_t *)state->opaque.octets, samples, octets, (int)length);
}

// RFC 3551 section 4.5.11: two octets a sample, the high one first.
static void l16_start(struct voice_state *state) {
    (void)state;
}

static size_t l16_encode(
    struct voice_state *state, const int16_t *samples, size_t count, uint8_t *octets) {
    (void)state;
    for (size_t i = 0; i < count; i++) {
        octets[2 * i] = (uint8_t)((uint16_t)samples[i] >> 8);
        octets[2 * i + 1] = (uint8_t)samples[i];
    }
    return 2 * count;
}

static size_t l16_decode(
    struct voice_state *state, const uint8_t *octets, size_t length, int16_t *samples) {
    (void)state;
    for (size_t i = 0; i < length / 2; i++) {
        samples[i] = (int16_t)(octets[2 * i] << 8 | octets[2 * i + 1]);
    }
    return length / 2;
}

static void opus_start_encoder(struct voice_state *state) {
    opus_voice_start_encoder(state->opaque.opus);
}

static void opus_start_decoder(struct voice_state *state) {
    opus_voice_start_decoder(state->opaque.opus);
}

static size_t opus_encode_frame(
    struct voice_state *state, const int16_t *samples, size_t count, uint8_t *octets) {
    (void)count;
    return opus_voice_encode(state->opaque.opus, samples, octets);
}

static size_t opus_decode_piece(
    struct voice_state *state, const uint8_t *octets, size_t length, int16_t *samples) {
    return opus_voice_decode(state->opaque.opus, octets, length, samples);
}

const struct voice_codec voice_codecs[VOICE_CODECS] = {
    [VOICE_PCMU] = {
        .name = "PCMU", .rate = 8000, .clock = 8000, .payload_type = 0, .octets_per_tick = 1,
        .start_encoder = pcmu_start, .start_decoder = pcmu_start,
        .encode = g711_encode_octets, .decode = g711_decode_octets,
    },
    [VOICE_PCMA] = {
        .name = "PCMA", .rate = 8000, .clock = 8000, .payload_type = 8, .octets_per_tick = 1,
        .start_encoder = pcma_start, .start_decoder = pcma_start,
        .encode = g711_encode_octets, .decode = g711_decode_octets,
    },
    [VOICE_G722] = {
        .name = "G722", .rate = 16000, .clock = 8000, .payload_type = 9, .octets_per_tick = 1,
        .start_encoder = g722_start_encoder, .start_decoder = g722_start_decoder,
        .encode = g722_encode_octets, .decode = g722_decode_octets,
    },
    [VOICE_L16] = {
        .name = "L16", .rate = 16000, .clock = 16000, .payload_type = VOICE_DYNAMIC,
        .octets_per_tick = 4, .start_encoder = l16_start, .start_decoder = l16_start,
        .encode = l16_encode, .decode = l16_decode,
    },
    [VOICE_L16_NARROW] = {
        .name = "L16", .rate = 8000, .clock = 8000, .payload_type = VOICE_DYNAMIC,
        .octets_per_tick = 2, .start_encoder = l16_start, .start_decoder = l16_start,
        .encode = l16_encode, .decode = l16_decode,
    },
    [VOICE_OPUS] = {
        .name = "opus", .rate = OPUS_VOICE_RATE, .clock = 48000, .payload_type = VOICE_DYNAMIC,
        .start_encoder = opus_start_encoder, .start_decoder = opus_start_decoder,
        .encode = opus_encode_frame, .decode = opus_decode_piece,
    },
};

static char upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

int voice_codec_find(const char *name, size_t length, uint32_t clock) {
    for (int i = 0; i < VOICE_CODECS; i++) {
        const char *other = voice_codecs[i].name;
        size_t n = 0;
        while (n < length && other[n] != 0 && upper(name[n]) == upper(other[n])) {
            n++;
        }
        if (n == length && other[n] == 0 && (clock == 0 || clock == voice_codecs[i].clock)) {
            return i;
        }
    }
    return -1;
}

void voice_concealer_start(struct voice_concealer *concealer, uint32_t rate) {
    conceal_start((struct conceal *)concealer->opaque.octets, rate);
}

void voice_concealer_heard(struct voice_concealer *concealer, int16_t *samples, size_t count) {
    conceal_heard((struct conceal *)concealer->opaque.octets, samples, count);
}

void voice_concealer_conceal(struct voice_concealer *concealer, int16_t *samples, size_t count) {
    conceal_make((struct conceal *)concealer->opaque.octets, samples, count);
}

int16_t voice_sine(uint32_t phase) {
    return dds_lookup(phase);
}
