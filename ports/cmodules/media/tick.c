// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The tick of 20 ms: microphone in, sound of each peer out of its jitter buffer, the mixing point, a
// packet to each peer, speaker out. Engine context.

#include <string.h>

#include "engine/audio_device.h"
#include "media/rtp.h"
#include "media/sound.h"
#include "media/stream.h"
#include "media/stretch.h"
#include "speaker/speaker_core.h"
#include "voicecodecs/voicecodecs_core.h"

// How far the delay may be from the wanted one before a pitch cycle is taken out or put in, and
// the frames between two such changes.
#define SHORTEN_ABOVE (15 * JITTER_TICKS_PER_MS)
#define LENGTHEN_BELOW (-2 * JITTER_TICKS_PER_MS)
#define STRETCH_PAUSE (3)

// Sound of one tick. Static: the engine's stack is small, and there is one tick at a time.
static int16_t sound_in[AUDIO_FRAME_MAX];
static int16_t sound_of[MEDIA_STREAMS][AUDIO_FRAME_MAX];
static int32_t sound_sum[AUDIO_FRAME_MAX];
static int16_t sound_out[AUDIO_FRAME_MAX];
static struct jitter_piece piece;

// Appends sound of the decoder's rate to the fifo.
static void append(struct media_stream *stream, const int16_t *samples, size_t count) {
    int16_t *end = stream->fifo + stream->fifo_count;
    size_t added = sound_convert(
        &stream->from_codec, samples, count, stream->decoding->rate, media_mix_rate, end);
    if (stream->fifo_fade_in) {
        sound_ramp(end, added, 0, SOUND_GAIN_FULL);
        stream->fifo_fade_in = false;
    } else if (stream->fifo_declick) {
        sound_declick(end, added, &stream->fifo_edge);
    }
    stream->fifo_declick = false;
    sound_edge_keep(&stream->fifo_edge, end, added);
    stream->fifo_count += (uint16_t)added;
}

static void decode_with(struct media_stream *stream, const struct voice_codec *codec) {
    if (stream->decoding == codec) {
        return;
    }
    codec->start_decoder(&stream->decoder);
    if (stream->decoding == NULL || stream->decoding->rate != codec->rate) {
        voice_concealer_start(&stream->concealer, codec->rate);
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
        size_t most =
            (need - stream->fifo_count + media_samples_per_tick() - 1) / media_samples_per_tick();
        if (most > MEDIA_TICKS_PER_FRAME) {
            most = MEDIA_TICKS_PER_FRAME;
        }
        jitter_take(&stream->jitter, most, hold, &piece);
        if (piece.kind == JITTER_SILENCE && stream->state == STREAM_CLOSING
            && stream->decoding != NULL) {
            piece.kind = JITTER_GAP;
        }
        media_note_played(&stream->bursts, piece.kind, piece.ticks);
        if (piece.kind == JITTER_SOUND) {
            decode_with(stream, &voice_codecs[piece.codec]);
            size_t count =
                stream->decoding->decode(&stream->decoder, piece.octets, piece.ticks, samples);
            voice_concealer_heard(&stream->concealer, samples, count);
            append(stream, samples, count);
        } else if (stream->decoding == NULL) {
            size_t count = piece.ticks * media_samples_per_tick();
            memset(stream->fifo + stream->fifo_count, 0, count * sizeof(samples[0]));
            stream->fifo_count += (uint16_t)count;
        } else {
            size_t count = piece.ticks * stream->decoding->samples_per_octet;
            voice_concealer_conceal(&stream->concealer, samples, count);
            append(stream, samples, count);
            // While an event goes on there is no voice to be lost.
            bool lost = piece.kind == JITTER_GAP && !event_receiver_open(&stream->events_in);
            concealed += lost ? piece.ticks : 0;
        }
    }
    return concealed;
}

