// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The key agreements of RFC 6189 section 5.1.5, and X25519 (RFC 7748), on mbedTLS.
//
// The secret lies in the caller's struct; every number that mbedTLS makes of it is zeroed and freed
// before a function returns. mbedtls_mpi_exp_mod() reads its table of powers in constant time, and
// mbedtls_ecp_mul() randomises coordinates. No base blinding: an exponent of ZRTP meets one peer.
// For the VM's context alone; nothing here takes a lock.

#include "crypto/key_agreement.h"

#include <stdbool.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/random.h"
#include "mbedtls/bignum.h"
#include "mbedtls/dhm.h"
#include "mbedtls/ecdh.h"
#include "mbedtls/ecp.h"
#include "mbedtls/platform_util.h"

#define GENERATOR (2) // RFC 3526
#define ARENA (11 * 1024) // octets; DH3k with 512 bits takes 9,912 of them on a board

static const uint8_t prime_2048[] = MBEDTLS_DHM_RFC3526_MODP_2048_P_BIN; // section 3
static const uint8_t prime_3072[] = MBEDTLS_DHM_RFC3526_MODP_3072_P_BIN; // section 4

static const struct {
    const char *name;
    uint16_t public_length;
    uint16_t result_length;
    const uint8_t *prime; // of result_length octets; NULL: a curve
    mbedtls_ecp_group_id curve;
} kinds[KEY_KINDS] = {
    [KEY_DH2K] = { "DH2k", 256, 256, prime_2048, MBEDTLS_ECP_DP_NONE },
    [KEY_DH3K] = { "DH3k", 384, 384, prime_3072, MBEDTLS_ECP_DP_NONE },
    [KEY_EC25] = { "EC25", 64, 32, NULL, MBEDTLS_ECP_DP_SECP256R1 },
    [KEY_EC38] = { "EC38", 96, 48, NULL, MBEDTLS_ECP_DP_SECP384R1 },
    [KEY_X255] = { "X255", 32, 32, NULL, MBEDTLS_ECP_DP_CURVE25519 },
};

// Return the kind of that name (RFC 6189's key agreement type block), or negative.
int key_agreement_find(const char *name) {
    for (int kind = 0; kind < KEY_KINDS; kind++) {
        if (strcmp(name, kinds[kind].name) == 0) {
            return kind;
        }
    }
    return -1;
}

// Return the name of a kind.
const char *key_agreement_name(int kind) {
    return kinds[kind].name;
}

// Return the octets of a public value.
size_t key_agreement_public_length(int kind) {
    return kinds[kind].public_length;
}

// Return the octets of a DHResult.
size_t key_agreement_result_length(int kind) {
    return kinds[kind].result_length;
}

// What mbedTLS's errors mean where the peer's value took part.
static int key_error(int error) {
    switch (error) {
        case 0:
            return 0;
        case MBEDTLS_ERR_MPI_ALLOC_FAILED:
        case MBEDTLS_ERR_ECP_ALLOC_FAILED:
            return KEY_ERROR_MEMORY;
        case MBEDTLS_ERR_ECP_INVALID_KEY:
        case MBEDTLS_ERR_ECP_BAD_INPUT_DATA:
            return KEY_ERROR_PUBLIC;
        default:
            return KEY_ERROR_RANDOM;
    }
}

// Octets of a secret of this kind, or 0.
static size_t secret_length(int kind, unsigned exponent_bits) {
    if (kinds[kind].prime == NULL) {
        return kinds[kind].result_length;
    }
    return exponent_bits == 256 || exponent_bits == 512 ? exponent_bits / 8 : 0;
}

