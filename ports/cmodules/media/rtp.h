// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// RTP: the fixed header (RFC 3550 section 5.1), telling apart what shares a port (RFC 5761, RFC 7983),
// and the state of one source (RFC 3550 appendices A.1, A.3, A.8).
//
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                           timestamp                           |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |           synchronization source (SSRC) identifier            |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+

#ifndef VOX6_MEDIA_RTP_H
#define VOX6_MEDIA_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER_OCTETS (12)

enum rtp_kind { RTP_KIND_MEDIA, RTP_KIND_CONTROL, RTP_KIND_OTHER };

struct rtp_header {
    uint8_t payload_type;
    bool marker;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    size_t payload_offset;
    size_t payload_octets;
};

enum rtp_verdict {
    RTP_NEWEST, // ahead of all before it
    RTP_REORDERED, // behind the newest and not seen before
    RTP_DUPLICATE,
    RTP_REFUSED, // too far away, or a new source not yet believed
    RTP_RESTARTED, // the source began anew: what is buffered of it is worthless
};

// One synchronization source as its receiver sees it; names of RFC 3550 appendix A.1.
struct rtp_source {
    bool valid;
    uint32_t ssrc;
    uint16_t max_seq;
    uint32_t cycles; // wraps of the sequence number, shifted left by 16
    uint32_t base_seq;
    uint32_t bad_seq; // next sequence number after a jump, or RTP_SEQ_MOD + 1
    uint64_t seen; // bit n: max_seq - n was received
    uint32_t received; // packets, late and duplicate ones too (appendix A.3)
    uint32_t duplicated;
    uint32_t transit;
    bool transit_known;
    uint32_t jitter_q4; // interarrival jitter in timestamp units, times 16
    bool trusting; // another SSRC is believed at once
    bool candidate; // an SSRC that has to send two packets in sequence before it is believed
    uint32_t candidate_ssrc;
    uint16_t candidate_seq;
};

enum rtp_kind rtp_classify(const uint8_t *data, size_t length);
int rtp_parse(const uint8_t *data, size_t length, struct rtp_header *header);
void rtp_emit(uint8_t *buffer, const struct rtp_header *header);
void rtp_source_reset(struct rtp_source *source);
enum rtp_verdict rtp_source_update(struct rtp_source *source, uint32_t ssrc, uint16_t sequence);
void rtp_source_arrival(struct rtp_source *source, uint32_t timestamp, uint32_t arrival);
uint32_t rtp_source_highest(const struct rtp_source *source);
int32_t rtp_source_lost(const struct rtp_source *source);

static inline uint16_t rtp_read16(const uint8_t *octets) {
    return (uint16_t)(octets[0] << 8 | octets[1]);
}

static inline uint32_t rtp_read32(const uint8_t *octets) {
    return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8
        | octets[3];
}

static inline void rtp_write16(uint8_t *octets, uint16_t value) {
    octets[0] = (uint8_t)(value >> 8);
    octets[1] = (uint8_t)value;
}

static inline void rtp_write32(uint8_t *octets, uint32_t value) {
    rtp_write16(octets, (uint16_t)(value >> 16));
    rtp_write16(octets + 2, (uint16_t)value);
}

#endif
