// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "media/media_core.h"

#include <errno.h>
#include <string.h>

#include "engine/audio_device.h"
#include "media/jitter.h"
#include "media/resample.h"
#include "media/rtp.h"
#include "media/stretch.h"
#include "voicecodecs/voicecodecs_core.h"

#define TICKS_PER_SECOND (8000) // the RTP clock of all codecs here
#define TICKS_PER_FRAME (TICKS_PER_SECOND / 1000 * AUDIO_FRAME_MS)
#define US_PER_TICK (1000000 / TICKS_PER_SECOND)

_Static_assert(TICKS_PER_FRAME == VOICE_FRAME_OCTETS, "a frame is 20 ms everywhere");
_Static_assert(AUDIO_FRAME_MAX == VOICE_FRAME_SAMPLES_MAX, "a frame is 20 ms everywhere");

#define RATE_NARROW (8000)
#define RATE_WIDE (16000)

#define GAIN_FULL (32768)

// Decoded sound that waits: less than a frame and the longest lag, and then one more block.
#define FIFO_SAMPLES (AUDIO_FRAME_MAX + STRETCH_LAG_MAX(RATE_WIDE) + VOICE_FRAME_SAMPLES_MAX)

// How far the delay may be from the wanted one before a pitch cycle is taken out or put in, and
// the frames between two such changes.
#define SHORTEN_ABOVE (15 * JITTER_TICKS_PER_MS)
#define LENGTHEN_BELOW (-5 * JITTER_TICKS_PER_MS)
#define STRETCH_PAUSE (3)

// A step in the sound is spread over so many samples (4 ms at 16000).
#define DECLICK_SAMPLES (64)

// RTCP (RFC 3550 section 6.4): packet types of a compound's first packet and after.
#define RTCP_SENDER_REPORT (200)
#define RTCP_HEADER_OCTETS (8)
#define RTCP_SENDER_INFO_OCTETS (28)

// Where sound ended, to join other sound on to it.
struct edge {
    int32_t last;
    int32_t slope; // a sample
};

enum stream_state { STREAM_FREE, STREAM_OPEN, STREAM_CLOSING };

struct datagram {
    uint8_t next; // index plus 1
    uint8_t kind;
    uint16_t length;
    uint16_t port;
    uint8_t peer[16];
    uint8_t octets[MEDIA_DATAGRAM_MAX];
};

struct media_stream {
    enum stream_state state;
    const struct packet_ops *ops;
    void *rtp;
    void *rtcp;
    uint8_t peer[16];
    uint16_t port;
    uint16_t rtcp_port;
    uint16_t signalled_port; // before the latch
    uint16_t signalled_rtcp_port;
    bool latched; // the port that RTP comes from is known
    bool rtcp_latched;
    bool send;
    bool receive;
    bool joined;

    // To the peer
    const struct voice_codec *codec;
    struct voice_state encoder;
    struct resample to_codec;
    uint8_t payload_type;
    bool marker; // the next packet begins a talkspurt
    uint16_t sequence;
    uint32_t ssrc;
    uint32_t timestamp; // of the next packet
    uint64_t timestamp_us; // the moment that timestamp stands for
    int32_t send_gain; // 0..GAIN_FULL at the end of the last frame
    struct edge send_edge;
    bool send_declick;

    // From the peer
    struct {
        uint8_t payload_type;
        uint8_t codec;
    } accepted[MEDIA_PAYLOAD_TYPES];
    uint8_t accepted_count;
    struct rtp_source source;
    struct jitter jitter;
    const struct voice_codec *decoding; // NULL: nothing decoded yet
    struct voice_state decoder;
    struct voice_concealer concealer;
    struct resample from_codec;
    struct resample played; // the past of the fifo
    int16_t fifo[FIFO_SAMPLES]; // in the rate of the mixing point
    uint16_t fifo_count;
    struct edge fifo_edge;
    bool fifo_declick; // the next sound joins on to fifo_edge
    bool fifo_fade_in; // or begins after silence
    uint8_t stretch_pause;
    uint32_t concealed_ticks;
    int32_t receive_gain;

    // Other datagrams
    uint8_t first; // index plus 1
    uint8_t last;
    uint8_t queued;
    engine_signal signal;

    struct media_statistics count;
};