// result = base ^ secret mod the kind's prime; base: as many octets as result, NULL: the generator.
// KEY_ERROR_PUBLIC where base is none of 2..p-2 (RFC 6189 section 4.4.1.4).
static int power(const struct key_agreement *key, const uint8_t *base, uint8_t *result) {
    if (arena_begin(ARENA) != 0) {
        return KEY_ERROR_MEMORY;
    }
    size_t length = kinds[key->kind].result_length;
    mbedtls_mpi prime, exponent, value;
    mbedtls_mpi_init(&prime);
    mbedtls_mpi_init(&exponent);
    mbedtls_mpi_init(&value);
    int ret; // this name and the label's are MBEDTLS_MPI_CHK's
    MBEDTLS_MPI_CHK(mbedtls_mpi_read_binary(&prime, kinds[key->kind].prime, length));
    if (base == NULL) {
        MBEDTLS_MPI_CHK(mbedtls_mpi_lset(&value, GENERATOR));
    } else {
        MBEDTLS_MPI_CHK(mbedtls_mpi_read_binary(&value, base, length));
        MBEDTLS_MPI_CHK(mbedtls_mpi_add_int(&value, &value, 1)); // so that p-1 is refused as p is
        bool valid = mbedtls_mpi_cmp_int(&value, 2) > 0 && mbedtls_mpi_cmp_mpi(&value, &prime) < 0;
        MBEDTLS_MPI_CHK(valid ? 0 : MBEDTLS_ERR_ECP_INVALID_KEY);
        MBEDTLS_MPI_CHK(mbedtls_mpi_sub_int(&value, &value, 1));
    }
    MBEDTLS_MPI_CHK(mbedtls_mpi_read_binary(&exponent, key->secret, key->secret_length));
    MBEDTLS_MPI_CHK(mbedtls_mpi_exp_mod(&value, &value, &exponent, &prime, NULL));
    MBEDTLS_MPI_CHK(mbedtls_mpi_write_binary(&value, result, length));
cleanup:
    mbedtls_mpi_free(&prime);
    mbedtls_mpi_free(&exponent);
    mbedtls_mpi_free(&value);
    arena_end();
    return key_error(ret);
}

// Octets 0x04, X, Y of a point (SEC 1 section 2.3.3); of X25519 the u coordinate alone, from [1] on.
#define POINT_MAX (1 + 96)

// octets = secret * peer; peer NULL: the curve's base point. octets has room for POINT_MAX.
static int multiply(const struct key_agreement *key, const uint8_t *peer, uint8_t *octets) {
    if (arena_begin(ARENA) != 0) {
        return KEY_ERROR_MEMORY;
    }
    mbedtls_ecp_group_id curve = kinds[key->kind].curve;
    size_t length = kinds[key->kind].public_length;
    uint8_t *start = curve == MBEDTLS_ECP_DP_CURVE25519 ? octets + 1 : octets;
    mbedtls_ecp_keypair pair;
    mbedtls_ecp_group group;
    mbedtls_mpi scalar;
    mbedtls_ecp_point point;
    mbedtls_ecp_keypair_init(&pair);
    mbedtls_ecp_group_init(&group);
    mbedtls_mpi_init(&scalar);
    mbedtls_ecp_point_init(&point);
    int ret;
    MBEDTLS_MPI_CHK(mbedtls_ecp_group_load(&group, curve));
    // This reader masks the secret as RFC 7748 section 5 does, or checks it against the order.
    MBEDTLS_MPI_CHK(mbedtls_ecp_read_key(curve, &pair, key->secret, key->secret_length));
    MBEDTLS_MPI_CHK(mbedtls_ecp_export(&pair, NULL, &scalar, NULL));
    if (peer == NULL) {
        MBEDTLS_MPI_CHK(mbedtls_ecp_copy(&point, &group.G));
    } else {
        octets[0] = 0x04;
        memcpy(octets + 1, peer, length);
        MBEDTLS_MPI_CHK(mbedtls_ecp_point_read_binary(
            &group, &point, start, length + (size_t)(octets + 1 - start)));
        // Coordinates below p, on the curve; of X25519 none of the points of small order.
        MBEDTLS_MPI_CHK(mbedtls_ecp_check_pubkey(&group, &point));
    }
    MBEDTLS_MPI_CHK(mbedtls_ecp_mul(&group, &point, &scalar, &point, crypto_random, NULL));
    size_t written;
    MBEDTLS_MPI_CHK(mbedtls_ecp_point_write_binary(&group, &point, MBEDTLS_ECP_PF_UNCOMPRESSED,
        &written, start, POINT_MAX - (size_t)(start - octets)));
cleanup:
    mbedtls_ecp_point_free(&point);
    mbedtls_mpi_free(&scalar);
    mbedtls_ecp_group_free(&group);
    mbedtls_ecp_keypair_free(&pair);
    arena_end();
    return key_error(ret);
}

