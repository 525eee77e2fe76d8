// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Attacks on a protected stream, and what must go on undisturbed: keys that change in a call.

#include <errno.h>

#include "media/rtp.h"
#include "peer.h"
#include "srtp/srtp_core.h"

#define PROFILE (SRTP_CORE_AES_CM_128_HMAC_SHA1_80)
#define TAG (10)

static uint8_t keys[8][SRTP_CORE_KEY_SALT_MAX];
static struct srtp_core *peer_sends, *peer_receives;
static struct sender sender;

static struct srtp_core *peer_key(bool sends, int which) {
    struct srtp_core *core;
    CHECK_EQUAL(srtp_core_new(&core, sends, PROFILE, keys[which], 30), 0);
    return core;
}

static void secure(struct media_stream *stream, bool send, int which) {
    CHECK_EQUAL(media_secure(stream, send, which < 0 ? -1 : PROFILE, keys[which & 7], 30), 0);
}

// A stream that sends with key 0 and receives with key 1.
static struct media_stream *open_secure(void) {
    begin();
    for (int i = 0; i < 8; i++) {
        for (int n = 0; n < SRTP_CORE_KEY_SALT_MAX; n++) {
            keys[i][n] = (uint8_t)(random_u32() >> 8);
        }
    }
    peer_receives = peer_key(false, 0);
    peer_sends = peer_key(true, 1);
    struct media_stream *stream = open_stream(VOICE_PCMU);
    CHECK_EQUAL(media_join(stream, true), 0);
    secure(stream, true, 0);
    secure(stream, false, 1);
    sender = make_sender(VOICE_PCMU, 1000);
    return stream;
}

static void close_secure(struct media_stream *stream) {
    srtp_core_free(peer_sends);
    srtp_core_free(peer_receives);
    end(stream);
}

static union {
    uint32_t words[512];
    uint8_t octets[2048];
} buffer;

static size_t protect_rtp(struct srtp_core *core, uint8_t *packet, size_t length) {
    memcpy(buffer.octets, packet, length);
    int answer = srtp_core_protect(core, buffer.octets, length, sizeof(buffer));
    CHECK(answer > 0);
    memcpy(packet, buffer.octets, (size_t)answer);
    return (size_t)answer;
}

static size_t protect_rtcp(struct srtp_core *core, uint8_t *packet, size_t length) {
    memcpy(buffer.octets, packet, length);
    int answer = srtp_core_protect_rtcp(core, buffer.octets, length, sizeof(buffer));
    CHECK(answer > 0);
    memcpy(packet, buffer.octets, (size_t)answer);
    return (size_t)answer;
}

static size_t next_packet(uint8_t *packet) {
    return protect_rtp(peer_sends, packet, make_packet(&sender, 20, packet));
}

static void from_peer(const uint8_t *packet, size_t length) {
    world_deliver(&rtp_end, packet, length, peer, PORT, world.now_us + 10000);
}

static void rtcp_from_peer(const uint8_t *packet, size_t length) {
    world_deliver(&rtcp_end, packet, length, peer, PORT + 1, world.now_us + 10000);
}

static void hear_one(void) {
    uint8_t packet[1300];
    from_peer(packet, next_packet(packet));
    world_tick();
}

static struct media_statistics statistics_of(struct media_stream *stream) {
    struct media_statistics s;
    memset(&s, 0, sizeof(s));
    media_statistics(stream, &s);
    return s;
}

// All that a refused packet may have changed is its own counter.
static void check_untouched(struct media_statistics before, struct media_statistics after,
    uint32_t failed, uint32_t replayed, uint32_t clear, uint32_t malformed) {
    CHECK_EQUAL(after.srtp_failed - before.srtp_failed, failed);
    CHECK_EQUAL(after.srtp_replayed - before.srtp_replayed, replayed);
    CHECK_EQUAL(after.srtp_clear - before.srtp_clear, clear);
    CHECK_EQUAL(after.malformed - before.malformed, malformed);
    after.srtp_failed = before.srtp_failed;
    after.srtp_replayed = before.srtp_replayed;
    after.srtp_clear = before.srtp_clear;
    after.malformed = before.malformed;
    CHECK(memcmp(&before, &after, sizeof(before)) == 0);
}

// The sound of a call of `packets` packets in which `attack` is done before each (NULL: nothing).
typedef void (*attack)(struct media_stream *stream, int i);

static size_t play(struct media_stream *stream, int packets, attack attack) {
    for (int i = 0; i < packets; i++) {
        if (attack != NULL) {
            attack(stream, i);
        }
        hear_one();
    }
    return world.speaker_count;
}

static int16_t wanted_sound[WORLD_SAMPLES];

