// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// net6 on the kernel alone.

#ifndef VOX6_NET6_ROUTER_H
#define VOX6_NET6_ROUTER_H

#include "net6/net6_core.h"

extern const struct net6_backend net6_router;

#endif
