// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The other end of a stream in the world of harness.h: where it is, and packets with sound.

#ifndef VOX6_PEER_H
#define VOX6_PEER_H

#include "harness.h"
#include "media/media_core.h"
#include "voicecodecs/voicecodecs_core.h"

#define PORT (40000)
#define OUR_SSRC (0x11111111)
#define PEER_SSRC (0x22222222)

extern const uint8_t peer[16];
extern const uint8_t stranger[16];
extern struct world_endpoint rtp_end, rtcp_end;

// A sender of a sine: packets of ptime_ms with the codec's octets.
struct sender {
    const struct voice_codec *codec;
    struct voice_state state;
    double hz, phase, amplitude;
    uint8_t payload_type;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
};

void begin(void); // a fresh world
struct media_stream *open_stream(int codec);
void idle(void); // nothing is left in any pool
void end(struct media_stream *stream); // closes it, and checks that
struct sender make_sender(int codec, double hz);
size_t make_packet(struct sender *s, int ptime_ms, uint8_t *packet);
void deliver_at(struct sender *s, int ptime_ms, uint64_t time_us);

#endif
