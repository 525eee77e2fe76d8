// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Python module _crypto (_crypto.pyi) on mbedTLS. Contexts that mbedTLS would allocate are avoided:
// each hash has its plain context inside the Python object.

#include <string.h>

#include "crypto/modcrypto.h"
#include "crypto/random.h"
#include "mbedtls/aes.h"
#include "mbedtls/constant_time.h"
#include "mbedtls/md5.h"
#include "mbedtls/platform_util.h"
#include "mbedtls/sha1.h"
#include "mbedtls/sha256.h"
#include "mbedtls/sha512.h"
#include "py/mperrno.h"
#include "py/runtime.h"

#define DIGEST_MAX (48) // SHA-384
#define BLOCK_MAX (128) // SHA-384
#define RANDOM_MAX (1024) // octets of one call; keys and names are shorter by far

enum { HASH_MD5, HASH_SHA1, HASH_SHA256, HASH_SHA384, HASHES };

static const struct {
    const char *name;
    uint8_t digest_size;
    uint8_t block_size;
} hashes[HASHES] = {
    [HASH_MD5] = { "MD5", 16, 64 },
    [HASH_SHA1] = { "SHA-1", 20, 64 },
    [HASH_SHA256] = { "SHA-256", 32, 64 },
    [HASH_SHA384] = { "SHA-384", 48, 128 },
};

typedef union {
    mbedtls_md5_context md5;
    mbedtls_sha1_context sha1;
    mbedtls_sha256_context sha256;
    mbedtls_sha512_context sha512;
} hash_context;

static void hash_start(int kind, hash_context *context) {
    switch (kind) {
        case HASH_MD5:
            mbedtls_md5_init(&context->md5);
            mbedtls_md5_starts(&context->md5);
            break;
        case HASH_SHA1:
            mbedtls_sha1_init(&context->sha1);
            mbedtls_sha1_starts(&context->sha1);
            break;
        case HASH_SHA256:
            mbedtls_sha256_init(&context->sha256);
            mbedtls_sha256_starts(&context->sha256, 0);
            break;
        default:
            mbedtls_sha512_init(&context->sha512);
            mbedtls_sha512_starts(&context->sha512, 1);
            break;
    }
}

static void hash_update(int kind, hash_context *context, const uint8_t *data, size_t length) {
    switch (kind) {
        case HASH_MD5:
            mbedtls_md5_update(&context->md5, data, length);
            break;
        case HASH_SHA1:
            mbedtls_sha1_update(&context->sha1, data, length);
            break;
        case HASH_SHA256:
            mbedtls_sha256_update(&context->sha256, data, length);
            break;
        default:
            mbedtls_sha512_update(&context->sha512, data, length);
            break;
    }
}

// The context is spent after this. digest has room for DIGEST_MAX and 16 more.
static void hash_finish(int kind, hash_context *context, uint8_t *digest) {
    switch (kind) {
        case HASH_MD5:
            mbedtls_md5_finish(&context->md5, digest);
            break;
        case HASH_SHA1:
            mbedtls_sha1_finish(&context->sha1, digest);
            break;
        case HASH_SHA256:
            mbedtls_sha256_finish(&context->sha256, digest);
            break;
        default:
            mbedtls_sha512_finish(&context->sha512, digest);
            break;
    }
    mbedtls_platform_zeroize(context, sizeof(*context));
}

static int get_hash(mp_obj_t name_in) {
    const char *name = mp_obj_str_get_str(name_in);
    for (int kind = 0; kind < HASHES; kind++) {
        if (strcmp(name, hashes[kind].name) == 0) {
            return kind;
        }
    }
    mp_raise_ValueError(MP_ERROR_TEXT("unknown hash"));
}

typedef struct {
    mp_obj_base_t base;
    int kind;
    hash_context context;
} hash_obj;