static void check_same_sound(int packets, attack attack) {
    random_state = 77;
    struct media_stream *stream = open_secure();
    size_t count = play(stream, packets, NULL);
    memcpy(wanted_sound, world.speaker, count * sizeof(wanted_sound[0]));
    CHECK_BETWEEN(sine_over_rest_db(wanted_sound + 4000, 4000, 1000, 8000), 35, 60);
    close_secure(stream);
    random_state = 77;
    stream = open_secure();
    CHECK_EQUAL(play(stream, packets, attack), count);
    CHECK(memcmp(wanted_sound, world.speaker, count * sizeof(wanted_sound[0])) == 0);
    struct media_statistics s = statistics_of(stream);
    CHECK_EQUAL(s.received, (uint32_t)packets);
    CHECK_EQUAL(s.lost, 0);
    CHECK_EQUAL(s.duplicated + s.late + s.discarded + s.restarts + s.strangers, 0);
    close_secure(stream);
}

// ------------------------------------------------------------------------------------------------

static void test_profiles(void) {
    begin();
    for (int profile = 0; profile < SRTP_CORE_PROFILES; profile++) {
        struct media_stream *stream = open_secure();
        size_t octets = srtp_core_key_salt_octets(profile);
        CHECK_EQUAL(media_secure(stream, true, profile, keys[2], octets - 1), -EINVAL);
        CHECK_EQUAL(media_secure(stream, false, profile, keys[2], octets - 1), -EINVAL);
        CHECK_EQUAL(media_secure(stream, true, SRTP_CORE_PROFILES, keys[2], octets), -EINVAL);
        CHECK_EQUAL(statistics_of(stream).srtp_send, PROFILE);
        CHECK_EQUAL(media_secure(stream, true, profile, keys[2], octets), 0);
        CHECK_EQUAL(media_secure(stream, false, profile, keys[3], octets), 0);
        CHECK_EQUAL(statistics_of(stream).srtp_send, profile);
        CHECK_EQUAL(statistics_of(stream).srtp_receive, profile);
        srtp_core_free(peer_sends);
        srtp_core_free(peer_receives);
        CHECK_EQUAL(srtp_core_new(&peer_sends, true, profile, keys[3], octets), 0);
        CHECK_EQUAL(srtp_core_new(&peer_receives, false, profile, keys[2], octets), 0);
        world.microphone_hz = 500;
        play(stream, 100, NULL);
        CHECK_EQUAL(statistics_of(stream).srtp_received, 100);
        CHECK_BETWEEN(sine_over_rest_db(world.speaker + 4000, 8000, 1000, 8000), 35, 60);
        static int16_t sound[160 * 100];
        struct voice_state decoder;
        voice_codecs[VOICE_PCMU].start_decoder(&decoder);
        CHECK_EQUAL(world.sent_count, 100);
        for (size_t i = 0; i < 100; i++) {
            struct sent_packet *p = &world.sent[i];
            memcpy(buffer.octets, p->octets, p->length);
            CHECK_EQUAL(srtp_core_unprotect(peer_receives, buffer.octets, p->length), 172);
            CHECK(memcmp(buffer.octets + 12, p->octets + 12, 16) != 0);
            voice_codecs[VOICE_PCMU].decode(&decoder, buffer.octets + 12, 160, sound + 160 * i);
        }
        CHECK_BETWEEN(sine_over_rest_db(sound + 4000, 8000, 500, 8000), 33, 60);
        close_secure(stream);
    }
}

static uint8_t kept[512][200];
static size_t kept_length;

static void replay_each(int i) {
    if (i > 0) {
        from_peer(kept[0], kept_length);
        from_peer(kept[(i - 1) / 2], kept_length);
        from_peer(kept[i - 1], kept_length);
    }
    kept_length = next_packet(kept[i]);
    from_peer(kept[i], kept_length);
    world_tick();
}

// Every packet comes again: at once, later, and from before the window.
static void test_srtp_replay(void) {
    struct media_stream *stream = open_secure();
    uint32_t replayed = 0;
    for (int i = 0; i < 300; i++) {
        replay_each(i);
        replayed += i > 0 ? 3 : 0;
        struct media_statistics s = statistics_of(stream);
        CHECK_EQUAL(s.srtp_replayed, replayed);
        CHECK_EQUAL(s.received, (uint32_t)i + 1);
        CHECK_EQUAL(s.duplicated, 0);
    }
    CHECK_BETWEEN(sine_over_rest_db(world.speaker + 4000, 8000, 1000, 8000), 35, 60);
    struct media_statistics before = statistics_of(stream);
    for (int i = 0; i < 300; i++) {
        from_peer(kept[i], kept_length);
    }
    check_untouched(before, statistics_of(stream), 0, 300, 0, 0);
    close_secure(stream);
}

