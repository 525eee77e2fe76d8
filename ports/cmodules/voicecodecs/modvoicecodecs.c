// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Python module voicecodecs: see voicecodecs.pyi.

#include <string.h>

#include "py/obj.h"
#include "py/objstr.h"
#include "py/runtime.h"

#include "voicecodecs/voicecodecs_core.h"

typedef struct {
    mp_obj_base_t base;
    const struct voice_codec *codec;
    struct voice_state encoder;
    struct voice_state decoder;
} codec_obj_t;

static mp_obj_t codec_reset(mp_obj_t self_in) {
    codec_obj_t *self = MP_OBJ_TO_PTR(self_in);
    self->codec->start_encoder(&self->encoder);
    self->codec->start_decoder(&self->decoder);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(codec_reset_obj, codec_reset);

static mp_obj_t codec_make_new(
    const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    size_t length;
    const char *name = mp_obj_str_get_data(args[0], &length);
    int index = voice_codec_find(name, length, 0);
    if (index < 0 || voice_codecs[index].octets_per_tick == 0) { // Opus is the engine's alone
        mp_raise_ValueError(MP_ERROR_TEXT("codec"));
    }
    codec_obj_t *self = mp_obj_malloc(codec_obj_t, type);
    self->codec = &voice_codecs[index];
    codec_reset(MP_OBJ_FROM_PTR(self));
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t codec_encode_into(mp_obj_t self_in, mp_obj_t samples_in, mp_obj_t octets_in) {
    codec_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_buffer_info_t samples, octets;
    mp_get_buffer_raise(samples_in, &samples, MP_BUFFER_READ);
    mp_get_buffer_raise(octets_in, &octets, MP_BUFFER_WRITE);
    size_t per_tick = self->codec->rate / VOICE_TICKS_PER_SECOND;
    size_t ticks = samples.len / 2 / per_tick;
    if (samples.len != 2 * per_tick * ticks || octets.len < ticks * self->codec->octets_per_tick
        || ((uintptr_t)samples.buf & 1) != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("buffer size"));
    }
    size_t written = self->codec->encode(&self->encoder, samples.buf, samples.len / 2, octets.buf);
    return MP_OBJ_NEW_SMALL_INT(written);
}
static MP_DEFINE_CONST_FUN_OBJ_3(codec_encode_into_obj, codec_encode_into);

static mp_obj_t codec_decode_into(mp_obj_t self_in, mp_obj_t octets_in, mp_obj_t samples_in) {
    codec_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_buffer_info_t samples, octets;
    mp_get_buffer_raise(octets_in, &octets, MP_BUFFER_READ);
    mp_get_buffer_raise(samples_in, &samples, MP_BUFFER_WRITE);
    size_t per_tick = self->codec->rate / VOICE_TICKS_PER_SECOND;
    size_t ticks = octets.len / self->codec->octets_per_tick;
    if (octets.len != ticks * self->codec->octets_per_tick || samples.len / 2 < ticks * per_tick
        || ((uintptr_t)samples.buf & 1) != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("buffer size"));
    }
    size_t written = self->codec->decode(&self->decoder, octets.buf, octets.len, samples.buf);
    return MP_OBJ_NEW_SMALL_INT(written);
}
static MP_DEFINE_CONST_FUN_OBJ_3(codec_decode_into_obj, codec_decode_into);

static void codec_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    codec_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    if (attr == MP_QSTR_name) {
        dest[0] = mp_obj_new_str(self->codec->name, strlen(self->codec->name));
    } else if (attr == MP_QSTR_rate) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->codec->rate);
    } else if (attr == MP_QSTR_clock) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->codec->clock);
    } else if (attr == MP_QSTR_payload_type) {
        bool is_static = self->codec->payload_type < VOICE_DYNAMIC;
        dest[0] = is_static ? MP_OBJ_NEW_SMALL_INT(self->codec->payload_type) : mp_const_none;
    } else {
        dest[1] = MP_OBJ_SENTINEL; // the methods
    }
}

static const mp_rom_map_elem_t codec_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_encode_into), MP_ROM_PTR(&codec_encode_into_obj) },
    { MP_ROM_QSTR(MP_QSTR_decode_into), MP_ROM_PTR(&codec_decode_into_obj) },
    { MP_ROM_QSTR(MP_QSTR_reset), MP_ROM_PTR(&codec_reset_obj) },
};
static MP_DEFINE_CONST_DICT(codec_locals, codec_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(codec_type, MP_QSTR_Codec, MP_TYPE_FLAG_NONE, make_new,
    codec_make_new, attr, codec_attr, locals_dict, &codec_locals);

static const mp_rom_obj_tuple_t codecs_tuple = {
    { &mp_type_tuple },
    4,
    { MP_ROM_QSTR(MP_QSTR_PCMU), MP_ROM_QSTR(MP_QSTR_PCMA), MP_ROM_QSTR(MP_QSTR_G722),
        MP_ROM_QSTR(MP_QSTR_L16) },
};

static const mp_rom_map_elem_t voicecodecs_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_voicecodecs) },
    { MP_ROM_QSTR(MP_QSTR_Codec), MP_ROM_PTR(&codec_type) },
    { MP_ROM_QSTR(MP_QSTR_CODECS), MP_ROM_PTR(&codecs_tuple) },
};
static MP_DEFINE_CONST_DICT(voicecodecs_globals, voicecodecs_globals_table);

const mp_obj_module_t voicecodecs_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&voicecodecs_globals,
};

MP_REGISTER_MODULE(MP_QSTR_voicecodecs, voicecodecs_module);
