// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The Ethernet interface of a board below net6: autoconfiguration, addresses, name servers.

#ifndef VOX6_NET6_NIC_H
#define VOX6_NET6_NIC_H

#include "lwip/netif.h"

// Empties the NIC into netif->input. Engine context.
typedef void (*net6_nic_drain)(struct netif *netif);

// Starts lwIP and the interface: link-local address, router solicitation, stateless autoconfiguration
// (RFC 4861, RFC 4862). Once, within engine_enter(). Returns 0 or a negative errno.
int net6_nic_start(netif_init_fn init, net6_nic_drain drain);

// One turn of the engine: NIC drain, lwIP input, lwIP's timers that are due. Engine context.
void net6_nic_poll(void);

// Registers NIC and tunnel as net6's backend (net6_init). VM context, before the first endpoint.
int net6_nic_init(void);

// The interface, NULL before the start.
struct netif *net6_nic(void);

// Turns neighbour discovery's clock back to a whole interval (net6_turn.c).
void net6_turn_restart_nd6(void);

#endif