static struct {
    struct media_stream streams[MEDIA_STREAMS];
    struct datagram datagrams[MEDIA_DATAGRAMS];
    uint8_t datagrams_free; // index plus 1
    uint8_t datagrams_fresh;
    uint8_t datagrams_used;
    struct tone tone;
    bool running;
    bool changing; // the device is between two rates
    struct edge speaker_edge;
    bool speaker_declick;
    bool tick_known;
    uint64_t tick_us; // due time of the last tick
    uint32_t ticks;
    uint32_t late_ticks;
    uint32_t worst_late_us;
    uint32_t skipped_frames;
} media;

static uint32_t mix_rate = RATE_NARROW; // alone, so that the rest needs no room in flash

// Sound of one tick. Static: the engine's stack is small, and there is one tick at a time.
static int16_t sound_in[AUDIO_FRAME_MAX];
static int16_t sound_of[MEDIA_STREAMS][AUDIO_FRAME_MAX];
static int32_t sound_sum[AUDIO_FRAME_MAX];
static int16_t sound_out[AUDIO_FRAME_MAX];
static struct jitter_piece piece;

// ---------------------------------------------------------------------------------------------
// Samples

static inline int16_t saturate16(int32_t value) {
    if (value > INT16_MAX) {
        return INT16_MAX;
    }
    return value < INT16_MIN ? INT16_MIN : (int16_t)value;
}

// Linear gain from `from` to `to` over the samples.
static void ramp(int16_t *samples, size_t count, int32_t from, int32_t to) {
    if (from == GAIN_FULL && to == GAIN_FULL) {
        return;
    }
    if (from == 0 && to == 0) {
        memset(samples, 0, count * sizeof(samples[0]));
        return;
    }
    int32_t step = (to - from) / (int32_t)count;
    int32_t gain = from;
    for (size_t i = 0; i < count; i++) {
        gain += step;
        samples[i] = (int16_t)((samples[i] * gain) / GAIN_FULL);
    }
}

static void edge_keep(struct edge *edge, const int16_t *samples, size_t count) {
    edge->last = samples[count - 1];
    edge->slope = count > 1 ? samples[count - 1] - samples[count - 2] : 0;
}

// Joins the samples to those before them: what is left of the step decays in a straight line.
static void declick(int16_t *samples, size_t count, const struct edge *edge) {
    int32_t step = edge->last + edge->slope - samples[0];
    size_t length = count < DECLICK_SAMPLES ? count : DECLICK_SAMPLES;
    for (size_t i = 0; i < length; i++) {
        samples[i] = saturate16(samples[i] + step * (int32_t)(length - i) / (int32_t)length);
    }
}

// Converts between the rates that there are. Returns the samples written.
static size_t convert(struct resample *state, const int16_t *in, size_t count, uint32_t from,
    uint32_t to, int16_t *out) {
    if (from == to) {
        resample_pass(state, in, count);
        memcpy(out, in, count * sizeof(in[0]));
        return count;
    }
    if (from < to) {
        resample_double(state, in, count, out);
        return count * 2;
    }
    resample_halve(state, in, count, out);
    return count / 2;
}

static uint32_t ticks_of_us(uint64_t us) {
    return (uint32_t)(us / US_PER_TICK);
}

// ---------------------------------------------------------------------------------------------
// Datagrams for the VM

static uint8_t datagram_get(void) {
    uint8_t index = media.datagrams_free;
    if (index != 0) {
        media.datagrams_free = media.datagrams[index - 1].next;
    } else if (media.datagrams_fresh < MEDIA_DATAGRAMS) {
        index = ++media.datagrams_fresh;
    } else {
        return 0;
    }
    media.datagrams_used++;
    return index;
}

static void datagram_drop_first(struct media_stream *stream) {
    uint8_t index = stream->first;
    struct datagram *datagram = &media.datagrams[index - 1];
    stream->first = datagram->next;
    if (stream->first == 0) {
        stream->last = 0;
        engine_signal_clear(&stream->signal);
    }
    stream->queued--;
    datagram->next = media.datagrams_free;
    media.datagrams_free = index;
    media.datagrams_used--;
}