// One frame of the peer's sound, and the delay moved towards the wanted one.
static void render(struct media_stream *stream, uint32_t now, int16_t *out, size_t frame) {
    jitter_begin(&stream->jitter, now);
    uint32_t decoded = stream->fifo_count / (uint32_t)media_samples_per_tick();
    int32_t excess =
        jitter_delay(&stream->jitter, now, decoded) - (int32_t)jitter_target(&stream->jitter);
    bool hold = excess <= -(int32_t)MEDIA_TICKS_PER_FRAME;
    size_t concealed = fill(stream, frame, hold, false);
    stream->concealed_ticks += (uint32_t)concealed;
    size_t used = frame;
    bool steady = stream->jitter.active && !stream->jitter.priming && concealed == 0;
    if (stream->stretch_pause > 0) {
        stream->stretch_pause--;
        steady = false;
    }
    if (steady && excess > SHORTEN_ABOVE) {
        fill(stream, frame + STRETCH_LAG_MAX(media_mix_rate), false, true);
        if (stream->fifo_count >= frame + STRETCH_LAG_MAX(media_mix_rate)) {
            used = stretch_shorten(stream->fifo, out, frame, media_mix_rate);
        }
    } else if (steady && excess < LENGTHEN_BELOW) {
        used = stretch_lengthen(stream->fifo, out, frame, media_mix_rate);
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

void media_forget_sound(struct media_stream *stream) {
    jitter_reset(&stream->jitter);
    stream->fifo_count = 0;
    stream->decoding = NULL;
}

static void receive_frame(struct media_stream *stream, uint32_t now, int16_t *out, size_t frame) {
    int32_t wanted =
        stream->joined && stream->receive && stream->state == STREAM_OPEN ? SOUND_GAIN_FULL : 0;
    if (!stream->receive && stream->receive_gain == 0) {
        memset(out, 0, frame * sizeof(out[0]));
        return;
    }
    render(stream, now, out, frame);
    sound_ramp(out, frame, stream->receive_gain, wanted);
    stream->receive_gain = wanted;
    if (!stream->receive) {
        media_forget_sound(stream);
    }
}

// The header of the next packet stands in `packet` already.
static void leave(struct media_stream *stream, uint8_t *packet, size_t octets, size_t size) {
    stream->sequence++;
    stream->marker = false;
    int length = media_protect(stream, packet, RTP_HEADER_OCTETS + octets, size);
    if (length < 0
        || stream->ops->send(stream->rtp, packet, (size_t)length, stream->peer, stream->port)
            < 0) {
        stream->count.send_errors++;
    } else {
        stream->count.sent++;
        stream->count.sent_octets += (uint32_t)octets;
    }
}

// Events in place of voice, which fades in again after them.
static void send_events(struct media_stream *stream, uint32_t timestamp) {
    uint8_t packet[RTP_HEADER_OCTETS + EVENT_OCTETS + SRTP_CORE_RTP_TRAILER]
        __attribute__((aligned(4)));
    struct event_packet packets[EVENT_PACKETS];
    if (!stream->events_out.sending) {
        media_event_format(stream, &stream->event_format);
    }
    size_t count =
        event_sender_tick(&stream->events_out, timestamp, stream->event_format.clock, packets);
    for (size_t i = 0; i < count; i++) {
        struct rtp_header header = {
            .payload_type = stream->event_format.payload_type,
            .marker = packets[i].marker,
            .sequence = stream->sequence,
            .timestamp = packets[i].timestamp,
            .ssrc = stream->ssrc,
        };
        stream->count.events_sent += packets[i].marker;
        rtp_emit(packet, &header);
        memcpy(packet + RTP_HEADER_OCTETS, packets[i].octets, EVENT_OCTETS);
        leave(stream, packet, EVENT_OCTETS, sizeof(packet));
    }
    stream->send_gain = 0;
    stream->marker = true;
}

// sound: what the peer is to hear, in the rate of the mixing point.
static void send_frame(
    struct media_stream *stream, int16_t *sound, size_t frame, uint64_t due_us) {
    uint8_t packet[RTP_HEADER_OCTETS + VOICE_FRAME_OCTETS + SRTP_CORE_RTP_TRAILER]
        __attribute__((aligned(4)));
    int16_t converted[AUDIO_FRAME_MAX];
    struct rtp_header header = {
        .payload_type = stream->payload_type,
        .marker = stream->marker,
        .sequence = stream->sequence,
        .timestamp = stream->timestamp,
        .ssrc = stream->ssrc,
    };
    stream->timestamp += MEDIA_TICKS_PER_FRAME;
    stream->timestamp_us = due_us;
    if (media_send_barred(stream)) {
        stream->send_gain = 0; // not even a frame that fades out
    }
    if ((!stream->send && stream->send_gain == 0) || media_send_barred(stream)) {
        stream->marker = true;
        return;
    }
    if (event_sender_busy(&stream->events_out)) {
        send_events(stream, header.timestamp);
        return;
    }
    int32_t wanted = stream->send && stream->joined ? SOUND_GAIN_FULL : 0;
    sound_ramp(sound, frame, stream->send_gain, wanted);
    stream->send_gain = wanted;
    if (stream->codec->rate == media_mix_rate) {
        resample_pass(&stream->to_codec, sound, frame);
    } else {
        frame = sound_convert(
            &stream->to_codec, sound, frame, media_mix_rate, stream->codec->rate, converted);
        sound = converted;
    }
    if (stream->send_declick) {
        sound_declick(sound, frame, &stream->send_edge);
        stream->send_declick = false;
    }
    sound_edge_keep(&stream->send_edge, sound, frame);
    rtp_emit(packet, &header);
    size_t octets =
        stream->codec->encode(&stream->encoder, sound, frame, packet + RTP_HEADER_OCTETS);
    leave(stream, packet, octets, sizeof(packet));
}

static void note_tick(uint64_t due_us) {
    uint64_t now_us = engine_time_us();
    uint32_t late_us = now_us > due_us ? (uint32_t)(now_us - due_us) : 0;
    media_state.ticks++;
    if (late_us > MEDIA_LATE_US) {
        media_state.late_ticks++;
    }
    if (late_us > media_state.worst_late_us) {
        media_state.worst_late_us = late_us;
    }
    media_state.tick_known = true;
    media_state.tick_us = due_us;
}

__attribute__((noinline)) void media_tick(uint64_t due_us) {
    size_t frame = media_mix_rate / 1000 * AUDIO_FRAME_MS;
    uint32_t now = media_ticks_of_us(due_us);
    note_tick(due_us);
    if (media_state.changing) {
        media_state.skipped_frames++;
        memset(sound_in, 0, sizeof(sound_in));
    } else {
        audio_device_read(sound_in, frame);
        speaker_clean(sound_in, frame);
    }
    memset(sound_sum, 0, frame * sizeof(sound_sum[0]));
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        struct media_stream *stream = &media_state.streams[i];
        if (stream->state == STREAM_FREE) {
            continue;
        }
        if (stream->state == STREAM_OPEN) {
            event_receiver_time(&stream->events_in, due_us);
            media_signal_queues(stream);
        }
        receive_frame(stream, now, sound_of[i], frame);
        for (size_t n = 0; n < frame; n++) {
            sound_sum[n] += sound_of[i][n];
        }
    }
    // A peer hears the microphone and the others, not itself.
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        struct media_stream *stream = &media_state.streams[i];
        if (stream->state == STREAM_OPEN) {
            for (size_t n = 0; n < frame; n++) {
                sound_of[i][n] = sound_saturate(sound_sum[n] - sound_of[i][n] + sound_in[n]);
            }
            send_frame(stream, sound_of[i], frame, due_us);
        } else if (stream->state == STREAM_CLOSING) {
            stream->state = STREAM_FREE;
        }
    }
    tone_add(&media_state.tone, media_mix_rate, sound_sum, frame);
    for (size_t n = 0; n < frame; n++) {
        sound_out[n] = sound_saturate(sound_sum[n]);
    }
    if (media_state.speaker_declick) {
        sound_declick(sound_out, frame, &media_state.speaker_edge);
        media_state.speaker_declick = false;
    }
    sound_edge_keep(&media_state.speaker_edge, sound_out, frame);
    if (!media_state.changing) {
        audio_device_write(sound_out, frame);
        speaker_played(sound_out, frame);
    }
}
