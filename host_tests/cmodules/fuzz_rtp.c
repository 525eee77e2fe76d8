// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// libFuzzer target: a script of datagrams, ticks and commands against one stream. Whatever comes,
// nothing is read or written out of bounds, ticks go on, and all pools are idle afterwards.
//
// Input: records of one octet of command, and for datagrams one octet of length and the octets.

#include "harness.h"

#include "media/media_core.h"
#include "voicecodecs/voicecodecs_core.h"

#define COMMANDS_MAX (200) // a run stays short

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct world_endpoint rtp, rtcp;
    static const uint8_t peer[16] = { 0x20, 1 }, stranger[16] = { 0x20, 2 };
    struct media_config config = {
        .ops = &world_ops,
        .rtp = &rtp,
        .rtcp = &rtcp,
        .peer = { 0x20, 1 },
        .port = 1000,
        .rtcp_port = 1001,
        .ssrc = 1,
    };
    static const uint8_t payload_types[VOICE_CODECS] = { 0, 8, 9, 97, 98, 96 };
    struct media_stream *stream;
    media_deinit();
    world.now_us = 1000000;
    world.sent_count = 0;
    world.speaker_count = 0;
    CHECK_EQUAL(media_open(&stream, &config), 0);
    CHECK_EQUAL(media_accept(stream, 9, VOICE_G722, 0), 0);
    CHECK_EQUAL(media_accept(stream, 101, MEDIA_EVENT, 0), 0);
    CHECK_EQUAL(media_accept(stream, 13, MEDIA_NOISE, 0), 0);
    CHECK_EQUAL(media_accept(stream, 96, VOICE_OPUS, 0), 0);
    CHECK_EQUAL(media_accept(stream, 97, VOICE_L16, 0), 0);
    CHECK_EQUAL(media_accept(stream, 98, VOICE_L16_NARROW, 0), 0);
    media_join(stream, true);
    for (int n = 0; n < COMMANDS_MAX && size > 0; n++) {
        uint8_t command = *data++;
        size--;
        switch (command % 10) {
            case 0:
            case 1:
                world_tick();
                break;
            case 2:
                media_set_direction(stream, command & 0x10, command & 0x20);
                break;
            case 3:
                media_set_codec(stream, (command >> 4) % VOICE_CODECS,
                    payload_types[(command >> 4) % VOICE_CODECS]);
                media_tune(stream, 8000 + command * 100u, command & 31);
                break;
            case 4: {
                uint8_t buffer[256], from[16];
                uint16_t port;
                enum media_kind kind;
                media_receive(stream, buffer, command, from, &port, &kind);
                uint32_t ms;
                media_next_event(stream, buffer, &ms);
                media_send_event(stream, command, command * 60u, command & 63);
                break;
            }
            default: {
                if (size == 0) {
                    break;
                }
                size_t length = *data++;
                size--;
                length = length * (command & 0x80 ? 4 : 1);
                length = length > size ? size : length;
                world_deliver(command % 10 == 5 ? &rtcp : &rtp, data, length,
                    command % 10 == 6 ? stranger : peer,
                    command % 10 == 7 ? 7 : 1000 + (command % 10 == 5),
                    world.now_us + command * 50u);
                data += length;
                size -= length;
                break;
            }
        }
    }
    struct media_statistics statistics;
    media_statistics(stream, &statistics);
    media_close(stream);
    world_tick();
    world_tick();
    media_stop();
    struct media_counters counters;
    media_counters(&counters);
    CHECK_EQUAL(counters.streams + counters.blocks + counters.datagrams + counters.opus, 0);
    CHECK_EQUAL(world.signals, 0);
    return 0;
}
