// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_TUNNEL6_IPV4_LWIP_H
#define VOX6_TUNNEL6_IPV4_LWIP_H

// One look whether the lease has come or gone, at each turn of the engine.
void tunnel6_ipv4_poll(void);

#endif