static mp_obj_t hash_update_method(mp_obj_t self_in, mp_obj_t data_in) {
    hash_obj *self = MP_OBJ_TO_PTR(self_in);
    mp_buffer_info_t data;
    mp_get_buffer_raise(data_in, &data, MP_BUFFER_READ);
    hash_update(self->kind, &self->context, data.buf, data.len);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(hash_update_obj, hash_update_method);

static mp_obj_t hash_digest_method(mp_obj_t self_in) {
    hash_obj *self = MP_OBJ_TO_PTR(self_in);
    hash_context copy = self->context; // plain data: no pointers without hardware alternatives
    uint8_t digest[DIGEST_MAX + 16];
    hash_finish(self->kind, &copy, digest);
    return mp_obj_new_bytes(digest, hashes[self->kind].digest_size);
}
static MP_DEFINE_CONST_FUN_OBJ_1(hash_digest_obj, hash_digest_method);

static const mp_rom_map_elem_t hash_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_update), MP_ROM_PTR(&hash_update_obj) },
    { MP_ROM_QSTR(MP_QSTR_digest), MP_ROM_PTR(&hash_digest_obj) },
};
static MP_DEFINE_CONST_DICT(hash_locals, hash_locals_table);

static mp_obj_t hash_make_new(
    const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 2, false);
    int kind = get_hash(args[0]);
    hash_obj *self = mp_obj_malloc(hash_obj, type);
    self->kind = kind;
    hash_start(kind, &self->context);
    if (n_args > 1) {
        hash_update_method(MP_OBJ_FROM_PTR(self), args[1]);
    }
    return MP_OBJ_FROM_PTR(self);
}

static MP_DEFINE_CONST_OBJ_TYPE(hash_type, MP_QSTR_Hash, MP_TYPE_FLAG_NONE, make_new,
    hash_make_new, locals_dict, &hash_locals);

static mp_obj_t digest_of(int kind, mp_obj_t data_in) {
    mp_buffer_info_t data;
    mp_get_buffer_raise(data_in, &data, MP_BUFFER_READ);
    hash_context context;
    uint8_t digest[DIGEST_MAX + 16];
    hash_start(kind, &context);
    hash_update(kind, &context, data.buf, data.len);
    hash_finish(kind, &context, digest);
    return mp_obj_new_bytes(digest, hashes[kind].digest_size);
}

static mp_obj_t module_md5(mp_obj_t data) {
    return digest_of(HASH_MD5, data);
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_md5_obj, module_md5);

static mp_obj_t module_sha1(mp_obj_t data) {
    return digest_of(HASH_SHA1, data);
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_sha1_obj, module_sha1);

static mp_obj_t module_sha256(mp_obj_t data) {
    return digest_of(HASH_SHA256, data);
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_sha256_obj, module_sha256);

static mp_obj_t module_sha384(mp_obj_t data) {
    return digest_of(HASH_SHA384, data);
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_sha384_obj, module_sha384);

// HMAC (RFC 2104).
static mp_obj_t module_hmac(mp_obj_t name_in, mp_obj_t key_in, mp_obj_t data_in) {
    int kind = get_hash(name_in);
    mp_buffer_info_t key, data;
    mp_get_buffer_raise(key_in, &key, MP_BUFFER_READ);
    mp_get_buffer_raise(data_in, &data, MP_BUFFER_READ);
    hash_context context;
    uint8_t pad[BLOCK_MAX] = { 0 };
    uint8_t digest[DIGEST_MAX + 16];
    size_t block = hashes[kind].block_size;
    if (key.len > block) {
        hash_start(kind, &context);
        hash_update(kind, &context, key.buf, key.len);
        hash_finish(kind, &context, digest);
        memcpy(pad, digest, hashes[kind].digest_size);
    } else {
        memcpy(pad, key.buf, key.len);
    }
    for (size_t i = 0; i < block; i++) {
        pad[i] ^= 0x36;
    }
    hash_start(kind, &context);
    hash_update(kind, &context, pad, block);
    hash_update(kind, &context, data.buf, data.len);
    hash_finish(kind, &context, digest);
    for (size_t i = 0; i < block; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    hash_start(kind, &context);
    hash_update(kind, &context, pad, block);
    hash_update(kind, &context, digest, hashes[kind].digest_size);
    hash_finish(kind, &context, digest);
    mbedtls_platform_zeroize(pad, sizeof(pad));
    return mp_obj_new_bytes(digest, hashes[kind].digest_size);
}
static MP_DEFINE_CONST_FUN_OBJ_3(module_hmac_obj, module_hmac);

static void set_key(mbedtls_aes_context *aes, mp_obj_t key_in) {
    mp_buffer_info_t key;
    mp_get_buffer_raise(key_in, &key, MP_BUFFER_READ);
    mbedtls_aes_init(aes);
    if (key.len > 32 || mbedtls_aes_setkey_enc(aes, key.buf, (unsigned)key.len * 8) != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("a key has 16, 24 or 32 octets"));
    }
}

