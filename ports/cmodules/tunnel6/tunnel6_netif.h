// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The tunnel as an interface of lwIP, over an IPv4 endpoint of net6. No lwIP headers here.

#ifndef VOX6_TUNNEL6_NETIF_H
#define VOX6_TUNNEL6_NETIF_H

#include "tunnel6/tunnel6_core.h"

// VM context, all.

// Starts the core and adds the interface, down. Idempotent; those below call it. 0 or a negative errno.
int tunnel6_prepare(void);

// The endpoint that carries the tunnel from now on; NULL: none. -EAFNOSUPPORT: not of IPv4.
int tunnel6_attach(struct net6_endpoint *endpoint);

// tunnel6_configure() of the core, and the interface with that address. 0 or a negative errno.
int tunnel6_set_address(
    const uint8_t *address, const uint8_t server[16], uint16_t port, const uint8_t keepalive[16]);

// Whether new flows prefer the tunnel's address, or it is deprecated.
void tunnel6_prefer(bool preferred);

// Soft reset: no endpoint, no address, preferred again. Before net6_close_all().
void tunnel6_stop(void);

// Implemented by the port: the tunnel goes up or down, so lwIP's clock is needed or not. Within
// engine_enter(). 0 or a negative errno.
int tunnel6_port_run(bool up);

#endif
