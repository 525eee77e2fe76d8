// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Media streams: RTP in and out, jitter buffer, codecs, mixing point, tones. Everything that a call
// needs to be heard runs in media_tick() (engine/audio_device.h) and in two receivers, in the engine
// context; the functions here belong to the VM context, outside engine_enter(), and take it themselves.

#ifndef VOX6_MEDIA_CORE_H
#define VOX6_MEDIA_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "media/tone.h"
#include "net6/net6_core.h"
#include "voicecodecs/voicecodecs_core.h"

#define MEDIA_STREAMS (4) // two lines, and the second call of each during a transfer
#define MEDIA_PAYLOAD_TYPES (12) // five codecs, events in two clocks; some peers use other numbers
#define MEDIA_EVENT (VOICE_CODECS) // in place of a codec: telephone events (RFC 4733)
#define MEDIA_NOISE (VOICE_CODECS + 1) // comfort noise (RFC 3389)
#define MEDIA_PAYLOAD_MAX (1276) // the longest frame of Opus; 120 ms at 64 kbit/s have 960

// Datagrams that are not RTP, on their way to the VM. 1232 octets is what IPv6 carries everywhere
// without fragments (RFC 8200 section 5), hence the longest RTCP, ZRTP or STUN to be met.
#define MEDIA_DATAGRAM_MAX (1232)
#define MEDIA_DATAGRAMS (8) // of all streams
#define MEDIA_DATAGRAMS_EACH (4) // of one: ZRTP sends two messages at a time at most, and RTCP

#define MEDIA_LATE_US (5000) // a tick begun later than this after its event counts as late

enum media_kind { MEDIA_KIND_RTCP, MEDIA_KIND_OTHER };

struct media_stream;
struct speaker_config;

struct media_config {
    const struct packet_ops *ops;
    void *rtp; // endpoints of ops
    void *rtcp; // NULL: RTCP shares rtp (RFC 5761)
    uint8_t peer[16];
    uint16_t port;
    uint16_t rtcp_port;
    int codec; // index in voice_codecs
    uint8_t payload_type;
    uint32_t ssrc;
    uint16_t sequence;
    uint32_t timestamp;
    bool require_secure; // as media_require_secure(), before the first tick
};

struct media_statistics {
    uint32_t sent;
    uint32_t sent_octets; // of payload, as sender reports count them
    uint32_t send_errors;
    uint32_t received;
    uint32_t received_octets;
    int32_t lost; // RFC 3550 appendix A.3
    uint32_t duplicated;
    uint32_t reordered;
    uint32_t late;
    uint32_t discarded; // no room in the jitter buffer
    uint32_t concealed; // sound that was made up, in units of 20 ms
    uint32_t recovered; // sound that the redundancy of the next packet gave, in units of 20 ms
    uint32_t stretched; // frames made longer or shorter
    uint32_t bursts[6]; // c11, c13, c14, c22, c23, c33 of RFC 3611 appendix A.2, frames of 20 ms
    uint32_t jitter; // timestamp units
    uint32_t highest_sequence; // extended
    uint32_t base_sequence;
    uint32_t remote_ssrc;
    bool remote_ssrc_known;
    uint32_t restarts; // new SSRC or sequence after the first
    uint32_t last_sr; // middle 32 bits of its NTP time stamp; 0: none yet
    uint64_t last_sr_us;
    uint32_t delay_ms; // of the jitter buffer, now and wanted
    uint32_t target_ms;
    uint32_t strangers;
    uint32_t malformed;
    uint32_t unaccepted; // payload type not accepted
    uint32_t looped; // our own SSRC came back
    uint32_t queue_dropped; // RTCP and other datagrams, events
    uint32_t events_sent; // begun
    uint32_t events_received; // ended
    int srtp_send; // profile (srtp_core.h), -1: in clear
    int srtp_receive;
    uint32_t srtp_received; // RTP and RTCP that authenticated
    uint32_t srtp_failed; // that did not
    uint32_t srtp_replayed;
    uint32_t srtp_clear; // that did not, as its length shows, because it is in clear
    uint16_t port; // where RTP goes and comes from, after the latch
    uint16_t rtcp_port;
};

struct media_counters {
    uint32_t ticks;
    uint32_t late_ticks;
    uint32_t worst_late_us;
    uint32_t skipped_frames; // ticks without device, while its rate changed
    uint32_t rate;
    bool running;
    bool tone;
    uint32_t streams; // pools in use
    uint32_t blocks;
    uint32_t datagrams;
    uint32_t keys; // of SRTP
    uint32_t opus; // streams that have it, of OPUS_VOICE_PAIRS
    uint32_t cleaned_frames; // of the microphone (speaker_core.h)
    int echo_return_loss_db;
    int gain_db;
};

int media_start(void);
void media_stop(void);
void media_deinit(void);
int media_open(struct media_stream **stream, const struct media_config *config);
void media_close(struct media_stream *stream);
int media_accept(struct media_stream *stream, uint8_t payload_type, int codec, uint32_t clock);
void media_set_peer(
    struct media_stream *stream, const uint8_t peer[16], uint16_t port, uint16_t rtcp_port);
int media_set_codec(struct media_stream *stream, int codec, uint8_t payload_type);
int media_tune(struct media_stream *stream, uint32_t bit_rate, unsigned loss_percent);
void media_set_direction(struct media_stream *stream, bool send, bool receive);
void media_set_ssrc(struct media_stream *stream, uint32_t ssrc);
int media_join(struct media_stream *stream, bool joined);
void media_statistics(struct media_stream *stream, struct media_statistics *statistics);
int media_receive(struct media_stream *stream, uint8_t *buffer, size_t size, uint8_t peer[16],
    uint16_t *port, enum media_kind *kind);
int media_send_event(struct media_stream *stream, uint8_t event, uint32_t ms, uint8_t volume);
bool media_next_event(struct media_stream *stream, uint8_t *event, uint32_t *ms);
bool media_readable(struct media_stream *stream);
engine_signal *media_signal(struct media_stream *stream);
int media_secure(
    struct media_stream *stream, bool send, int profile, const uint8_t *key_salt, size_t length);
void media_require_secure(struct media_stream *stream, bool required);
int media_send_rtcp(struct media_stream *stream, const uint8_t *data, size_t length);
int media_send(struct media_stream *stream, bool rtcp, const uint8_t *data, size_t length);
void media_timestamp_now(struct media_stream *stream, uint32_t *timestamp, uint64_t *time_us);
int media_tone(const struct tone_program *program);
void media_speaker(const struct speaker_config *config, void *memory);
void media_counters(struct media_counters *counters);

#endif