typedef struct {
    mp_obj_base_t base;
    mbedtls_aes_context aes;
} aes_obj;

static void get_block(mp_obj_t block_in, mp_buffer_info_t *block) {
    mp_get_buffer_raise(block_in, block, MP_BUFFER_READ);
    if (block->len != 16) {
        mp_raise_ValueError(MP_ERROR_TEXT("a block has 16 octets"));
    }
}

static mp_obj_t aes_encrypt_block(mp_obj_t self_in, mp_obj_t block_in) {
    aes_obj *self = MP_OBJ_TO_PTR(self_in);
    mp_buffer_info_t block;
    uint8_t out[16];
    get_block(block_in, &block);
    mbedtls_aes_crypt_ecb(&self->aes, MBEDTLS_AES_ENCRYPT, block.buf, out);
    return mp_obj_new_bytes(out, 16);
}
static MP_DEFINE_CONST_FUN_OBJ_2(aes_encrypt_block_obj, aes_encrypt_block);

static const mp_rom_map_elem_t aes_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_encrypt_block), MP_ROM_PTR(&aes_encrypt_block_obj) },
};
static MP_DEFINE_CONST_DICT(aes_locals, aes_locals_table);

static mp_obj_t aes_make_new(
    const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    aes_obj *self = mp_obj_malloc(aes_obj, type);
    set_key(&self->aes, args[0]);
    return MP_OBJ_FROM_PTR(self);
}

static MP_DEFINE_CONST_OBJ_TYPE(
    aes_type, MP_QSTR_AES, MP_TYPE_FLAG_NONE, make_new, aes_make_new, locals_dict, &aes_locals);

enum { MODE_CTR, MODE_CFB_ENCRYPT, MODE_CFB_DECRYPT };

static mp_obj_t crypt_data(int mode, mp_obj_t key_in, mp_obj_t iv_in, mp_obj_t data_in) {
    mp_buffer_info_t iv_buffer, data;
    get_block(iv_in, &iv_buffer);
    mp_get_buffer_raise(data_in, &data, MP_BUFFER_READ);
    vstr_t out;
    vstr_init_len(&out, data.len);
    mbedtls_aes_context aes;
    set_key(&aes, key_in);
    uint8_t iv[16], stream[16];
    size_t offset = 0;
    memcpy(iv, iv_buffer.buf, 16);
    if (mode == MODE_CTR) {
        mbedtls_aes_crypt_ctr(&aes, data.len, &offset, iv, stream, data.buf, (uint8_t *)out.buf);
    } else {
        int way = mode == MODE_CFB_ENCRYPT ? MBEDTLS_AES_ENCRYPT : MBEDTLS_AES_DECRYPT;
        mbedtls_aes_crypt_cfb128(&aes, way, data.len, &offset, iv, data.buf, (uint8_t *)out.buf);
    }
    mbedtls_aes_free(&aes);
    mbedtls_platform_zeroize(stream, sizeof(stream));
    return mp_obj_new_bytes_from_vstr(&out);
}

static mp_obj_t module_ctr(mp_obj_t key, mp_obj_t iv, mp_obj_t data) {
    return crypt_data(MODE_CTR, key, iv, data);
}
static MP_DEFINE_CONST_FUN_OBJ_3(module_ctr_obj, module_ctr);

static mp_obj_t module_cfb_encrypt(mp_obj_t key, mp_obj_t iv, mp_obj_t data) {
    return crypt_data(MODE_CFB_ENCRYPT, key, iv, data);
}
static MP_DEFINE_CONST_FUN_OBJ_3(module_cfb_encrypt_obj, module_cfb_encrypt);

static mp_obj_t module_cfb_decrypt(mp_obj_t key, mp_obj_t iv, mp_obj_t data) {
    return crypt_data(MODE_CFB_DECRYPT, key, iv, data);
}
static MP_DEFINE_CONST_FUN_OBJ_3(module_cfb_decrypt_obj, module_cfb_decrypt);

