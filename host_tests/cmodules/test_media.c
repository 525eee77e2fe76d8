// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The media core in a world without a network: what leaves, what is heard, what is refused.

#include "harness.h"

#include <errno.h>

#include "engine/audio_device.h"
#include "media/jitter.h"
#include "media/media_core.h"
#include "media/rtp.h"
#include "peer.h"
#include "voicecodecs/voicecodecs_core.h"

// What leaves ------------------------------------------------------------------------------------

static void check_output(int codec) {
    begin();
    struct media_stream *stream = open_stream(codec);
    CHECK_EQUAL(media_join(stream, true), 0);
    world.microphone_hz = 1000;
    for (int i = 0; i < 100; i++) {
        world_tick();
    }
    CHECK_EQUAL(world.sent_count, 100);
    CHECK_EQUAL(world.rate, voice_codecs[codec].rate);
    static int16_t sound[100 * 320];
    struct voice_state decoder;
    size_t count = 0;
    voice_codecs[codec].start_decoder(&decoder);
    for (size_t i = 0; i < 100; i++) {
        struct sent_packet *p = &world.sent[i];
        struct rtp_header h;
        CHECK(p->endpoint == &rtp_end);
        CHECK(memcmp(p->peer, peer, 16) == 0);
        CHECK_EQUAL(p->port, PORT);
        CHECK_EQUAL(p->length, 172);
        CHECK_EQUAL(rtp_parse(p->octets, p->length, &h), 0);
        CHECK_EQUAL(h.payload_type, voice_codecs[codec].payload_type);
        CHECK_EQUAL(h.marker, i == 0);
        CHECK_EQUAL(h.sequence, (uint16_t)(65530 + i));
        CHECK_EQUAL(h.timestamp, (uint32_t)(0xffffff00u + 160 * i)); // 8000 a second for G.722 too
        CHECK_EQUAL(h.ssrc, 0x11111111);
        count += voice_codecs[codec].decode(&decoder, p->octets + 12, 160, sound + count);
    }
    size_t skip = count / 5;
    CHECK_BETWEEN(
        sine_over_rest_db(sound + skip, count - skip, 1000, voice_codecs[codec].rate), 33, 99);
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.sent, 100);
    CHECK_EQUAL(s.sent_octets, 16000);
    end(stream);
}

static void test_output_pcmu(void) {
    check_output(VOICE_PCMU);
}

static void test_output_g722(void) {
    check_output(VOICE_G722);
}

static void test_timestamp_now(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_G722);
    uint32_t timestamp;
    uint64_t us;
    media_timestamp_now(stream, &timestamp, &us);
    CHECK_EQUAL(timestamp, 0xffffff00);
    for (int i = 0; i < 10; i++) {
        world_tick();
    }
    world.now_us += 5000;
    media_timestamp_now(stream, &timestamp, &us);
    CHECK_EQUAL(us, world.now_us);
    // The next packet's first sample was taken at the last tick, 5 ms ago.
    CHECK_EQUAL(timestamp, (uint32_t)(0xffffff00u + 10 * 160 + 40));
    end(stream);
}

static void test_direction(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    world.microphone_hz = 440;
    struct sender sender = make_sender(VOICE_PCMU, 300);
    for (int i = 0; i < 50; i++) {
        deliver_at(&sender, 20, world.now_us + 10000);
        world_tick();
    }
    double smooth = roughness(world.speaker + 4000, 4000);
    size_t sent = world.sent_count;
    media_set_direction(stream, false, false);
    for (int i = 0; i < 50; i++) {
        deliver_at(&sender, 20, world.now_us + 10000);
        world_tick();
    }
    CHECK_EQUAL(world.sent_count, sent + 1); // one frame fades out
    struct media_counters c;
    media_counters(&c);
    CHECK_EQUAL(c.blocks, 0);
    CHECK(power(world.speaker + 52 * 160, 40 * 160) == 0);
    media_set_direction(stream, true, true);
    for (int i = 0; i < 50; i++) {
        deliver_at(&sender, 20, world.now_us + 10000);
        world_tick();
    }
    struct rtp_header h;
    CHECK_EQUAL(rtp_parse(world.sent[sent + 1].octets, 172, &h), 0);
    CHECK(h.marker);
    CHECK_EQUAL(h.sequence, (uint16_t)(65530 + sent + 1));
    CHECK_EQUAL(h.timestamp, (uint32_t)(0xffffff00u + 100 * 160)); // the clock went on
    CHECK_BETWEEN(sine_over_rest_db(world.speaker + 110 * 160, 30 * 160, 300, 8000), 35, 60);
    // No click anywhere: beside the tone itself, the fades and the first sample of it.
    CHECK_BETWEEN(roughness(world.speaker, world.speaker_count), 0, 1.2 * smooth);
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.received, 150);
    CHECK_EQUAL(s.lost, 0);
    end(stream);
}

