// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Telephone events (RFC 4733): what leaves, and each of the peer's once, whatever the network does.

#include <errno.h>

#include "engine/audio_device.h"

#include "media/event.h"
#include "media/rtp.h"
#include "peer.h"
#include "srtp/srtp_core.h"

#define TYPE (101)

static struct media_stream *begin_stream(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    CHECK_EQUAL(media_accept(stream, TYPE, MEDIA_EVENT, 0), 0);
    CHECK_EQUAL(media_join(stream, true), 0);
    return stream;
}

static struct rtp_header header_of(size_t index) {
    struct rtp_header h;
    CHECK(index < world.sent_count);
    CHECK_EQUAL(rtp_parse(world.sent[index].octets, world.sent[index].length, &h), 0);
    return h;
}

static void check_report(
    size_t index, uint8_t event, bool end, uint8_t volume, uint32_t duration) {
    const uint8_t *report = world.sent[index].octets + 12;
    CHECK_EQUAL(world.sent[index].length, 16);
    CHECK_EQUAL(report[0], event);
    CHECK_EQUAL(report[1], (end ? 0x80 : 0) | volume);
    CHECK_EQUAL(rtp_read16(report + 2), duration);
}

// Two digits between voice: each packet, with header and report.
static void test_sent(void) {
    struct media_stream *stream = begin_stream();
    world.microphone_hz = 1000;
    for (int i = 0; i < 5; i++) {
        world_tick();
    }
    CHECK_EQUAL(media_send_event(stream, 5, 100, 10), 0);
    CHECK_EQUAL(media_send_event(stream, 11, 50, 63), 0);
    for (int i = 0; i < 20; i++) {
        world_tick();
    }
    // 5 x 20 ms, two repetitions, a pause; 3 x 20 ms (50 ms rounded up), two repetitions; voice
    CHECK_EQUAL(world.sent_count, 24);
    uint32_t first = 0xffffff00u + 5 * 160;
    for (size_t i = 0; i < 7; i++) {
        struct rtp_header h = header_of(5 + i);
        CHECK_EQUAL(h.payload_type, TYPE);
        CHECK_EQUAL(h.marker, i == 0);
        CHECK_EQUAL(h.sequence, (uint16_t)(65530 + 5 + i));
        CHECK_EQUAL(h.timestamp, first);
        CHECK_EQUAL(h.ssrc, OUR_SSRC);
        check_report(5 + i, 5, i >= 4, 10, i < 4 ? 160 * (i + 1) : 800);
    }
    for (size_t i = 0; i < 5; i++) {
        struct rtp_header h = header_of(12 + i);
        CHECK_EQUAL(h.marker, i == 0);
        CHECK_EQUAL(h.timestamp, first + 8 * 160);
        check_report(12 + i, 11, i >= 2, 63, i < 2 ? 160 * (i + 1) : 400);
    }
    for (size_t i = 17; i < 24; i++) {
        struct rtp_header h = header_of(i);
        CHECK_EQUAL(h.payload_type, 0);
        CHECK_EQUAL(h.marker, i == 17);
        CHECK_EQUAL(h.sequence, (uint16_t)(65530 + i));
        CHECK_EQUAL(h.timestamp, (uint32_t)(0xffffff00u + 160 * (i + 1)));
    }
    struct media_statistics s;
    media_statistics(stream, &s);
    CHECK_EQUAL(s.events_sent, 2);
    CHECK_EQUAL(s.sent, 24);
    end(stream);
}

