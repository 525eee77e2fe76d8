// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// A phone that listens, outside of time: packets come in with the moment of their arrival, what the
// speaker plays goes out as samples. The media core as it is, in the world of host_tests/cmodules.
//
//     receiver CODEC RATE PAYLOAD_TYPE FIRST_TICK_US TICKS < packets > samples
//
// A packet: 8 octets arrival in us, 2 octets length, both little-endian, then RTP.

#include "harness.h"
#include "media/media_core.h"
#include "voicecodecs/voicecodecs_core.h"

#define START_US (1000000)

static const uint8_t peer[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
static struct world_endpoint rtp, rtcp;

static int find_codec(const char *name, uint32_t rate) {
    for (int i = 0; i < VOICE_CODECS; i++) {
        if (strcmp(voice_codecs[i].name, name) == 0 && voice_codecs[i].rate == rate) {
            return i;
        }
    }
    return -1;
}

static bool read_packet(uint64_t *arrival_us, uint8_t *octets, size_t *length) {
    uint8_t head[10];
    if (fread(head, 1, sizeof(head), stdin) != sizeof(head)) {
        return false;
    }
    *arrival_us = 0;
    for (int i = 7; i >= 0; i--) {
        *arrival_us = *arrival_us << 8 | head[i];
    }
    *length = head[8] | (size_t)head[9] << 8;
    CHECK(*length <= 1500);
    CHECK_EQUAL(fread(octets, 1, *length, stdin), *length);
    return true;
}

int main(int argc, char **argv) {
    CHECK_EQUAL(argc, 6);
    int codec = find_codec(argv[1], (uint32_t)atoi(argv[2]));
    CHECK(codec >= 0);
    struct media_config config = {
        .ops = &world_ops,
        .rtp = &rtp,
        .rtcp = &rtcp,
        .port = 40000,
        .rtcp_port = 40001,
        .codec = codec,
        .payload_type = (uint8_t)atoi(argv[3]),
        .ssrc = 1,
    };
    memcpy(config.peer, peer, 16);
    world_reset();
    world.now_us = START_US + (uint64_t)atoi(argv[4]) - 20000;
    struct media_stream *stream = NULL;
    CHECK_EQUAL(media_open(&stream, &config), 0);
    CHECK_EQUAL(media_join(stream, true), 0);
    uint8_t octets[1500];
    size_t length = 0;
    uint64_t arrival_us = 0;
    bool waiting = read_packet(&arrival_us, octets, &length);
    for (int tick = 0; tick < atoi(argv[5]); tick++) {
        while (waiting && START_US + arrival_us <= world.now_us + 20000) {
            world_deliver(&rtp, octets, length, peer, 40000, START_US + arrival_us);
            waiting = read_packet(&arrival_us, octets, &length);
        }
        world.sent_count = 0;
        world_tick();
    }
    fwrite(world.speaker, sizeof(world.speaker[0]), world.speaker_count, stdout);
    struct media_statistics s;
    media_statistics(stream, &s);
    fprintf(stderr,
        "received %u lost %d late %u discarded %u concealed %u stretched %u target_ms %u "
        "delay_ms %u\n",
        s.received, s.lost, s.late, s.discarded, s.concealed, s.stretched, s.target_ms,
        s.delay_ms);
    return 0;
}