static void enqueue(struct media_stream *stream, enum media_kind kind, const uint8_t *data,
    size_t length, const struct net6_meta *meta) {
    uint8_t index = 0;
    if (length <= MEDIA_DATAGRAM_MAX && stream->queued < MEDIA_DATAGRAMS_EACH) {
        index = datagram_get();
    }
    if (index == 0) {
        stream->count.queue_dropped++;
        return;
    }
    struct datagram *datagram = &media.datagrams[index - 1];
    datagram->next = 0;
    datagram->kind = (uint8_t)kind;
    datagram->length = (uint16_t)length;
    datagram->port = meta->peer_port;
    memcpy(datagram->peer, meta->peer, sizeof(datagram->peer));
    memcpy(datagram->octets, data, length);
    if (stream->last != 0) {
        media.datagrams[stream->last - 1].next = index;
    } else {
        stream->first = index;
    }
    stream->last = index;
    stream->queued++;
    engine_signal_raise(&stream->signal);
}

// ---------------------------------------------------------------------------------------------
// Receivers, engine context

static int accepted_codec(const struct media_stream *stream, uint8_t payload_type) {
    for (int i = 0; i < stream->accepted_count; i++) {
        if (stream->accepted[i].payload_type == payload_type) {
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
    // RFC 3550 appendix A.2, as far as it concerns the first packet of a compound.
    if (length < RTCP_HEADER_OCTETS || 4 * ((size_t)rtp_read16(data + 2) + 1) > length) {
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
    enqueue(stream, MEDIA_KIND_RTCP, data, length, meta);
}

static void receive_media(struct media_stream *stream, const uint8_t *data, size_t length,
    const struct net6_meta *meta) {
    struct rtp_header header;
    if (!is_peer(stream, meta) || (stream->latched && meta->peer_port != stream->port)) {
        stream->count.strangers++;
        return;
    }
    if (rtp_parse(data, length, &header) < 0 || header.payload_octets > MEDIA_PAYLOAD_MAX) {
        stream->count.malformed++;
        return;
    }
    if (header.ssrc == stream->ssrc) {
        stream->count.looped++;
        return;
    }
    int codec = accepted_codec(stream, header.payload_type);
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
    uint32_t arrival = ticks_of_us(meta->time_us);
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
static bool receive_rtp(
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
                enqueue(stream, MEDIA_KIND_OTHER, data, length, meta);
            }
            break;
    }
    return true;
}

static bool receive_rtcp(
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

// ---------------------------------------------------------------------------------------------
// The tick, engine context

static size_t samples_per_tick(void) {
    return mix_rate / TICKS_PER_SECOND;
}

// Appends sound of the decoder's rate to the fifo.
static void append(struct media_stream *stream, const int16_t *samples, size_t count) {
    int16_t *end = stream->fifo + stream->fifo_count;
    size_t added =
        convert(&stream->from_codec, samples, count, stream->decoding->rate, mix_rate, end);
    if (stream->fifo_fade_in) {
        ramp(end, added, 0, GAIN_FULL);
        stream->fifo_fade_in = false;
    } else if (stream->fifo_declick) {
        declick(end, added, &stream->fifo_edge);
    }
    stream->fifo_declick = false;
    edge_keep(&stream->fifo_edge, end, added);
    stream->fifo_count += (uint16_t)added;
}

static void decode_with(struct media_stream *stream, const struct voice_codec *codec) {
    if (stream->decoding == codec) {
        return;
    }
    codec->start_decoder(&stream->decoder);
    if (stream->decoding == NULL || stream->decoding->rate != codec->rate) {
        voice_concealer_start(&stream->concealer);
        resample_reset(&stream->from_codec);
    }
    stream->fifo_fade_in = stream->decoding == NULL;
    stream->fifo_declick = true;
    stream->decoding = codec;
}

// Brings the fifo to at least `need` samples. With only_sound it stops at what is not there.
// Returns the ticks of sound that had to be made up.
static size_t fill(struct media_stream *stream, size_t need, bool hold, bool only_sound) {
    int16_t *samples = sound_out; // not in use yet
    size_t concealed = 0;
    while (stream->fifo_count < need) {
        if (only_sound && !jitter_ready(&stream->jitter)) {
            break;
        }
        size_t most = (need - stream->fifo_count + samples_per_tick() - 1) / samples_per_tick();
        if (most > TICKS_PER_FRAME) {
            most = TICKS_PER_FRAME;
        }
        jitter_take(&stream->jitter, most, hold, &piece);
        if (piece.kind == JITTER_SILENCE && stream->state == STREAM_CLOSING
            && stream->decoding != NULL) {
            piece.kind = JITTER_GAP;
        }
        if (piece.kind == JITTER_SOUND) {
            decode_with(stream, &voice_codecs[piece.codec]);
            size_t count =
                stream->decoding->decode(&stream->decoder, piece.octets, piece.ticks, samples);
            voice_concealer_heard(&stream->concealer, samples, count);
            append(stream, samples, count);
        } else if (stream->decoding == NULL) {
            size_t count = piece.ticks * samples_per_tick();
            memset(stream->fifo + stream->fifo_count, 0, count * sizeof(samples[0]));
            stream->fifo_count += (uint16_t)count;
        } else {
            size_t count = piece.ticks * stream->decoding->samples_per_octet;
            voice_concealer_conceal(&stream->concealer, samples, count);
            append(stream, samples, count);
            concealed += piece.kind == JITTER_GAP ? piece.ticks : 0;
        }
    }
    return concealed;
}

// One frame of the peer's sound, and the delay moved towards the wanted one.
static void render(struct media_stream *stream, uint32_t now, int16_t *out, size_t frame) {
    jitter_begin(&stream->jitter, now);
    uint32_t decoded = stream->fifo_count / (uint32_t)samples_per_tick();
    int32_t excess =
        jitter_delay(&stream->jitter, now, decoded) - (int32_t)jitter_target(&stream->jitter);
    bool hold = excess <= -(int32_t)TICKS_PER_FRAME;
    size_t concealed = fill(stream, frame, hold, false);
    stream->concealed_ticks += (uint32_t)concealed;
    size_t used = frame;
    bool steady = stream->jitter.active && !stream->jitter.priming && concealed == 0;
    if (stream->stretch_pause > 0) {
        stream->stretch_pause--;
        steady = false;
    }
    if (steady && excess > SHORTEN_ABOVE) {
        fill(stream, frame + STRETCH_LAG_MAX(mix_rate), false, true);
        if (stream->fifo_count >= frame + STRETCH_LAG_MAX(mix_rate)) {
            used = stretch_shorten(stream->fifo, out, frame, mix_rate);
        }
    } else if (steady && excess < LENGTHEN_BELOW) {
        used = stretch_lengthen(stream->fifo, out, frame, mix_rate);
    }
    if (used == frame) {
        memcpy(out, stream->fifo, frame * sizeof(out[0]));
    } else {
        stream->count.stretched++;
        stream->stretch_pause = STRETCH_PAUSE;
    }
    resample_pass(&stream->played, stream->fifo, used);
    stream->fifo_count -= (uint16_t)used;
    memmove(stream->fifo, stream->fifo + used, stream->fifo_count * sizeof(out[0]));
}

static void forget_sound(struct media_stream *stream) {
    jitter_reset(&stream->jitter);
    stream->fifo_count = 0;
    stream->decoding = NULL;
}

static void receive_frame(struct media_stream *stream, uint32_t now, int16_t *out, size_t frame) {
    int32_t wanted =
        stream->joined && stream->receive && stream->state == STREAM_OPEN ? GAIN_FULL : 0;
    if (!stream->receive && stream->receive_gain == 0) {
        memset(out, 0, frame * sizeof(out[0]));
        return;
    }
    render(stream, now, out, frame);
    ramp(out, frame, stream->receive_gain, wanted);
    stream->receive_gain = wanted;
    if (!stream->receive) {
        forget_sound(stream);
    }
}

// sound: what the peer is to hear, in the rate of the mixing point.
static void send_frame(
    struct media_stream *stream, int16_t *sound, size_t frame, uint64_t due_us) {
    uint8_t packet[RTP_HEADER_OCTETS + VOICE_FRAME_OCTETS];
    int16_t converted[AUDIO_FRAME_MAX];
    struct rtp_header header = {
        .payload_type = stream->payload_type,
        .marker = stream->marker,
        .sequence = stream->sequence,
        .timestamp = stream->timestamp,
        .ssrc = stream->ssrc,
    };
    stream->timestamp += TICKS_PER_FRAME;
    stream->timestamp_us = due_us;
    if (!stream->send && stream->send_gain == 0) {
        stream->marker = true;
        return;
    }
    int32_t wanted = stream->send && stream->joined ? GAIN_FULL : 0;
    ramp(sound, frame, stream->send_gain, wanted);
    stream->send_gain = wanted;
    if (stream->codec->rate == mix_rate) {
        resample_pass(&stream->to_codec, sound, frame);
    } else {
        frame = convert(&stream->to_codec, sound, frame, mix_rate, stream->codec->rate, converted);
        sound = converted;
    }
    if (stream->send_declick) {
        declick(sound, frame, &stream->send_edge);
        stream->send_declick = false;
    }
    edge_keep(&stream->send_edge, sound, frame);
    rtp_emit(packet, &header);
    size_t octets =
        stream->codec->encode(&stream->encoder, sound, frame, packet + RTP_HEADER_OCTETS);
    stream->sequence++;
    stream->marker = false;
    if (stream->ops->send(
            stream->rtp, packet, RTP_HEADER_OCTETS + octets, stream->peer, stream->port)
        < 0) {
        stream->count.send_errors++;
    } else {
        stream->count.sent++;
        stream->count.sent_octets += (uint32_t)octets;
    }
}

static void note_tick(uint64_t due_us) {
    uint64_t now_us = engine_time_us();
    uint32_t late_us = now_us > due_us ? (uint32_t)(now_us - due_us) : 0;
    media.ticks++;
    if (late_us > MEDIA_LATE_US) {
        media.late_ticks++;
    }
    if (late_us > media.worst_late_us) {
        media.worst_late_us = late_us;
    }
    media.tick_known = true;
    media.tick_us = due_us;
}

__attribute__((noinline)) void media_tick(uint64_t due_us) {
    size_t frame = mix_rate / 1000 * AUDIO_FRAME_MS;
    uint32_t now = ticks_of_us(due_us);
    note_tick(due_us);
    if (media.changing) {
        media.skipped_frames++;
        memset(sound_in, 0, sizeof(sound_in));
    } else {
        audio_device_read(sound_in, frame);
    }
    memset(sound_sum, 0, frame * sizeof(sound_sum[0]));
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        struct media_stream *stream = &media.streams[i];
        if (stream->state == STREAM_FREE) {
            continue;
        }
        receive_frame(stream, now, sound_of[i], frame);
        for (size_t n = 0; n < frame; n++) {
            sound_sum[n] += sound_of[i][n];
        }
    }
    // A peer hears the microphone and the others, not itself.
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        struct media_stream *stream = &media.streams[i];
        if (stream->state == STREAM_OPEN) {
            for (size_t n = 0; n < frame; n++) {
                sound_of[i][n] = saturate16(sound_sum[n] - sound_of[i][n] + sound_in[n]);
            }
            send_frame(stream, sound_of[i], frame, due_us);
        } else if (stream->state == STREAM_CLOSING) {
            stream->state = STREAM_FREE;
        }
    }
    tone_add(&media.tone, mix_rate, sound_sum, frame);
    for (size_t n = 0; n < frame; n++) {
        sound_out[n] = saturate16(sound_sum[n]);
    }
    if (media.speaker_declick) {
        declick(sound_out, frame, &media.speaker_edge);
        media.speaker_declick = false;
    }
    edge_keep(&media.speaker_edge, sound_out, frame);
    if (!media.changing) {
        audio_device_write(sound_out, frame);
    }
}

// ---------------------------------------------------------------------------------------------
// Control, VM context

// The mixing point runs at the highest rate of the joined streams; without any it stays.
static uint32_t wanted_rate(void) {
    uint32_t rate = 0;
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        const struct media_stream *stream = &media.streams[i];
        if (stream->state == STREAM_OPEN && stream->joined && stream->codec->rate > rate) {
            rate = stream->codec->rate;
        }
    }
    return rate == 0 ? mix_rate : rate;
}