// Sequence numbers that would move the rollover counter, with a tag that is wrong. Our sender's
// numbers begin at 65500, so the real wrap is in the middle of it.
static void forge_roc(struct media_stream *stream, int i) {
    (void)stream;
    for (int n = 0; n < 8; n++) {
        struct sender forger = sender;
        uint8_t packet[1300];
        forger.sequence = (uint16_t)(sender.sequence + 0x2000 * (n + 1) + (uint16_t)i);
        struct srtp_core *other = peer_key(true, 5);
        size_t length = protect_rtp(other, packet, make_packet(&forger, 20, packet));
        srtp_core_free(other);
        from_peer(packet, length);
    }
}

static void test_forged_roc(void) {
    check_same_sound(150, forge_roc);
    struct media_stream *stream = open_secure();
    play(stream, 20, NULL);
    struct media_statistics before = statistics_of(stream);
    forge_roc(stream, 20);
    // Half of them lie behind the window, and are told from replayed ones by nobody.
    check_untouched(before, statistics_of(stream), 4, 4, 0, 0);
    close_secure(stream);
}

// Each octet of the packet and each bit of its tag.
static void forge_tag(struct media_stream *stream, int i) {
    struct srtp_core *copy = peer_key(true, 1);
    struct sender forger = sender;
    uint8_t packet[1300];
    (void)stream;
    // The very packet that comes next, so that its number is new.
    size_t length = protect_rtp(copy, packet, make_packet(&forger, 20, packet));
    srtp_core_free(copy);
    for (size_t n = 0; n < length; n++) {
        if (n == 0 || (n >= 8 && n < 12 && i % 2)) {
            continue; // another version, or our own SSRC perhaps
        }
        packet[n] ^= (uint8_t)(1 << i % 8);
        from_peer(packet, length);
        packet[n] ^= (uint8_t)(1 << i % 8);
    }
}

