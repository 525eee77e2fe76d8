// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Choice of the interface for lwIP (LWIP_HOOK_IP6_ROUTE). lwIP alone would send all through the NIC as
// soon as a router is there, whatever the source address is.

#include "net6/net6_route.h"

#include <string.h>

#include "lwip/ip6.h"
#include "lwip_hooks.h"
#include "net6/net6_lwip.h"

static struct netif *nic, *tunnel;
static bool prefers_tunnel = true;

void net6_route_set_nic(struct netif *netif) {
    nic = netif;
}

void net6_route_set_tunnel(struct netif *netif) {
    tunnel = netif;
}

struct netif *net6_route_nic(void) {
    return nic;
}

void net6_route_prefer_tunnel(bool preferred) {
    prefers_tunnel = preferred;
}

bool net6_tunnel_is_up(void) {
    return tunnel != NULL && netif_is_up(tunnel)
        && ip6_addr_isvalid(netif_ip6_addr_state(tunnel, NET6_TUNNEL_SLOT));
}

bool net6_tunnel_is_preferred(void) {
    return prefers_tunnel && net6_tunnel_is_up();
}

bool net6_tunnel_is(const uint8_t address[16]) {
    return net6_tunnel_is_up()
        && memcmp(netif_ip6_addr(tunnel, NET6_TUNNEL_SLOT)->addr, address, 16) == 0;
}

bool net6_tunnel_address(struct net6_address *address) {
    if (!net6_tunnel_is_up()) {
        return false;
    }
    memset(address, 0, sizeof(*address));
    memcpy(address->address, netif_ip6_addr(tunnel, NET6_TUNNEL_SLOT)->addr, 16);
    address->prefix_length = 128;
    address->state = prefers_tunnel ? NET6_PREFERRED : NET6_DEPRECATED;
    address->preferred_s = prefers_tunnel ? NET6_FOREVER : 0;
    address->valid_s = NET6_FOREVER;
    address->scope = NET6_TUNNEL_SCOPE;
    return true;
}

static bool has(struct netif *netif, const ip6_addr_t *address) {
    return netif != NULL && netif_get_ip6_addr_match(netif, address) >= 0;
}

// Whether the NIC has an address with which it reaches destinations of this kind.
static bool nic_reaches(const ip6_addr_t *dest) {
    if (nic == NULL || !netif_is_up(nic) || !netif_is_link_up(nic)) {
        return false;
    }
    for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (ip6_addr_isvalid(netif_ip6_addr_state(nic, i))) {
            const ip6_addr_t *address = netif_ip6_addr(nic, i);
            bool unique_local = ip6_addr_isuniquelocal(address);
            if (ip6_addr_isuniquelocal(dest) ? unique_local
                                             : !unique_local && !ip6_addr_islinklocal(address)) {
                return true;
            }
        }
    }
    return false;
}

/// The interface for a packet; NULL: lwIP's own choice, which then is the NIC. Neither address belongs
/// to one link alone. src: all zero if it is still to be chosen.
struct netif *net6_lwip_route(const ip6_addr_t *src, const ip6_addr_t *dest) {
    if (!net6_tunnel_is_up()) {
        return NULL;
    }
    if (has(tunnel, dest)) {
        return tunnel; // to ourselves, whatever the source
    }
    if (has(nic, dest) || ip6_addr_isloopback(dest)) {
        return NULL;
    }
    if (!ip6_addr_isany(src)) {
        return has(tunnel, src) ? tunnel : NULL;
    }
    if (ip6_addr_ismulticast(dest)) {
        return NULL;
    }
    bool by_nic = nic_reaches(dest);
    if (prefers_tunnel && !ip6_addr_isuniquelocal(dest)) {
        by_nic = false;
    }
    return by_nic ? NULL : tunnel;
}