// Decoded sound that waits is carried over to the other rate, with what was played before it as the
// filter's past; the filter of what comes next goes on where this one ends.
static void change_rate_of(struct media_stream *stream, uint32_t from, uint32_t to) {
    int16_t converted[FIFO_SAMPLES];
    size_t count = 0;
    for (size_t done = 0; done < stream->fifo_count;) {
        size_t part = stream->fifo_count - done;
        if (part > VOICE_FRAME_OCTETS) {
            part = VOICE_FRAME_OCTETS;
        }
        if (from > to) {
            part -= part % 2;
        }
        if (part == 0) {
            break;
        }
        count += convert(&stream->played, stream->fifo + done, part, from, to, converted + count);
        done += part;
    }
    memcpy(stream->fifo, converted, count * sizeof(converted[0]));
    stream->fifo_count = (uint16_t)count;
    if (count > 0) {
        edge_keep(&stream->fifo_edge, converted, count);
    }
    // Converted on from here the sound has no step; passed on as it is it skips the filter's delay.
    stream->fifo_declick = stream->decoding == NULL || stream->decoding->rate == to || count == 0;
    if (from < to) {
        resample_input_doubled(&stream->played);
        resample_input_doubled(&stream->to_codec);
    } else {
        resample_input_halved(&stream->played);
        resample_input_halved(&stream->to_codec);
    }
    stream->send_declick = true;
}