static void test_srtp_forged_tag(void) {
    check_same_sound(30, forge_tag);
    struct media_stream *stream = open_secure();
    // Before the first authentic packet as well: SSRC, port and source stay unknown.
    struct media_statistics before = statistics_of(stream);
    uint8_t packet[1300];
    size_t length = next_packet(packet);
    for (size_t bit = 0; bit < 8 * TAG; bit++) {
        packet[length - TAG + bit / 8] ^= (uint8_t)(1 << bit % 8);
        world_deliver(&rtp_end, packet, length, peer, 77, world.now_us);
        packet[length - TAG + bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    check_untouched(before, statistics_of(stream), 8 * TAG, 0, 0, 0);
    CHECK(!before.remote_ssrc_known);
    CHECK_EQUAL(statistics_of(stream).port, PORT);
    world_deliver(&rtp_end, packet, length, peer, 77, world.now_us);
    CHECK_EQUAL(statistics_of(stream).port, 77);
    CHECK_EQUAL(statistics_of(stream).received, 1);
    close_secure(stream);
}

static void test_srtp_truncated(void) {
    struct media_stream *stream = open_secure();
    play(stream, 20, NULL);
    uint8_t packet[1300], report[64] = { 0x80, 200, 0, 6, 0x22, 0x22, 0x22, 0x22 };
    size_t length = next_packet(packet), report_length = protect_rtcp(peer_sends, report, 28);
    struct media_statistics before = statistics_of(stream);
    for (size_t n = 2; n < length; n++) { // one octet may be the beginning of anything
        from_peer(packet, n);
    }
    for (size_t n = 0; n < report_length; n++) {
        rtcp_from_peer(report, n);
    }
    struct media_statistics after = statistics_of(stream);
    uint32_t refused = after.srtp_failed + after.srtp_clear + after.malformed;
    CHECK_EQUAL(refused, length - 2 + report_length);
    check_untouched(before, after, after.srtp_failed, 0, after.srtp_clear, after.malformed);
    packet[length] = 0; // and longer ones
    from_peer(packet, length + 1);
    from_peer(packet, 1300);
    CHECK_EQUAL(statistics_of(stream).srtp_received, 20);
    from_peer(packet, length);
    rtcp_from_peer(report, report_length);
    CHECK_EQUAL(statistics_of(stream).srtp_received, 22);
    close_secure(stream);
}

// Forged SSRCs take no room and change nothing; the peer may begin anew with another, and what it sent
// under the first cannot be played again.
static void forge_ssrc(struct media_stream *stream, int i) {
    struct srtp_core *other = peer_key(true, 5);
    (void)stream;
    for (int n = 0; n < 20; n++) {
        struct sender forger = sender;
        uint8_t packet[1300];
        forger.ssrc = 0x30000000 + (uint32_t)(100 * i + n);
        from_peer(packet, protect_rtp(other, packet, make_packet(&forger, 20, packet)));
        if (n == 10) {
            srtp_core_free(other);
            other = peer_key(true, 6);
        }
    }
    srtp_core_free(other);
}

static void test_srtp_stranger_ssrc(void) {
    check_same_sound(60, forge_ssrc);
    struct media_stream *stream = open_secure();
    for (int i = 0; i < 20; i++) {
        replay_each(i);
    }
    sender.ssrc = 0x44444444;
    play(stream, 20, NULL);
    struct media_statistics before = statistics_of(stream);
    CHECK_EQUAL(before.remote_ssrc, 0x44444444);
    CHECK_EQUAL(before.restarts, 1);
    for (int i = 0; i < 20; i++) {
        from_peer(kept[i], kept_length);
    }
    check_untouched(before, statistics_of(stream), 0, 20, 0, 0);
    play(stream, 20, NULL);
    CHECK_EQUAL(statistics_of(stream).lost, 0);
    close_secure(stream);
}

static void inject_clear(struct media_stream *stream, int i) {
    struct sender other = sender;
    uint8_t packet[1300], bye[8] = { 0x81, 203, 0, 1, 0x22, 0x22, 0x22, 0x22 };
    (void)stream;
    other.hz = 300;
    other.amplitude = 20000;
    from_peer(packet, make_packet(&other, 20, packet));
    other.ssrc ^= (uint32_t)i;
    other.sequence = (uint16_t)(other.sequence + 1000 * i);
    from_peer(packet, make_packet(&other, 40, packet));
    from_peer(bye, sizeof(bye)); // with RTP
    rtcp_from_peer(bye, sizeof(bye));
}

// Sound and reports in clear come to a protected stream.
static void test_srtp_clear_injection(void) {
    check_same_sound(60, inject_clear);
    struct media_stream *stream = open_secure();
    play(stream, 20, NULL);
    struct media_statistics before = statistics_of(stream);
    inject_clear(stream, 3);
    check_untouched(before, statistics_of(stream), 0, 0, 4, 0);
    CHECK(!media_readable(stream));
    close_secure(stream);
}

// Our own packets come back: with keys of our own, and although a fool gave both sides one key.
static void test_srtp_reflected(void) {
    for (int round = 0; round < 2; round++) {
        struct media_stream *stream = open_secure();
        if (round == 1) {
            secure(stream, false, 0);
        }
        uint8_t report[64] = { 0x80, 201, 0, 1, 0x11, 0x11, 0x11, 0x11 };
        CHECK_EQUAL(media_send_rtcp(stream, report, 8), 0);
        struct sent_packet *sent_report = &world.sent[0];
        CHECK(sent_report->endpoint == &rtcp_end);
        struct media_statistics before = statistics_of(stream);
        for (size_t i = 1; i < 50; i++) {
            world_tick();
            CHECK_EQUAL(world.sent_count, i + 1);
            from_peer(world.sent[i].octets, world.sent[i].length);
            rtcp_from_peer(sent_report->octets, sent_report->length);
        }
        struct media_statistics after = statistics_of(stream);
        CHECK_EQUAL(after.looped, 2 * 49);
        after.looped = before.looped;
        after.sent = before.sent;
        after.sent_octets = before.sent_octets;
        check_untouched(before, after, 0, 0, 0, 0);
        // With another SSRC they are forged, unless they were protected under the key once more.
        world.sent[5].octets[8] ^= 0x80;
        from_peer(world.sent[5].octets, world.sent[5].length);
        CHECK_EQUAL(statistics_of(stream).srtp_failed, 1);
        close_secure(stream);
    }
}

static void test_srtcp_index_replay(void) {
    struct media_stream *stream = open_secure();
    uint8_t reports[3][64], got[64], from[16];
    uint16_t port;
    enum media_kind kind;
    size_t length = 0;
    play(stream, 5, NULL);
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t clear[28] = { 0x80, 200, 0, 6, 0x22, 0x22, 0x22, 0x22, 0, 0, i, 1, 2, 3 };
        memcpy(reports[i], clear, 28);
        length = protect_rtcp(peer_sends, reports[i], 28);
        CHECK(memcmp(reports[i] + 8, clear + 8, 16) != 0);
    }
    CHECK_EQUAL(length, 28 + 14);
    rtcp_from_peer(reports[1], length);
    struct media_statistics before = statistics_of(stream);
    CHECK_EQUAL(before.last_sr, 0x01010203);
    rtcp_from_peer(reports[1], length);
    // The other port has the same window.
    world_deliver(&rtp_end, reports[1], length, peer, PORT + 1, world.now_us);
    check_untouched(before, statistics_of(stream), 0, 2, 0, 0);
    world_deliver(&rtp_end, reports[2], length, peer, PORT + 1, world.now_us);
    rtcp_from_peer(reports[0], length); // out of order
    CHECK_EQUAL(statistics_of(stream).srtp_received, 5 + 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(media_receive(stream, got, sizeof(got), from, &port, &kind), 28); // in clear
        CHECK_EQUAL(kind, MEDIA_KIND_RTCP);
        CHECK_EQUAL(got[10], (i + 1) % 3);
    }
    CHECK_EQUAL(media_receive(stream, got, sizeof(got), from, &port, &kind), -EAGAIN);
    close_secure(stream);
}

// Keys change ------------------------------------------------------------------------------------

#define CALL (400) // packets
#define WRAP_IN (36) // of the sender's sequence number: 65500 + 36

static uint8_t wanted_packets[CALL][172];

struct change {
    int at; // packet
    int receive; // our new receiving key
    int peer; // the peer's new sending key
    int send; // our new sending key
};

static void run_call(const struct change *changes, size_t count, int reorder) {
    random_state = 99;
    begin();
    struct media_stream *stream = count == 0 ? NULL : open_secure();
    if (stream == NULL) {
        stream = open_stream(VOICE_PCMU);
        media_join(stream, true);
        sender = make_sender(VOICE_PCMU, 1000);
    }
    int sending_key = 0;
    world.microphone_hz = 600;
    uint8_t held[1300];
    size_t held_length = 0;
    struct srtp_core *receivers[8] = { NULL };
    for (int i = 0; i < CALL; i++) {
        for (size_t n = 0; n < count; n++) {
            if (changes[n].at != i) {
                continue;
            }
            if (changes[n].receive >= 0) {
                secure(stream, false, changes[n].receive);
            }
            if (changes[n].peer >= 0) {
                srtp_core_free(peer_sends);
                peer_sends = peer_key(true, changes[n].peer);
            }
            if (changes[n].send >= 0) {
                secure(stream, true, changes[n].send);
                sending_key = changes[n].send;
            }
        }
        uint8_t packet[1300];
        size_t length = make_packet(&sender, 20, packet);
        if (count > 0) {
            length = protect_rtp(peer_sends, packet, length);
        }
        if (reorder > 0 && i % reorder == reorder - 1 && held_length == 0) {
            memcpy(held, packet, length);
            held_length = length;
        } else {
            from_peer(packet, length);
            if (held_length > 0) {
                from_peer(held, held_length);
                held_length = 0;
            }
        }
        world_tick();
        struct sent_packet *sent = &world.sent[i];
        CHECK_EQUAL(world.sent_count, (size_t)i + 1);
        if (count == 0) {
            CHECK_EQUAL(sent->length, 172);
            memcpy(wanted_packets[i], sent->octets, 172);
        } else {
            if (receivers[sending_key] == NULL) {
                receivers[sending_key] = peer_key(false, sending_key);
            }
            memcpy(buffer.octets, sent->octets, sent->length);
            CHECK_EQUAL(
                srtp_core_unprotect(receivers[sending_key], buffer.octets, sent->length), 172);
            CHECK(memcmp(buffer.octets, wanted_packets[i], 172) == 0);
        }
        CHECK(srtp_core_used() <= SRTP_CORE_CONTEXTS);
    }
    struct media_statistics s = statistics_of(stream);
    CHECK_EQUAL(s.received, CALL);
    CHECK_EQUAL(s.lost, 0);
    CHECK_EQUAL(s.late + s.concealed + s.discarded, 0);
    CHECK_EQUAL(s.srtp_failed + s.srtp_replayed + s.srtp_clear, 0);
    for (int i = 0; i < 8; i++) {
        srtp_core_free(receivers[i]);
    }
    if (count == 0) {
        memcpy(wanted_sound, world.speaker, world.speaker_count * sizeof(wanted_sound[0]));
        end(stream);
    } else {
        CHECK_EQUAL(world.speaker_count, CALL * 160);
        CHECK(memcmp(wanted_sound, world.speaker, sizeof(int16_t) * CALL * 160) == 0);
        close_secure(stream);
    }
}

// Sample for sample the sound of a call in clear, in both directions, whatever the moments of change:
// ours long before the peer's, at the wrap of the sequence number, twice before the peer follows,
// and a peer that leaves one key out.
static void test_srtp_rekey(void) {
    for (int reorder = 0; reorder <= 7; reorder += 7) {
        run_call(NULL, 0, reorder);
        run_call((struct change[]){ { 10, 1, -1, -1 } }, 1, reorder); // the key that is in use
        run_call((struct change[]){ { 50, 2, -1, 3 }, { 53, -1, 2, -1 } }, 2, reorder);
        run_call((struct change[]){ { 20, 2, -1, 3 }, { 35, -1, 2, -1 } }, 2, reorder);
        run_call((struct change[]){ { 30, 2, -1, -1 }, { 36, -1, 2, -1 } }, 2, reorder);
        run_call((struct change[]){ { 30, 2, -1, -1 }, { 37, -1, 2, -1 } }, 2, reorder);
        run_call((struct change[]){ { 50, 2, -1, 3 }, { 60, 4, -1, 5 }, { 70, -1, 4, -1 } }, 3,
            reorder);
        run_call((struct change[]){ { 50, 2, -1, 3 }, { 52, -1, 2, -1 }, { 60, 4, -1, 5 },
                     { 66, -1, 4, 6 }, { 200, 7, -1, -1 }, { 390, -1, 7, -1 } },
            6, reorder);
    }
}

// The old key ends 0.4 s after the first packet under the new one, and its memory comes back.
static void test_srtp_old_key_ends(void) {
    struct media_stream *stream = open_secure();
    struct srtp_core *old = peer_sends;
    play(stream, 20, NULL);
    secure(stream, false, 2);
    CHECK_EQUAL(srtp_core_used(), 2 + 3);
    play(stream, 100, NULL); // the peer takes its time
    CHECK_EQUAL(statistics_of(stream).received, 120);
    CHECK_EQUAL(srtp_core_used(), 2 + 3);
    struct sender left = sender;
    left.sequence++; // a packet under the old key that is late
    peer_sends = peer_key(true, 2);
    uint8_t packet[1300], late[1300];
    size_t length = next_packet(packet);
    from_peer(packet, length);
    world_tick();
    sender.sequence++;
    CHECK_EQUAL(srtp_core_used(), 3 + 3);
    size_t late_length = protect_rtp(old, late, make_packet(&left, 20, late));
    from_peer(late, late_length);
    CHECK_EQUAL(statistics_of(stream).received, 122);
    // And what was heard before under the old key stays heard.
    from_peer(late, late_length);
    CHECK_EQUAL(statistics_of(stream).srtp_replayed, 1);
    sender.sequence++;
    play(stream, 25, NULL);
    CHECK_EQUAL(statistics_of(stream).received, 122 + 25);
    CHECK_EQUAL(srtp_core_used(), 3 + 2); // statistics() has freed it
    left.sequence = (uint16_t)(sender.sequence + 1);
    from_peer(late, protect_rtp(old, late, make_packet(&left, 20, late)));
    CHECK_EQUAL(statistics_of(stream).srtp_failed, 1);
    srtp_core_free(old);
    close_secure(stream);
}

// Whoever knows the old key alone, as a server that read the SDP, and keeps the peer's packets away,
// is not heard for longer than ZRTP could still change over (11 s).
static void test_srtp_old_key_ends_though_the_new_is_not_heard(void) {
    struct media_stream *stream = open_secure();
    play(stream, 20, NULL);
    secure(stream, false, 2);
    play(stream, 540, NULL);
    CHECK_EQUAL(statistics_of(stream).received, 560);
    CHECK_EQUAL(srtp_core_used(), 2 + 3);
    play(stream, 30, NULL);
    struct media_statistics s = statistics_of(stream);
    CHECK_BETWEEN(s.received, 565, 575);
    CHECK_BETWEEN(s.srtp_failed, 15, 25);
    CHECK_EQUAL(srtp_core_used(), 2 + 2);
    close_secure(stream);
}

// The key in use, set again, keeps its windows and counters: nothing of it can be replayed, and no
// index is used twice. Back to the key before likewise, while it is known.
static void test_srtp_same_key(void) {
    struct media_stream *stream = open_secure();
    for (int i = 0; i < 60; i++) { // over the wrap
        replay_each(i);
    }
    secure(stream, true, 0);
    secure(stream, false, 1);
    struct media_statistics before = statistics_of(stream);
    for (int i = 0; i < 60; i++) {
        from_peer(kept[i], kept_length);
    }
    check_untouched(before, statistics_of(stream), 0, 60, 0, 0);
    secure(stream, false, 2);
    for (int i = 0; i < 60; i++) {
        from_peer(kept[i], kept_length);
    }
    secure(stream, false, 1);
    for (int i = 0; i < 60; i++) {
        from_peer(kept[i], kept_length);
    }
    check_untouched(before, statistics_of(stream), 0, 180, 0, 0);
    play(stream, 20, NULL);
    CHECK_EQUAL(statistics_of(stream).received, 80);
    for (size_t i = 0; i < world.sent_count; i++) { // 65530 and over the wrap
        memcpy(buffer.octets, world.sent[i].octets, world.sent[i].length);
        CHECK_EQUAL(srtp_core_unprotect(peer_receives, buffer.octets, world.sent[i].length), 172);
    }
    close_secure(stream);
}

// Each direction has its own protection, and loses it when it is told to (GoClear).
static void test_srtp_one_direction(void) {
    struct media_stream *stream = open_secure();
    play(stream, 20, NULL);
    secure(stream, false, -1);
    CHECK_EQUAL(statistics_of(stream).srtp_receive, -1);
    CHECK_EQUAL(statistics_of(stream).srtp_send, PROFILE);
    for (int i = 0; i < 20; i++) {
        deliver_at(&sender, 20, world.now_us + 10000);
        world_tick();
    }
    CHECK_EQUAL(statistics_of(stream).received, 40);
    CHECK_EQUAL(world.sent[39].length, 172 + TAG);
    secure(stream, true, -1);
    secure(stream, false, 3);
    world_tick();
    CHECK_EQUAL(world.sent[40].length, 172);
    deliver_at(&sender, 20, world.now_us + 10000);
    CHECK_EQUAL(statistics_of(stream).srtp_clear, 1);
    CHECK_EQUAL(statistics_of(stream).received, 40);
    close_secure(stream);
}

// Only encrypted: nothing leaves in clear and nothing is heard, not for one frame.
static void test_srtp_required(void) {
    struct media_stream *stream = open_secure();
    uint8_t packet[1300], hello[20] = { 0x10, 0, 0, 1, 'Z', 'R', 'T', 'P' }, from[16];
    uint8_t report[8] = { 0x80, 201, 0, 1, 0x11, 0x11, 0x11, 0x11 };
    uint16_t port;
    enum media_kind kind;
    secure(stream, true, -1);
    secure(stream, false, -1);
    world.microphone_hz = 500;
    for (int i = 0; i < 10; i++) {
        deliver_at(&sender, 20, world.now_us + 10000);
        world_tick();
    }
    CHECK_EQUAL(world.sent_count, 10);
    media_require_secure(stream, true);
    struct media_statistics before = statistics_of(stream);
    deliver_at(&sender, 20, world.now_us + 10000);
    from_peer(packet, next_packet(packet)); // nobody has the key yet
    rtcp_from_peer(report, sizeof(report)); // ours come back
    report[4] = 0x22;
    rtcp_from_peer(report, sizeof(report));
    struct media_statistics after = statistics_of(stream);
    CHECK_EQUAL(after.looped, 1);
    after.looped = 0;
    check_untouched(before, after, 0, 0, 3, 0);
    world_tick();
    CHECK_EQUAL(media_send_rtcp(stream, report, sizeof(report)), 0);
    CHECK_EQUAL(world.sent_count, 10);
    CHECK_EQUAL(statistics_of(stream).send_errors, 1);
    // ZRTP goes on.
    CHECK_EQUAL(media_send(stream, false, hello, sizeof(hello)), 0);
    CHECK_EQUAL(world.sent_count, 11);
    CHECK(memcmp(world.sent[10].octets, hello, sizeof(hello)) == 0);
    from_peer(hello, sizeof(hello));
    CHECK_EQUAL(media_receive(stream, packet, 1300, from, &port, &kind), sizeof(hello));
    CHECK_EQUAL(kind, MEDIA_KIND_OTHER);
    for (int i = 0; i < 10; i++) {
        world_tick();
    }
    CHECK_EQUAL(world.sent_count, 11);
    secure(stream, true, 0);
    world_tick();
    CHECK_EQUAL(world.sent[11].length, 172 + TAG);
    CHECK(world.sent[11].octets[1] & 0x80); // a talkspurt begins, and its sound from silence
    memcpy(buffer.octets, world.sent[11].octets, world.sent[11].length);
    CHECK_EQUAL(srtp_core_unprotect(peer_receives, buffer.octets, world.sent[11].length), 172);
    int16_t sound[160];
    struct voice_state decoder;
    voice_codecs[VOICE_PCMU].start_decoder(&decoder);
    voice_codecs[VOICE_PCMU].decode(&decoder, buffer.octets + 12, 160, sound);
    CHECK(power(sound, 20) < power(sound + 140, 20) / 16);
    CHECK_EQUAL(world.sent[11].octets[3], (65530 + 10) & 0xff); // the next number
    CHECK_EQUAL(media_send_rtcp(stream, report, sizeof(report)), 0);
    CHECK_EQUAL(world.sent[12].length, 8 + 14);
    // A stream that stops sending fades out under the key, not in clear.
    for (int i = 0; i < 5; i++) {
        world_tick();
    }
    secure(stream, true, -1);
    media_set_direction(stream, false, true);
    size_t count = world.sent_count;
    world_tick();
    world_tick();
    CHECK_EQUAL(world.sent_count, count);
    close_secure(stream);
}

// From its first moment: no tick between open and the order finds the stream in clear.
static void test_srtp_required_at_open(void) {
    begin();
    struct media_stream *stream;
    struct media_config config = {
        .ops = &world_ops,
        .rtp = &rtp_end,
        .rtcp = &rtcp_end,
        .port = PORT,
        .rtcp_port = PORT + 1,
        .ssrc = OUR_SSRC,
        .require_secure = true,
    };
    memcpy(config.peer, peer, 16);
    CHECK_EQUAL(media_open(&stream, &config), 0);
    sender = make_sender(VOICE_PCMU, 1000);
    world_tick();
    deliver_at(&sender, 20, world.now_us);
    CHECK_EQUAL(world.sent_count, 0);
    CHECK_EQUAL(statistics_of(stream).received, 0);
    CHECK_EQUAL(statistics_of(stream).srtp_clear, 1);
    media_require_secure(stream, false);
    world_tick();
    deliver_at(&sender, 20, world.now_us);
    CHECK_EQUAL(world.sent_count, 1);
    CHECK_EQUAL(statistics_of(stream).received, 1);
    end(stream);
}

// A stranger at the peer's address (another host behind its NAT) latched the port while the stream was
// in clear; the first authentic packet puts that right.
static void test_srtp_latch_after_clear(void) {
    struct media_stream *stream = open_secure();
    secure(stream, false, -1);
    struct sender other = make_sender(VOICE_PCMU, 300);
    uint8_t packet[1300];
    size_t length = make_packet(&other, 20, packet);
    world_deliver(&rtp_end, packet, length, peer, 6666, world.now_us);
    CHECK_EQUAL(statistics_of(stream).port, 6666);
    secure(stream, false, 1);
    length = next_packet(packet);
    packet[20] ^= 1;
    from_peer(packet, length);
    CHECK_EQUAL(statistics_of(stream).port, 6666);
    packet[20] ^= 1;
    from_peer(packet, length);
    CHECK_EQUAL(statistics_of(stream).port, PORT);
    world_deliver(&rtp_end, packet, length, peer, 6666, world.now_us);
    CHECK_EQUAL(statistics_of(stream).strangers, 1);
    play(stream, 60, NULL);
    CHECK_BETWEEN(sine_over_rest_db(world.speaker + 4000, 4000, 1000, 8000), 35, 60);
    close_secure(stream);
}

// All streams with all the keys that they can have, changed often: no other pool is touched, and
// nothing is left.
static void test_srtp_all_keys(void) {
    struct media_stream *streams[MEDIA_STREAMS];
    struct media_counters counters;
    begin();
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        streams[i] = open_stream(VOICE_PCMU);
    }
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < MEDIA_STREAMS; i++) {
            keys[i][0] = (uint8_t)round;
            keys[i][1] = (uint8_t)i;
            CHECK_EQUAL(media_secure(streams[i], true, 2, keys[i], 46), 0);
            CHECK_EQUAL(media_secure(streams[i], false, 3, keys[i], 46), 0);
        }
        world_tick();
        media_counters(&counters);
        CHECK_EQUAL(counters.keys, (round == 0 ? 2 : 3) * MEDIA_STREAMS);
    }
    for (int i = 1; i < MEDIA_STREAMS; i++) {
        media_close(streams[i]);
    }
    end(streams[0]);
}

int main(void) {
    RUN(test_profiles);
    RUN(test_srtp_replay);
    RUN(test_forged_roc);
    RUN(test_srtp_forged_tag);
    RUN(test_srtp_truncated);
    RUN(test_srtp_stranger_ssrc);
    RUN(test_srtp_clear_injection);
    RUN(test_srtp_reflected);
    RUN(test_srtcp_index_replay);
    RUN(test_srtp_rekey);
    RUN(test_srtp_old_key_ends);
    RUN(test_srtp_old_key_ends_though_the_new_is_not_heard);
    RUN(test_srtp_same_key);
    RUN(test_srtp_one_direction);
    RUN(test_srtp_required);
    RUN(test_srtp_required_at_open);
    RUN(test_srtp_latch_after_clear);
    RUN(test_srtp_all_keys);
    return 0;
}
