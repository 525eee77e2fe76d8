// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// key_agreement.c and arena.c as a board has them, on the host under sanitizers (test_sanitized.py):
// both sides agree, nothing is left of a secret in what is given back, no memory is an answer.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/key_agreement.h"
#include "crypto/random.h"

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

// The Python heap. Each piece is remembered, so that its octets can be looked at when it comes back.
#define PIECES (64)

static struct {
    uint8_t *octets;
    size_t length;
} pieces[PIECES];
static int pieces_in_use;
static long refuse_after = -1; // pieces until the heap is full; -1: never
static size_t longest;

void *m_tracked_calloc(size_t count, size_t each) {
    if (refuse_after == 0) {
        return NULL;
    }
    refuse_after -= refuse_after > 0;
    for (int i = 0; i < PIECES; i++) {
        if (pieces[i].octets == NULL) {
            pieces[i].octets = calloc(count, each);
            pieces[i].length = count * each;
            longest = pieces[i].length > longest ? pieces[i].length : longest;
            pieces_in_use++;
            return pieces[i].octets;
        }
    }
    CHECK(!"too many pieces");
    return NULL;
}

void m_tracked_free(void *octets) {
    if (octets == NULL) {
        return;
    }
    for (int i = 0; i < PIECES; i++) {
        if (pieces[i].octets == octets) {
            for (size_t at = 0; at < pieces[i].length; at++) {
                CHECK(pieces[i].octets[at] == 0);
            }
            pieces[i].octets = NULL;
            pieces_in_use--;
            free(octets);
            return;
        }
    }
    CHECK(!"not a piece of this heap");
}

static bool entropy_lacks;

int vox6_entropy(uint8_t *buffer, size_t length) {
    static uint8_t next = 1;
    for (size_t i = 0; i < length; i++) {
        buffer[i] = next = (uint8_t)(next * 5 + 3);
    }
    return entropy_lacks ? -1 : 0;
}

static void check_erased(const struct key_agreement *key) {
    CHECK(key->secret_length == 0);
    for (size_t i = 0; i < sizeof(key->secret); i++) {
        CHECK(key->secret[i] == 0);
    }
}

static void check_agreement(int kind, unsigned bits) {
    struct key_agreement one, two;
    size_t length = key_agreement_public_length(kind);
    size_t result_length = key_agreement_result_length(kind);
    // exactly as long as they must be, so that the sanitizer sees one octet too many
    uint8_t *publics[2] = { malloc(length), malloc(length) };
    uint8_t *results[2] = { malloc(result_length), malloc(result_length) };
    memset(&one, 0xa5, sizeof(one));
    CHECK(key_agreement_find(key_agreement_name(kind)) == kind);
    CHECK(key_agreement_generate(&one, kind, bits) == 0);
    CHECK(key_agreement_generate(&two, kind, bits) == 0);
    CHECK(key_agreement_public(&one, publics[0]) == 0);
    CHECK(key_agreement_public(&two, publics[1]) == 0);
    CHECK(key_agreement_agree(&one, publics[1], length, results[0]) == 0);
    CHECK(key_agreement_agree(&two, publics[0], length, results[1]) == 0);
    CHECK(memcmp(results[0], results[1], result_length) == 0);
    CHECK(key_agreement_agree(&one, publics[1], length - 1, results[0]) == KEY_ERROR_PUBLIC);
    memset(publics[1], 0, length);
    CHECK(key_agreement_agree(&one, publics[1], length, results[0]) == KEY_ERROR_PUBLIC);

    // a heap that is full at each request in turn
    int worked = 0;
    for (long pieces_left = 0; worked == 0; pieces_left++) {
        CHECK(pieces_left < 100);
        refuse_after = pieces_left;
        int error = key_agreement_agree(&two, publics[0], length, results[0]);
        refuse_after = -1;
        CHECK(error == 0 || error == KEY_ERROR_MEMORY);
        worked = error == 0;
        CHECK(pieces_in_use == 0);
    }
    CHECK(memcmp(results[0], results[1], result_length) == 0);
    struct key_agreement three;
    for (long pieces_left = 0; pieces_left < 40; pieces_left++) {
        refuse_after = pieces_left;
        int error = key_agreement_generate(&three, kind, bits);
        refuse_after = -1;
        CHECK(error == 0 || error == KEY_ERROR_MEMORY);
        if (error != 0) {
            check_erased(&three);
        }
        CHECK(pieces_in_use == 0);
    }
    printf("ok %s %u, %zu octets of the heap\n", key_agreement_name(kind), bits, longest);
    longest = 0;

    key_agreement_erase(&one);
    check_erased(&one);
    CHECK(key_agreement_agree(&one, publics[0], length, results[0]) == KEY_ERROR_SECRET);
    CHECK(key_agreement_public(&one, publics[0]) == KEY_ERROR_SECRET);
    for (int i = 0; i < 2; i++) {
        free(publics[i]);
        free(results[i]);
    }
}

int main(void) {
    struct key_agreement key;
    entropy_lacks = true;
    CHECK(key_agreement_generate(&key, KEY_EC25, 256) == KEY_ERROR_RANDOM);
    check_erased(&key);
    CHECK(key_agreement_generate(&key, KEY_DH3K, 256) == KEY_ERROR_RANDOM);
    check_erased(&key);
    entropy_lacks = false;
    CHECK(key_agreement_generate(&key, KEY_DH3K, 255) == KEY_ERROR_SECRET);
    check_erased(&key);
    CHECK(key_agreement_find("EC52") < 0);
    for (int kind = 0; kind < KEY_KINDS; kind++) {
        check_agreement(kind, 256);
        check_agreement(kind, 512);
    }
    uint8_t octets[3000];
    CHECK(crypto_random(NULL, octets, sizeof(octets)) == 0); // more than one request
    CHECK(pieces_in_use == 0);
    return 0;
}