static int apply_rate(void) {
    uint32_t rate = wanted_rate();
    if (rate == mix_rate) {
        return 0;
    }
    int result = 0;
    if (media.running) {
        engine_enter();
        media.changing = true;
        engine_exit();
        result = audio_device_start(rate);
    }
    engine_enter();
    media.changing = false;
    if (result == 0) {
        for (int i = 0; i < MEDIA_STREAMS; i++) {
            if (media.streams[i].state != STREAM_FREE) {
                change_rate_of(&media.streams[i], mix_rate, rate);
            }
        }
        media.speaker_edge.slope = media.speaker_edge.slope * (int32_t)mix_rate / (int32_t)rate;
        mix_rate = rate;
        media.speaker_declick = true;
    }
    engine_exit();
    return result;
}

// Starts the audio device and with it the ticks; idempotent. Returns 0 or a negative errno.
int media_start(void) {
    if (media.running) {
        return 0;
    }
    int result = audio_device_start(mix_rate);
    if (result < 0) {
        return result;
    }
    engine_enter();
    media.running = true;
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        // What was buffered before the pause belongs to the past.
        if (media.streams[i].state == STREAM_OPEN) {
            forget_sound(&media.streams[i]);
        }
    }
    engine_exit();
    return 0;
}

// Ends the ticks; streams stay open and keep receiving into their counters.
void media_stop(void) {
    if (!media.running) {
        return;
    }
    audio_device_stop();
    engine_enter();
    media.running = false;
    media.tick_known = false;
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        if (media.streams[i].state == STREAM_CLOSING) {
            media.streams[i].state = STREAM_FREE;
        }
    }
    engine_exit();
}

