// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Control of streams and of the device. VM context, outside engine_enter().

#include "media/media_core.h"

#include <errno.h>
#include <string.h>

#include "engine/audio_device.h"
#include "media/jitter.h"
#include "media/resample.h"
#include "media/rtp.h"
#include "media/sound.h"
#include "media/stream.h"
#include "speaker/speaker_core.h"
#include "voicecodecs/voicecodecs_core.h"

struct media_state media_state;
uint32_t media_mix_rate = MEDIA_RATE_NARROW; // alone, so that the rest needs no room in flash

// The mixing point runs at the highest rate of the joined streams; without any it stays.
static uint32_t wanted_rate(void) {
    uint32_t rate = 0;
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        const struct media_stream *stream = &media_state.streams[i];
        if (stream->state == STREAM_OPEN && stream->joined && stream->codec->rate > rate) {
            rate = stream->codec->rate;
        }
    }
    return rate == 0 ? media_mix_rate : rate;
}

// Decoded sound that waits is carried over to the other rate, with what was played before it as the
// filter's past; the filter of what comes next goes on where this one ends.
static void change_rate_of(struct media_stream *stream, uint32_t from, uint32_t to) {
    int16_t converted[MEDIA_FIFO_SAMPLES];
    size_t count = 0;
    for (size_t done = 0; done < stream->fifo_count;) {
        size_t part = stream->fifo_count - done;
        if (part > RESAMPLE_SAMPLES_MAX / 2) {
            part = RESAMPLE_SAMPLES_MAX / 2;
        }
        if (from > to) {
            part -= part % 2;
        }
        if (part == 0) {
            break;
        }
        count +=
            sound_convert(&stream->played, stream->fifo + done, part, from, to, converted + count);
        done += part;
    }
    memcpy(stream->fifo, converted, count * sizeof(converted[0]));
    stream->fifo_count = (uint16_t)count;
    if (count > 0) {
        sound_edge_keep(&stream->fifo_edge, converted, count);
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
    if (rate == media_mix_rate) {
        return 0;
    }
    int result = 0;
    if (media_state.running) {
        engine_enter();
        media_state.changing = true;
        engine_exit();
        result = audio_device_start(rate);
    }
    engine_enter();
    media_state.changing = false;
    if (result == 0) {
        for (int i = 0; i < MEDIA_STREAMS; i++) {
            if (media_state.streams[i].state != STREAM_FREE) {
                change_rate_of(&media_state.streams[i], media_mix_rate, rate);
            }
        }
        media_state.speaker_edge.slope =
            media_state.speaker_edge.slope * (int32_t)media_mix_rate / (int32_t)rate;
        media_mix_rate = rate;
        media_state.speaker_declick = true;
    }
    engine_exit();
    speaker_set_rate(media_mix_rate);
    return result;
}

// Starts the audio device and with it the ticks; idempotent. Returns 0 or a negative errno.
int media_start(void) {
    if (media_state.running) {
        return 0;
    }
    int result = audio_device_start(media_mix_rate);
    if (result < 0) {
        return result;
    }
    engine_enter();
    media_state.running = true;
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        // What was buffered before the pause belongs to the past.
        if (media_state.streams[i].state == STREAM_OPEN) {
            media_forget_sound(&media_state.streams[i]);
        }
    }
    engine_exit();
    return 0;
}

// Ends the ticks; streams stay open and keep receiving into their counters.
void media_stop(void) {
    if (!media_state.running) {
        return;
    }
    audio_device_stop();
    engine_enter();
    media_state.running = false;
    media_state.tick_known = false;
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        if (media_state.streams[i].state == STREAM_CLOSING) {
            media_release(&media_state.streams[i]);
        }
    }
    engine_exit();
}

// Closes all streams, ends tones and stops (soft reset).
void media_deinit(void) {
    static const struct tone_program silence;
    static const struct speaker_config handset;
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        if (media_state.streams[i].state == STREAM_OPEN) {
            media_close(&media_state.streams[i]);
        }
    }
    media_stop();
    speaker_configure(&handset, media_mix_rate, NULL);
    engine_enter();
    memset(&media_state.tone, 0, sizeof(media_state.tone));
    tone_start(&media_state.tone, &silence);
    engine_exit();
}

static void tune_opus(struct media_stream *stream) {
    opus_voice_tune(stream->opus, stream->opus_bit_rate, stream->opus_loss);
}

// Gives back what a stream has beside itself, which is free then. Within engine_enter().
void media_release(struct media_stream *stream) {
    opus_voice_put(stream->opus);
    stream->opus = NULL;
    stream->state = STREAM_FREE;
}