// 20 s: three segments (RFC 4733 section 2.5.1.3), the end of each repeated.
static void test_sent_long(void) {
    struct media_stream *stream = begin_stream();
    CHECK_EQUAL(media_send_event(stream, 1, 20000, 10), 0);
    uint32_t begun = 0xffffff00u, last = 0;
    for (int i = 0; i < 1002; i++) {
        world_tick();
    }
    CHECK_EQUAL(world.sent_count, 1002 + 2 * 2);
    int full = 0, ends = 0, markers = 0;
    for (size_t i = 0; i < world.sent_count; i++) {
        struct rtp_header h = header_of(i);
        const uint8_t *report = world.sent[i].octets + 12;
        uint32_t segment = (h.timestamp - begun) / EVENT_SEGMENT_TICKS;
        CHECK_EQUAL((h.timestamp - begun) % EVENT_SEGMENT_TICKS, 0);
        full += rtp_read16(report + 2) == 0xffff;
        ends += report[1] >> 7;
        markers += h.marker;
        last = segment * EVENT_SEGMENT_TICKS + rtp_read16(report + 2);
        CHECK_EQUAL(report[1] >> 7, last == 160000);
    }
    CHECK_EQUAL(full, 6);
    CHECK_EQUAL(ends, 3);
    CHECK_EQUAL(markers, 1);
    CHECK_EQUAL(last, 160000);
    end(stream);
}

static void test_refused(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    CHECK_EQUAL(media_send_event(stream, 1, 100, 10), -EOPNOTSUPP);
    CHECK_EQUAL(media_accept(stream, TYPE, MEDIA_EVENT, 96000), -EINVAL);
    CHECK_EQUAL(media_accept(stream, TYPE, MEDIA_EVENT, 0), 0);
    CHECK_EQUAL(media_set_codec(stream, MEDIA_EVENT, TYPE), -EINVAL);
    CHECK_EQUAL(media_send_event(stream, 1, 0, 10), -EINVAL);
    CHECK_EQUAL(media_send_event(stream, 1, 60001, 10), -EINVAL);
    CHECK_EQUAL(media_send_event(stream, 1, 60, 64), -EINVAL);
    for (int i = 0; i < 16; i++) {
        CHECK_EQUAL(media_send_event(stream, 1, 40, 10), 0);
    }
    CHECK_EQUAL(media_send_event(stream, 1, 40, 10), -ENOBUFS);
    world_tick();
    media_set_direction(stream, false, true);
    CHECK_EQUAL(media_send_event(stream, 1, 40, 10), -ENOTCONN);
    size_t sent = world.sent_count;
    for (int i = 0; i < 10; i++) {
        world_tick();
    }
    CHECK_EQUAL(world.sent_count, sent);
    media_set_direction(stream, true, true);
    for (int i = 0; i < 10; i++) {
        world_tick();
    }
    CHECK_EQUAL(header_of(sent).payload_type, 0); // what waited is gone
    end(stream);
}

// Of two types the one in the codec's clock is sent, else the newest in its own clock.
static void test_clock(void) {
    begin();
    struct media_stream *stream = open_stream(VOICE_PCMU);
    CHECK_EQUAL(media_accept(stream, 102, MEDIA_EVENT, 48000), 0);
    CHECK_EQUAL(media_send_event(stream, 1, 20, 10), 0);
    for (int i = 0; i < 3; i++) {
        world_tick();
    }
    CHECK_EQUAL(header_of(0).payload_type, 102);
    check_report(0, 1, true, 10, 960);
    CHECK_EQUAL(media_accept(stream, 103, MEDIA_EVENT, 8000), 0);
    CHECK_EQUAL(media_accept(stream, 104, MEDIA_EVENT, 48000), 0);
    CHECK_EQUAL(media_send_event(stream, 2, 20, 10), 0);
    for (int i = 0; i < 3; i++) {
        world_tick();
    }
    CHECK_EQUAL(header_of(3).payload_type, 103);
    check_report(3, 2, true, 10, 160);
    end(stream);
}

// From the peer ----------------------------------------------------------------------------------

