// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// A stream from inside: what the parts of media share. Not for others.

#ifndef VOX6_MEDIA_STREAM_H
#define VOX6_MEDIA_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/audio_device.h"
#include "media/event.h"
#include "media/jitter.h"
#include "media/noise.h"
#include "media/media_core.h"
#include "media/resample.h"
#include "media/rtp.h"
#include "media/sound.h"
#include "media/stretch.h"
#include "srtp/srtp_core.h"
#include "voicecodecs/opus_voice.h"
#include "voicecodecs/voicecodecs_core.h"

// Time is counted so in jitter buffer, fifo and mixing; RTP timestamps are in the codec's clock.
#define MEDIA_TICKS_PER_SECOND (VOICE_TICKS_PER_SECOND)
#define MEDIA_TICKS_PER_FRAME (MEDIA_TICKS_PER_SECOND / 1000 * AUDIO_FRAME_MS)
#define MEDIA_US_PER_TICK (1000000 / MEDIA_TICKS_PER_SECOND)

_Static_assert(MEDIA_TICKS_PER_FRAME == VOICE_FRAME_OCTETS, "a frame is 20 ms everywhere");
_Static_assert(AUDIO_FRAME_MAX == VOICE_FRAME_SAMPLES_MAX, "a frame is 20 ms everywhere");

#define MEDIA_CLOCK_MAX (48000) // of RTP: Opus

#define MEDIA_RATE_NARROW (8000)
#define MEDIA_RATE_WIDE (16000)

// Decoded sound that waits: less than a frame and the longest lag, and then one more piece.
#define MEDIA_FIFO_SAMPLES (AUDIO_FRAME_MAX + STRETCH_LAG_MAX(MEDIA_RATE_WIDE) + VOICE_SAMPLES_MAX)

// Losses in frames of 20 ms as they were to be played, counted as RFC 3611 appendix A.2 does: a loss
// within 16 frames of another belongs to a burst.
struct media_bursts {
    uint32_t since; // frames played well since the last loss
    uint32_t losses; // of the burst of now
    uint32_t ticks; // of a frame that is not whole yet
    bool damaged; // part of that frame was lost
    uint32_t missing; // ticks that are lost if sound comes again
    uint32_t c11, c13, c14, c22, c23, c33;
};

enum stream_state {
    STREAM_FREE,
    STREAM_OPENING, // somebody's, and not yet the tick's
    STREAM_OPEN,
    STREAM_CLOSING, // its last sound fades out
};

struct datagram {
    uint8_t next; // index plus 1
    uint8_t kind;
    uint16_t length;
    uint16_t port;
    uint8_t peer[16];
    uint8_t octets[MEDIA_DATAGRAM_MAX];
};

struct media_security {
    struct srtp_core *send;
    struct srtp_core *receive; // the key that was set last
    struct srtp_core *previous; // and the one before it, while its packets may come
    bool changed_over; // the peer uses `receive`
    bool required;
    uint64_t previous_until_us; // the last moment of `previous`
    struct srtp_core *ended; // for the VM to free
};

// RTP timestamps of the peer, in its codec's clock, as ticks.
struct timeline {
    bool known;
    uint32_t clock;
    uint32_t timestamp; // these two are the same moment
    uint32_t ticks;
    uint32_t arrival;
};

struct event_format {
    uint8_t payload_type;
    uint32_t clock;
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
    struct opus_voice *opus; // NULL: no Opus was agreed on
    uint32_t opus_bit_rate;
    uint8_t opus_loss; // percent of our packets that the peer does not get
    struct resample to_codec;
    uint8_t payload_type;
    bool marker; // the next packet begins a talkspurt
    uint16_t sequence;
    uint32_t ssrc;
    uint32_t timestamp; // of the next packet
    uint64_t timestamp_us; // the moment that timestamp stands for
    int32_t send_gain; // 0..SOUND_GAIN_FULL at the end of the last frame
    struct sound_edge send_edge;
    bool send_declick;
    struct event_sender events_out;
    struct event_format event_format; // of the event being sent
    uint8_t quiet; // ticks of silence since comfort noise was sent