// Closes all streams, ends tones and stops (soft reset).
void media_deinit(void) {
    static const struct tone_program silence;
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        if (media.streams[i].state == STREAM_OPEN) {
            media_close(&media.streams[i]);
        }
    }
    media_stop();
    engine_enter();
    memset(&media.tone, 0, sizeof(media.tone));
    tone_start(&media.tone, &silence);
    engine_exit();
}

static struct media_stream *find_free(void) {
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        if (media.streams[i].state == STREAM_FREE) {
            return &media.streams[i];
        }
    }
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        if (media.streams[i].state == STREAM_CLOSING) {
            return &media.streams[i];
        }
    }
    return NULL;
}

// Opens a stream that sends and receives at once and is not joined: its peer hears silence.
// Returns 0, -ENOMEM without a free stream, -EINVAL, or what the signal or the device answered.
int media_open(struct media_stream **out, const struct media_config *config) {
    if (config->codec < 0 || config->codec >= VOICE_CODECS || config->payload_type > 127) {
        return -EINVAL;
    }
    engine_enter();
    struct media_stream *stream = find_free();
    if (stream != NULL) {
        memset(stream, 0, sizeof(*stream));
        stream->state = STREAM_CLOSING; // ours, and not in the tick's way
    }
    engine_exit();
    if (stream == NULL) {
        return -ENOMEM;
    }
    int result = engine_signal_init(&stream->signal);
    if (result < 0) {
        goto fail;
    }
    result = media_start();
    if (result < 0) {
        engine_signal_deinit(&stream->signal);
        goto fail;
    }
    engine_enter();
    // A tick may have freed the slot meanwhile; VM context alone takes slots, so it is still ours.
    stream->ops = config->ops;
    stream->rtp = config->rtp;
    stream->rtcp = config->rtcp;
    memcpy(stream->peer, config->peer, sizeof(stream->peer));
    stream->port = config->port;
    stream->rtcp_port = config->rtcp_port;
    stream->signalled_port = config->port;
    stream->signalled_rtcp_port = config->rtcp_port;
    stream->send = true;
    stream->receive = true;
    stream->codec = &voice_codecs[config->codec];
    stream->codec->start_encoder(&stream->encoder);
    stream->payload_type = config->payload_type;
    stream->accepted[0].payload_type = config->payload_type;
    stream->accepted[0].codec = (uint8_t)config->codec;
    stream->accepted_count = 1;
    stream->marker = true;
    stream->ssrc = config->ssrc;
    stream->sequence = config->sequence;
    stream->timestamp = config->timestamp;
    stream->timestamp_us = engine_time_us();
    stream->state = STREAM_OPEN;
    stream->ops->set_receiver(stream->rtp, receive_rtp, stream);
    if (stream->rtcp != NULL && stream->rtcp != stream->rtp) {
        stream->ops->set_receiver(stream->rtcp, receive_rtcp, stream);
    }
    engine_exit();
    *out = stream;
    return 0;

fail:
    engine_enter();
    stream->state = STREAM_FREE;
    engine_exit();
    return result;
}

