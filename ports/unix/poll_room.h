// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Included by the Makefile before extmod/modselect.c. When its table of descriptors grows and moves, it
// moves the NULL of what has no descriptor too (a stream in the tunnel, one of TLS), and the next
// poll() or modify() of that writes anywhere. Here the table has room for all that a phone polls
// from the first entry on, and never moves.

#ifndef VOX6_POLL_ROOM_H
#define VOX6_POLL_ROOM_H

#include "py/mpconfig.h"
#include "py/misc.h"

#define VOX6_POLL_ROOM (64) // a phone polls some 20

#undef m_renew_maybe
#define m_renew_maybe(type, ptr, old_num, new_num, allow_move) \
    ((new_num) > VOX6_POLL_ROOM ? NULL : (ptr) != NULL ? (ptr) : m_new(type, VOX6_POLL_ROOM))

#endif