static void report(struct sender *s, uint8_t event, bool end, uint32_t duration, bool marker) {
    struct rtp_header h = { .payload_type = TYPE,
        .marker = marker,
        .sequence = s->sequence++,
        .timestamp = s->timestamp,
        .ssrc = s->ssrc };
    uint8_t packet[16];
    rtp_emit(packet, &h);
    packet[12] = event;
    packet[13] = (uint8_t)((end ? 0x80 : 0) | 10);
    rtp_write16(packet + 14, (uint16_t)duration);
    world_deliver(&rtp_end, packet, sizeof(packet), peer, PORT, world.now_us + 5000);
}

static void check_next(struct media_stream *stream, int event, uint32_t ms) {
    uint8_t got;
    uint32_t got_ms;
    CHECK(media_readable(stream));
    CHECK(media_next_event(stream, &got, &got_ms));
    CHECK_EQUAL(got, event);
    CHECK_EQUAL(got_ms, ms);
}

static void check_none(struct media_stream *stream) {
    uint8_t got;
    uint32_t ms;
    CHECK(!media_readable(stream));
    CHECK(!media_next_event(stream, &got, &ms));
}

static void test_received(void) {
    struct media_stream *stream = begin_stream();
    struct sender s = make_sender(VOICE_PCMU, 1000);
    for (int i = 0; i < 25; i++) {
        deliver_at(&s, 20, world.now_us + 5000);
        world_tick();
    }
    struct media_statistics before, after;
    media_statistics(stream, &before);
    for (uint32_t i = 1; i <= 10; i++) {
        report(&s, 9, false, 160 * i, i == 1);
        world_tick();
        check_none(stream);
    }
    for (int i = 0; i < 3; i++) {
        report(&s, 9, true, 1600, false);
        world_tick();
    }
    check_next(stream, 9, 200);
    check_none(stream);
    s.timestamp += 13 * 160;
    for (int i = 0; i < 25; i++) {
        deliver_at(&s, 20, world.now_us + 5000);
        world_tick();
    }
    media_statistics(stream, &after);
    CHECK_EQUAL(after.events_received, 1);
    CHECK_EQUAL(after.lost, 0);
    CHECK_EQUAL(after.late, 0);
    CHECK_BETWEEN(after.concealed - before.concealed, 0, 4); // no voice was lost while it lasted
    CHECK_BETWEEN(after.jitter, 0, 8);
    CHECK_BETWEEN(sine_over_rest_db(world.speaker + 50 * 160, 10 * 160, 1000, 8000), 30, 99);
    end(stream);
}

// The same digit twice, three ways to lose its end, and a wholly lost one.
static void test_received_with_loss(void) {
    struct media_stream *stream = begin_stream();
    struct sender s = make_sender(VOICE_PCMU, 1000);
    report(&s, 1, false, 160, true);
    report(&s, 1, false, 320, false);
    s.sequence += 3; // the end is lost: the next digit tells it
    s.timestamp += 1600;
    report(&s, 1, false, 160, true);
    check_next(stream, 1, 40);
    for (int i = 0; i < 19; i++) {
        world_tick();
    }
    check_none(stream);
    for (int i = 0; i < 3; i++) {
        world_tick(); // and here time does
    }
    check_next(stream, 1, 20);
    report(&s, 1, true, 800, false); // late: told already
    check_none(stream);
    s.timestamp += 1600;
    s.sequence += 4;
    report(&s, 2, true, 640, false); // all but one packet are lost
    check_next(stream, 2, 80);
    check_none(stream);
    end(stream);
}

