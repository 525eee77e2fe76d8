// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// RTP header, demultiplexing, and the source state of RFC 3550 appendices A.1, A.3, A.8.

#include "harness.h"

#include "media/rtp.h"

static int parse(const uint8_t *data, size_t length, struct rtp_header *header) {
    uint8_t *copy = malloc(length > 0 ? length : 1); // ASan sees a read past the end
    memcpy(copy, data, length);
    int result = rtp_parse(copy, length, header);
    free(copy);
    return result;
}

static void test_emit_and_parse(void) {
    uint8_t packet[16] = { 0 };
    struct rtp_header in = { .payload_type = 96,
        .marker = true,
        .sequence = 65534,
        .timestamp = 0x89abcdef,
        .ssrc = 0x12345678 },
                      out;
    rtp_emit(packet, &in);
    static const uint8_t octets[] = { 0x80, 0xe0, 0xff, 0xfe, 0x89, 0xab, 0xcd, 0xef, 0x12, 0x34,
        0x56, 0x78 };
    CHECK(memcmp(packet, octets, sizeof(octets)) == 0);
    CHECK_EQUAL(parse(packet, 16, &out), 0);
    CHECK_EQUAL(out.payload_type, 96);
    CHECK(out.marker);
    CHECK_EQUAL(out.sequence, 65534);
    CHECK_EQUAL(out.timestamp, 0x89abcdef);
    CHECK_EQUAL(out.ssrc, 0x12345678);
    CHECK_EQUAL(out.payload_offset, 12);
    CHECK_EQUAL(out.payload_octets, 4);
}

static void test_malformed(void) {
    uint8_t p[64] = { 0x80, 0 };
    struct rtp_header h;
    for (size_t length = 0; length < 12; length++) {
        CHECK(parse(p, length, &h) < 0); // truncated header
    }
    CHECK_EQUAL(parse(p, 12, &h), 0);
    CHECK_EQUAL(h.payload_octets, 0);
    p[0] = 0x40; // version 1
    CHECK(parse(p, 20, &h) < 0);
    p[0] = 0x8f; // 15 CSRC
    CHECK(parse(p, 71 - 12, &h) < 0);
    CHECK(parse(p, 12, &h) < 0);
    p[0] = 0x82;
    CHECK_EQUAL(parse(p, 20, &h), 0);
    CHECK_EQUAL(h.payload_offset, 20);
    CHECK_EQUAL(h.payload_octets, 0);
    p[0] = 0x90; // extension without its header, then too long
    CHECK(parse(p, 12, &h) < 0);
    CHECK(parse(p, 15, &h) < 0);
    CHECK_EQUAL(parse(p, 16, &h), 0);
    p[15] = 1;
    CHECK(parse(p, 19, &h) < 0);
    CHECK_EQUAL(parse(p, 20, &h), 0);
    p[14] = 0xff;
    p[15] = 0xff;
    CHECK(parse(p, 64, &h) < 0);
    memset(p, 0, sizeof(p));
    p[0] = 0xa0; // padding of 0, of all, of more
    CHECK(parse(p, 20, &h) < 0);
    p[19] = 8;
    CHECK_EQUAL(parse(p, 20, &h), 0);
    CHECK_EQUAL(h.payload_octets, 0);
    p[19] = 9;
    CHECK(parse(p, 20, &h) < 0);
    p[11] = 1;
    CHECK(parse(p, 12, &h) < 0); // the last octet of the header is no padding
}

static void test_classify(void) {
    uint8_t p[4] = { 0 };
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            p[0] = (uint8_t)first;
            p[1] = (uint8_t)second;
            enum rtp_kind wanted = RTP_KIND_OTHER;
            if (first >= 128 && first <= 191) {
                wanted = second >= 192 && second <= 223 ? RTP_KIND_CONTROL : RTP_KIND_MEDIA;
            }
            CHECK_EQUAL(rtp_classify(p, 4), wanted);
        }
    }
    p[0] = 0x80;
    CHECK_EQUAL(rtp_classify(p, 1), RTP_KIND_OTHER);
    CHECK_EQUAL(rtp_classify(p, 0), RTP_KIND_OTHER);
}

