// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// SRTP of a stream: which key takes a packet, and how keys change in a running call.
//
// A direction has one key, and receiving may for a while have two: packets under the old key are on
// their way when the new one is set, and nobody says which packet is the first of the new. Until that
// one has come the old key is tried first, from then on the new one, so that in either steady state a
// packet costs one try. The old key ends GRACE_US after that packet, and PREVIOUS_US after the new one
// was set, come what may: who knows the old one alone must not go on as if nothing had changed.

#include <errno.h>
#include <string.h>

#include "media/rtp.h"
#include "media/stream.h"
#include "srtp/srtp_core.h"

// Packets that a network reorders arrive within the longest delay of the jitter buffer; twice that.
#define GRACE_US (400000)

// Longer than ZRTP repeats the message after which the peer uses its key (RFC 6189 section 6).
#define PREVIOUS_US (11000000)

// RTP payloads of the codecs here are multiples of 10 ms; with a tag none is.
#define CLEAR_OCTETS (80)

// One packet in the engine context, one in VM context.
static uint8_t received_packet[SRTP_CORE_PACKET_MAX] __attribute__((aligned(4)));
static uint8_t control_packet[SRTP_CORE_PACKET_MAX] __attribute__((aligned(4)));

// ---------------------------------------------------------------------------------------------
// Receiving, engine context

static void end_previous(struct media_security *security) {
    // Keys are freed in VM context alone; it frees this one before it can make another `previous`.
    security->ended = security->previous;
    security->previous = NULL;
}

static bool looks_clear_rtcp(const uint8_t *data, size_t length) {
    size_t offset = 0;
    while (length - offset >= 4 && (data[offset] & 0xc0) == 0x80) {
        size_t octets = 4 * ((size_t)rtp_read16(data + offset + 2) + 1);
        if (octets > length - offset) {
            return false;
        }
        offset += octets;
    }
    return offset == length;
}

// What a packet is that no key takes cannot be known; for whoever reads the counters its length tells
// a peer that has not begun to encrypt from an attacker.
static bool looks_clear(const uint8_t *data, size_t length, bool rtcp) {
    struct rtp_header header;
    if (rtcp) {
        return looks_clear_rtcp(data, length);
    }
    return rtp_parse(data, length, &header) == 0 && header.payload_octets > 0
        && header.payload_octets % CLEAR_OCTETS == 0;
}

static int try_key(struct srtp_core *key, size_t length, bool rtcp) {
    return rtcp ? srtp_core_unprotect_rtcp(key, received_packet, length)
                : srtp_core_unprotect(key, received_packet, length);
}

static int try_keys(struct media_stream *stream, size_t length, bool rtcp, uint64_t now_us) {
    struct media_security *security = &stream->security;
    if (security->previous == NULL) {
        return try_key(security->receive, length, rtcp);
    }
    struct srtp_core *first = security->changed_over ? security->receive : security->previous;
    struct srtp_core *second = security->changed_over ? security->previous : security->receive;
    int answer = try_key(first, length, rtcp);
    if (answer < 0) {
        // A packet that one key calls replayed is not forged, whatever the other says.
        int other = try_key(second, length, rtcp);
        answer = other >= 0 || answer != SRTP_CORE_REPLAYED ? other : answer;
        first = second;
    }
    if (answer >= 0 && first == security->receive && !security->changed_over) {
        security->changed_over = true;
        security->previous_until_us = now_us + GRACE_US;
    }
    return answer;
}

// Takes the protection off a packet of the peer. Returns its length and *clear, where it may be read
// until the next call, or -1: it is counted and to be dropped, and has changed nothing else.
int media_unprotect(struct media_stream *stream, const uint8_t *data, size_t length, bool rtcp,
    const struct net6_meta *meta, const uint8_t **clear) {
    struct media_security *security = &stream->security;
    *clear = data;
    if (security->receive == NULL) {
        if (security->required) {
            stream->count.srtp_clear++;
            return -1;
        }
        return (int)length;
    }
    if (length > sizeof(received_packet)) {
        stream->count.malformed++;
        return -1;
    }
    if (security->previous != NULL && meta->time_us > security->previous_until_us) {
        end_previous(security);
    }
    memcpy(received_packet, data, length);
    int answer = try_keys(stream, length, rtcp, meta->time_us);
    if (answer >= 0) {
        stream->count.srtp_received++;
        *clear = received_packet;
        return answer;
    }
    if (answer == SRTP_CORE_REPLAYED) {
        stream->count.srtp_replayed++;
    } else if (looks_clear(data, length, rtcp)) {
        stream->count.srtp_clear++;
    } else {
        stream->count.srtp_failed++;
    }
    return -1;
}

// ---------------------------------------------------------------------------------------------
// Sending

// Returns true if nothing may leave this stream (media_require_secure() and no key).
bool media_send_barred(const struct media_stream *stream) {
    return stream->security.required && stream->security.send == NULL;
}

// Protects an RTP packet in place, engine context. Returns its length, or a negative errno.
int media_protect(struct media_stream *stream, uint8_t *packet, size_t length, size_t size) {
    if (stream->security.send == NULL) {
        return (int)length;
    }
    int answer = srtp_core_protect(stream->security.send, packet, length, size);
    return answer < 0 ? -EACCES : answer;
}

