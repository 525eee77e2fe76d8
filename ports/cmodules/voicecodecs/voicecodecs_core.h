// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Voice codecs as one table, packet loss concealment and a sine: G.711 and G.722 of spandsp, L16, and
// Opus (opus_voice.h). States are plain memory of the caller; nothing allocates, nothing fails after
// init.

#ifndef VOX6_VOICECODECS_CORE_H
#define VOX6_VOICECODECS_CORE_H

#include <stddef.h>
#include <stdint.h>

// Sound of 20 ms at 16000 samples a second, the octets of 20 ms at 64 kbit/s, and the most octets of
// 20 ms that any codec here writes: L16.
#define VOICE_FRAME_SAMPLES_MAX (320)
#define VOICE_FRAME_OCTETS (160)
#define VOICE_FRAME_OCTETS_MAX (640)

#define VOICE_TICKS_PER_SECOND (8000) // in which time is counted, see below
#define VOICE_SAMPLES_MAX (960) // longest piece decoded at once: an Opus frame of 60 ms

#define VOICE_STATE_OCTETS (192) // G.722: two bands, two filters (172 octets in spandsp 0.0.6)
#define VOICE_CONCEALER_OCTETS (1296) // 40 ms of history at 16000

struct opus_voice;

struct voice_state {
    union {
        uint64_t alignment;
        struct opus_voice *opus; // given by the caller before start_encoder, start_decoder
        uint8_t octets[VOICE_STATE_OCTETS];
    } opaque;
};

struct voice_concealer {
    union {
        uint64_t alignment;
        uint8_t octets[VOICE_CONCEALER_OCTETS];
    } opaque;
};

// Time is counted in 1/8000 s here, whatever the RTP clock is. With one octet for each such tick a
// payload may be cut at any octet (RFC 3551 sections 4.5.2 and 4.5.14: the clock of G.722 is 8000
// although its sound has 16000 samples a second); L16 between samples; a packet of Opus nowhere.
struct voice_codec {
    const char *name; // encoding name, RFC 3551, RFC 7587
    uint32_t rate; // samples a second
    uint32_t clock; // RTP clock, ticks a second
    uint8_t payload_type; // static assignment, RFC 3551 section 6, or VOICE_DYNAMIC
    uint8_t octets_per_tick; // 0: it varies
    void (*start_encoder)(struct voice_state *state);
    void (*start_decoder)(struct voice_state *state);
    // count samples, even for G.722, OPUS_VOICE_FRAME for Opus; returns the octets written.
    size_t (*encode)(
        struct voice_state *state, const int16_t *samples, size_t count, uint8_t *octets);
    // Returns the samples written.
    size_t (*decode)(
        struct voice_state *state, const uint8_t *octets, size_t length, int16_t *samples);
};

#define VOICE_DYNAMIC (96) // RFC 3551 section 6: no static payload type

enum {
    VOICE_PCMU,
    VOICE_PCMA,
    VOICE_G722,
    VOICE_L16, // 16000 samples a second
    VOICE_L16_NARROW, // 8000
    VOICE_OPUS,
    VOICE_CODECS
};

extern const struct voice_codec voice_codecs[VOICE_CODECS];

// Index in voice_codecs of a name of length octets, without regard to case (RFC 3551 names are
// compared so in SDP), with that RTP clock, 0: the first one; or -1.
int voice_codec_find(const char *name, size_t length, uint32_t clock);

// Concealment: heard() sees every decoded sample and may smooth the first ones after a gap;
// conceal() invents the missing ones and fades to silence in 400 samples.
void voice_concealer_start(struct voice_concealer *concealer, uint32_t rate);
void voice_concealer_heard(struct voice_concealer *concealer, int16_t *samples, size_t count);
void voice_concealer_conceal(struct voice_concealer *concealer, int16_t *samples, size_t count);

// Sine of a phase of 2^32 a turn, 32767 at the peak.
int16_t voice_sine(uint32_t phase);

#endif
