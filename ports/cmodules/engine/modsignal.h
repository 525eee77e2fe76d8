// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// A level that the engine raises, as a Python object that select.poll and asyncio can wait for.

#ifndef VOX6_MODSIGNAL_H
#define VOX6_MODSIGNAL_H

#include "engine/engine.h"
#include "py/obj.h"

typedef struct signal_obj {
    mp_obj_base_t base;
    engine_signal *signal;
} signal_obj;

// Methods: raised() -> bool, clear(). Pollable for reading while raised. It has no constructor: a
// module makes static ones, {{&signal_type}, &level}, or allocates them.
extern const mp_obj_type_t signal_type;

// MP_STREAM_POLL and MP_STREAM_GET_FILENO for an object that is readable while signal is raised and
// always writable; MP_STREAM_ERROR with *errcode for another request.
mp_uint_t signal_ioctl(
    const engine_signal *signal, mp_uint_t request, uintptr_t arg, int *errcode);

#endif