// An encoder and a decoder of Opus for a stream; one that fades out gives its own away. Within
// engine_enter(). Returns 0 or -ENOMEM.
static int take_opus(struct media_stream *stream) {
    if (stream->opus != NULL) {
        return 0;
    }
    stream->opus = opus_voice_get();
    for (int i = 0; i < MEDIA_STREAMS && stream->opus == NULL; i++) {
        struct media_stream *other = &media_state.streams[i];
        if (other->state == STREAM_CLOSING && other->opus != NULL) {
            media_release(other);
            stream->opus = opus_voice_get();
        }
    }
    if (stream->opus == NULL) {
        return -ENOMEM;
    }
    tune_opus(stream);
    return 0;
}

static void start_encoder(struct media_stream *stream, int codec) {
    stream->codec = &voice_codecs[codec];
    if (codec == VOICE_OPUS) {
        stream->encoder.opaque.opus = stream->opus;
    }
    stream->codec->start_encoder(&stream->encoder);
    if (codec == VOICE_OPUS) {
        tune_opus(stream);
    }
}

static struct media_stream *find_free(void) {
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        if (media_state.streams[i].state == STREAM_FREE) {
            return &media_state.streams[i];
        }
    }
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        if (media_state.streams[i].state == STREAM_CLOSING) {
            return &media_state.streams[i];
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
    int result = -ENOMEM;
    if (stream != NULL) {
        media_release(stream);
        memset(stream, 0, sizeof(*stream));
        stream->opus_bit_rate = OPUS_VOICE_BIT_RATE;
        result = config->codec == VOICE_OPUS ? take_opus(stream) : 0;
        if (result == 0) {
            stream->state = STREAM_OPENING;
        }
    }
    engine_exit();
    if (result < 0) {
        return result;
    }
    result = engine_signal_init(&stream->signal);
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
    stream->security.required = config->require_secure;
    start_encoder(stream, config->codec);
    stream->payload_type = config->payload_type;
    stream->accepted[0].payload_type = config->payload_type;
    stream->accepted[0].codec = (uint8_t)config->codec;
    stream->accepted[0].clock = voice_codecs[config->codec].clock;
    stream->accepted_count = 1;
    stream->marker = true;
    stream->ssrc = config->ssrc;
    stream->sequence = config->sequence;
    stream->timestamp = config->timestamp;
    stream->timestamp_us = engine_time_us();
    stream->state = STREAM_OPEN;
    stream->ops->set_receiver(stream->rtp, media_receive_rtp, stream);
    if (stream->rtcp != NULL && stream->rtcp != stream->rtp) {
        stream->ops->set_receiver(stream->rtcp, media_receive_rtcp, stream);
    }
    engine_exit();
    *out = stream;
    return 0;

fail:
    engine_enter();
    media_release(stream);
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
        media_drop_datagram(stream);
    }
    jitter_reset(&stream->jitter);
    stream->state = STREAM_CLOSING;
    if (!media_state.running || stream->receive_gain == 0) {
        media_release(stream);
    }
    struct media_security security = stream->security;
    memset(&stream->security, 0, sizeof(stream->security));
    engine_exit();
    media_free_keys(&security);
    engine_signal_deinit(&stream->signal);
    apply_rate();
}

// Takes packets of one more payload type, or of one with another codec. clock: of RTP, ticks a
// second; 0: the codec's. Returns 0, -EINVAL, or -ENOMEM after MEDIA_PAYLOAD_TYPES of them.
int media_accept(struct media_stream *stream, uint8_t payload_type, int codec, uint32_t clock) {
    if (codec < 0 || codec > MEDIA_NOISE || payload_type > 127) {
        return -EINVAL;
    }
    if (clock == 0) {
        clock = codec < VOICE_CODECS ? voice_codecs[codec].clock
            : codec == MEDIA_NOISE   ? MEDIA_TICKS_PER_SECOND
                                     : stream->codec->clock;
    }
    if (codec < VOICE_CODECS       ? clock != voice_codecs[codec].clock
            : codec == MEDIA_NOISE ? clock != MEDIA_TICKS_PER_SECOND
                                   : clock < 1000 || clock > MEDIA_CLOCK_MAX) {
        return -EINVAL;
    }
    engine_enter();
    int result = codec == VOICE_OPUS ? take_opus(stream) : 0;
    int i = 0;
    while (i < stream->accepted_count && stream->accepted[i].payload_type != payload_type) {
        i++;
    }
    if (i == MEDIA_PAYLOAD_TYPES) {
        result = -ENOMEM;
    } else if (result == 0) {
        // The newest is the last.
        stream->accepted_count -= i < stream->accepted_count;
        memmove(&stream->accepted[i], &stream->accepted[i + 1],
            (stream->accepted_count - (size_t)i) * sizeof(stream->accepted[0]));
        i = stream->accepted_count++;
        stream->accepted[i].payload_type = payload_type;
        stream->accepted[i].codec = (uint8_t)codec;
        stream->accepted[i].clock = clock;
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
        stream->source.trusting = true; // whoever speaks there first is who was signalled
    }
    engine_exit();
}

