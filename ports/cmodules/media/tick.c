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
static int16_t decoded[VOICE_SAMPLES_MAX];
static uint8_t packet[RTP_HEADER_OCTETS + VOICE_FRAME_OCTETS_MAX + SRTP_CORE_RTP_TRAILER]
    __attribute__((aligned(4)));

// Comfort noise of a stream that is muted: what is hardly heard, and how often it is said, so that
// mappings on the way and whoever waits for packets stay awake.
#define NOISE_LEVEL (70) // -dBov
#define NOISE_TICKS (10)

// So long after its last packet with redundancy a peer is taken to send more: pauses have none.
#define REDUNDANT_UNITS (250)

// Opus makes up comfort noise as long as its sender may be pausing: libopus sends a packet each
// 400 ms then.
#define PAUSE_TICKS (1000 * JITTER_TICKS_PER_MS)

// Appends sound of the decoder's rate to the fifo.
static void append(struct media_stream *stream, const int16_t *samples, size_t count) {
    int16_t *end = stream->fifo + stream->fifo_count;
    size_t added = 0;
    while (count > 0) {
        size_t part = count < RESAMPLE_SAMPLES_MAX / 2 ? count : RESAMPLE_SAMPLES_MAX / 2;
        added += sound_convert(&stream->from_codec, samples, part, stream->decoding->rate,
            media_mix_rate, end + added);
        samples += part;
        count -= part;
    }
    if (added == 0) {
        return;
    }
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

static bool decodes_opus(const struct media_stream *stream) {
    return stream->decoding == &voice_codecs[VOICE_OPUS];
}

static void decode_with(struct media_stream *stream, const struct voice_codec *codec) {
    if (stream->decoding == codec) {
        return;
    }
    if (codec == &voice_codecs[VOICE_OPUS]) {
        stream->decoder.opaque.opus = stream->opus;
    }
    codec->start_decoder(&stream->decoder);
    bool other_rate = stream->decoding == NULL || stream->decoding->rate != codec->rate;
    if (other_rate) {
        resample_reset(&stream->from_codec);
    }
    if (other_rate || decodes_opus(stream)) {
        voice_concealer_start(&stream->concealer, codec->rate);
    }
    stream->fifo_fade_in = stream->decoding == NULL;
    stream->fifo_declick = true;
    stream->jitter.reserve = 0;
    stream->redundant = 0;
    stream->decoding = codec;
}

// The sound of a unit.
static void play(struct media_stream *stream) {
    size_t per_tick = voice_codecs[piece.codec].rate / MEDIA_TICKS_PER_SECOND;
    size_t wanted = (piece.skip + piece.ticks) * per_tick;
    decode_with(stream, &voice_codecs[piece.codec]);
    if (stream->noise.known && (int32_t)(stream->jitter.next - stream->noise.from) > 0) {
        stream->noise.known = false; // the pause that it stood for is over
    }
    stream->noise.sounding = false;
    size_t count = stream->decoding->decode(&stream->decoder, piece.octets, piece.length, decoded);
    if (count < wanted) { // broken
        memset(decoded + count, 0, (wanted - count) * sizeof(decoded[0]));
    }
    if (decodes_opus(stream)) {
        stream->unit_ticks = (uint16_t)(piece.skip + piece.ticks);
        stream->pausing = opus_voice_is_pause(piece.octets, piece.length);
        if (opus_voice_is_redundant(piece.octets, piece.length)) {
            stream->redundant = REDUNDANT_UNITS;
        } else if (stream->redundant > 0) {
            stream->redundant--;
        }
        stream->jitter.reserve = stream->redundant > 0 ? JITTER_BLOCK_TICKS : 0;
    } else {
        voice_concealer_heard(&stream->concealer, decoded, wanted);
    }
    append(stream, decoded + piece.skip * per_tick, piece.ticks * per_tick);
}

// What stands for sound that is not there. Returns the ticks that were really lost.
static size_t make_up(struct media_stream *stream) {
    size_t ticks = piece.ticks;
    size_t count = ticks * stream->decoding->rate / MEDIA_TICKS_PER_SECOND;
    // While an event goes on there is no voice to be lost.
    bool lost = piece.kind == JITTER_GAP && !event_receiver_open(&stream->events_in);
    if (stream->noise.known
        && (!stream->jitter.active || (int32_t)(stream->jitter.next - stream->noise.from) >= 0)
        && !event_receiver_open(&stream->events_in)) {
        noise_make(&stream->noise, decoded, count);
        stream->fifo_declick |= !stream->noise.sounding;
        stream->noise.sounding = true;
        lost = false;
    } else if (!decodes_opus(stream)) {
        voice_concealer_conceal(&stream->concealer, decoded, count);
    } else if (piece.kind == JITTER_SILENCE && stream->jitter.starved > PAUSE_TICKS) {
        memset(decoded, 0, count * sizeof(decoded[0]));
    } else {
        size_t whole = (count + OPUS_VOICE_STEP - 1) / OPUS_VOICE_STEP * OPUS_VOICE_STEP;
        bool next = piece.kind == JITTER_GAP && !piece.held
            && jitter_peek(&stream->jitter, VOICE_OPUS, &piece);
        bool recovered = next && opus_voice_is_redundant(piece.octets, piece.length);
        opus_voice_conceal(
            stream->opus, piece.octets, recovered ? piece.length : 0, decoded, whole);
        stream->recovered_ticks += recovered ? (uint32_t)ticks : 0;
        lost = lost && !recovered && !stream->pausing;
    }
    append(stream, decoded, count);
    return lost ? ticks : 0;
}

// Ticks of a gap that are taken at once: what is needed, of Opus as much as one packet had.
static size_t gap_ticks(const struct media_stream *stream, size_t need) {
    size_t missing = need - stream->fifo_count;
    size_t ticks = (missing + media_samples_per_tick() - 1) / media_samples_per_tick();
    if (decodes_opus(stream) && stream->unit_ticks > 0) {
        return stream->unit_ticks;
    }
    return ticks > MEDIA_TICKS_PER_FRAME ? MEDIA_TICKS_PER_FRAME : ticks;
}

// Brings the fifo to at least `need` samples. With only_sound it stops at what is not there.
// Returns the ticks of sound that had to be made up.
static size_t fill(struct media_stream *stream, size_t need, bool hold, bool only_sound) {
    size_t concealed = 0;
    while (stream->fifo_count < need) {
        if (only_sound && !jitter_ready(&stream->jitter)) {
            break;
        }
        jitter_take(&stream->jitter, gap_ticks(stream, need), hold, &piece);
        if (piece.kind == JITTER_SILENCE && stream->state == STREAM_CLOSING
            && stream->decoding != NULL) {
            piece.kind = JITTER_GAP;
        }
        media_note_played(&stream->bursts, piece.kind, piece.ticks);
        if (piece.kind == JITTER_SOUND) {
            play(stream);
        } else if (stream->decoding == NULL) {
            size_t count = piece.ticks * media_samples_per_tick();
            memset(stream->fifo + stream->fifo_count, 0, count * sizeof(stream->fifo[0]));
            stream->fifo_count += (uint16_t)count;
        } else {
            concealed += make_up(stream);
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

// Sends `packet`, whose header and so many octets of payload stand there.
static void leave(struct media_stream *stream, size_t octets) {
    stream->sequence++;
    stream->marker = false;
    int length = media_protect(stream, packet, RTP_HEADER_OCTETS + octets, sizeof(packet));
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
        leave(stream, EVENT_OCTETS);
    }
    stream->send_gain = 0;
    stream->marker = true;
}

// A stream that has nothing to say sends comfort noise now and then if its peer takes that (RFC 3389
// section 4). Returns whether this tick is done with.
static bool send_noise(struct media_stream *stream, struct rtp_header *header, int32_t wanted) {
    int type =
        stream->codec->clock == MEDIA_TICKS_PER_SECOND ? media_accepts(stream, MEDIA_NOISE) : -1;
    if (type < 0 || wanted != 0 || stream->send_gain != 0) {
        stream->quiet = 0;
        return false;
    }
    if (stream->quiet == 0) {
        header->payload_type = (uint8_t)type;
        header->marker = false;
        rtp_emit(packet, header);
        packet[RTP_HEADER_OCTETS] = NOISE_LEVEL;
        leave(stream, 1);
    }
    stream->marker = true;
    stream->quiet = (uint8_t)((stream->quiet + 1) % NOISE_TICKS);
    return true;
}

// sound: what the peer is to hear, in the rate of the mixing point.
static void send_frame(
    struct media_stream *stream, int16_t *sound, size_t frame, uint64_t due_us) {
    int16_t converted[AUDIO_FRAME_MAX];
    struct rtp_header header = {
        .payload_type = stream->payload_type,
        .marker = stream->marker,
        .sequence = stream->sequence,
        .timestamp = stream->timestamp,
        .ssrc = stream->ssrc,
    };
    stream->timestamp += stream->codec->clock / 1000 * AUDIO_FRAME_MS;
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
    if (send_noise(stream, &header, wanted)) {
        return;
    }
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
    if (octets == 0) {
        stream->count.send_errors++;
        return;
    }
    leave(stream, octets);
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
        if (stream->state < STREAM_OPEN) {
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
            media_release(stream);
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
