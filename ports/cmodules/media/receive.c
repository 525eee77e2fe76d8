// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What comes to the endpoints of a stream: origin, protection, header, source state, jitter buffer.
// Engine context.

#include <string.h>

#include "media/rtp.h"
#include "media/stream.h"

// RTCP (RFC 3550 section 6.4): packet types of a compound's first packet and after.
#define RTCP_SENDER_REPORT (200)
#define RTCP_HEADER_OCTETS (8)
#define RTCP_SENDER_INFO_OCTETS (28)

static int accepted_codec(
    const struct media_stream *stream, uint8_t payload_type, uint32_t *clock) {
    for (int i = 0; i < stream->accepted_count; i++) {
        if (stream->accepted[i].payload_type == payload_type) {
            *clock = stream->accepted[i].clock;
            return stream->accepted[i].codec;
        }
    }
    return -1;
}

static bool is_peer(const struct media_stream *stream, const struct net6_meta *meta) {
    return memcmp(stream->peer, meta->peer, sizeof(stream->peer)) == 0;
}

static void receive_control(struct media_stream *stream, const uint8_t *data, size_t length,
    const struct net6_meta *meta) {
    if (!is_peer(stream, meta) || (stream->rtcp_latched && meta->peer_port != stream->rtcp_port)) {
        stream->count.strangers++;
        return;
    }
    if (length < RTCP_HEADER_OCTETS) {
        stream->count.malformed++;
        return;
    }
    if (rtp_read32(data + 4) == stream->ssrc) {
        stream->count.looped++;
        return;
    }
    int octets = media_unprotect(stream, data, length, true, meta, &data);
    if (octets < 0) {
        return;
    }
    length = (size_t)octets;
    // RFC 3550 appendix A.2, as far as it concerns the first packet of a compound.
    if (4 * ((size_t)rtp_read16(data + 2) + 1) > length) {
        stream->count.malformed++;
        return;
    }
    stream->rtcp_latched = true;
    stream->rtcp_port = meta->peer_port;
    if (data[1] == RTCP_SENDER_REPORT
        && 4 * ((size_t)rtp_read16(data + 2) + 1) >= RTCP_SENDER_INFO_OCTETS) {
        stream->count.last_sr = rtp_read32(data + 10);
        stream->count.last_sr_us = meta->time_us;
    }
    media_enqueue(stream, MEDIA_KIND_RTCP, data, length, meta);
}

static void receive_media(struct media_stream *stream, const uint8_t *data, size_t length,
    const struct net6_meta *meta) {
    struct rtp_header header;
    if (!is_peer(stream, meta) || (stream->latched && meta->peer_port != stream->port)) {
        stream->count.strangers++;
        return;
    }
    if (length < RTP_HEADER_OCTETS) {
        stream->count.malformed++;
        return;
    }
    if (rtp_read32(data + 8) == stream->ssrc) {
        stream->count.looped++;
        return;
    }
    int octets = media_unprotect(stream, data, length, false, meta, &data);
    if (octets < 0) {
        return;
    }
    length = (size_t)octets;
    if (rtp_parse(data, length, &header) < 0 || header.payload_octets > MEDIA_PAYLOAD_MAX) {
        stream->count.malformed++;
        return;
    }
    uint32_t clock = 0;
    int codec = accepted_codec(stream, header.payload_type, &clock);
    if (meta->peer_port != stream->port && codec < 0) {
        stream->count.strangers++;
        return;
    }
    // From here on the packet is the peer's.
    stream->port = meta->peer_port;
    stream->latched = true;
    bool known = stream->source.valid;
    enum rtp_verdict verdict = rtp_source_update(&stream->source, header.ssrc, header.sequence);
    switch (verdict) {
        case RTP_DUPLICATE:
        case RTP_REFUSED:
            return;
        case RTP_RESTARTED:
            jitter_reset(&stream->jitter);
            event_receiver_restart(&stream->events_in);
            if (known) {
                stream->count.restarts++;
            }
            break;
        case RTP_REORDERED:
            stream->count.reordered++;
            break;
        case RTP_NEWEST:
            break;
    }
    if (codec < 0) {
        stream->count.unaccepted++;
        return;
    }
    stream->count.received_octets += (uint32_t)header.payload_octets;
    if (codec == MEDIA_EVENT) {
        // Its timestamp stands still: jitter is not to be learned from it.
        if (stream->receive
            && event_receiver_take(&stream->events_in, data + header.payload_offset,
                   header.payload_octets, header.marker, header.timestamp, clock, meta->time_us)
                < 0) {
            stream->count.malformed++;
        }
        media_signal_queues(stream);
        return;
    }
    uint32_t arrival = media_ticks_of_us(meta->time_us);
    rtp_source_arrival(&stream->source, header.timestamp, arrival);
    if (!stream->receive || header.payload_octets == 0) {
        return;
    }
    jitter_arrival(&stream->jitter, header.timestamp, verdict != RTP_REORDERED, arrival);
    const uint8_t *payload = data + header.payload_offset;
    bool taken = false, late = false;
    for (size_t offset = 0; offset < header.payload_octets; offset += JITTER_BLOCK_TICKS) {
        size_t octets = header.payload_octets - offset;
        if (octets > JITTER_BLOCK_TICKS) {
            octets = JITTER_BLOCK_TICKS;
        }
        enum jitter_result result = jitter_put(&stream->jitter,
            header.timestamp + (uint32_t)offset, (uint8_t)codec, payload + offset, octets);
        taken |= result == JITTER_TAKEN;
        late |= result == JITTER_LATE;
    }
    if (!taken && late) {
        stream->count.late++;
    } else if (!taken) {
        stream->count.discarded++;
    }
}

// Everything that comes to the endpoints of a stream is consumed here.
bool media_receive_rtp(
    void *arg, const uint8_t *data, size_t length, const struct net6_meta *meta) {
    struct media_stream *stream = arg;
    switch (rtp_classify(data, length)) {
        case RTP_KIND_MEDIA:
            receive_media(stream, data, length, meta);
            break;
        case RTP_KIND_CONTROL:
            receive_control(stream, data, length, meta);
            break;
        case RTP_KIND_OTHER:
            if (!is_peer(stream, meta) || (stream->latched && meta->peer_port != stream->port)) {
                stream->count.strangers++;
            } else if (length == 0) {
                stream->count.malformed++;
            } else {
                media_enqueue(stream, MEDIA_KIND_OTHER, data, length, meta);
            }
            break;
    }
    return true;
}

bool media_receive_rtcp(
    void *arg, const uint8_t *data, size_t length, const struct net6_meta *meta) {
    struct media_stream *stream = arg;
    if (rtp_classify(data, length) == RTP_KIND_CONTROL) {
        receive_control(stream, data, length, meta);
    } else if (is_peer(stream, meta)) {
        stream->count.malformed++;
    } else {
        stream->count.strangers++;
    }
    return true;
}