// Sends a compound RTCP packet, protected if RTP is. The lock is not held while it is encrypted: RTCP
// leaves from here alone, and shares no state with RTP. What may not leave in clear is counted among
// send_errors, as RTP is not sent either. Returns 0 or a negative errno; -EMSGSIZE if no room is left
// for the tag.
int media_send_rtcp(struct media_stream *stream, const uint8_t *data, size_t length) {
    struct srtp_core *key = stream->security.send;
    if (media_send_barred(stream)) {
        stream->count.send_errors++;
        return 0;
    }
    if (key == NULL) {
        return media_send(stream, true, data, length);
    }
    if (length > sizeof(control_packet) - SRTP_CORE_RTCP_TRAILER) {
        return -EMSGSIZE;
    }
    memcpy(control_packet, data, length);
    int answer = srtp_core_protect_rtcp(key, control_packet, length, sizeof(control_packet));
    if (answer < 0) {
        return answer == SRTP_CORE_MALFORMED ? -EINVAL : -EACCES;
    }
    return media_send(stream, true, control_packet, (size_t)answer);
}

// ---------------------------------------------------------------------------------------------
// Keys, VM context

// Frees the key that the engine has ended.
void media_reap_keys(struct media_stream *stream) {
    struct media_security *security = &stream->security;
    engine_enter();
    if (security->previous != NULL && engine_time_us() > security->previous_until_us) {
        end_previous(security);
    }
    struct srtp_core *ended = security->ended;
    security->ended = NULL;
    engine_exit();
    srtp_core_free(ended);
}

// Frees all keys of a stream; the engine knows them no more.
void media_free_keys(const struct media_security *security) {
    srtp_core_free(security->send);
    srtp_core_free(security->receive);
    srtp_core_free(security->previous);
    srtp_core_free(security->ended);
}

static int secure_send(
    struct media_stream *stream, int profile, const uint8_t *key_salt, size_t length) {
    struct media_security *security = &stream->security;
    struct srtp_core *key = NULL;
    if (profile >= 0) {
        if (srtp_core_has_key(security->send, profile, key_salt, length)) {
            return 0;
        }
        int result = srtp_core_new(&key, true, profile, key_salt, length);
        if (result < 0) {
            return result;
        }
    }
    engine_enter();
    struct srtp_core *old = security->send;
    security->send = key;
    engine_exit();
    srtp_core_free(old);
    return 0;
}

static int secure_receive(
    struct media_stream *stream, int profile, const uint8_t *key_salt, size_t length) {
    struct media_security *security = &stream->security;
    struct srtp_core *key = NULL, *unused;
    if (profile < 0) {
        engine_enter();
        struct srtp_core *receive = security->receive, *previous = security->previous;
        security->receive = NULL;
        security->previous = NULL;
        engine_exit();
        srtp_core_free(receive);
        srtp_core_free(previous);
        return 0;
    }
    if (length != srtp_core_key_salt_octets(profile)) {
        return -EINVAL;
    }
    if (srtp_core_has_key(security->receive, profile, key_salt, length)) {
        return 0;
    }
    if (srtp_core_has_key(security->previous, profile, key_salt, length)) {
        // Back to the key before: its replay window is kept. The engine may have ended it just now.
        engine_enter();
        unused = security->receive;
        security->receive = security->previous != NULL ? security->previous : security->ended;
        security->previous = NULL;
        security->ended = NULL;
        engine_exit();
        srtp_core_free(unused);
        return 0;
    }
    // Of two keys the one in use stays; of the other no packet has come, or none any more.
    engine_enter();
    bool old_in_use = security->previous != NULL && !security->changed_over;
    unused = old_in_use ? security->receive : security->previous;
    if (old_in_use) {
        security->receive = security->previous;
    }
    security->previous = NULL;
    engine_exit();
    srtp_core_free(unused);
    int result = srtp_core_new(&key, false, profile, key_salt, length);
    if (result < 0) {
        return result;
    }
    engine_enter();
    if (security->receive == NULL) {
        // Whoever spoke first in clear may have been anybody: the first authentic packet says where
        // the peer is.
        stream->latched = false;
        stream->rtcp_latched = false;
    }
    security->previous = security->receive;
    security->receive = key;
    security->changed_over = false;
    security->previous_until_us = engine_time_us() + PREVIOUS_US;
    engine_exit();
    return 0;
}

// Protects one direction from the next packet on, or with profile -1 no longer; changes the key of a
// direction that is protected. The key in use is kept as it is. Returns 0, -EINVAL for another length
// of key_salt than the profile's, or -ENOMEM; the direction is as before then.
int media_secure(
    struct media_stream *stream, bool send, int profile, const uint8_t *key_salt, size_t length) {
    if (profile >= SRTP_CORE_PROFILES) {
        return -EINVAL;
    }
    media_reap_keys(stream);
    return send ? secure_send(stream, profile, key_salt, length)
                : secure_receive(stream, profile, key_salt, length);
}

// With `required`, RTP and RTCP leave under a key alone, and come under a key alone.
void media_require_secure(struct media_stream *stream, bool required) {
    engine_enter();
    stream->security.required = required;
    engine_exit();
}
