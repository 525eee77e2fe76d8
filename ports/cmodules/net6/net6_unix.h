// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// net6's backend on unix: the kernel's sockets, and lwIP for the tunnel inside this process.

#ifndef VOX6_NET6_UNIX_H
#define VOX6_NET6_UNIX_H

#include "net6/net6_core.h"

extern const struct net6_backend net6_unix;
extern const struct net6_streams net6_unix_streams; // net6_stream_unix.c

// Whether the kernel reaches a destination by itself: on a link, ourselves, the site. Within
// engine_enter().
bool net6_unix_is_near(const uint8_t address[16]);

#endif
