// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What the two files of the binding share.

#ifndef VOX6_MEDIA_MODMEDIA_H
#define VOX6_MEDIA_MODMEDIA_H

#include "media/media_core.h"
#include "py/obj.h"

typedef struct modmedia_stream {
    mp_obj_base_t base;
    struct media_stream *stream; // NULL: closed
    mp_obj_t rtp; // kept alive: media reads them
    mp_obj_t rtcp;
} modmedia_stream;

extern const mp_obj_type_t modmedia_stream_type;

// Raises ValueError for -EINVAL, OSError for any other negative errno.
mp_obj_t modmedia_check(int result);
int modmedia_get_codec(mp_obj_t name, uint32_t clock);
uint32_t modmedia_get_bounded(mp_obj_t value, mp_int_t most);
void modmedia_put(mp_obj_t dict, qstr name, uint32_t value);

#endif