// Any order of the packets of four digits within what a network reorders, any of them doubled: each
// digit once, in order, with the right duration if one of its ends came before the next digit.
static void test_received_in_disorder(void) {
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct media_stream *stream = begin_stream();
        random_state = seed;
        struct {
            uint64_t due_us;
            bool marker;
            uint16_t sequence;
            uint32_t timestamp, duration;
            uint8_t event;
            bool end;
        } flying[64];
        size_t count = 0;
        uint16_t sequence = 65520;
        for (uint32_t digit = 0; digit < 4; digit++) {
            for (uint32_t i = 0; i < 7; i++) {
                flying[count].event = (uint8_t)(digit / 2); // 0 0 1 1
                flying[count].sequence = sequence++;
                flying[count].timestamp = 0xfffffb00u + 2400 * digit;
                flying[count].duration = 160 * (i < 5 ? i + 1 : 5);
                flying[count].end = i >= 4;
                flying[count].marker = i == 0;
                flying[count].due_us = (digit * 15 + i) * 20000 + random_u32() % 70000;
                count++;
            }
        }
        for (uint64_t us = 0; us < 1500000; us += 20000) {
            for (;;) {
                size_t first = count;
                for (size_t i = 0; i < count; i++) {
                    if (flying[i].due_us < us
                        && (first == count || flying[i].due_us < flying[first].due_us)) {
                        first = i;
                    }
                }
                if (first == count) {
                    break;
                }
                struct sender s = { .sequence = flying[first].sequence,
                    .timestamp = flying[first].timestamp,
                    .ssrc = PEER_SSRC };
                struct sender again = s;
                report(&s, flying[first].event, flying[first].end, flying[first].duration,
                    flying[first].marker);
                if (random_u32() % 4 == 0) {
                    report(&again, flying[first].event, flying[first].end, flying[first].duration,
                        flying[first].marker);
                }
                flying[first].due_us = UINT64_MAX;
            }
            world_tick();
        }
        for (int digit = 0; digit < 4; digit++) {
            check_next(stream, digit / 2, 100);
        }
        check_none(stream);
        end(stream);
    }
}

// Our own sender heard by our own receiver, with 20 % of the packets lost: long and short events.
static void test_round_trip_with_loss(void) {
    int exact = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct media_stream *stream = begin_stream();
        struct sender s = make_sender(VOICE_PCMU, 1000);
        static const uint32_t durations[] = { 40, 100, 9000, 100, 20000 };
        random_state = seed;
        for (uint8_t i = 0; i < 5; i++) {
            CHECK_EQUAL(media_send_event(stream, i, durations[i], 10), 0);
        }
        for (int i = 0; i < 1600; i++) {
            size_t from = world.sent_count;
            world_tick();
            for (size_t n = from; n < world.sent_count; n++) {
                uint8_t packet[1300];
                memcpy(packet, world.sent[n].octets, world.sent[n].length);
                rtp_write32(packet + 8, s.ssrc);
                if (random_unit() >= 0.2) {
                    world_deliver(
                        &rtp_end, packet, world.sent[n].length, peer, PORT, world.now_us + 1000);
                }
            }
        }
        int expected = 0;
        uint8_t event;
        uint32_t ms;
        while (media_next_event(stream, &event, &ms)) {
            CHECK(event >= expected); // a short one may be lost whole
            CHECK_BETWEEN(ms, 0, durations[event]);
            exact += ms == durations[event];
            expected = event + 1;
        }
        CHECK_EQUAL(expected, 5);
        end(stream);
    }
    CHECK_BETWEEN(exact, 240, 250); // all three ends are lost once in 125 times
}

// A packet with several reports (section 2.5.1.5), and malformed ones.
static void test_payloads(void) {
    struct media_stream *stream = begin_stream();
    uint8_t packet[12 + 12] = { [12] = 3, 0x8a, 1, 0x40, 4, 0x8a, 0, 0xa0, 5, 0x0a, 0, 0xa0 };
    struct rtp_header h = {
        .payload_type = TYPE, .marker = true, .sequence = 10, .timestamp = 1000, .ssrc = PEER_SSRC
    };
    rtp_emit(packet, &h);
    world_deliver(&rtp_end, packet, sizeof(packet), peer, PORT, world.now_us);
    check_next(stream, 3, 40);
    check_next(stream, 4, 20);
    check_none(stream);
    struct media_statistics s;
    for (size_t length = 12; length < 24; length++) {
        h.sequence++;
        h.timestamp += 8000;
        rtp_emit(packet, &h);
        world_deliver(&rtp_end, packet, length, peer, PORT, world.now_us);
    }
    media_statistics(stream, &s);
    CHECK_EQUAL(s.malformed, 10);
    end(stream);
}

