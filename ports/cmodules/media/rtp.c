// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "media/rtp.h"

#include <errno.h>
#include <string.h>

// RFC 3550 appendix A.1. MIN_SEQUENTIAL is 1 for the first source of a stream, whose address has
// been checked already, and 2 for a later SSRC, so that one stray packet cannot end the sound.
#define RTP_SEQ_MOD (1UL << 16)
#define MAX_DROPOUT (3000)
#define MAX_MISORDER (100)

#define VERSION_MASK (0xc0)
#define VERSION_2 (0x80)
#define PADDING (0x20)
#define EXTENSION (0x10)
#define CSRC_COUNT (0x0f)
#define MARKER (0x80)

// First octet 128..191 is RTP or RTCP (RFC 7983 section 7); of these a second octet of 192..223 is
// RTCP (RFC 5761 section 4). All else that shares the port (STUN 0..3, ZRTP 16..19, DTLS 20..63)
// is not ours to understand. A ZRTP packet (RFC 6189 section 5) begins with 0x10 and falls there.
enum rtp_kind rtp_classify(const uint8_t *data, size_t length) {
    if (length < 2 || (data[0] & VERSION_MASK) != VERSION_2) {
        return RTP_KIND_OTHER;
    }
    if (data[1] >= 192 && data[1] <= 223) {
        return RTP_KIND_CONTROL;
    }
    return RTP_KIND_MEDIA;
}

// Reads the header and finds the payload (RFC 3550 sections 5.1 and 5.3.1). Returns 0, or -EINVAL
// for a packet that contradicts its own length; *header is then unspecified.
int rtp_parse(const uint8_t *data, size_t length, struct rtp_header *header) {
    if (length < RTP_HEADER_OCTETS || (data[0] & VERSION_MASK) != VERSION_2) {
        return -EINVAL;
    }
    size_t offset = RTP_HEADER_OCTETS + 4u * (data[0] & CSRC_COUNT);
    if (offset > length) {
        return -EINVAL;
    }
    if (data[0] & EXTENSION) {
        if (length - offset < 4) {
            return -EINVAL;
        }
        size_t words = rtp_read16(data + offset + 2);
        offset += 4;
        if (length - offset < 4 * words) {
            return -EINVAL;
        }
        offset += 4 * words;
    }
    size_t octets = length - offset;
    if (data[0] & PADDING) {
        size_t padding = data[length - 1];
        if (padding == 0 || padding > octets) {
            return -EINVAL;
        }
        octets -= padding;
    }
    header->payload_type = data[1] & (uint8_t)~MARKER;
    header->marker = (data[1] & MARKER) != 0;
    header->sequence = rtp_read16(data + 2);
    header->timestamp = rtp_read32(data + 4);
    header->ssrc = rtp_read32(data + 8);
    header->payload_offset = offset;
    header->payload_octets = octets;
    return 0;
}

// Writes the fixed header of RTP_HEADER_OCTETS octets, without CSRC, extension or padding.
void rtp_emit(uint8_t *buffer, const struct rtp_header *header) {
    buffer[0] = VERSION_2;
    buffer[1] = (uint8_t)((header->marker ? MARKER : 0) | header->payload_type);
    rtp_write16(buffer + 2, header->sequence);
    rtp_write32(buffer + 4, header->timestamp);
    rtp_write32(buffer + 8, header->ssrc);
}

void rtp_source_reset(struct rtp_source *source) {
    memset(source, 0, sizeof(*source));
}

static void start_source(struct rtp_source *source, uint32_t ssrc, uint16_t sequence) {
    memset(source, 0, sizeof(*source));
    source->valid = true;
    source->ssrc = ssrc;
    source->max_seq = sequence;
    source->base_seq = sequence;
    source->bad_seq = RTP_SEQ_MOD + 1;
    source->seen = 1;
    source->received = 1;
}

// Takes the sequence number of a packet that passed the checks of its origin (RFC 3550 appendix
// A.1: update_seq). Duplicates are known among the newest 64 numbers.
enum rtp_verdict rtp_source_update(struct rtp_source *source, uint32_t ssrc, uint16_t sequence) {
    if (!source->valid) {
        start_source(source, ssrc, sequence);
        return RTP_RESTARTED;
    }
    if (ssrc != source->ssrc && source->trusting) {
        start_source(source, ssrc, sequence);
        return RTP_RESTARTED;
    }
    if (ssrc != source->ssrc) {
        if (source->candidate && source->candidate_ssrc == ssrc
            && source->candidate_seq == sequence) {
            start_source(source, ssrc, sequence);
            return RTP_RESTARTED;
        }
        source->candidate = true;
        source->candidate_ssrc = ssrc;
        source->candidate_seq = (uint16_t)(sequence + 1);
        return RTP_REFUSED;
    }
    uint16_t delta = (uint16_t)(sequence - source->max_seq);
    if (delta == 0) {
        source->received++;
        source->duplicated++;
        return RTP_DUPLICATE;
    }
    if (delta < MAX_DROPOUT) {
        if (sequence < source->max_seq) {
            source->cycles += RTP_SEQ_MOD;
        }
        source->seen = delta < 64 ? source->seen << delta | 1 : 1;
        source->max_seq = sequence;
        source->received++;
        source->bad_seq = RTP_SEQ_MOD + 1;
        return RTP_NEWEST;
    }
    if (delta <= RTP_SEQ_MOD - MAX_MISORDER) {
        if (sequence == source->bad_seq) {
            // Two in sequence after a jump: the other side restarted without telling us.
            start_source(source, ssrc, sequence);
            return RTP_RESTARTED;
        }
        source->bad_seq = (uint16_t)(sequence + 1);
        return RTP_REFUSED;
    }
    uint16_t age = (uint16_t)(source->max_seq - sequence);
    source->received++;
    if (age < 64) {
        if (source->seen >> age & 1) {
            source->duplicated++;
            return RTP_DUPLICATE;
        }
        source->seen |= (uint64_t)1 << age;
    }
    return RTP_REORDERED;
}

// Interarrival jitter (RFC 3550 appendix A.8), both times in timestamp units.
void rtp_source_arrival(struct rtp_source *source, uint32_t timestamp, uint32_t arrival) {
    uint32_t transit = arrival - timestamp;
    if (source->transit_known) {
        int32_t d = (int32_t)(transit - source->transit);
        uint32_t magnitude = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;
        source->jitter_q4 += magnitude - ((source->jitter_q4 + 8) >> 4);
    }
    source->transit_known = true;
    source->transit = transit;
}

// Extended highest sequence number received (RFC 3550 section 6.4.1).
uint32_t rtp_source_highest(const struct rtp_source *source) {
    return source->cycles + source->max_seq;
}

// Cumulative number of packets lost (RFC 3550 appendix A.3), within its 24 bits; negative when
// duplicates outnumber losses.
int32_t rtp_source_lost(const struct rtp_source *source) {
    if (!source->valid) {
        return 0;
    }
    uint32_t expected = rtp_source_highest(source) - source->base_seq + 1;
    int32_t lost = (int32_t)(expected - source->received);
    if (lost > 0x7fffff) {
        return 0x7fffff;
    }
    return lost < -0x800000 ? -0x800000 : lost;
}