// Sends with another codec from the next packet on, and accepts it. Returns 0, an error of
// media_accept(), or of the device if it cannot run at the codec's rate (it keeps the old one then,
// and the sound is resampled).
int media_set_codec(struct media_stream *stream, int codec, uint8_t payload_type) {
    if (codec >= VOICE_CODECS) {
        return -EINVAL;
    }
    int result = media_accept(stream, payload_type, codec, 0);
    if (result < 0) {
        return result;
    }
    engine_enter();
    if (stream->codec != &voice_codecs[codec]) {
        start_encoder(stream, codec);
        stream->send_declick = true;
    }
    stream->payload_type = payload_type;
    engine_exit();
    return apply_rate();
}

// What Opus sends, in bits a second, and what part of it is lost on its way: with any loss each
// packet repeats the one before it, within the same rate. Other codecs have no choice. Returns 0 or
// -EINVAL.
int media_tune(struct media_stream *stream, uint32_t bit_rate, unsigned loss_percent) {
    if (bit_rate < OPUS_VOICE_BIT_RATE_MIN || bit_rate > OPUS_VOICE_BIT_RATE_MAX
        || loss_percent > 100) {
        return -EINVAL;
    }
    engine_enter();
    stream->opus_bit_rate = bit_rate;
    stream->opus_loss = (uint8_t)loss_percent;
    if (stream->opus != NULL) {
        tune_opus(stream);
    }
    engine_exit();
    return 0;
}

// Hold (RFC 3264 section 8.4). Without receive the jitter buffer is empty and packets are counted
// alone; without send nothing leaves but RTCP. Sound fades within a frame.
void media_set_direction(struct media_stream *stream, bool send, bool receive) {
    engine_enter();
    stream->send = send;
    stream->receive = receive;
    if (!send) {
        memset(&stream->events_out, 0, sizeof(stream->events_out));
    }
    if (!receive && (!media_state.running || stream->receive_gain == 0)) {
        media_forget_sound(stream);
        stream->receive_gain = 0;
    }
    engine_exit();
}

// Sends as another source from the next packet on (RFC 3550 section 8.2). Its counts of what was
// sent begin anew with it.
void media_set_ssrc(struct media_stream *stream, uint32_t ssrc) {
    engine_enter();
    stream->ssrc = ssrc;
    stream->marker = true;
    stream->count.sent = 0;
    stream->count.sent_octets = 0;
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
    const struct media_security *security = &stream->security;
    media_reap_keys(stream);
    engine_enter();
    *statistics = stream->count;
    statistics->srtp_send = security->send == NULL ? -1 : srtp_core_profile_of(security->send);
    statistics->srtp_receive =
        security->receive == NULL ? -1 : srtp_core_profile_of(security->receive);
    statistics->received = stream->source.received;
    statistics->lost = rtp_source_lost(&stream->source);
    statistics->duplicated = stream->source.duplicated;
    statistics->queue_dropped += stream->events_in.dropped;
    statistics->events_received = stream->events_in.ended;
    statistics->discarded += stream->jitter.overflowed;
    statistics->concealed = stream->concealed_ticks / MEDIA_TICKS_PER_FRAME;
    const struct media_bursts *bursts = &stream->bursts;
    uint32_t counts[] = {
        bursts->c11,
        bursts->c13,
        bursts->c14,
        bursts->c22,
        bursts->c23,
        bursts->c33,
    };
    memcpy(statistics->bursts, counts, sizeof(counts));
    statistics->recovered = stream->recovered_ticks / MEDIA_TICKS_PER_FRAME;
    statistics->jitter = stream->source.jitter_q4 >> 4;
    statistics->highest_sequence = rtp_source_highest(&stream->source);
    statistics->base_sequence = stream->source.base_seq;
    statistics->remote_ssrc = stream->source.ssrc;
    statistics->remote_ssrc_known = stream->source.valid;
    statistics->port = stream->port;
    statistics->rtcp_port = stream->rtcp_port;
    statistics->target_ms = jitter_target(&stream->jitter) / JITTER_TICKS_PER_MS;
    if (stream->jitter.active && media_state.tick_known) {
        uint32_t decoded = stream->fifo_count / (uint32_t)media_samples_per_tick();
        // As the next tick will find it.
        int32_t delay = jitter_delay(&stream->jitter,
            media_ticks_of_us(media_state.tick_us) + MEDIA_TICKS_PER_FRAME, decoded);
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
        const struct datagram *datagram = &media_state.datagrams[stream->first - 1];
        memcpy(buffer, datagram->octets, datagram->length < size ? datagram->length : size);
        memcpy(peer, datagram->peer, sizeof(datagram->peer));
        *port = datagram->port;
        *kind = (enum media_kind)datagram->kind;
        result = datagram->length;
        media_drop_datagram(stream);
    }
    engine_exit();
    return result;
}