// CRC-32C (RFC 4960 appendix B) by halves of octets: a table of 64 octets is fast enough for a packet.
static mp_obj_t module_crc32c(mp_obj_t data_in) {
    static const uint32_t table[16] = {
        0x00000000,
        0x105ec76f,
        0x20bd8ede,
        0x30e349b1,
        0x417b1dbc,
        0x5125dad3,
        0x61c69362,
        0x7198540d,
        0x82f63b78,
        0x92a8fc17,
        0xa24bb5a6,
        0xb21572c9,
        0xc38d26c4,
        0xd3d3e1ab,
        0xe330a81a,
        0xf36e6f75,
    };
    mp_buffer_info_t data;
    mp_get_buffer_raise(data_in, &data, MP_BUFFER_READ);
    const uint8_t *octet = data.buf;
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < data.len; i++) {
        crc ^= octet[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    crc = ~crc;
    const uint8_t out[4] = { (uint8_t)crc, (uint8_t)(crc >> 8), (uint8_t)(crc >> 16),
        (uint8_t)(crc >> 24) };
    return mp_obj_new_bytes(out, sizeof(out));
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_crc32c_obj, module_crc32c);

static mp_obj_t module_random(mp_obj_t count_in) {
    mp_int_t count = mp_obj_get_int(count_in);
    if (count < 0 || count > RANDOM_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("out of range"));
    }
    vstr_t out;
    vstr_init_len(&out, (size_t)count);
    if (crypto_random(NULL, (unsigned char *)out.buf, (size_t)count) != 0) {
        mp_raise_OSError(MP_EIO);
    }
    return mp_obj_new_bytes_from_vstr(&out);
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_random_obj, module_random);

static mp_obj_t module_eq(mp_obj_t one_in, mp_obj_t two_in) {
    mp_buffer_info_t one, two;
    mp_get_buffer_raise(one_in, &one, MP_BUFFER_READ);
    mp_get_buffer_raise(two_in, &two, MP_BUFFER_READ);
    return mp_obj_new_bool(
        one.len == two.len && mbedtls_ct_memcmp(one.buf, two.buf, one.len) == 0);
}
static MP_DEFINE_CONST_FUN_OBJ_2(module_eq_obj, module_eq);

static const mp_rom_map_elem_t module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__crypto) },
    { MP_ROM_QSTR(MP_QSTR_Hash), MP_ROM_PTR(&hash_type) },
    { MP_ROM_QSTR(MP_QSTR_AES), MP_ROM_PTR(&aes_type) },
    { MP_ROM_QSTR(MP_QSTR_KeyPair), MP_ROM_PTR(&crypto_key_pair_type) },
    { MP_ROM_QSTR(MP_QSTR_md5), MP_ROM_PTR(&module_md5_obj) },
    { MP_ROM_QSTR(MP_QSTR_sha1), MP_ROM_PTR(&module_sha1_obj) },
    { MP_ROM_QSTR(MP_QSTR_sha256), MP_ROM_PTR(&module_sha256_obj) },
    { MP_ROM_QSTR(MP_QSTR_sha384), MP_ROM_PTR(&module_sha384_obj) },
    { MP_ROM_QSTR(MP_QSTR_hmac), MP_ROM_PTR(&module_hmac_obj) },
    { MP_ROM_QSTR(MP_QSTR_ctr), MP_ROM_PTR(&module_ctr_obj) },
    { MP_ROM_QSTR(MP_QSTR_cfb_encrypt), MP_ROM_PTR(&module_cfb_encrypt_obj) },
    { MP_ROM_QSTR(MP_QSTR_cfb_decrypt), MP_ROM_PTR(&module_cfb_decrypt_obj) },
    { MP_ROM_QSTR(MP_QSTR_crc32c), MP_ROM_PTR(&module_crc32c_obj) },
    { MP_ROM_QSTR(MP_QSTR_random), MP_ROM_PTR(&module_random_obj) },
    { MP_ROM_QSTR(MP_QSTR_eq), MP_ROM_PTR(&module_eq_obj) },
};
static MP_DEFINE_CONST_DICT(module_globals, module_globals_table);

const mp_obj_module_t crypto_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&module_globals,
};
MP_REGISTER_MODULE(MP_QSTR__crypto, crypto_module);
