// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// SRTP and SRTCP with one master key, in one direction (RFC 3711, RFC 6188), on libsrtp2. Plain C: no
// malloc, no py/*.h. Contexts lie in a static pool: made and freed in VM context, outside
// engine_enter(); packets may be taken in the engine context. RTP and RTCP of one context share no
// state, so that one may be sent from each context.

#ifndef VOX6_SRTP_CORE_H
#define VOX6_SRTP_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Names in order: RFC 4568 section 6.2, RFC 6188 section 4.
enum srtp_core_profile {
    SRTP_CORE_AES_CM_128_HMAC_SHA1_80,
    SRTP_CORE_AES_CM_128_HMAC_SHA1_32,
    SRTP_CORE_AES_256_CM_HMAC_SHA1_80,
    SRTP_CORE_AES_256_CM_HMAC_SHA1_32,
    SRTP_CORE_PROFILES,
};

// The longest packet after protection: what one IPv6 datagram carries without fragments.
#define SRTP_CORE_PACKET_MAX (1232)
#define SRTP_CORE_RTP_TRAILER (10) // tag of 80 bits
#define SRTP_CORE_RTCP_TRAILER (14) // E, index, tag of 80 bits
#define SRTP_CORE_KEY_SALT_MAX (46)

// Four streams that send and receive and still know the last receiving key, and one in the making.
#ifndef SRTP_CORE_CONTEXTS
#define SRTP_CORE_CONTEXTS (4 * 3 + 1)
#endif

// SSRCs that one key may see, of RTP and of RTCP: a peer that begins anew takes one each time.
#define SRTP_CORE_SOURCES (16)

// What becomes of a packet that is not taken: nothing has changed then, in context or packet.
enum srtp_core_error {
    SRTP_CORE_FAILED = -1, // authentication
    SRTP_CORE_REPLAYED = -2, // seen, or older than the window of 128
    SRTP_CORE_MALFORMED = -3, // too short, too long, or contradicts its own length
    SRTP_CORE_CROWDED = -4, // one SSRC too many
    SRTP_CORE_EXPIRED = -5, // the key has served 2^48 RTP or 2^31 RTCP packets
};

struct srtp_core; // one context

extern const char *const srtp_core_names[SRTP_CORE_PROFILES];
int srtp_core_find(const char *name, size_t length);
size_t srtp_core_key_salt_octets(int profile);

int srtp_core_new(
    struct srtp_core **core, bool sends, int profile, const uint8_t *key_salt, size_t length);
void srtp_core_free(struct srtp_core *core);
int srtp_core_profile_of(const struct srtp_core *core);
bool srtp_core_has_key(
    const struct srtp_core *core, int profile, const uint8_t *key_salt, size_t length);

int srtp_core_protect(struct srtp_core *core, uint8_t *packet, size_t length, size_t size);
int srtp_core_unprotect(struct srtp_core *core, uint8_t *packet, size_t length);
int srtp_core_protect_rtcp(struct srtp_core *core, uint8_t *packet, size_t length, size_t size);
int srtp_core_unprotect_rtcp(struct srtp_core *core, uint8_t *packet, size_t length);

size_t srtp_core_used(void);

#endif
