// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Comfort noise (RFC 3389), and a source that changes.

#include <errno.h>

#include "media/noise.h"
#include "media/rtp.h"
#include "peer.h"

#define TYPE (13)

static double level_db(const int16_t *samples, size_t count) {
    return 10 * log10(2 * power(samples, count) + 1e-12) - 3.01; // dB of full scale, rms
}

static void test_level_and_colour(void) {
    static int16_t samples[16000];
    for (int level = 20; level <= 70; level += 10) {
        struct noise noise = { .seed = 1 };
        uint8_t payload[3] = { (uint8_t)level, 255, 190 };
        for (size_t length = 1; length <= 3; length++) {
            CHECK_EQUAL(noise_describe(&noise, payload, length, 0), 0);
            memset(noise.state, 0, sizeof(noise.state));
            noise_make(&noise, samples, 16000);
            CHECK_BETWEEN(level_db(samples, 16000), -level - 2, -level + 2);
        }
    }
    // A first coefficient near 1 is a high pass: what changes sign all the time.
    struct noise noise = { .seed = 1 };
    CHECK_EQUAL(noise_describe(&noise, (const uint8_t[]){ 30, 240 }, 2, 0), 0);
    noise_make(&noise, samples, 16000);
    int changes = 0;
    for (int i = 1; i < 16000; i++) {
        changes += (samples[i] < 0) != (samples[i - 1] < 0);
    }
    CHECK_BETWEEN(changes, 11000, 16000);
    CHECK_EQUAL(noise_describe(&noise, NULL, 0, 0), -EINVAL);
    uint8_t wild[40] = { 0 };
    memset(wild + 1, 255, 39);
    CHECK_EQUAL(noise_describe(&noise, wild, 40, 0), 0);
    noise_make(&noise, samples, 16000);
}

static void noise_from_peer(struct sender *s, const uint8_t *payload, size_t length) {
    uint8_t packet[64];
    struct rtp_header h = {
        .payload_type = TYPE, .sequence = s->sequence++, .timestamp = s->timestamp, .ssrc = s->ssrc
    };
    rtp_emit(packet, &h);
    memcpy(packet + 12, payload, length);
    world_deliver(&rtp_end, packet, 12 + length, peer, PORT, world.now_us + 3000);
}

// The peer pauses: its noise is heard at once and until it speaks again, and nothing is lost.
static void test_received(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    CHECK_EQUAL(media_accept(stream, TYPE, MEDIA_NOISE, 0), 0);
    CHECK_EQUAL(media_accept(stream, 14, MEDIA_NOISE, 16000), -EINVAL);
    media_join(stream, true);
    struct sender s = make_sender(VOICE_PCMU, 1000);
    for (int i = 0; i < 50; i++) {
        deliver_at(&s, 20, world.now_us + 3000);
        world_tick();
    }
    for (int i = 0; i < 100; i++) {
        if (i % 25 == 0) {
            noise_from_peer(&s, (const uint8_t[]){ 40 }, 1);
        }
        s.timestamp += 160;
        world_tick();
    }
    noise_from_peer(&s, (const uint8_t[]){ 0 }, 0);
    for (int i = 0; i < 50; i++) {
        deliver_at(&s, 20, world.now_us + 3000);
        world_tick();
    }
    struct media_statistics statistics;
    media_statistics(stream, &statistics);
    CHECK_EQUAL(statistics.lost, 0);
    CHECK_EQUAL(statistics.malformed, 1);
    CHECK_EQUAL(statistics.concealed, 0);
    CHECK_BETWEEN(level_db(world.speaker + 60 * 160, 80 * 160), -43, -37);
    CHECK_BETWEEN(sine_over_rest_db(world.speaker + 160 * 160, 35 * 160, 1000, 8000), 30, 99);
    end(stream);
}

// Muted, with a peer that takes comfort noise: five packets a second, and the first of the voice has
// the marker.
static void test_sent(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    CHECK_EQUAL(media_accept(stream, TYPE, MEDIA_NOISE, 0), 0);
    media_join(stream, true);
    world.microphone_hz = 1000;
    for (int i = 0; i < 50; i++) {
        world_tick();
    }
    media_join(stream, false);
    for (int i = 0; i < 101; i++) {
        world_tick();
    }
    CHECK_EQUAL(world.sent_count, 50 + 1 + 10);
    for (size_t i = 51; i < 61; i++) {
        struct rtp_header h;
        CHECK_EQUAL(rtp_parse(world.sent[i].octets, world.sent[i].length, &h), 0);
        CHECK_EQUAL(h.payload_type, TYPE);
        CHECK_EQUAL(h.payload_octets, 1);
        CHECK_EQUAL(h.sequence, (uint16_t)(65530 + i));
        CHECK_EQUAL(h.timestamp, (uint32_t)(0xffffff00u + 160 * (51 + 10 * (i - 51))));
        CHECK(!h.marker);
    }
    media_join(stream, true);
    world_tick();
    struct rtp_header h;
    CHECK_EQUAL(rtp_parse(world.sent[61].octets, world.sent[61].length, &h), 0);
    CHECK_EQUAL(h.payload_type, 0);
    CHECK(h.marker);
    end(stream);
}

// After a re-INVITE the voice comes from another address under another SSRC: heard from its first
// packet on, without a click.
static void test_source_switch(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    struct sender s = make_sender(VOICE_PCMU, 440);
    uint8_t packet[1300];
    for (int i = 0; i < 100; i++) {
        deliver_at(&s, 20, world.now_us + 3000);
        world_tick();
    }
    double smooth = roughness(world.speaker + 8000, 7000);
    media_set_peer(stream, stranger, PORT, PORT + 1);
    s.ssrc = 0x12345678;
    s.timestamp = 5;
    s.sequence = 17;
    struct media_statistics before, after;
    media_statistics(stream, &before);
    for (int i = 0; i < 100; i++) {
        size_t length = make_packet(&s, 20, packet);
        world_deliver(&rtp_end, packet, length, stranger, PORT, world.now_us + 3000);
        world_tick();
    }
    media_statistics(stream, &after);
    CHECK_EQUAL(after.received, 100);
    CHECK_EQUAL(after.restarts, before.restarts + 1);
    CHECK_BETWEEN(sine_over_rest_db(world.speaker + 105 * 160, 90 * 160, 440, 8000), 30, 99);
    CHECK_BETWEEN(roughness(world.speaker, world.speaker_count), 0, 1.5 * smooth);
    // Another SSRC without a re-INVITE needs two packets.
    s.ssrc++;
    size_t length = make_packet(&s, 20, packet);
    world_deliver(&rtp_end, packet, length, stranger, PORT, world.now_us + 3000);
    media_statistics(stream, &after);
    CHECK_EQUAL(after.remote_ssrc, 0x12345678);
    end(stream);
}

int main(void) {
    RUN(test_level_and_colour);
    RUN(test_received);
    RUN(test_sent);
    RUN(test_source_switch);
    return 0;
}