static void test_silence_when_not_joined(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMA);
    world.microphone_hz = 440;
    for (int i = 0; i < 10; i++) {
        world_tick();
    }
    CHECK_EQUAL(world.sent_count, 10);
    for (size_t i = 12; i < 172; i++) {
        CHECK_EQUAL(world.sent[5].octets[i], 0xd5); // A-law zero
    }
    end(stream);
}

static void test_send_error(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    world.send_result = -EHOSTUNREACH;
    world_tick();
    world.send_result = 0;
    world_tick();
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.sent, 1);
    CHECK_EQUAL(s.send_errors, 1);
    end(stream);
}

// What is heard ----------------------------------------------------------------------------------

static void check_heard(int codec, int ptime_ms, double least_db) {
    begin();
    struct media_stream *stream = open_stream(codec);
    media_join(stream, true);
    struct sender sender = make_sender(codec, 1000);
    int due_ms = 0;
    for (int ms = 0; ms < 4000; ms += 20) {
        while (due_ms <= ms) {
            deliver_at(&sender, ptime_ms, world.now_us + 3000);
            due_ms += ptime_ms;
        }
        world_tick();
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.lost, 0);
    CHECK_EQUAL(s.late, 0);
    CHECK_EQUAL(s.discarded, 0);
    CHECK_EQUAL(s.concealed, 0);
    CHECK_EQUAL(s.received, 3980 / ptime_ms + 1);
    CHECK_BETWEEN(s.delay_ms, 20, 100);
    uint32_t rate = voice_codecs[codec].rate;
    CHECK_EQUAL(world.speaker_count, 200 * rate / 50);
    CHECK_BETWEEN(sine_over_rest_db(world.speaker + rate, 2 * rate, 1000, rate), least_db, 99);
    end(stream);
}

static void test_packet_times(void) {
    static const int ptimes[] = { 10, 20, 30, 40, 60, 120 };
    for (size_t i = 0; i < sizeof(ptimes) / sizeof(ptimes[0]); i++) {
        check_heard(VOICE_PCMU, ptimes[i], 35);
        check_heard(VOICE_G722, ptimes[i], 35);
    }
    check_heard(VOICE_PCMA, 20, 35);
}

// Losses of a pattern: what RFC 3611 appendix A.2 makes of them.
static void test_bursts(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    struct sender sender = make_sender(VOICE_PCMU, 1000);
    // 40 good, one lost, 40 good, a burst of lost, good, lost, lost, 40 good, one lost, 40 good
    for (int number = 0; number < 166; number++) {
        uint8_t packet[172];
        size_t length = make_packet(&sender, 20, packet);
        bool lost = number == 40 || number == 81 || number == 83 || number == 84 || number == 125;
        if (!lost) {
            world_deliver(&rtp_end, packet, length, peer, PORT, world.now_us + 3000);
        }
        world_tick();
    }
    for (int i = 0; i < 50; i++) {
        world_tick(); // the peer has stopped: nothing of this is a loss
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.lost, 5);
    CHECK_EQUAL(s.bursts[0], 40 + 40 + 40); // c11
    CHECK_EQUAL(s.bursts[1], 1); // c13: the burst, ended by a gap
    CHECK_EQUAL(s.bursts[2], 2); // c14
    CHECK_EQUAL(s.bursts[3], 0); // c22
    CHECK_EQUAL(s.bursts[4], 1); // c23
    CHECK_EQUAL(s.bursts[5], 1); // c33
    end(stream);
}

// Another SSRC (RFC 3550 section 8.2): the next packet has it, and the counts of a new source.
static void test_new_ssrc(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    for (int i = 0; i < 5; i++) {
        world_tick();
    }
    uint8_t own[12] = { 0x80, 0, 0, 1, [8] = 0x11, 0x11, 0x11, 0x11 };
    world_deliver(&rtp_end, own, sizeof(own), peer, PORT, world.now_us);
    media_set_ssrc(stream, 0x33333333);
    world_tick();
    struct rtp_header before, after;
    CHECK_EQUAL(rtp_parse(world.sent[4].octets, world.sent[4].length, &before), 0);
    CHECK_EQUAL(rtp_parse(world.sent[5].octets, world.sent[5].length, &after), 0);
    CHECK_EQUAL(before.ssrc, 0x11111111);
    CHECK_EQUAL(after.ssrc, 0x33333333);
    CHECK_EQUAL(after.sequence, (uint16_t)(before.sequence + 1));
    CHECK(after.marker);
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.looped, 1);
    CHECK_EQUAL(s.sent, 1);
    CHECK_EQUAL(s.sent_octets, 160);
    end(stream);
}

