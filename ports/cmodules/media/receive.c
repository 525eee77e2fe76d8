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

// Timestamp to ticks. newest: the packet came in the order of its sequence numbers; only such a one
// may bring another clock (RFC 7160 section 4), where time goes on as it did on the way here.
static bool timeline_ticks(struct timeline *line, uint32_t timestamp, uint32_t clock, bool newest,
    uint32_t arrival, uint32_t *ticks) {
    int32_t factor = (int32_t)(clock / MEDIA_TICKS_PER_SECOND);
    if (!line->known || line->clock != clock) {
        if (!newest) {
            return false;
        }
        line->ticks += line->known ? arrival - line->arrival : 0;
        line->known = true;
        line->clock = clock;
        line->timestamp = timestamp;
        line->arrival = arrival;
        *ticks = line->ticks;
        return true;
    }
    int32_t delta = (int32_t)(timestamp - line->timestamp);
    int32_t steps = delta / factor - (delta % factor < 0 ? 1 : 0);
    *ticks = line->ticks + (uint32_t)steps;
    if (newest) {
        line->ticks = *ticks;
        line->timestamp += (uint32_t)(steps * factor);
        line->arrival = arrival;
    }
    return true;
}

struct taken {
    bool any;
    bool late;
};

static void put(struct media_stream *stream, const struct jitter_unit *unit, struct taken *taken) {
    enum jitter_result result = jitter_put(&stream->jitter, unit);
    taken->any |= result == JITTER_TAKEN;
    taken->late |= result == JITTER_LATE;
}

// Cuts a packet into what the jitter buffer takes. Returns false for what is no payload.
static bool put_payload(struct media_stream *stream, int codec, uint32_t ticks,
    const uint8_t *octets, size_t length, struct taken *taken) {
    static struct opus_voice_unit piece; // one packet at a time
    struct jitter_unit unit = { .timestamp = ticks, .codec = (uint8_t)codec };
    size_t per_tick = voice_codecs[codec].octets_per_tick;
    if (codec == VOICE_OPUS) {
        bool any = false;
        for (size_t i = 0; opus_voice_cut(octets, length, i, &piece); i++) {
            unit.whole = any = true;
            unit.octets = piece.octets;
            unit.length = piece.length;
            unit.ticks = piece.samples / (OPUS_VOICE_RATE / MEDIA_TICKS_PER_SECOND);
            put(stream, &unit, taken);
            unit.timestamp += (uint32_t)unit.ticks;
        }
        return any;
    }
    size_t total = length / per_tick;
    for (size_t at = 0; at < total; at += unit.ticks) {
        unit.whole = per_tick > 1;
        unit.ticks = total - at < JITTER_BLOCK_TICKS ? total - at : JITTER_BLOCK_TICKS;
        unit.octets = octets + at * per_tick;
        unit.length = unit.ticks * per_tick;
        unit.timestamp = ticks + (uint32_t)at;
        put(stream, &unit, taken);
    }
    return total > 0;
}

static void receive_noise(struct media_stream *stream, const struct rtp_header *header,
    const uint8_t *payload, uint32_t arrival) {
    uint32_t ticks;
    if (header->payload_octets == 0) {
        stream->count.malformed++;
    } else if (stream->receive
        && (!stream->timeline.known || stream->timeline.clock == MEDIA_TICKS_PER_SECOND)
        && timeline_ticks(
            &stream->timeline, header->timestamp, MEDIA_TICKS_PER_SECOND, true, arrival, &ticks)
        && (!stream->noise.known || (int32_t)(ticks - stream->noise.from) >= 0)) {
        noise_describe(&stream->noise, payload, header->payload_octets, ticks);
    }
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
            stream->timeline.known = false;
            stream->noise.known = false;
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
    if (codec == MEDIA_NOISE) {
        if (verdict == RTP_NEWEST || verdict == RTP_RESTARTED) {
            receive_noise(
                stream, &header, data + header.payload_offset, media_ticks_of_us(meta->time_us));
        }
        return;
    }
    if (stream->timeline.clock != clock) {
        stream->source.transit_known = false; // jitter is counted in another unit from here on
    }
    rtp_source_arrival(&stream->source, header.timestamp, media_clock_of_us(meta->time_us, clock));
    uint32_t arrival = media_ticks_of_us(meta->time_us), ticks = 0;
    bool newest = verdict != RTP_REORDERED;
    if (!timeline_ticks(&stream->timeline, header.timestamp, clock, newest, arrival, &ticks)) {
        stream->count.late++; // of the codec before this one
        return;
    }
    if (!stream->receive || header.payload_octets == 0) {
        return;
    }
    jitter_arrival(&stream->jitter, ticks, newest, arrival);
    struct taken taken = { false, false };
    if (!put_payload(
            stream, codec, ticks, data + header.payload_offset, header.payload_octets, &taken)) {
        stream->count.malformed++;
    } else if (!taken.any && taken.late) {
        stream->count.late++;
    } else if (!taken.any) {
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