// Gives the endpoints and all pool blocks back. The last frame of a joined stream fades out in the
// next tick.
void media_close(struct media_stream *stream) {
    engine_enter();
    stream->ops->set_receiver(stream->rtp, NULL, NULL);
    if (stream->rtcp != NULL && stream->rtcp != stream->rtp) {
        stream->ops->set_receiver(stream->rtcp, NULL, NULL);
    }
    while (stream->first != 0) {
        datagram_drop_first(stream);
    }
    jitter_reset(&stream->jitter);
    stream->state = media.running && stream->receive_gain > 0 ? STREAM_CLOSING : STREAM_FREE;
    engine_exit();
    engine_signal_deinit(&stream->signal);
    apply_rate();
}

// Takes packets of one more payload type, or of one with another codec. Returns 0, -EINVAL, or
// -ENOMEM after MEDIA_PAYLOAD_TYPES of them.
int media_accept(struct media_stream *stream, uint8_t payload_type, int codec) {
    if (codec < 0 || codec >= VOICE_CODECS || payload_type > 127) {
        return -EINVAL;
    }
    int result = 0;
    engine_enter();
    int i = 0;
    while (i < stream->accepted_count && stream->accepted[i].payload_type != payload_type) {
        i++;
    }
    if (i == MEDIA_PAYLOAD_TYPES) {
        result = -ENOMEM;
    } else {
        stream->accepted[i].payload_type = payload_type;
        stream->accepted[i].codec = (uint8_t)codec;
        if (i == stream->accepted_count) {
            stream->accepted_count++;
        }
    }
    engine_exit();
    return result;
}

// Another address or port of the peer; the latch opens again. The values given last change nothing.
void media_set_peer(
    struct media_stream *stream, const uint8_t peer[16], uint16_t port, uint16_t rtcp_port) {
    engine_enter();
    if (memcmp(stream->peer, peer, sizeof(stream->peer)) != 0 || stream->signalled_port != port
        || stream->signalled_rtcp_port != rtcp_port) {
        memcpy(stream->peer, peer, sizeof(stream->peer));
        stream->signalled_port = port;
        stream->signalled_rtcp_port = rtcp_port;
        stream->port = port;
        stream->rtcp_port = rtcp_port;
        stream->latched = false;
        stream->rtcp_latched = false;
    }
    engine_exit();
}

// Sends with another codec from the next packet on, and accepts it. Returns 0, an error of
// media_accept(), or of the device if it cannot run at the codec's rate (it keeps the old one then,
// and the sound is resampled).
int media_set_codec(struct media_stream *stream, int codec, uint8_t payload_type) {
    int result = media_accept(stream, payload_type, codec);
    if (result < 0) {
        return result;
    }
    engine_enter();
    if (stream->codec != &voice_codecs[codec]) {
        stream->codec = &voice_codecs[codec];
        stream->codec->start_encoder(&stream->encoder);
        stream->send_declick = true;
    }
    stream->payload_type = payload_type;
    engine_exit();
    return apply_rate();
}

// Hold (RFC 3264 section 8.4). Without receive the jitter buffer is empty and packets are counted
// alone; without send nothing leaves but RTCP. Sound fades within a frame.
void media_set_direction(struct media_stream *stream, bool send, bool receive) {
    engine_enter();
    stream->send = send;
    stream->receive = receive;
    if (!receive && (!media.running || stream->receive_gain == 0)) {
        forget_sound(stream);
        stream->receive_gain = 0;
    }
    engine_exit();
}