// The payload type of a codec, MEDIA_EVENT or MEDIA_NOISE that is accepted, or -1.
int media_accepts(const struct media_stream *stream, int codec) {
    for (int i = 0; i < stream->accepted_count; i++) {
        if (stream->accepted[i].codec == codec) {
            return stream->accepted[i].payload_type;
        }
    }
    return -1;
}

// How an event would leave now: in the clock of what is sent if the peer takes that (RFC 4733
// section 2.5.1.2), else in the one that it takes. Within engine_enter(). False: it takes none.
bool media_event_format(const struct media_stream *stream, struct event_format *format) {
    bool found = false;
    for (int i = 0; i < stream->accepted_count; i++) {
        uint32_t clock = stream->accepted[i].clock;
        if (stream->accepted[i].codec == MEDIA_EVENT
            && (!found || clock == stream->codec->clock
                || format->clock != stream->codec->clock)) {
            *format = (struct event_format){ stream->accepted[i].payload_type, clock };
            found = true;
        }
    }
    return found;
}

// Queues an event to be sent in place of voice. Returns 0, -EINVAL, -EOPNOTSUPP if no payload type
// of events was accepted, -ENOTCONN while nothing is sent, -ENOBUFS when EVENT_QUEUE of them wait.
int media_send_event(struct media_stream *stream, uint8_t event, uint32_t ms, uint8_t volume) {
    struct event_format format;
    engine_enter();
    int result = !media_event_format(stream, &format) ? -EOPNOTSUPP
        : !stream->send                               ? -ENOTCONN
                        : event_sender_put(&stream->events_out, event, volume, ms);
    engine_exit();
    return result;
}

// Takes the oldest event of the peer that has ended.
bool media_next_event(struct media_stream *stream, uint8_t *event, uint32_t *ms) {
    struct event_heard heard;
    engine_enter();
    bool found = event_receiver_get(&stream->events_in, &heard);
    if (found) {
        *event = heard.event;
        *ms = heard.duration_ms;
    }
    media_signal_queues(stream);
    engine_exit();
    return found;
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
    *timestamp = stream->timestamp + media_clock_of_us(now, stream->codec->clock)
        - media_clock_of_us(stream->timestamp_us, stream->codec->clock);
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
    tone_start(&media_state.tone, program);
    engine_exit();
    return 0;
}

// What is done to the microphone because of the speaker (speaker_core.h). memory: speaker_memory()
// octets that stay until the next call; after media_deinit() they are free.
void media_speaker(const struct speaker_config *config, void *memory) {
    speaker_configure(config, media_mix_rate, memory);
}

void media_counters(struct media_counters *counters) {
    struct speaker_figures figures;
    memset(counters, 0, sizeof(*counters));
    engine_enter();
    counters->ticks = media_state.ticks;
    counters->late_ticks = media_state.late_ticks;
    counters->worst_late_us = media_state.worst_late_us;
    counters->skipped_frames = media_state.skipped_frames;
    counters->rate = media_mix_rate;
    counters->running = media_state.running;
    counters->tone = tone_sounding(&media_state.tone);
    for (int i = 0; i < MEDIA_STREAMS; i++) {
        counters->streams += media_state.streams[i].state == STREAM_OPEN;
    }
    counters->blocks = (uint32_t)jitter_pool_used();
    counters->datagrams = media_state.datagrams_used;
    counters->keys = (uint32_t)srtp_core_used();
    counters->opus = (uint32_t)opus_voice_used();
    engine_exit();
    speaker_figures(&figures);
    counters->cleaned_frames = figures.frames;
    counters->echo_return_loss_db = figures.echo_return_loss_db;
    counters->gain_db = figures.gain_db;
}
