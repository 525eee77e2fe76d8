// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// A phone that talks, outside of time: what its microphone hears comes in as samples, the payloads of
// its packets go out, each after 2 octets of its length (little-endian). The media core as it is, in
// the world of host_tests/cmodules.
//
//     talker CODEC RATE < samples > payloads

#include "harness.h"
#include "media/media_core.h"
#include "media/rtp.h"
#include "voicecodecs/voicecodecs_core.h"

static struct world_endpoint rtp, rtcp;
static bool ended;

static void listen(int16_t *samples, size_t count) {
    ended = fread(samples, sizeof(samples[0]), count, stdin) < count;
}

int main(int argc, char **argv) {
    CHECK_EQUAL(argc, 3);
    int codec = 0;
    while (codec < VOICE_CODECS
        && (strcmp(voice_codecs[codec].name, argv[1]) != 0
            || voice_codecs[codec].rate != (uint32_t)atoi(argv[2]))) {
        codec++;
    }
    CHECK(codec < VOICE_CODECS);
    struct media_config config = {
        .ops = &world_ops,
        .rtp = &rtp,
        .rtcp = &rtcp,
        .port = 40000,
        .rtcp_port = 40001,
        .codec = codec,
        .payload_type = 96,
        .ssrc = 1,
    };
    world_reset();
    struct media_stream *stream = NULL;
    CHECK_EQUAL(media_open(&stream, &config), 0);
    CHECK_EQUAL(media_join(stream, true), 0);
    world.microphone = listen;
    for (;;) {
        world.sent_count = 0;
        world.speaker_count = 0;
        world_tick();
        if (ended) {
            return 0;
        }
        for (size_t i = 0; i < world.sent_count; i++) {
            size_t length = world.sent[i].length - RTP_HEADER_OCTETS;
            putchar((int)(length & 0xff));
            putchar((int)(length >> 8));
            fwrite(world.sent[i].octets + RTP_HEADER_OCTETS, 1, length, stdout);
        }
    }
}
