// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The parts of libsrtp2 that a phone needs, as one translation unit: upstream's files are taken
// untouched by the include path, config/config.h is their configuration. In place of libsrtp's
// crypto kernel (lists of algorithms, self tests at start, an allocator) stand the few functions
// below: AES-CM and HMAC-SHA1 are what there is.

#define HAVE_CONFIG_H 1

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wpointer-arith"
#pragma GCC diagnostic ignored "-Wcast-align"
// Upstream mixes unsigned int and uint32_t, which is an unsigned long of the same size on a board.
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wincompatible-pointer-types"

// Upstream reads its own version with it; nothing here asks for the version.
#define sscanf(text, format, ...) (0)

// Upstream asks at run time whether each message of debugging is wanted: none is.
#include "config.h"

#include "err.h"
#undef debug_print0
#undef debug_print
#undef debug_print2
#define debug_print0(module, format) ((void)0)
#define debug_print(module, format, one) ((void)0)
#define debug_print2(module, format, one, two) ((void)0)

#include "srtp.c"
#include "aes.c"
#include "aes_icm.c"
#include "auth.c"
#include "cipher.c"
#include "datatypes.c"
#include "key.c"
#include "rdb.c"
#include "rdbx.c"

// The 80 rounds of SHA-1 take a third less when the loop is unrolled, for 5 kB.
#ifndef __clang__
#pragma GCC push_options
#pragma GCC optimize("unroll-loops")
#endif
#include "sha1.c"
#ifndef __clang__
#pragma GCC pop_options
#endif

// Upstream's tables name these; the self tests that would read them are not linked.
const srtp_cipher_test_case_t srtp_aes_icm_128_test_case_0;
const srtp_cipher_test_case_t srtp_aes_icm_256_test_case_0;

// ---------------------------------------------------------------------------------------------
// HMAC-SHA1 (RFC 2104) in upstream's form of an authentication function. Upstream's own hashes the
// outer pad anew for each packet and moves every octet; here both pads are hashed once for a key,
// and whole blocks are read where they lie.

#define BLOCK_OCTETS (64)
#define HASH_OCTETS (20)

struct hmac {
    srtp_sha1_ctx_t sha;
    uint32_t inner[5]; // state after the block of key XOR ipad
    uint32_t outer[5];
};

static const srtp_auth_type_t hmac_type;

static void begin_after(srtp_sha1_ctx_t *sha, const uint32_t pad[5]) {
    memcpy(sha->H, pad, sizeof(sha->H));
    sha->octets_in_buffer = 0;
    sha->num_bits_in_msg = 8 * BLOCK_OCTETS;
}