struct network {
    double loss, duplicate;
    int delay_ms, jitter_ms; // uniform
    double burst; // chance that a packet takes 60 ms more
};

// Carries 60 s through the network and returns the statistics; the speaker's sound stays in world.
static struct media_statistics through(const struct network *network, int codec, uint64_t seed) {
    static struct {
        uint64_t time_us;
        size_t length;
        uint8_t octets[200];
    } flying[64];
    begin();
    struct media_stream *stream = open_stream(codec);
    media_join(stream, true);
    struct sender sender = make_sender(codec, 1000);
    random_state = seed;
    memset(flying, 0, sizeof(flying));
    int sent = 0;
    for (int tick = 0; tick < 3000; tick++) {
        uint64_t send_us = world.now_us + 7000;
        uint8_t packet[200];
        size_t length = make_packet(&sender, 20, packet);
        int copies = random_unit() < network->loss ? 0
            : random_unit() < network->duplicate   ? 2
                                                   : 1;
        sent++;
        while (copies-- > 0) {
            uint64_t delay = (uint64_t)network->delay_ms * 1000
                + (uint64_t)(random_unit() * network->jitter_ms * 1000);
            if (random_unit() < network->burst) {
                delay += 60000;
            }
            size_t slot = 0;
            while (flying[slot].length != 0) {
                slot++;
                CHECK(slot < 64);
            }
            flying[slot].time_us = send_us + delay;
            flying[slot].length = length;
            memcpy(flying[slot].octets, packet, length);
        }
        for (;;) { // in order of arrival
            size_t first = 64;
            for (size_t i = 0; i < 64; i++) {
                if (flying[i].length != 0 && flying[i].time_us <= world.now_us + 20000
                    && (first == 64 || flying[i].time_us < flying[first].time_us)) {
                    first = i;
                }
            }
            if (first == 64) {
                break;
            }
            world_deliver(&rtp_end, flying[first].octets, flying[first].length, peer, PORT,
                flying[first].time_us);
            flying[first].length = 0;
        }
        world_tick();
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    printf(
        "   loss %.2f dup %.2f jitter %d burst %.2f: lost %d dup %u late %u reordered %u discarded %u concealed %u stretched %u delay %u target %u jitter %u\n",
        network->loss, network->duplicate, network->jitter_ms, network->burst, (int)s.lost,
        s.duplicated, s.late, s.reordered, s.discarded, s.concealed, s.stretched, s.delay_ms,
        s.target_ms, s.jitter / 8);
    end(stream);
    return s;
}

static void test_clean_network(void) {
    struct network network = { .delay_ms = 30 };
    struct media_statistics s = through(&network, VOICE_PCMU, 1);
    CHECK_EQUAL(s.concealed + s.late + s.discarded + s.duplicated + s.reordered + s.stretched, 0);
    CHECK_EQUAL(s.jitter, 0);
    CHECK_EQUAL(s.delay_ms, 40);
}

static void test_jitter(void) {
    struct network network = { .delay_ms = 30, .jitter_ms = 50 };
    struct media_statistics s = through(&network, VOICE_PCMU, 2);
    CHECK_EQUAL(s.lost, 0);
    CHECK_BETWEEN(s.reordered, 100, 1500);
    CHECK_BETWEEN(s.concealed, 0, 10); // while it learns
    CHECK_BETWEEN(s.delay_ms, 50, 100);
    CHECK_BETWEEN(s.jitter / 8, 8, 30);
    CHECK_BETWEEN(sine_over_rest_db(world.speaker + 8000 * 20, 4000, 1000, 8000), 20, 99);
    s = through(&network, VOICE_G722, 3);
    CHECK_EQUAL(s.lost, 0);
    CHECK_BETWEEN(s.concealed, 0, 10);
}

static void test_loss(void) {
    struct network network = { .delay_ms = 30, .loss = 0.1 };
    struct media_statistics s = through(&network, VOICE_PCMU, 4);
    CHECK_BETWEEN(s.lost, 230, 370);
    CHECK_BETWEEN(s.concealed, s.lost - 5, s.lost + 5);
    CHECK_EQUAL(s.late, 0);
    CHECK_EQUAL(s.delay_ms, 40);
    // A concealed tone is still mostly that tone, and it is not quieter than half.
    double all = power(world.speaker + 16000, 8000 * 50);
    CHECK_BETWEEN(10 * log10(all / (10000.0 * 10000.0 / 32768 / 32768 / 2)), -2, 1);
    double smooth = 2 * 10000 * (1 - cos(2 * M_PI * 1000 / 8000));
    CHECK_BETWEEN(roughness(world.speaker + 16000, 8000 * 50), 0, 2.0 * smooth);
}

static void test_worst_network(void) {
    struct network network = {
        .delay_ms = 20, .jitter_ms = 90, .loss = 0.05, .duplicate = 0.1, .burst = 0.02
    };
    struct media_statistics s = through(&network, VOICE_PCMU, 6);
    CHECK_BETWEEN(s.duplicated, 150, 500);
    CHECK_BETWEEN(s.concealed, 100, 300);
    CHECK_BETWEEN(s.delay_ms, 80, 200);
    s = through(&network, VOICE_G722, 7);
    CHECK_BETWEEN(s.concealed, 100, 300);
}

// A clock that is 300 ppm fast or slow makes no gap within a minute and keeps the delay.
static void check_drift(double factor) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    struct sender sender = make_sender(VOICE_PCMU, 1000);
    double next_us = (double)world.now_us + 5000;
    for (int tick = 0; tick < 15000; tick++) {
        while (next_us <= (double)world.now_us + 20000) {
            deliver_at(&sender, 20, (uint64_t)next_us);
            next_us += 20000 * factor;
        }
        world_tick();
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    printf("   drift %g: concealed %u late %u discarded %u stretched %u delay %u\n", factor,
        s.concealed, s.late, s.discarded, s.stretched, s.delay_ms);
    CHECK_EQUAL(s.concealed + s.late + s.discarded, 0);
    CHECK_BETWEEN(s.delay_ms, 25, 60);
    CHECK_BETWEEN(s.stretched, 3, 60);
    double smooth = 10000 * 2 * (1 - cos(2 * M_PI * 1000 / 8000));
    CHECK_BETWEEN(roughness(world.speaker + 1600, world.speaker_count - 1600), 0, 1.5 * smooth);
    end(stream);
}

static void test_drift(void) {
    check_drift(1.0003);
    check_drift(0.9997);
}

// The sender stops, its time goes on or jumps, it comes back.
static void test_pause_and_jump(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    struct sender sender = make_sender(VOICE_PCMU, 1000);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 100; i++) {
            deliver_at(&sender, 20, world.now_us + 10000);
            world_tick();
        }
        CHECK_BETWEEN(
            sine_over_rest_db(world.speaker + world.speaker_count - 8000, 8000, 1000, 8000), 35,
            60);
        if (round == 0) {
            for (int i = 0; i < 100; i++) {
                world_tick(); // its timestamps stand still
            }
            CHECK(power(world.speaker + world.speaker_count - 8000, 8000) == 0);
        } else if (round == 1) {
            sender.timestamp += 5000000; // forward, at once
        } else {
            sender.timestamp -= 9000000; // back
        }
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.lost, 0);
    CHECK_EQUAL(s.restarts, 0);
    CHECK_BETWEEN(s.delay_ms, 35, 60);
    sender.ssrc++; // a new source of the same peer costs one packet
    sender.timestamp += 12345678;
    sender.sequence += 1000;
    for (int i = 0; i < 100; i++) {
        deliver_at(&sender, 20, world.now_us + 10000);
        world_tick();
    }
    media_statistics(stream, &s);
    CHECK_EQUAL(s.restarts, 1);
    CHECK_EQUAL(s.received, 99);
    CHECK_EQUAL(s.remote_ssrc, sender.ssrc);
    CHECK_BETWEEN(
        sine_over_rest_db(world.speaker + world.speaker_count - 8000, 8000, 1000, 8000), 35, 60);
    end(stream);
}

