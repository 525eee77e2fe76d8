// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// _crypto.KeyPair (_crypto.pyi). The secret lies in the object itself, which the collector never
// moves; erase() and the finaliser overwrite it.

#include <string.h>

#include "crypto/key_agreement.h"
#include "crypto/modcrypto.h"
#include "py/mperrno.h"
#include "py/runtime.h"

typedef struct {
    mp_obj_base_t base;
    mp_obj_t public_value; // bytes
    struct key_agreement key;
} key_pair_obj;

static void raise_error(int error) {
    switch (error) {
        case 0:
            return;
        case KEY_ERROR_PUBLIC:
            mp_raise_ValueError(MP_ERROR_TEXT("invalid public value"));
        case KEY_ERROR_MEMORY:
            mp_raise_msg(&mp_type_MemoryError, MP_ERROR_TEXT("no memory for big numbers"));
        case KEY_ERROR_RANDOM:
            mp_raise_OSError(MP_EIO);
        default:
            mp_raise_ValueError(MP_ERROR_TEXT("no such secret, or erased"));
    }
}

static mp_obj_t key_pair_make_new(
    const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 3, false);
    int kind = key_agreement_find(mp_obj_str_get_str(args[0]));
    if (kind < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("unknown key agreement"));
    }
    mp_int_t bits = n_args > 1 ? mp_obj_get_int(args[1]) : 256;
    unsigned exponent_bits = bits < 0 || bits > 512 ? 0 : (unsigned)bits;
    key_pair_obj *self = mp_obj_malloc_with_finaliser(key_pair_obj, type);
    self->public_value = mp_const_none;
    memset(&self->key, 0, sizeof(self->key));
    if (n_args > 2 && args[2] != mp_const_none) {
        mp_buffer_info_t secret;
        mp_get_buffer_raise(args[2], &secret, MP_BUFFER_READ);
        raise_error(
            key_agreement_set_secret(&self->key, kind, exponent_bits, secret.buf, secret.len));
    } else {
        raise_error(key_agreement_generate(&self->key, kind, exponent_bits));
    }
    vstr_t out;
    vstr_init_len(&out, key_agreement_public_length(kind));
    raise_error(key_agreement_public(&self->key, (uint8_t *)out.buf));
    self->public_value = mp_obj_new_bytes_from_vstr(&out);
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t key_pair_agree(mp_obj_t self_in, mp_obj_t peer_in) {
    key_pair_obj *self = MP_OBJ_TO_PTR(self_in);
    mp_buffer_info_t peer;
    mp_get_buffer_raise(peer_in, &peer, MP_BUFFER_READ);
    vstr_t out;
    vstr_init_len(&out, key_agreement_result_length(self->key.kind));
    raise_error(key_agreement_agree(&self->key, peer.buf, peer.len, (uint8_t *)out.buf));
    return mp_obj_new_bytes_from_vstr(&out);
}
static MP_DEFINE_CONST_FUN_OBJ_2(key_pair_agree_obj, key_pair_agree);

static mp_obj_t key_pair_erase(mp_obj_t self_in) {
    key_pair_obj *self = MP_OBJ_TO_PTR(self_in);
    key_agreement_erase(&self->key);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(key_pair_erase_obj, key_pair_erase);

static void key_pair_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    key_pair_obj *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return; // nothing can be stored
    }
    if (attr == MP_QSTR_name) {
        dest[0] = MP_OBJ_NEW_QSTR(qstr_from_str(key_agreement_name(self->key.kind)));
    } else if (attr == MP_QSTR_public) {
        dest[0] = self->public_value;
    } else {
        dest[1] = MP_OBJ_SENTINEL; // look among the methods
    }
}

static const mp_rom_map_elem_t key_pair_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&key_pair_erase_obj) },
    { MP_ROM_QSTR(MP_QSTR_agree), MP_ROM_PTR(&key_pair_agree_obj) },
    { MP_ROM_QSTR(MP_QSTR_erase), MP_ROM_PTR(&key_pair_erase_obj) },
};
static MP_DEFINE_CONST_DICT(key_pair_locals, key_pair_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(crypto_key_pair_type, MP_QSTR_KeyPair, MP_TYPE_FLAG_NONE, make_new,
    key_pair_make_new, attr, key_pair_attr, locals_dict, &key_pair_locals);
