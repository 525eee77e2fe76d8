// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Which lwIP interface a packet leaves by: the NIC's or the tunnel's (design.md section 5).

#ifndef VOX6_NET6_ROUTE_H
#define VOX6_NET6_ROUTE_H

#include <stdbool.h>

#include "lwip/netif.h"

// The interfaces; NULL: there is none. Within engine_enter().
void net6_route_set_nic(struct netif *nic);
void net6_route_set_tunnel(struct netif *tunnel);
struct netif *net6_route_nic(void);
// Whether new flows prefer the tunnel; its address is shown as deprecated otherwise.
void net6_route_prefer_tunnel(bool preferred);

// The slot of the tunnel's only address: not 0, for which lwIP would solicit routers.
#define NET6_TUNNEL_SLOT (1)

#endif