// A burst after a stall of the network overflows nothing and ends in sound.
static void test_stall(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    struct sender sender = make_sender(VOICE_PCMU, 1000);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 50; i++) {
            deliver_at(&sender, 20, world.now_us + 10000);
            world_tick();
        }
        int stall = 20 << round; // 0.4, 0.8, 1.6 s
        for (int i = 0; i < stall; i++) {
            world_tick();
        }
        for (int i = 0; i < stall; i++) {
            deliver_at(&sender, 20, world.now_us + 10000);
        }
        struct media_counters c;
        media_counters(&c);
        CHECK(c.blocks <= JITTER_BLOCKS);
        for (int i = 0; i < 100; i++) {
            deliver_at(&sender, 20, world.now_us + 10000);
            world_tick();
        }
        CHECK_BETWEEN(
            sine_over_rest_db(world.speaker + world.speaker_count - 1600, 1600, 1000, 8000), 20,
            60);
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    printf("   stalls: delay %u target %u late %u discarded %u concealed %u\n", s.delay_ms,
        s.target_ms, s.late, s.discarded, s.concealed);
    CHECK_EQUAL(s.lost, 0);
    end(stream);
}

static void test_payload_types(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    struct sender sender = make_sender(VOICE_G722, 1000);
    sender.payload_type = 99;
    for (int i = 0; i < 50; i++) {
        deliver_at(&sender, 20, world.now_us + 10000);
        world_tick();
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.unaccepted, 50);
    CHECK_EQUAL(s.received, 50); // they are the peer's packets all the same
    CHECK(power(world.speaker, world.speaker_count) == 0);
    CHECK_EQUAL(media_accept(stream, 99, VOICE_G722, 0), 0);
    CHECK_EQUAL(media_accept(stream, 128, VOICE_G722, 0), -EINVAL);
    CHECK_EQUAL(media_accept(stream, 1, 17, 0), -EINVAL);
    for (int i = 0; i < 100; i++) {
        deliver_at(&sender, 20, world.now_us + 10000);
        world_tick();
    }
    CHECK_EQUAL(world.rate, 8000); // heard through the half-band filter
    CHECK_BETWEEN(
        sine_over_rest_db(world.speaker + world.speaker_count - 8000, 8000, 1000, 8000), 35, 80);
    for (uint8_t i = 2; i < MEDIA_PAYLOAD_TYPES; i++) {
        CHECK_EQUAL(media_accept(stream, (uint8_t)(110 + i), VOICE_PCMA, 0), 0);
    }
    CHECK_EQUAL(media_accept(stream, 126, VOICE_PCMA, 0), -ENOMEM);
    CHECK_EQUAL(media_accept(stream, 99, VOICE_PCMA, 0), 0);
    end(stream);
}