static void test_sequence(void) {
    struct rtp_source s;
    rtp_source_reset(&s);
    CHECK_EQUAL(rtp_source_lost(&s), 0);
    CHECK_EQUAL(rtp_source_update(&s, 7, 65533), RTP_RESTARTED);
    CHECK_EQUAL(rtp_source_update(&s, 7, 65534), RTP_NEWEST);
    CHECK_EQUAL(rtp_source_update(&s, 7, 65534), RTP_DUPLICATE);
    CHECK_EQUAL(rtp_source_update(&s, 7, 1), RTP_NEWEST); // 65535 and 0 missing
    CHECK_EQUAL(rtp_source_highest(&s), 65537);
    CHECK_EQUAL(rtp_source_lost(&s), 1); // expected 5, received 4: one of them twice
    CHECK_EQUAL(rtp_source_update(&s, 7, 0), RTP_REORDERED);
    CHECK_EQUAL(rtp_source_update(&s, 7, 0), RTP_DUPLICATE);
    CHECK_EQUAL(rtp_source_update(&s, 7, 65535), RTP_REORDERED);
    CHECK_EQUAL(s.received, 7);
    CHECK_EQUAL(s.duplicated, 2);
    CHECK_EQUAL(rtp_source_lost(&s), -2);
    CHECK_EQUAL(rtp_source_highest(&s), 65537);
    // A jump needs two packets in sequence (appendix A.1).
    CHECK_EQUAL(rtp_source_update(&s, 7, 30000), RTP_REFUSED);
    CHECK_EQUAL(rtp_source_update(&s, 7, 2), RTP_NEWEST);
    CHECK_EQUAL(rtp_source_update(&s, 7, 30000), RTP_REFUSED);
    CHECK_EQUAL(rtp_source_update(&s, 7, 30001), RTP_RESTARTED);
    CHECK_EQUAL(rtp_source_highest(&s), 30001);
    CHECK_EQUAL(rtp_source_lost(&s), 0);
    // So does another SSRC.
    CHECK_EQUAL(rtp_source_update(&s, 8, 5), RTP_REFUSED);
    CHECK_EQUAL(rtp_source_update(&s, 7, 30002), RTP_NEWEST);
    CHECK_EQUAL(rtp_source_update(&s, 9, 6), RTP_REFUSED);
    CHECK_EQUAL(rtp_source_update(&s, 8, 6), RTP_REFUSED);
    CHECK_EQUAL(rtp_source_update(&s, 8, 7), RTP_RESTARTED);
    CHECK_EQUAL(s.ssrc, 8);
}

static void test_many_wraps(void) {
    struct rtp_source s;
    rtp_source_reset(&s);
    uint32_t received = 0, missing = 0;
    random_state = 5;
    for (uint32_t n = 1000; n < 1000 + 5 * 65536; n++) {
        if (n > 1000 && n + 1 < 1000 + 5 * 65536 && random_u32() % 50 == 0) {
            missing++;
            continue;
        }
        enum rtp_verdict verdict = rtp_source_update(&s, 1, (uint16_t)n);
        CHECK_EQUAL(verdict, n == 1000 ? RTP_RESTARTED : RTP_NEWEST);
        received++;
    }
    CHECK_EQUAL(s.received, received);
    CHECK_EQUAL(rtp_source_lost(&s), missing);
    CHECK_EQUAL(rtp_source_highest(&s), 1000 + 5 * 65536 - 1);
}

// J(i) = J(i-1) + (|D(i-1,i)| - J(i-1))/16 (RFC 3550 section 6.4.1) beside the same in doubles.
static void test_jitter(void) {
    struct rtp_source s;
    double j = 0, transit = 0;
    rtp_source_reset(&s);
    random_state = 9;
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t timestamp = 0xfffff000u + i * 160;
        uint32_t delay = random_u32() % 400;
        uint32_t arrival = 77777 + i * 160 + delay;
        rtp_source_arrival(&s, timestamp, arrival);
        if (i > 0) {
            j += (fabs(delay - transit) - j) / 16;
        }
        transit = delay;
        CHECK_BETWEEN(s.jitter_q4 / 16.0, j - 1, j + 1);
    }
    rtp_source_reset(&s);
    for (uint32_t i = 0; i < 100; i++) {
        rtp_source_arrival(&s, i * 160, i * 160 + 5);
    }
    CHECK_EQUAL(s.jitter_q4, 0);
}

int main(void) {
    RUN(test_emit_and_parse);
    RUN(test_malformed);
    RUN(test_classify);
    RUN(test_sequence);
    RUN(test_many_wraps);
    RUN(test_jitter);
    return 0;
}
