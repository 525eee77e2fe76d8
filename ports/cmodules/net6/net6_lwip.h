// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Backend "lwip-nic": net6 over lwIP with one Ethernet interface of the port.

#ifndef VOX6_NET6_LWIP_H
#define VOX6_NET6_LWIP_H

#include "lwip/netif.h"

// Empties the NIC into netif->input. Engine context.
typedef void (*net6_lwip_drain)(struct netif *netif);

// Starts lwIP and the interface: link-local address, router solicitation, stateless autoconfiguration
// (RFC 4861, RFC 4862). Once, within engine_enter(). Returns 0 or a negative errno.
int net6_lwip_start(netif_init_fn init, net6_lwip_drain drain);

// One turn of the engine: NIC drain, lwIP input, lwIP's timers that are due. Engine context.
void net6_lwip_poll(void);

// Registers this backend with net6 (net6_init). VM context, before the first endpoint.
int net6_lwip_init(void);

#endif