// Two streams at the mixing point, one wide and one narrow: everybody hears the others and not
// himself, and the change of rate clicks nowhere.
static void test_mixing_and_rate(void) {
    begin();
    struct world_endpoint ends[2][2];
    struct media_stream *streams[2];
    for (int i = 0; i < 2; i++) {
        struct media_config config = {
            .ops = &world_ops,
            .rtp = &ends[i][0],
            .rtcp = &ends[i][1],
            .port = PORT,
            .rtcp_port = PORT + 1,
            .codec = i == 0 ? VOICE_PCMU : VOICE_G722,
            .payload_type = i == 0 ? 0 : 9,
            .ssrc = 1,
        };
        memset(ends[i], 0, sizeof(ends[i]));
        memcpy(config.peer, peer, 16);
        CHECK_EQUAL(media_open(&streams[i], &config), 0);
    }
    struct sender narrow = make_sender(VOICE_PCMU, 500), wide = make_sender(VOICE_G722, 700);
    wide.amplitude = 8000;
    world.microphone_hz = 1200;
    media_join(streams[0], true);
    size_t change = 0;
    for (int i = 0; i < 300; i++) {
        uint8_t packet[200];
        size_t length = make_packet(&narrow, 20, packet);
        world_deliver(&ends[0][0], packet, length, peer, PORT, world.now_us + 9000);
        length = make_packet(&wide, 20, packet);
        world_deliver(&ends[1][0], packet, length, peer, PORT, world.now_us + 9000);
        world_tick();
        if (i == 99) {
            CHECK_EQUAL(world.rate, 8000);
            change = world.speaker_count;
            media_join(streams[1], true);
            CHECK_EQUAL(world.rate, 16000);
        }
    }
    // At the speaker: both, cleanly.
    double n = power_at(world.speaker + change + 32000, 16000, 500, 16000);
    double w = power_at(world.speaker + change + 32000, 16000, 700, 16000);
    double all = power(world.speaker + change + 32000, 16000);
    CHECK_BETWEEN(10 * log10((n + w) / (all - n - w)), 30, 99);
    CHECK_BETWEEN(10 * log10(n / w), 1.5, 2.4); // 10000 to 8000
    // The change itself: the second stream fades in, the first goes on.
    double ripple = roughness(world.speaker + change + 32000, 16000);
    double before = roughness(world.speaker + change - 8000, 8000);
    double at = roughness(world.speaker + change - 2, 2000);
    printf("   roughness before %.0f, at the change %.0f, after %.0f\n", before, at, ripple);
    // 1 ms of filter delay comes in, half a period of the tone: its slope turns round, which no
    // step may accompany (a step of the tone's height would be 10000).
    CHECK_BETWEEN(at, 0, 2.5 * before);
    // Each peer: microphone and the other.
    for (int i = 0; i < 2; i++) {
        static int16_t sound[320 * 300];
        const struct voice_codec *codec = &voice_codecs[i == 0 ? VOICE_PCMU : VOICE_G722];
        struct voice_state decoder;
        size_t count = 0;
        codec->start_decoder(&decoder);
        for (size_t p = 0; p < world.sent_count; p++) {
            if (world.sent[p].endpoint == &ends[i][0]) {
                count += codec->decode(&decoder, world.sent[p].octets + 12, 160, sound + count);
            }
        }
        CHECK_EQUAL(count, 300 * codec->rate / 50);
        const int16_t *late = sound + count - codec->rate;
        double own = power_at(late, codec->rate, i == 0 ? 500 : 700, codec->rate);
        double other = power_at(late, codec->rate, i == 0 ? 700 : 500, codec->rate);
        double microphone = power_at(late, codec->rate, 1200, codec->rate);
        double total = power(late, codec->rate);
        CHECK_BETWEEN(10 * log10(own / other), -199, -30);
        CHECK_BETWEEN(10 * log10((other + microphone) / (total - other - microphone)), 28, 99);
        if (i == 0) {
            printf("   sent: roughness before %.0f, around the change %.0f\n",
                roughness(sound + 60 * 160, 35 * 160), roughness(sound + 98 * 160, 3 * 160));
        }
    }
    media_close(streams[1]);
    CHECK_EQUAL(world.rate, 8000);
    world_tick();
    world_tick();
    media_close(streams[0]);
    size_t last = world.speaker_count;
    world_tick();
    world_tick();
    CHECK(power(world.speaker + last + 160, 160) == 0);
    CHECK_BETWEEN(roughness(world.speaker + last - 100, 420), 0, 2.5 * before); // the end fades
    media_deinit();
    idle();
}

