// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// CTR_DRBG (NIST SP 800-90A) over AES-256, seeded once by the board and again as mbedTLS demands.
// For the VM's context alone: the generator has no lock.

#include "crypto/random.h"

#include <stdbool.h>

#include "mbedtls/ctr_drbg.h"

static mbedtls_ctr_drbg_context drbg;
static bool ready;

static int entropy(void *unused, unsigned char *buffer, size_t length) {
    (void)unused;
    return vox6_entropy(buffer, length) < 0 ? MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED : 0;
}

// Fill buffer with octets fit for keys; of mbedTLS's type of generators. 0, or an error of mbedTLS:
// the board gave no entropy, and buffer must not be used.
int crypto_random(void *unused, unsigned char *buffer, size_t length) {
    (void)unused;
    int result;
    if (!ready) {
        static const unsigned char name[] = "vox6";
        mbedtls_ctr_drbg_init(&drbg);
        result = mbedtls_ctr_drbg_seed(&drbg, entropy, NULL, name, sizeof(name) - 1);
        if (result != 0) {
            mbedtls_ctr_drbg_free(&drbg);
            return result;
        }
        ready = true;
    }
    while (length > 0) {
        size_t part = length;
        if (part > MBEDTLS_CTR_DRBG_MAX_REQUEST) {
            part = MBEDTLS_CTR_DRBG_MAX_REQUEST;
        }
        result = mbedtls_ctr_drbg_random(&drbg, buffer, part);
        if (result != 0) {
            return result;
        }
        buffer += part;
        length -= part;
    }
    return 0;
}