// Puts a stream to the mixing point or takes it away. Returns 0 or an error of the device.
int media_join(struct media_stream *stream, bool joined) {
    engine_enter();
    stream->joined = joined;
    engine_exit();
    return apply_rate();
}

void media_statistics(struct media_stream *stream, struct media_statistics *statistics) {
    engine_enter();
    *statistics = stream->count;
    statistics->received = stream->source.received;
    statistics->lost = rtp_source_lost(&stream->source);
    statistics->duplicated = stream->source.duplicated;
    statistics->discarded += stream->jitter.overflowed;
    statistics->concealed = stream->concealed_ticks / TICKS_PER_FRAME;
    statistics->jitter = stream->source.jitter_q4 >> 4;
    statistics->highest_sequence = rtp_source_highest(&stream->source);
    statistics->base_sequence = stream->source.base_seq;
    statistics->remote_ssrc = stream->source.ssrc;
    statistics->remote_ssrc_known = stream->source.valid;
    statistics->port = stream->port;
    statistics->rtcp_port = stream->rtcp_port;
    statistics->target_ms = jitter_target(&stream->jitter) / JITTER_TICKS_PER_MS;
    if (stream->jitter.active && media.tick_known) {
        uint32_t decoded = stream->fifo_count / (uint32_t)samples_per_tick();
        // As the next tick will find it.
        int32_t delay =
            jitter_delay(&stream->jitter, ticks_of_us(media.tick_us) + TICKS_PER_FRAME, decoded);
        statistics->delay_ms = delay > 0 ? (uint32_t)delay / JITTER_TICKS_PER_MS : 0;
    }
    engine_exit();
}

// Takes the oldest datagram that is not RTP: at most size octets into buffer. Returns its whole
// length, or -EAGAIN.
int media_receive(struct media_stream *stream, uint8_t *buffer, size_t size, uint8_t peer[16],
    uint16_t *port, enum media_kind *kind) {
    int result = -EAGAIN;
    engine_enter();
    if (stream->first != 0) {
        const struct datagram *datagram = &media.datagrams[stream->first - 1];
        memcpy(buffer, datagram->octets, datagram->length < size ? datagram->length : size);
        memcpy(peer, datagram->peer, sizeof(datagram->peer));
        *port = datagram->port;
        *kind = (enum media_kind)datagram->kind;
        result = datagram->length;
        datagram_drop_first(stream);
    }
    engine_exit();
    return result;
}

bool media_readable(struct media_stream *stream) {
    return stream->signal.raised != 0;
}

engine_signal *media_signal(struct media_stream *stream) {
    return &stream->signal;
}

// Sends octets as they are to the peer's RTP or RTCP port. Returns 0 or a negative errno.
int media_send(struct media_stream *stream, bool rtcp, const uint8_t *data, size_t length) {
    engine_enter();
    void *endpoint = rtcp && stream->rtcp != NULL ? stream->rtcp : stream->rtp;
    int result = stream->ops->send(
        endpoint, data, length, stream->peer, rtcp ? stream->rtcp_port : stream->port);
    engine_exit();
    return result < 0 ? result : 0;
}

// The RTP timestamp of this moment, as a sender report wants it (RFC 3550 section 6.4.1).
void media_timestamp_now(struct media_stream *stream, uint32_t *timestamp, uint64_t *time_us) {
    engine_enter();
    uint64_t now = engine_time_us();
    *timestamp = stream->timestamp + ticks_of_us(now) - ticks_of_us(stream->timestamp_us);
    *time_us = now;
    engine_exit();
}

// Plays a program into the speaker instead of the one that sounds. Returns 0 or -EINVAL.
int media_tone(const struct tone_program *program) {
    int result = tone_check(program);
    if (result < 0) {
        return result;
    }
    engine_enter();
    tone_start(&media.tone, program);
    engine_exit();
    return 0;
}

void media_counters(struct media_counters *counters) {
    memset(counters, 0, sizeof(*counters));
    engine_enter();
    counters->ticks = media.ticks;
    counters->late_ticks = media.late_ticks;
    counters->worst_late_us = media.worst_late_us;
    counters->skipped_frames = media.skipped_frames;
    counters->rate = mix_rate;
    counters->running = media.running;
    counters->tone = tone_sounding(&media.tone);
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        counters->streams += media.streams[i].state == STREAM_OPEN;
    }
    counters->blocks = (uint32_t)jitter_pool_used();
    counters->datagrams = media.datagrams_used;
    engine_exit();
}
