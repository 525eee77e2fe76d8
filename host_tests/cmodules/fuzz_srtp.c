// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// libFuzzer target: a script of packets against a protected stream, some authentic, some authentic
// once and then changed, some from nowhere, while keys change. Whatever comes: no octet out of bounds,
// no packet counts twice, none that was changed counts at all, and all pools are idle afterwards.
//
// Input: records of one octet of command, one of argument, and for datagrams the octets.

#include "media/rtp.h"
#include "peer.h"
#include "srtp/srtp_core.h"

#define COMMANDS_MAX (200) // a run stays short
#define KEYS (4)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t key_salt[KEYS][SRTP_CORE_KEY_SALT_MAX];

static int profile_of(int key) {
    return key % SRTP_CORE_PROFILES;
}

static union {
    uint32_t words[512];
    uint8_t octets[2048];
} packet;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct srtp_core *keys[KEYS];
    media_deinit();
    world.now_us = 1000000;
    world.sent_count = 0;
    world.speaker_count = 0;
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    for (int i = 0; i < KEYS; i++) {
        memset(key_salt[i], i + 1, sizeof(key_salt[i]));
        CHECK_EQUAL(srtp_core_new(&keys[i], true, profile_of(i), key_salt[i],
                        srtp_core_key_salt_octets(profile_of(i))),
            0);
    }
    CHECK_EQUAL(
        media_secure(stream, false, profile_of(0), key_salt[0], srtp_core_key_salt_octets(0)), 0);
    uint16_t sequence = 65500;
    uint32_t authentic = 0;
    int current = 0;
    for (int n = 0; n < COMMANDS_MAX && size >= 2; n++) {
        uint8_t command = data[0], argument = data[1];
        data += 2;
        size -= 2;
        switch (command % 8) {
            case 0:
                world_tick();
                break;
            case 1: { // a key, at times one that was used before
                int key = argument % KEYS;
                bool send = argument & 0x40;
                CHECK_EQUAL(
                    media_secure(stream, send, argument & 0x80 && send ? -1 : profile_of(key),
                        key_salt[key], srtp_core_key_salt_octets(profile_of(key))),
                    0);
                current = send ? current : key;
                break;
            }
            case 2: {
                uint8_t buffer[256], from[16];
                uint16_t port;
                enum media_kind kind;
                media_receive(stream, buffer, argument, from, &port, &kind);
                media_require_secure(stream, command & 0x10);
                break;
            }
            case 3:
            case 4: { // authentic, and perhaps changed afterwards
                bool rtcp = command & 0x20;
                struct rtp_header header = { .sequence = sequence,
                    .ssrc = PEER_SSRC + (argument & 1) };
                memset(&packet, 0, sizeof(packet));
                rtp_emit(packet.octets, &header);
                int length = 12 + 4 * argument;
                sequence = (uint16_t)(sequence + (argument & 2 ? 0x3000 : 1));
                if (rtcp) {
                    packet.octets[1] = 200;
                    rtp_write16(packet.octets + 2, (uint16_t)(length / 4 - 1));
                    rtp_write32(packet.octets + 4, PEER_SSRC);
                    length = srtp_core_protect_rtcp(
                        keys[current], packet.octets, (size_t)length, sizeof(packet));
                } else {
                    length = srtp_core_protect(
                        keys[current], packet.octets, (size_t)length, sizeof(packet));
                }
                if (length < 0) {
                    break; // an index would be used twice
                }
                struct media_statistics before, after;
                media_statistics(stream, &before);
                bool changed = false;
                if (command & 0x40 && size >= 2) {
                    size_t where = (size_t)(data[0] % length);
                    changed = data[1] != 0;
                    packet.octets[where] ^= data[1];
                    data += 2;
                    size -= 2;
                }
                for (int i = 0; i < 2; i++) {
                    world_deliver(rtcp ? &rtcp_end : &rtp_end, packet.octets, (size_t)length, peer,
                        rtcp ? PORT + 1 : PORT, world.now_us + argument);
                }
                media_statistics(stream, &after);
                CHECK(after.srtp_received - before.srtp_received <= (changed ? 0u : 1u));
                authentic += after.srtp_received - before.srtp_received;
                break;
            }
            default: {
                size_t length = argument * (command & 0x80 ? 4u : 1u);
                length = length > size ? size : length;
                world_deliver(command % 8 == 5 ? &rtcp_end : &rtp_end, data, length, peer,
                    PORT + (command % 8 == 5), world.now_us + command * 50u);
                data += length;
                size -= length;
                break;
            }
        }
    }
    struct media_statistics statistics;
    media_statistics(stream, &statistics);
    CHECK_EQUAL(statistics.srtp_received, authentic); // of the octets from nowhere none
    media_close(stream);
    for (int i = 0; i < KEYS; i++) {
        srtp_core_free(keys[i]);
    }
    world_tick();
    world_tick();
    media_stop();
    idle();
    return 0;
}
