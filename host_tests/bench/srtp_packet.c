// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// A program without an operating system for the emulated Cortex-M7: protects and unprotects RTP
// packets of 20 ms of G.711 between marks (marks.c), PACKETS of each profile. Linked with the image's
// own objects, or with -DUPSTREAM with libsrtp2 as it comes. encryption.py builds and runs it.

#include <stdint.h>
#include <string.h>

#include "bare_m7.h"

#ifdef UPSTREAM
#include "srtp.h"
#else
#include "srtp/srtp_core.h"
#endif

#define PACKETS (20)
#define PROFILES (4)
#define LENGTH (12 + 160) // octets: header and 160 samples
#define TRAILER (10)

// Upstream's allocator asks newlib for memory.
void *_sbrk(int octets) {
    static uint64_t heap[4096];
    static int used;
    if (octets > (int)sizeof(heap) - used) {
        return (void *)-1;
    }
    used += octets;
    return (uint8_t *)heap + used - octets;
}

static const uint8_t key_octets[PROFILES] = { 30, 30, 46, 46 };

#ifdef UPSTREAM
typedef srtp_t context;

static int make(context *out, int sends, int profile, const uint8_t *key) {
    static int initialized;
    srtp_policy_t policy;
    memset(&policy, 0, sizeof(policy));
    if (!initialized) {
        initialized = 1;
        if (srtp_init() != srtp_err_status_ok) {
            return -1;
        }
    }
    void (*const set[PROFILES])(srtp_crypto_policy_t *) = {
        srtp_crypto_policy_set_rtp_default,
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
    };
    set[profile](&policy.rtp);
    set[profile & ~1](&policy.rtcp);
    policy.ssrc.type = sends ? ssrc_any_outbound : ssrc_any_inbound;
    policy.key = (unsigned char *)key;
    return srtp_create(out, &policy) == srtp_err_status_ok ? 0 : -1;
}

static int protect(context one, uint8_t *packet, int length) {
    return srtp_protect(one, packet, &length) == srtp_err_status_ok ? length : -1;
}

static int unprotect(context one, uint8_t *packet, int length) {
    return srtp_unprotect(one, packet, &length) == srtp_err_status_ok ? length : -1;
}
#else
typedef struct srtp_core *context;

static int make(context *out, int sends, int profile, const uint8_t *key) {
    return srtp_core_new(out, sends, profile, key, key_octets[profile]);
}

static int protect(context one, uint8_t *packet, int length) {
    return srtp_core_protect(one, packet, (size_t)length, LENGTH + TRAILER);
}

static int unprotect(context one, uint8_t *packet, int length) {
    return srtp_core_unprotect(one, packet, (size_t)length);
}
#endif

static int run(void) {
    static uint8_t packet[LENGTH + TRAILER + 16] __attribute__((aligned(4)));
    static uint8_t plain[LENGTH];
    uint8_t key[46];
    for (int i = 0; i < (int)sizeof(key); i++) {
        key[i] = (uint8_t)(i * 59 + 7);
    }
    for (int profile = 0; profile < PROFILES; profile++) {
        context sender, receiver;
        if (make(&sender, 1, profile, key) != 0 || make(&receiver, 0, profile, key) != 0) {
            return 1;
        }
        for (int number = 1; number <= PACKETS; number++) {
            for (int i = 0; i < LENGTH; i++) {
                plain[i] = (uint8_t)(i * number);
            }
            memcpy(plain, "\x80\x00\x00\x00\x00\x00\x00\x00vox6", 12);
            plain[3] = (uint8_t)number;
            memcpy(packet, plain, LENGTH);
            mark_begin();
            int length = protect(sender, packet, LENGTH);
            mark_end();
            if (length != LENGTH + (profile & 1 ? 4 : TRAILER)
                || memcmp(packet + 12, plain + 12, LENGTH - 12) == 0) {
                return 1;
            }
            mark_begin();
            length = unprotect(receiver, packet, length);
            mark_end();
            if (length != LENGTH || memcmp(packet, plain, LENGTH) != 0) {
                return 1;
            }
        }
    }
    return 0;
}
