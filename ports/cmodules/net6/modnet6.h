// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_MODNET6_H
#define VOX6_MODNET6_H

#include "net6/net6_core.h"
#include "py/obj.h"

// The struct net6_endpoint behind an open net6.Endpoint; NULL for anything else. It stays valid
// while a receiver is set, even if the Python object closes.
void *net6_endpoint_of(mp_obj_t object);

// Raises TypeError or ValueError if object is not a buffer of 16 octets. The octets are object's own.
const uint8_t *net6_get_address(mp_obj_t object);

// A port of 0..65535, else ValueError.
uint16_t net6_get_port(mp_obj_t object);

extern const mp_obj_type_t net6_stream_type, net6_listener_type; // modnet6_stream.c
MP_DECLARE_CONST_FUN_OBJ_0(net6_counters_obj);

#endif
