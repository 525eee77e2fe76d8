// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// lwIP's interface "t6": no link layer, one address of /128, MTU 1280.

#include "tunnel6/tunnel6_netif.h"

#include <errno.h>
#include <string.h>

#include "lwip/ip6.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "net6/net6_lwip.h"
#include "net6/net6_route.h"

#define NO_ROUTER_BEHIND (254) // hop limit 255 would mean: from our own link (RFC 4861)

static struct netif tunnel;
static bool added;
static struct net6_endpoint *carrier;

static int send_outside(const uint8_t *data, size_t length, const uint8_t peer[16], uint16_t port,
    uint8_t traffic_class) {
    if (carrier == NULL) {
        return -ENETDOWN;
    }
    struct net6_way way = { .traffic_class = traffic_class };
    return net6_send(carrier, data, length, peer, port, &way);
}

/// A packet for lwIP, copied, as the datagram's octets are the endpoint's.
static bool input(const uint8_t *packet, size_t length) {
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)length, PBUF_POOL);
    if (p == NULL) {
        return false;
    }
    pbuf_take(p, packet, (u16_t)length);
    // Neighbour discovery is heard with 255 alone; behind extension headers, too, it ends here.
    struct ip6_hdr *header = p->payload;
    if (IP6H_HOPLIM(header) > NO_ROUTER_BEHIND) {
        IP6H_HOPLIM_SET(header, NO_ROUTER_BEHIND);
    }
    if (tunnel.input(p, &tunnel) != ERR_OK) {
        pbuf_free(p);
    }
    return true;
}

static err_t output(struct netif *netif, struct pbuf *p, const ip6_addr_t *destination) {
    static uint8_t joined[TUNNEL6_MTU]; // within engine_enter(); read before the return
    (void)netif;
    (void)destination;
    if (p->tot_len > sizeof(joined)) {
        return ERR_BUF;
    }
    const uint8_t *packet = p->payload;
    if (p->next != NULL) {
        pbuf_copy_partial(p, joined, p->tot_len, 0);
        packet = joined;
    }
    switch (tunnel6_output(packet, p->tot_len)) {
        case 0:
            return ERR_OK;
        case -ENOBUFS:
        case -EAGAIN:
            return ERR_MEM;
        default:
            return ERR_RTE;
    }
}

static err_t start(struct netif *netif) {
    netif->name[0] = 't';
    netif->name[1] = '6';
    netif->mtu = TUNNEL6_MTU;
    netif->output_ip6 = output;
    return ERR_OK; // flags 0: no neighbours, no multicast
}

int tunnel6_prepare(void) {
    static const struct tunnel6_sides sides = { send_outside, input };
    int result = engine_start();
    if (result == 0) {
        result = tunnel6_init(&sides);
    }
    if (result < 0) {
        return result;
    }
    engine_enter();
    if (!added) {
        result = net6_lwip_start();
#if LWIP_IPV4
        added =
            result == 0 && netif_add(&tunnel, NULL, NULL, NULL, NULL, start, ip6_input) != NULL;
#else
        added = result == 0 && netif_add(&tunnel, NULL, start, ip6_input) != NULL;
#endif
        result = added ? 0 : result < 0 ? result : -ENODEV;
        if (added) {
            netif_set_link_up(&tunnel);
            net6_route_set_tunnel(&tunnel);
        }
    }
    engine_exit();
    return result;
}

int tunnel6_attach(struct net6_endpoint *endpoint) {
    if (endpoint != NULL && !net6_is_v4_mapped(endpoint->local)) {
        return -EAFNOSUPPORT;
    }
    int result = endpoint != NULL ? tunnel6_prepare() : 0;
    if (result < 0) {
        return result;
    }
    engine_enter();
    if (endpoint != carrier) {
        if (carrier != NULL) {
            net6_set_filter(carrier, NULL, NULL);
        }
        carrier = endpoint;
        if (carrier != NULL) {
            net6_set_filter(carrier, tunnel6_receive, NULL);
        }
    }
    engine_exit();
    return 0;
}

int tunnel6_set_address(
    const uint8_t *address, const uint8_t server[16], uint16_t port, const uint8_t keepalive[16]) {
    int result = tunnel6_prepare();
    if (result < 0) {
        return result;
    }
    engine_enter();
    tunnel6_configure(address, server, port, keepalive);
    // Another address is put in while the slot is invalid: what is bound to the old one must not
    // follow, as its peers know it there no more.
    if (address == NULL || !net6_tunnel_is(address)) {
        netif_ip6_addr_set_state(&tunnel, NET6_TUNNEL_SLOT, IP6_ADDR_INVALID);
        netif_set_down(&tunnel);
    }
    result = tunnel6_port_run(address != NULL);
    if (address != NULL && result == 0 && !net6_tunnel_is_up()) {
        ip6_addr_t own;
        memcpy(own.addr, address, 16);
        ip6_addr_clear_zone(&own);
        ip_addr_copy_from_ip6(tunnel.ip6_addr[NET6_TUNNEL_SLOT], own);
        // Not "static", for which lwIP would take its /64 for a link.
        netif_ip6_addr_set_valid_life(&tunnel, NET6_TUNNEL_SLOT, IP6_ADDR_LIFE_INFINITE);
        netif_ip6_addr_set_pref_life(&tunnel, NET6_TUNNEL_SLOT, IP6_ADDR_LIFE_INFINITE);
        netif_set_up(&tunnel);
        netif_ip6_addr_set_state(&tunnel, NET6_TUNNEL_SLOT, IP6_ADDR_PREFERRED);
    }
    engine_exit();
    net6_note_change();
    return result;
}

void tunnel6_prefer(bool preferred) {
    engine_enter();
    net6_route_prefer_tunnel(preferred);
    engine_exit();
    net6_note_change();
}

void tunnel6_stop(void) {
    tunnel6_attach(NULL);
    tunnel6_reset();
    engine_enter();
    if (added) {
        netif_ip6_addr_set_state(&tunnel, NET6_TUNNEL_SLOT, IP6_ADDR_INVALID);
        netif_set_down(&tunnel);
        tunnel6_port_run(false);
    }
    net6_route_prefer_tunnel(true);
    engine_exit();
}