static void test_device_without_wide(void) {
    begin();
    world.rate_refused = 16000;
    struct media_stream *stream = open_stream(VOICE_G722);
    CHECK(media_join(stream, true) < 0);
    CHECK_EQUAL(world.rate, 8000);
    struct sender sender = make_sender(VOICE_G722, 1000);
    for (int i = 0; i < 100; i++) {
        deliver_at(&sender, 20, world.now_us + 10000);
        world_tick();
    }
    CHECK_BETWEEN(
        sine_over_rest_db(world.speaker + world.speaker_count - 8000, 8000, 1000, 8000), 35, 80);
    end(stream);
}

// What is refused --------------------------------------------------------------------------------

static void test_strangers(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    struct sender good = make_sender(VOICE_PCMU, 1000), bad = make_sender(VOICE_PCMU, 300);
    bad.ssrc = good.ssrc;
    bad.sequence = (uint16_t)(good.sequence + 500);
    for (int i = 0; i < 100; i++) {
        uint8_t packet[200];
        size_t length = make_packet(&bad, 20, packet);
        world_deliver(&rtp_end, packet, length, stranger, PORT, world.now_us + 1000);
        deliver_at(&good, 20, world.now_us + 10000);
        length = make_packet(&bad, 20, packet);
        world_deliver(
            &rtp_end, packet, length, peer, PORT + 2, world.now_us + 11000); // after the latch
        packet[1] = 200;
        packet[2] = 0;
        packet[3] = 6;
        world_deliver(&rtcp_end, packet, 28, stranger, PORT + 1, world.now_us);
        packet[0] = 0x10;
        world_deliver(&rtp_end, packet, 28, stranger, PORT, world.now_us);
        world_tick();
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.strangers, 400);
    CHECK_EQUAL(s.received, 100);
    CHECK_EQUAL(s.lost, 0);
    CHECK_EQUAL(s.concealed, 0);
    CHECK_EQUAL(s.last_sr, 0);
    CHECK_EQUAL(s.port, PORT);
    CHECK(!media_readable(stream));
    CHECK_BETWEEN(sine_over_rest_db(world.speaker + 4000, 8000, 1000, 8000), 35, 60);
    end(stream);
}

// The first packet of the peer's address may come from another port, and takes the stream there.
static void test_latch(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    struct sender sender = make_sender(VOICE_PCMU, 1000);
    uint8_t packet[200];
    size_t length;
    sender.payload_type = 77; // not ours: no latch
    length = make_packet(&sender, 20, packet);
    world_deliver(&rtp_end, packet, length, peer, 5, world.now_us);
    sender.payload_type = 0;
    length = make_packet(&sender, 20, packet);
    world_deliver(&rtp_end, packet, length, stranger, 6, world.now_us);
    world_deliver(&rtp_end, packet, 11, peer, 6, world.now_us); // malformed: no latch
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.port, PORT);
    CHECK_EQUAL(s.strangers, 2);
    CHECK_EQUAL(s.malformed, 1);
    world_deliver(&rtp_end, packet, length, peer, 7, world.now_us);
    world_deliver(&rtp_end, packet, length, peer, 8, world.now_us);
    world_deliver(&rtp_end, packet, length, peer, PORT, world.now_us);
    media_statistics(stream, &s);
    CHECK_EQUAL(s.port, 7);
    CHECK_EQUAL(s.received, 1);
    CHECK_EQUAL(s.strangers, 4);
    world_tick();
    CHECK_EQUAL(world.sent[world.sent_count - 1].port, 7);
    media_set_peer(stream, peer, PORT, PORT + 1); // as signalled before: nothing changes
    media_statistics(stream, &s);
    CHECK_EQUAL(s.port, 7);
    media_set_peer(stream, stranger, 9, 10);
    media_statistics(stream, &s);
    CHECK_EQUAL(s.port, 9);
    world_deliver(&rtp_end, packet, length, peer, 7, world.now_us);
    media_statistics(stream, &s);
    CHECK_EQUAL(s.strangers, 5);
    end(stream);
}

