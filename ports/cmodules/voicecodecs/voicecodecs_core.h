// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Voice codecs as one table, packet loss concealment and a sine, all over spandsp. States are plain
// memory of the caller; nothing allocates, nothing fails after init.

#ifndef VOX6_VOICECODECS_CORE_H
#define VOX6_VOICECODECS_CORE_H

#include <stddef.h>
#include <stdint.h>

// Sound of 20 ms at 16000 samples a second, and the octets of 20 ms at 64 kbit/s.
#define VOICE_FRAME_SAMPLES_MAX (320)
#define VOICE_FRAME_OCTETS (160)

#define VOICE_STATE_OCTETS (192) // G.722: two bands, two filters (172 octets in spandsp 0.0.6)
#define VOICE_CONCEALER_OCTETS (1296) // 40 ms of history at 16000

struct voice_state {
    union {
        uint64_t alignment;
        uint8_t octets[VOICE_STATE_OCTETS];
    } opaque;
};

struct voice_concealer {
    union {
        uint64_t alignment;
        uint8_t octets[VOICE_CONCEALER_OCTETS];
    } opaque;
};

// One octet is one tick of the RTP clock in all three codecs (RFC 3551 sections 4.5.2 and 4.5.14:
// the clock of G.722 is 8000 although its sound has 16000 samples a second), so that a payload may
// be cut at any octet.
struct voice_codec {
    const char *name; // encoding name, RFC 3551
    uint32_t rate; // samples a second
    uint32_t clock; // RTP clock, ticks a second
    uint8_t payload_type; // static assignment, RFC 3551 section 6
    uint8_t samples_per_octet;
    void (*start_encoder)(struct voice_state *state);
    void (*start_decoder)(struct voice_state *state);
    // count samples, a multiple of samples_per_octet; returns the octets written.
    size_t (*encode)(
        struct voice_state *state, const int16_t *samples, size_t count, uint8_t *octets);
    // Returns the samples written, length * samples_per_octet.
    size_t (*decode)(
        struct voice_state *state, const uint8_t *octets, size_t length, int16_t *samples);
};

enum { VOICE_PCMU, VOICE_PCMA, VOICE_G722, VOICE_CODECS };

extern const struct voice_codec voice_codecs[VOICE_CODECS];

// Index in voice_codecs of a name of length octets, without regard to case (RFC 3551 names are
// compared so in SDP), or -1.
int voice_codec_find(const char *name, size_t length);

// Concealment: heard() sees every decoded sample and may smooth the first ones after a gap;
// conceal() invents the missing ones and fades to silence in 400 samples.
void voice_concealer_start(struct voice_concealer *concealer, uint32_t rate);
void voice_concealer_heard(struct voice_concealer *concealer, int16_t *samples, size_t count);
void voice_concealer_conceal(struct voice_concealer *concealer, int16_t *samples, size_t count);

// Sine of a phase of 2^32 a turn, 32767 at the peak.
int16_t voice_sine(uint32_t phase);

#endif
