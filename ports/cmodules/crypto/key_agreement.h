// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
#ifndef VOX6_CRYPTO_KEY_AGREEMENT_H
#define VOX6_CRYPTO_KEY_AGREEMENT_H

#include <stddef.h>
#include <stdint.h>

enum key_agreement_kind { KEY_DH2K, KEY_DH3K, KEY_EC25, KEY_EC38, KEY_X255, KEY_KINDS };

enum {
    KEY_ERROR_PUBLIC = -1, // the peer's public value is invalid
    KEY_ERROR_SECRET = -2, // no such secret, or it is erased
    KEY_ERROR_MEMORY = -3,
    KEY_ERROR_RANDOM = -4, // the board gave no entropy
};

#define KEY_SECRET_MAX (64) // octets: an exponent of 512 bits

struct key_agreement {
    uint8_t kind;
    uint8_t secret_length; // octets; 0: erased
    uint8_t secret[KEY_SECRET_MAX]; // as key_agreement_set_secret() takes it
};

int key_agreement_find(const char *name);
const char *key_agreement_name(int kind);
size_t key_agreement_public_length(int kind);
size_t key_agreement_result_length(int kind);
int key_agreement_generate(struct key_agreement *key, int kind, unsigned exponent_bits);
int key_agreement_set_secret(struct key_agreement *key, int kind, unsigned exponent_bits,
    const uint8_t *secret, size_t length);
int key_agreement_public(const struct key_agreement *key, uint8_t *public_value);
int key_agreement_agree(
    const struct key_agreement *key, const uint8_t *peer, size_t peer_length, uint8_t *result);
void key_agreement_erase(struct key_agreement *key);

#endif
