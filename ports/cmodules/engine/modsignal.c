// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#include "engine/modsignal.h"

#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"

mp_uint_t signal_ioctl(
    const engine_signal *signal, mp_uint_t request, uintptr_t arg, int *errcode) {
    if (request == MP_STREAM_POLL) {
        return arg & (MP_STREAM_POLL_WR | (signal->raised ? MP_STREAM_POLL_RD : 0));
    }
    if (request == MP_STREAM_GET_FILENO && signal->fd >= 0) {
        return (mp_uint_t)signal->fd;
    }
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}

static mp_uint_t object_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    signal_obj *self = MP_OBJ_TO_PTR(self_in);
    return signal_ioctl(self->signal, request, arg, errcode);
}

static mp_obj_t signal_raised(mp_obj_t self_in) {
    signal_obj *self = MP_OBJ_TO_PTR(self_in);
    return mp_obj_new_bool(self->signal->raised != 0);
}
static MP_DEFINE_CONST_FUN_OBJ_1(signal_raised_obj, signal_raised);

static mp_obj_t signal_clear(mp_obj_t self_in) {
    signal_obj *self = MP_OBJ_TO_PTR(self_in);
    engine_signal_clear(self->signal);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(signal_clear_obj, signal_clear);

static const mp_rom_map_elem_t signal_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_raised), MP_ROM_PTR(&signal_raised_obj) },
    { MP_ROM_QSTR(MP_QSTR_clear), MP_ROM_PTR(&signal_clear_obj) },
};
static MP_DEFINE_CONST_DICT(signal_locals, signal_locals_table);

static const mp_stream_p_t signal_stream = {
    .ioctl = object_ioctl,
};

MP_DEFINE_CONST_OBJ_TYPE(signal_type, MP_QSTR_Signal, MP_TYPE_FLAG_NONE, protocol, &signal_stream,
    locals_dict, &signal_locals);
