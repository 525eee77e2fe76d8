// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Endpoints over lwIP. Everything here runs in the engine context or within engine_enter().

#include "net6/net6_lwip.h"

#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "lwip/ip6.h"
#include "lwip/mld6.h"
#include "lwip/udp.h"
#include "net6/net6_lwip_address.h"
#include "net6/net6_route.h"

#define GROUPS (8) // multicast groups that endpoints have joined
#define LOCAL_PORT_FIRST (0xc000) // of those that are drawn at random (RFC 6056 section 3.3.1)
#define LOCAL_PORT_TRIES (16)

#if LWIP_IPV6_MLD
static struct {
    struct net6_endpoint *endpoint;
    struct netif *netif;
    ip6_addr_t group;
} groups[GROUPS];
#endif

// ---------------------------------------------------------------------------------------------
// Addresses: net6 carries the interface index in octets 2 and 3 (KAME), lwIP in a zone.

void net6_to_lwip(ip6_addr_t *to, const uint8_t from[16]) {
    memcpy(to->addr, from, 16);
    ip6_addr_clear_zone(to);
    if (net6_is_scoped(from)) {
        ip6_addr_set_zone(to, from[2] << 8 | from[3]);
        to->addr[0] &= PP_HTONL(0xffff0000);
        if (to->zone == IP6_NO_ZONE && net6_route_nic() != NULL) {
            ip6_addr_set_zone(to, netif_get_index(net6_route_nic()));
        }
    }
}

void net6_from_lwip(uint8_t to[16], const ip6_addr_t *from) {
    memcpy(to, from->addr, 16);
    if (net6_is_scoped(to)) {
        to[2] = 0;
        to[3] = ip6_addr_zone(from);
    }
}

void net6_to_ip(ip_addr_t *to, const uint8_t from[16]) {
#if LWIP_IPV4
    if (net6_is_v4_mapped(from)) {
        IP_SET_TYPE_VAL(*to, IPADDR_TYPE_V4);
        memcpy(&ip_2_ip4(to)->addr, from + 12, 4);
        return;
    }
    IP_SET_TYPE_VAL(*to, IPADDR_TYPE_V6);
#endif
    net6_to_lwip(ip_2_ip6(to), from);
}

#if LWIP_IPV4
static void from_v4(uint8_t to[16], const ip4_addr_t *from) {
    memset(to, 0, 10);
    to[10] = to[11] = 0xff;
    memcpy(to + 12, &from->addr, 4);
}
#endif

int net6_lwip_errno(err_t error) {
    switch (error) {
        case ERR_OK:
            return 0;
        case ERR_MEM:
        case ERR_BUF:
            return -ENOBUFS;
        case ERR_RTE:
            return -ENETUNREACH;
        case ERR_USE:
            return -EADDRINUSE;
        case ERR_VAL:
        case ERR_ARG:
            return -EINVAL;
        default:
            return -EIO;
    }
}

// ---------------------------------------------------------------------------------------------

static void copy_pbuf(const void *source, size_t offset, uint8_t *to, size_t length) {
    pbuf_copy_partial(source, to, (u16_t)length, (u16_t)offset);
}

static void received(
    void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *addr, u16_t port) {
    struct net6_endpoint *endpoint = arg;
    struct net6_meta meta;
    (void)pcb;
#if LWIP_IPV4
    if (!ip_current_is_v6()) {
        from_v4(meta.peer, ip_2_ip4(addr));
        from_v4(meta.local, ip4_current_dest_addr());
        meta.traffic_class = IPH_TOS(ip4_current_header());
    } else
#endif
    {
        net6_from_lwip(meta.peer, ip_2_ip6(addr));
        net6_from_lwip(meta.local, ip6_current_dest_addr());
        meta.traffic_class = IP6H_TC(ip6_current_header());
    }
    meta.peer_port = port;
    meta.time_us = engine_time_us();
    if (p->next == NULL) {
        net6_deliver(endpoint, p->payload, p->len, &meta);
    } else {
        net6_deliver_from(endpoint, copy_pbuf, p, p->tot_len, &meta);
    }
    pbuf_free(p);
}

// Whether an address is one of ours.
bool net6_lwip_is_ours(const ip_addr_t *address) {
    struct netif *netif;
    NETIF_FOREACH(netif) {
#if LWIP_IPV4
        if (IP_IS_V4(address)) {
            if (ip4_addr_eq(ip_2_ip4(address), netif_ip4_addr(netif))) {
                return true;
            }
            continue;
        }
#endif
        if (netif_get_ip6_addr_match(netif, ip_2_ip6(address)) >= 0) {
            return true;
        }
    }
    return false;
}

static err_t bind_port(struct udp_pcb *pcb, const ip_addr_t *local, uint16_t port) {
    for (int i = 0; port == 0 && i < LOCAL_PORT_TRIES; i++) {
        uint16_t drawn = (uint16_t)(LOCAL_PORT_FIRST | (LWIP_RAND() & 0x3fff));
        if (udp_bind(pcb, local, drawn) == ERR_OK) {
            return ERR_OK;
        }
    }
    return udp_bind(pcb, local, port);
}