static void test_malformed(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    media_join(stream, true);
    struct sender sender = make_sender(VOICE_PCMU, 1000);
    uint32_t wanted = 0;
    for (int i = 0; i < 100; i++) {
        uint8_t packet[1300];
        deliver_at(&sender, 20, world.now_us + 10000);
        struct sender copy = sender;
        size_t length = make_packet(&copy, 20, packet);
        packet[0] |= 0x0f; // 15 CSRC need 72 octets
        world_deliver(&rtp_end, packet, 71, peer, PORT, world.now_us);
        packet[0] = 0x90;
        packet[14] = packet[15] = 0xff;
        world_deliver(&rtp_end, packet, length, peer, PORT, world.now_us);
        packet[0] = 0xa0;
        packet[length - 1] = 161;
        world_deliver(&rtp_end, packet, length, peer, PORT, world.now_us);
        packet[0] = 0x80;
        world_deliver(&rtp_end, packet, 5, peer, PORT, world.now_us);
        world_deliver(
            &rtp_end, packet, 12 + MEDIA_PAYLOAD_MAX + 1, peer, PORT, world.now_us); // endless
        world_deliver(&rtp_end, packet, 0, peer, PORT, world.now_us);
        packet[1] = 200;
        packet[2] = 0xff;
        world_deliver(&rtcp_end, packet, 60, peer, PORT + 1, world.now_us);
        world_deliver(&rtcp_end, packet, 3, peer, PORT + 1, world.now_us);
        packet[0] = 0;
        world_deliver(&rtcp_end, packet, 60, peer, PORT + 1, world.now_us);
        wanted += 9;
        world_tick();
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.malformed, wanted);
    CHECK_EQUAL(s.received, 100);
    CHECK_EQUAL(s.concealed, 0);
    CHECK_BETWEEN(sine_over_rest_db(world.speaker + 4000, 8000, 1000, 8000), 35, 60);
    // An empty packet and one that comes back are not malformed, and not sound.
    uint8_t packet[200];
    size_t length = make_packet(&sender, 20, packet);
    world_deliver(&rtp_end, packet, 12, peer, PORT, world.now_us);
    packet[8] = packet[9] = packet[10] = packet[11] = 0x11;
    world_deliver(&rtp_end, packet, length, peer, PORT, world.now_us);
    media_statistics(stream, &s);
    CHECK_EQUAL(s.looped, 1);
    CHECK_EQUAL(s.received, 101);
    end(stream);
}

static void test_other_datagrams(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    uint8_t report[28] = { 0x80, 200, 0, 6 }, hello[40] = { 0x10, 0, 0, 1, 'Z', 'R', 'T', 'P' },
            buffer[64], from[16];
    uint16_t port;
    enum media_kind kind;
    for (uint8_t i = 0; i < 8; i++) {
        report[8 + i] = (uint8_t)(i + 1); // NTP time stamp
    }
    CHECK_EQUAL(media_receive(stream, buffer, sizeof(buffer), from, &port, &kind), -EAGAIN);
    world_deliver(&rtcp_end, report, sizeof(report), peer, PORT + 1, 4711);
    world_deliver(&rtp_end, hello, sizeof(hello), peer, PORT, world.now_us);
    CHECK(media_readable(stream));
    CHECK_EQUAL(media_receive(stream, buffer, 20, from, &port, &kind),
        28); // longer than the buffer: the whole length is told
    CHECK_EQUAL(kind, MEDIA_KIND_RTCP);
    CHECK_EQUAL(port, PORT + 1);
    CHECK(memcmp(buffer, report, 20) == 0);
    CHECK_EQUAL(media_receive(stream, buffer, sizeof(buffer), from, &port, &kind), 40);
    CHECK_EQUAL(kind, MEDIA_KIND_OTHER);
    CHECK(memcmp(buffer, hello, 40) == 0 && memcmp(from, peer, 16) == 0);
    CHECK(!media_readable(stream));
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.last_sr, 0x03040506);
    CHECK_EQUAL(s.last_sr_us, 4711);
    // RTCP on the RTP port (RFC 5761) is understood. The queue is bounded.
    for (int i = 0; i < 10; i++) {
        world_deliver(&rtp_end, hello, sizeof(hello), peer, PORT, world.now_us);
    }
    media_statistics(stream, &s);
    CHECK_EQUAL(s.queue_dropped, 10 - MEDIA_DATAGRAMS_EACH);
    static uint8_t huge[2000] = { 0x10 };
    world_deliver(&rtp_end, huge, sizeof(huge), peer, PORT, world.now_us);
    media_statistics(stream, &s);
    CHECK_EQUAL(s.queue_dropped, 11 - MEDIA_DATAGRAMS_EACH);
    CHECK_EQUAL(media_send(stream, true, report, sizeof(report)), 0);
    CHECK(world.sent[0].endpoint == &rtcp_end && world.sent[0].port == PORT + 1
        && world.sent[0].length == 28);
    CHECK_EQUAL(media_send(stream, false, hello, sizeof(hello)), 0);
    CHECK(world.sent[1].endpoint == &rtp_end && world.sent[1].port == PORT);
    world.send_result = -ENETDOWN;
    CHECK_EQUAL(media_send(stream, false, hello, sizeof(hello)), -ENETDOWN);
    end(stream);
}