// A tick that comes late: packets of the event are newer than the moment that it was due.
static void test_late_tick(void) {
    struct media_stream *stream = begin_stream();
    struct sender s = make_sender(VOICE_PCMU, 1000);
    for (uint32_t i = 1; i <= 5; i++) {
        world.now_us += 20000;
        report(&s, 9, false, 160 * i, i == 1);
        media_tick(world.now_us - 10000);
        check_none(stream);
    }
    report(&s, 9, true, 960, false);
    check_next(stream, 9, 120);
    report(&s, 9, true, 960, false);
    media_tick(world.now_us - 10000);
    report(&s, 9, true, 960, false);
    check_none(stream);
    end(stream);
}

static void test_queue(void) {
    struct media_stream *stream = begin_stream();
    struct sender s = make_sender(VOICE_PCMU, 1000);
    for (uint8_t i = 0; i < 20; i++) {
        report(&s, i, true, 800, true);
        s.timestamp += 1600;
    }
    struct media_statistics statistics;
    media_statistics(stream, &statistics);
    CHECK_EQUAL(statistics.queue_dropped, 4);
    CHECK_EQUAL(statistics.events_received, 20);
    for (int i = 0; i < 16; i++) {
        check_next(stream, i, 100);
    }
    check_none(stream);
    media_set_direction(stream, true, false); // held: nothing is heard
    report(&s, 1, true, 800, true);
    check_none(stream);
    media_set_direction(stream, true, true);
    // Another source begins with lower timestamps.
    s.ssrc++;
    s.timestamp -= 100000;
    report(&s, 7, false, 160, true);
    report(&s, 7, true, 320, false);
    check_next(stream, 7, 40);
    check_none(stream);
    end(stream);
}

// Events are protected as voice is, and one without a tag is none.
static void test_protected(void) {
    struct media_stream *stream = begin_stream();
    static uint8_t key[30] = { 1, 2, 3 };
    CHECK_EQUAL(media_secure(stream, true, SRTP_CORE_AES_CM_128_HMAC_SHA1_80, key, 30), 0);
    CHECK_EQUAL(media_secure(stream, false, SRTP_CORE_AES_CM_128_HMAC_SHA1_80, key, 30), 0);
    struct srtp_core *theirs;
    CHECK_EQUAL(srtp_core_new(&theirs, false, SRTP_CORE_AES_CM_128_HMAC_SHA1_80, key, 30), 0);
    CHECK_EQUAL(media_send_event(stream, 5, 60, 10), 0);
    for (int i = 0; i < 5; i++) {
        world_tick();
        static uint32_t words[400];
        CHECK_EQUAL(world.sent[i].length, 16 + 10);
        memcpy(words, world.sent[i].octets, world.sent[i].length);
        CHECK_EQUAL(srtp_core_unprotect(theirs, (uint8_t *)words, 26), 16);
        CHECK_EQUAL(((uint8_t *)words)[12], 5);
        CHECK(memcmp((uint8_t *)words + 12, world.sent[i].octets + 12, 4) != 0);
    }
    srtp_core_free(theirs);
    struct sender s = make_sender(VOICE_PCMU, 1000);
    report(&s, 7, true, 800, true);
    check_none(stream);
    end(stream);
}

int main(void) {
    RUN(test_sent);
    RUN(test_sent_long);
    RUN(test_refused);
    RUN(test_clock);
    RUN(test_received);
    RUN(test_received_with_loss);
    RUN(test_received_in_disorder);
    RUN(test_round_trip_with_loss);
    RUN(test_payloads);
    RUN(test_late_tick);
    RUN(test_queue);
    RUN(test_protected);
    return 0;
}