int net6_lwip_open(struct net6_endpoint *endpoint) {
    ip_addr_t local;
    net6_to_ip(&local, endpoint->local);
    if (!ip_addr_isany(&local) && !net6_lwip_is_ours(&local)) {
        return -EADDRNOTAVAIL;
    }
    struct udp_pcb *pcb = udp_new_ip_type(IP_GET_TYPE(&local));
    if (pcb == NULL) {
        return -ENOMEM;
    }
    err_t error = bind_port(pcb, &local, endpoint->port);
    if (error != ERR_OK) {
        udp_remove(pcb);
        return net6_lwip_errno(error);
    }
    pcb->tos = endpoint->traffic_class;
    endpoint->port = pcb->local_port;
    endpoint->pcb = pcb;
    udp_recv(pcb, received, endpoint);
    return 0;
}

void net6_lwip_close(struct net6_endpoint *endpoint) {
#if LWIP_IPV6_MLD
    for (int i = 0; i < GROUPS; i++) {
        if (groups[i].endpoint == endpoint) {
            mld6_leavegroup_netif(groups[i].netif, &groups[i].group);
            groups[i].endpoint = NULL;
        }
    }
#endif
    udp_remove(endpoint->pcb);
    endpoint->pcb = NULL;
}

// A packet to ourselves waits in an interface until the next turn.
void net6_lwip_wake_for_loops(void) {
    struct netif *netif;
    NETIF_FOREACH(netif) {
        if (netif->loop_first != NULL) {
            net6_lwip_wake();
            return;
        }
    }
}

static err_t send_from(struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *to, uint16_t port,
    const uint8_t *local) {
    ip_addr_t from;
    net6_to_ip(&from, local);
    if (IP_GET_TYPE(&from) != IP_GET_TYPE(to)) {
        return ERR_VAL;
    }
    if (!net6_lwip_is_ours(&from)) {
        return ERR_USE;
    }
    struct netif *netif = ip_route(&from, to);
    return netif == NULL ? ERR_RTE : udp_sendto_if_src(pcb, p, to, port, netif, &from);
}

int net6_lwip_send(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t peer[16], uint16_t port, const struct net6_way *way) {
    if (length > NET6_DATAGRAM_MAX) {
        return -EMSGSIZE;
    }
    struct udp_pcb *pcb = endpoint->pcb;
    ip_addr_t to;
    net6_to_ip(&to, peer);
    // The octets are referred to, not copied: the NIC takes them before the return, and lwIP copies
    // what it must keep for an unresolved neighbour.
    struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)length, PBUF_REF);
    if (p == NULL) {
        return -ENOBUFS;
    }
    p->payload = (void *)(uintptr_t)data;
    u8_t usual_ttl = pcb->ttl;
    pcb->ttl = way->hop_limit != 0 ? way->hop_limit : usual_ttl;
    pcb->tos = (u8_t)way->traffic_class;
    err_t error = way->local == NULL ? udp_sendto(pcb, p, &to, port)
                                     : send_from(pcb, p, &to, port, way->local);
    pcb->ttl = usual_ttl;
    pcb->tos = endpoint->traffic_class;
    pbuf_free(p);
    net6_lwip_wake_for_loops();
    return error == ERR_USE ? -EADDRNOTAVAIL : net6_lwip_errno(error);
}

int net6_lwip_set_traffic_class(struct net6_endpoint *endpoint) {
    ((struct udp_pcb *)endpoint->pcb)->tos = endpoint->traffic_class;
    return 0;
}

int net6_lwip_join(struct net6_endpoint *endpoint, const uint8_t group[16], uint32_t scope) {
#if LWIP_IPV6_MLD
    if (scope > 255) {
        return -EINVAL;
    }
    struct netif *netif = scope == 0 ? net6_route_nic() : netif_get_by_index((u8_t)scope);
    if (netif == NULL) {
        return -ENODEV;
    }
    for (int i = 0; i < GROUPS; i++) {
        if (groups[i].endpoint == NULL) {
            memcpy(groups[i].group.addr, group, 16);
            ip6_addr_clear_zone(&groups[i].group);
            if (net6_is_scoped(group)) {
                groups[i].group.addr[0] &= PP_HTONL(0xffff0000);
            }
            ip6_addr_assign_zone(&groups[i].group, IP6_MULTICAST, netif);
            err_t error = mld6_joingroup_netif(netif, &groups[i].group);
            if (error != ERR_OK) {
                return net6_lwip_errno(error);
            }
            groups[i].netif = netif;
            groups[i].endpoint = endpoint;
            return 0;
        }
    }
    return -ENOBUFS;
#else
    (void)endpoint;
    (void)group;
    (void)scope;
    return -EOPNOTSUPP; // no multicast in the tunnel
#endif
}
