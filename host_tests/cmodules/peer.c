// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "peer.h"

#include "media/rtp.h"
#include "voicecodecs/opus_voice.h"

const uint8_t peer[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
const uint8_t stranger[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 };
struct world_endpoint rtp_end, rtcp_end;

struct media_stream *open_stream(int codec) {
    struct media_config config = {
        .ops = &world_ops,
        .rtp = &rtp_end,
        .rtcp = &rtcp_end,
        .port = PORT,
        .rtcp_port = PORT + 1,
        .codec = codec,
        .payload_type = voice_codecs[codec].payload_type,
        .ssrc = OUR_SSRC,
        .sequence = 65530,
        .timestamp = 0xffffff00,
    };
    struct media_stream *stream = NULL;
    memcpy(config.peer, peer, 16);
    CHECK_EQUAL(media_open(&stream, &config), 0);
    return stream;
}

void idle(void) {
    struct media_counters c;
    media_counters(&c);
    CHECK_EQUAL(c.streams, 0);
    CHECK_EQUAL(c.blocks, 0);
    CHECK_EQUAL(c.datagrams, 0);
    CHECK_EQUAL(c.keys, 0);
    CHECK_EQUAL(world.signals, 0);
    CHECK_EQUAL(world.depth, 0);
}

void begin(void) {
    media_deinit();
    world_reset();
}

void end(struct media_stream *stream) {
    media_close(stream);
    media_deinit();
    idle();
}

struct sender make_sender(int codec, double hz) {
    struct sender s = {
        .codec = &voice_codecs[codec],
        .hz = hz,
        .amplitude = 10000,
        .payload_type = voice_codecs[codec].payload_type,
        .sequence = 65500,
        .timestamp = 0xfffff000,
        .ssrc = PEER_SSRC,
    };
    if (codec == VOICE_OPUS) {
        s.state.opaque.opus = opus_voice_get();
        CHECK(s.state.opaque.opus != NULL);
    }
    s.codec->start_encoder(&s.state);
    return s;
}

size_t make_packet(struct sender *s, int ptime_ms, uint8_t *packet) {
    static int16_t sound[16 * 120];
    struct rtp_header header = { .payload_type = s->payload_type,
        .sequence = s->sequence,
        .timestamp = s->timestamp,
        .ssrc = s->ssrc };
    size_t count = s->codec->rate / 1000 * (size_t)ptime_ms;
    sine(sound, count, s->hz, s->codec->rate, s->amplitude, &s->phase);
    rtp_emit(packet, &header);
    size_t octets = s->codec->encode(&s->state, sound, count, packet + 12); // Opus: 20 ms alone
    s->sequence++;
    s->timestamp += s->codec->clock / 1000 * (uint32_t)ptime_ms;
    return 12 + octets;
}

void deliver_at(struct sender *s, int ptime_ms, uint64_t time_us) {
    uint8_t packet[1300];
    size_t length = make_packet(s, ptime_ms, packet);
    world_deliver(&rtp_end, packet, length, peer, PORT, time_us);
}