static srtp_err_status_t hmac_alloc(srtp_auth_t **out, int key_octets, int tag_octets) {
    if (key_octets > BLOCK_OCTETS || tag_octets > HASH_OCTETS) {
        return srtp_err_status_bad_param;
    }
    srtp_auth_t *auth = srtp_crypto_alloc(sizeof(*auth));
    struct hmac *hmac = auth == NULL ? NULL : srtp_crypto_alloc(sizeof(*hmac));
    if (hmac == NULL) {
        return srtp_err_status_alloc_fail;
    }
    auth->type = &hmac_type;
    auth->state = hmac;
    auth->out_len = tag_octets;
    auth->key_len = key_octets;
    *out = auth;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_dealloc(srtp_auth_t *auth) {
    srtp_crypto_free(auth->state);
    srtp_crypto_free(auth);
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_init(void *state, const uint8_t *key, int key_octets) {
    struct hmac *hmac = state;
    uint8_t pad[BLOCK_OCTETS] = { 0 };
    memcpy(pad, key, (size_t)key_octets);
    for (size_t i = 0; i < sizeof(pad); i++) {
        pad[i] ^= 0x36;
    }
    srtp_sha1_init(&hmac->sha);
    srtp_sha1_update(&hmac->sha, pad, sizeof(pad));
    memcpy(hmac->inner, hmac->sha.H, sizeof(hmac->inner));
    for (size_t i = 0; i < sizeof(pad); i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    srtp_sha1_init(&hmac->sha);
    srtp_sha1_update(&hmac->sha, pad, sizeof(pad));
    memcpy(hmac->outer, hmac->sha.H, sizeof(hmac->outer));
    begin_after(&hmac->sha, hmac->inner);
    octet_string_set_to_zero(pad, sizeof(pad));
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_start(void *state) {
    struct hmac *hmac = state;
    begin_after(&hmac->sha, hmac->inner);
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_update(void *state, const uint8_t *data, int octets) {
    srtp_sha1_ctx_t *sha = &((struct hmac *)state)->sha;
    if (sha->octets_in_buffer == 0 && (uintptr_t)data % sizeof(uint32_t) == 0) {
        for (; octets >= BLOCK_OCTETS; octets -= BLOCK_OCTETS, data += BLOCK_OCTETS) {
            srtp_sha1_core((const uint32_t *)(const void *)data, sha->H);
            sha->num_bits_in_msg += 8 * BLOCK_OCTETS;
        }
    }
    if (octets < BLOCK_OCTETS - sha->octets_in_buffer) {
        memcpy((uint8_t *)sha->M + sha->octets_in_buffer, data, (size_t)octets);
        sha->octets_in_buffer += octets;
        sha->num_bits_in_msg += 8 * (uint32_t)octets;
    } else {
        srtp_sha1_update(sha, data, octets);
    }
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_compute(
    void *state, const uint8_t *data, int octets, int tag_octets, uint8_t *tag) {
    struct hmac *hmac = state;
    uint32_t hash[5];
    hmac_update(state, data, octets);
    srtp_sha1_final(&hmac->sha, hash);
    begin_after(&hmac->sha, hmac->outer);
    hmac_update(state, (const uint8_t *)hash, HASH_OCTETS);
    srtp_sha1_final(&hmac->sha, hash);
    memcpy(tag, hash, (size_t)tag_octets);
    return srtp_err_status_ok;
}

static const srtp_auth_type_t hmac_type = {
    .alloc = hmac_alloc,
    .dealloc = hmac_dealloc,
    .init = hmac_init,
    .compute = hmac_compute,
    .update = hmac_update,
    .start = hmac_start,
    .description = "HMAC-SHA1",
    .id = SRTP_HMAC_SHA1,
};

// ---------------------------------------------------------------------------------------------
// What stands for the crypto kernel

// The cipher of the key derivation, which alone has no tag, serves all contexts: one is made at a time.
static struct {
    srtp_cipher_t cipher;
    srtp_aes_icm_ctx_t state;
} derivation;

srtp_err_status_t srtp_crypto_kernel_alloc_cipher(
    srtp_cipher_type_id_t id, srtp_cipher_pointer_t *cipher, int key_octets, int tag_octets) {
    const srtp_cipher_type_t *type =
        id == SRTP_AES_ICM_256 ? &srtp_aes_icm_256 : &srtp_aes_icm_128;
    if (id != type->id) {
        return srtp_err_status_fail;
    }
    if (tag_octets > 0) {
        return type->alloc(cipher, key_octets, tag_octets);
    }
    derivation.cipher.type = type;
    derivation.cipher.state = &derivation.state;
    derivation.cipher.key_len = key_octets;
    derivation.cipher.algorithm = id;
    derivation.state.key_size = key_octets;
    *cipher = &derivation.cipher; // and upstream erases the state when it gives it back
    return srtp_err_status_ok;
}

srtp_err_status_t srtp_crypto_kernel_alloc_auth(
    srtp_auth_type_id_t id, srtp_auth_pointer_t *auth, int key_octets, int tag_octets) {
    return id == SRTP_HMAC_SHA1 ? hmac_alloc(auth, key_octets, tag_octets) : srtp_err_status_fail;
}

srtp_err_status_t srtp_crypto_kernel_init(void) {
    return srtp_err_status_ok;
}

srtp_err_status_t srtp_crypto_kernel_shutdown(void) {
    return srtp_err_status_ok;
}

srtp_err_status_t srtp_crypto_kernel_load_debug_module(srtp_debug_module_t *module) {
    return srtp_err_status_ok;
}

srtp_err_status_t srtp_crypto_kernel_set_debug_module(const char *name, int on) {
    return srtp_err_status_fail;
}

srtp_err_status_t srtp_crypto_kernel_list_debug_modules(void) {
    return srtp_err_status_ok;
}

// Upstream's messages have no reader: srtp_core.c turns each status into an answer.
void srtp_err_report(srtp_err_reporting_level_t level, const char *format, ...) {
}

srtp_err_status_t srtp_install_err_report_handler(srtp_err_report_handler_func_t handler) {
    return srtp_err_status_ok;
}