// Make a secret of `kind`; exponent_bits: 256 or 512 for KEY_DH2K and KEY_DH3K, else without meaning.
// 0, or KEY_ERROR_SECRET (exponent_bits), KEY_ERROR_MEMORY, KEY_ERROR_RANDOM: key is erased then.
int key_agreement_generate(struct key_agreement *key, int kind, unsigned exponent_bits) {
    uint8_t secret[KEY_SECRET_MAX];
    size_t length = secret_length(kind, exponent_bits);
    int result;
    if (length == 0) {
        result = KEY_ERROR_SECRET;
    } else if (kinds[kind].prime != NULL || kind == KEY_X255) {
        result = crypto_random(NULL, secret, length) == 0 ? 0 : KEY_ERROR_RANDOM;
    } else {
        mbedtls_ecp_group group;
        mbedtls_mpi scalar;
        mbedtls_ecp_group_init(&group);
        mbedtls_mpi_init(&scalar);
        int ret;
        MBEDTLS_MPI_CHK(mbedtls_ecp_group_load(&group, kinds[kind].curve));
        MBEDTLS_MPI_CHK(mbedtls_ecp_gen_privkey(&group, &scalar, crypto_random, NULL));
        MBEDTLS_MPI_CHK(mbedtls_mpi_write_binary(&scalar, secret, length));
    cleanup:
        mbedtls_mpi_free(&scalar);
        mbedtls_ecp_group_free(&group);
        result = key_error(ret);
    }
    if (result == 0) {
        result = key_agreement_set_secret(key, kind, exponent_bits, secret, length);
    }
    if (result != 0) {
        key_agreement_erase(key);
    }
    mbedtls_platform_zeroize(secret, sizeof(secret));
    return result;
}

// Take a given secret: octets of an exponent or scalar, big-endian; KEY_X255 as in RFC 7748.
// KEY_ERROR_SECRET: another length than the kind has; key is erased then.
int key_agreement_set_secret(struct key_agreement *key, int kind, unsigned exponent_bits,
    const uint8_t *secret, size_t length) {
    key_agreement_erase(key);
    if (length == 0 || length != secret_length(kind, exponent_bits)) {
        return KEY_ERROR_SECRET;
    }
    key->kind = (uint8_t)kind;
    memcpy(key->secret, secret, length);
    key->secret_length = (uint8_t)length;
    return 0;
}

// Write our public value: key_agreement_public_length() octets. KEY_ERROR_SECRET: erased, or a given
// scalar that is 0 or not below the curve's order; KEY_ERROR_MEMORY, KEY_ERROR_RANDOM.
int key_agreement_public(const struct key_agreement *key, uint8_t *public_value) {
    if (key->secret_length == 0) {
        return KEY_ERROR_SECRET;
    }
    int result;
    if (kinds[key->kind].prime != NULL) {
        result = power(key, NULL, public_value);
    } else {
        uint8_t point[POINT_MAX];
        result = multiply(key, NULL, point);
        memcpy(public_value, point + 1, kinds[key->kind].public_length);
    }
    return result == KEY_ERROR_PUBLIC ? KEY_ERROR_SECRET : result; // there is no peer's value here
}

// Write DHResult (RFC 6189 section 4.4.1.4) for the peer's public value: key_agreement_result_length()
// octets. KEY_ERROR_PUBLIC: a value that must be refused; KEY_ERROR_SECRET: erased; KEY_ERROR_MEMORY,
// KEY_ERROR_RANDOM. The key stays as it is; result is unspecified after an error.
int key_agreement_agree(
    const struct key_agreement *key, const uint8_t *peer, size_t peer_length, uint8_t *result) {
    if (key->secret_length == 0) {
        return KEY_ERROR_SECRET;
    }
    if (peer_length != kinds[key->kind].public_length) {
        return KEY_ERROR_PUBLIC;
    }
    if (kinds[key->kind].prime != NULL) {
        return power(key, peer, result);
    }
    uint8_t point[POINT_MAX];
    size_t length = kinds[key->kind].result_length;
    int error = multiply(key, peer, point);
    if (error == 0) {
        uint8_t any = 0;
        for (size_t i = 0; i < length; i++) {
            result[i] = point[1 + i];
            any |= point[1 + i];
        }
        if (key->kind == KEY_X255 && any == 0) { // RFC 7748 section 6.1
            error = KEY_ERROR_PUBLIC;
        }
    }
    mbedtls_platform_zeroize(point, sizeof(point));
    return error;
}

// Overwrite the secret.
void key_agreement_erase(struct key_agreement *key) {
    mbedtls_platform_zeroize(key->secret, sizeof(key->secret));
    key->secret_length = 0;
}