    // From the peer
    struct {
        uint8_t payload_type;
        uint8_t codec; // or MEDIA_EVENT, MEDIA_NOISE
        uint32_t clock; // of RTP, ticks a second
    } accepted[MEDIA_PAYLOAD_TYPES];
    uint8_t accepted_count;
    struct event_receiver events_in;
    struct noise noise;
    struct rtp_source source;
    struct timeline timeline;
    struct jitter jitter;
    const struct voice_codec *decoding; // NULL: nothing decoded yet
    struct voice_state decoder;
    struct voice_concealer concealer;
    struct resample from_codec;
    struct resample played; // the past of the fifo
    int16_t fifo[MEDIA_FIFO_SAMPLES]; // in the rate of the mixing point
    uint16_t fifo_count;
    struct sound_edge fifo_edge;
    bool fifo_declick; // the next sound joins on to fifo_edge
    bool fifo_fade_in; // or begins after silence
    uint8_t stretch_pause;
    uint16_t unit_ticks; // of the last piece of Opus
    uint8_t redundant; // units for which redundancy is to be expected
    bool pausing; // its sender has nothing to send (DTX)
    uint32_t recovered_ticks; // by the redundancy of Opus
    uint32_t concealed_ticks;
    struct media_bursts bursts;
    int32_t receive_gain;

    struct media_security security;

    // Other datagrams
    uint8_t first; // index plus 1
    uint8_t last;
    uint8_t queued;
    engine_signal signal;

    struct media_statistics count;
};

struct media_state {
    struct media_stream streams[MEDIA_STREAMS];
    struct datagram datagrams[MEDIA_DATAGRAMS];
    uint8_t datagrams_free; // index plus 1
    uint8_t datagrams_fresh;
    uint8_t datagrams_used;
    struct tone tone;
    bool running;
    bool changing; // the device is between two rates
    struct sound_edge speaker_edge;
    bool speaker_declick;
    bool tick_known;
    uint64_t tick_us; // due time of the last tick
    uint32_t ticks;
    uint32_t late_ticks;
    uint32_t worst_late_us;
    uint32_t skipped_frames;
};

extern struct media_state media_state;
extern uint32_t media_mix_rate; // of the mixing point and the device

static inline uint32_t media_ticks_of_us(uint64_t us) {
    return (uint32_t)(us / MEDIA_US_PER_TICK);
}

// A moment in the clock of an RTP timestamp, mod 2^32.
static inline uint32_t media_clock_of_us(uint64_t us, uint32_t clock) {
    return (uint32_t)(us * (clock / 1000) / 1000);
}

static inline size_t media_samples_per_tick(void) {
    return media_mix_rate / MEDIA_TICKS_PER_SECOND;
}

// Within engine_enter() or in the engine context.
bool media_receive_rtp(
    void *arg, const uint8_t *data, size_t length, const struct net6_meta *meta);
bool media_receive_rtcp(
    void *arg, const uint8_t *data, size_t length, const struct net6_meta *meta);
void media_enqueue(struct media_stream *stream, enum media_kind kind, const uint8_t *data,
    size_t length, const struct net6_meta *meta);
void media_signal_queues(struct media_stream *stream);
int media_accepts(const struct media_stream *stream, int codec);
bool media_event_format(const struct media_stream *stream, struct event_format *format);
void media_drop_datagram(struct media_stream *stream);
void media_release(struct media_stream *stream);
void media_forget_sound(struct media_stream *stream);
void media_note_played(struct media_bursts *bursts, enum jitter_kind kind, size_t ticks);
int media_unprotect(struct media_stream *stream, const uint8_t *data, size_t length, bool rtcp,
    const struct net6_meta *meta, const uint8_t **clear);
int media_protect(struct media_stream *stream, uint8_t *packet, size_t length, size_t size);
bool media_send_barred(const struct media_stream *stream);

// VM context, outside.
void media_reap_keys(struct media_stream *stream);
void media_free_keys(const struct media_security *security);

#endif