static void test_pools(void) {
    begin();
    struct media_stream *streams[MEDIA_STREAMS], *more;
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        streams[i] = open_stream(VOICE_PCMU);
    }
    struct media_config config = { .ops = &world_ops, .rtp = &rtp_end };
    CHECK_EQUAL(media_open(&more, &config), -ENOMEM);
    config.codec = 9;
    CHECK_EQUAL(media_open(&more, &config), -EINVAL);
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        media_close(streams[i]);
    }
    idle();
    // Blocks of all streams together are fewer than all could want: none is lost, none leaks.
    struct world_endpoint ends[MEDIA_STREAMS];
    struct sender senders[MEDIA_STREAMS];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < MEDIA_STREAMS; i++) {
            struct media_config c = {
                .ops = &world_ops, .rtp = &ends[i], .port = PORT, .ssrc = 3
            };
            memset(&ends[i], 0, sizeof(ends[i]));
            memcpy(c.peer, peer, 16);
            CHECK_EQUAL(media_open(&streams[i], &c), 0);
            senders[i] = make_sender(VOICE_PCMU, 1000);
        }
        for (int n = 0; n < 100; n++) {
            for (int i = 0; i < MEDIA_STREAMS; i++) {
                uint8_t packet[200];
                size_t length = make_packet(&senders[i], 20, packet);
                world_deliver(&ends[i], packet, length, peer, PORT, world.now_us);
            }
        }
        struct media_counters c;
        media_counters(&c);
        CHECK_EQUAL(c.blocks, JITTER_POOL);
        for (int i = 0; i < MEDIA_STREAMS; i++) {
            media_close(streams[i]);
        }
        idle();
    }
    media_deinit();
}

static void test_late_ticks(void) {
    begin();
    struct media_counters before, after;
    CHECK_EQUAL(media_start(), 0);
    CHECK_EQUAL(media_start(), 0);
    CHECK_EQUAL(world.starts, 1);
    media_counters(&before);
    for (int i = 0; i < 100; i++) {
        world.now_us += 20000;
        media_tick(world.now_us - (i % 10 == 0 ? 5001 : i % 10 == 1 ? 5000 : 3));
    }
    media_counters(&after);
    CHECK_EQUAL(after.ticks - before.ticks, 100);
    CHECK_EQUAL(after.late_ticks - before.late_ticks, 10);
    CHECK_EQUAL(after.worst_late_us, 5001);
    CHECK(after.running);
    media_stop();
    media_stop();
    idle();
}

int main(void) {
    RUN(test_output_pcmu);
    RUN(test_output_g722);
    RUN(test_timestamp_now);
    RUN(test_direction);
    RUN(test_silence_when_not_joined);
    RUN(test_send_error);
    RUN(test_packet_times);
    RUN(test_clean_network);
    RUN(test_jitter);
    RUN(test_loss);
    RUN(test_worst_network);
    RUN(test_drift);
    RUN(test_pause_and_jump);
    RUN(test_stall);
    RUN(test_payload_types);
    RUN(test_mixing_and_rate);
    RUN(test_device_without_wide);
    RUN(test_strangers);
    RUN(test_bursts);
    RUN(test_new_ssrc);
    RUN(test_latch);
    RUN(test_malformed);
    RUN(test_other_datagrams);
    RUN(test_pools);
    RUN(test_late_ticks);
    return 0;
}
