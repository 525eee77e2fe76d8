// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Backend "lwip-nic". Everything here runs in the engine context or within engine_enter().
//
// Start-up is as fast as RFC 4862 allows with duplicate address detection on: the router solicitation
// and the first probe leave at link-up (lwIP alone would wait for its one-second timer), and an address
// that a router advertisement brings is probed at once, together with a fresh wait of one second
// (RetransTimer) for it and for the link-local address.

#include "net6/net6_lwip.h"

#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "lwip/dns.h"
#include "lwip/ethip6.h"
#include "lwip/icmp6.h"
#include "lwip/inet_chksum.h"
#include "lwip/init.h"
#include "lwip/ip6.h"
#include "lwip/mld6.h"
#include "lwip/nd6.h"
#include "lwip/prot/nd6.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"
#include "lwip/udp.h"
#include "net6/net6_core.h"
#include "netif/ethernet.h"

#define GROUPS (8) // multicast groups that endpoints have joined
#define TIMERS (12) // room for lwip_cyclic_timers; checked at start
#define LOCAL_PORT_TRIES (16)

static struct netif nic;
static net6_lwip_drain drain_nic;
static bool running;

static uint32_t timer_due_ms[TIMERS];
static uint32_t servers_hash;

static struct {
    struct net6_endpoint *endpoint;
    struct netif *netif;
    ip6_addr_t group;
} groups[GROUPS];

u32_t sys_now(void) {
    return (u32_t)(engine_time_us() / 1000);
}

void sys_timeouts_init(void) {
    // lwip_init() calls it; the cyclic timers start in net6_lwip_start().
}

#if LWIP_TCP
void tcp_timer_needed(void) {
    // tcp_tmr runs with the other cyclic timers.
}
#endif

// ---------------------------------------------------------------------------------------------
// Addresses: net6 carries the interface index in octets 2 and 3 (KAME), lwIP in a zone.

static void to_lwip(ip6_addr_t *to, const uint8_t from[16]) {
    memcpy(to->addr, from, 16);
    ip6_addr_clear_zone(to);
    if (net6_is_scoped(from)) {
        ip6_addr_set_zone(to, from[2] << 8 | from[3]);
        to->addr[0] &= PP_HTONL(0xffff0000);
        if (to->zone == IP6_NO_ZONE) {
            ip6_addr_set_zone(to, netif_get_index(&nic));
        }
    }
}

static void from_lwip(uint8_t to[16], const ip6_addr_t *from) {
    memcpy(to, from->addr, 16);
    if (net6_is_scoped(to)) {
        to[2] = 0;
        to[3] = ip6_addr_zone(from);
    }
}

static void to_lwip_ip(ip_addr_t *to, const uint8_t from[16]) {
    to_lwip(ip_2_ip6(to), from);
#if LWIP_IPV4
    IP_SET_TYPE_VAL(*to, IPADDR_TYPE_V6);
#endif
}

static int errno_of(err_t error) {
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
// Endpoints

static struct udp_pcb *pcb_of(struct net6_endpoint *endpoint) {
    return (struct udp_pcb *)endpoint->handle;
}

static void copy_pbuf(const void *source, size_t offset, uint8_t *to, size_t length) {
    pbuf_copy_partial(source, to, (u16_t)length, (u16_t)offset);
}

static void received(
    void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *addr, u16_t port) {
    struct net6_endpoint *endpoint = arg;
    struct net6_meta meta;
    (void)pcb;
    from_lwip(meta.peer, ip_2_ip6(addr));
    from_lwip(meta.local, ip6_current_dest_addr());
    meta.peer_port = port;
    meta.traffic_class = IP6H_TC(ip6_current_header());
    meta.time_us = engine_time_us();
    if (p->next == NULL) {
        net6_deliver(endpoint, p->payload, p->len, &meta);
    } else {
        net6_deliver_from(endpoint, copy_pbuf, p, p->tot_len, &meta);
    }
    pbuf_free(p);
}

static int backend_open(struct net6_endpoint *endpoint) {
    ip_addr_t local;
    to_lwip_ip(&local, endpoint->local);
    if (!ip6_addr_isany(ip_2_ip6(&local)) && !ip6_addr_isloopback(ip_2_ip6(&local))
        && netif_get_ip6_addr_match(&nic, ip_2_ip6(&local)) < 0) {
        return -EADDRNOTAVAIL;
    }
    struct udp_pcb *pcb = udp_new_ip_type(IPADDR_TYPE_V6);
    if (pcb == NULL) {
        return -ENOMEM;
    }
    err_t error = udp_bind(pcb, &local, endpoint->port);
    if (error != ERR_OK) {
        udp_remove(pcb);
        return errno_of(error);
    }
    pcb->tos = endpoint->traffic_class;
    endpoint->port = pcb->local_port;
    endpoint->handle = (intptr_t)pcb;
    udp_recv(pcb, received, endpoint);
    return 0;
}

static void backend_close(struct net6_endpoint *endpoint) {
    for (int i = 0; i < GROUPS; i++) {
        if (groups[i].endpoint == endpoint) {
            mld6_leavegroup_netif(groups[i].netif, &groups[i].group);
            groups[i].endpoint = NULL;
        }
    }
    udp_remove(pcb_of(endpoint));
    endpoint->handle = -1;
}

static int backend_send(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t peer[16], uint16_t port, const uint8_t *local) {
    if (length > NET6_DATAGRAM_MAX) {
        return -EMSGSIZE;
    }
    ip_addr_t to;
    to_lwip_ip(&to, peer);
    // The octets are referred to, not copied: the NIC takes them before the return, and lwIP copies
    // what it must keep for an unresolved neighbour.
    struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)length, PBUF_REF);
    if (p == NULL) {
        return -ENOBUFS;
    }
    p->payload = (void *)data;
    err_t error;
    if (local == NULL) {
        error = udp_sendto(pcb_of(endpoint), p, &to, port);
    } else {
        ip_addr_t from;
        to_lwip_ip(&from, local);
        struct netif *netif = ip6_route(ip_2_ip6(&from), ip_2_ip6(&to));
        if (netif == NULL) {
            error = ERR_RTE;
        } else if (netif_get_ip6_addr_match(netif, ip_2_ip6(&from)) < 0) {
            pbuf_free(p);
            return -EADDRNOTAVAIL;
        } else {
            error = udp_sendto_if_src(pcb_of(endpoint), p, &to, port, netif, &from);
        }
    }
    pbuf_free(p);
    return errno_of(error);
}

static int backend_set_traffic_class(struct net6_endpoint *endpoint) {
    pcb_of(endpoint)->tos = endpoint->traffic_class;
    return 0;
}

static int backend_join(struct net6_endpoint *endpoint, const uint8_t group[16], uint32_t scope) {
    if (scope > 255) {
        return -EINVAL;
    }
    struct netif *netif = scope == 0 ? &nic : netif_get_by_index((u8_t)scope);
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
                return errno_of(error);
            }
            groups[i].netif = netif;
            groups[i].endpoint = endpoint;
            return 0;
        }
    }
    return -ENOBUFS;
}

// ---------------------------------------------------------------------------------------------
// Addresses and servers

static size_t backend_addresses(struct net6_address *addresses, size_t max) {
    size_t count = 0;
    engine_enter();
    for (int i = 0; running && i < LWIP_IPV6_NUM_ADDRESSES && count < max; i++) {
        u8_t state = netif_ip6_addr_state(&nic, i);
        struct net6_address *address = &addresses[count];
        if (ip6_addr_istentative(state)) {
            address->state = NET6_TENTATIVE;
        } else if (ip6_addr_ispreferred(state)) {
            address->state = NET6_PREFERRED;
        } else if (ip6_addr_isdeprecated(state)) {
            address->state = NET6_DEPRECATED;
        } else {
            continue;
        }
        from_lwip(address->address, netif_ip6_addr(&nic, i));
        address->prefix_length = 64;
        address->preferred_s = address->valid_s = NET6_FOREVER;
        if (!netif_ip6_addr_isstatic(&nic, i)) {
            address->preferred_s = netif_ip6_addr_pref_life(&nic, i);
            address->valid_s = netif_ip6_addr_valid_life(&nic, i);
        }
        address->scope = netif_get_index(&nic);
        count++;
    }
    engine_exit();
    return count;
}

static size_t backend_servers(uint8_t (*servers)[16], size_t max) {
    size_t count = 0;
    engine_enter();
    for (int i = 0; running && i < DNS_MAX_SERVERS && count < max; i++) {
        const ip_addr_t *server = dns_getserver((u8_t)i);
        if (IP_IS_V6(server) && !ip6_addr_isany(ip_2_ip6(server))) {
            from_lwip(servers[count++], ip_2_ip6(server));
        }
    }
    engine_exit();
    return count;
}

static const struct net6_backend backend = {
    .open = backend_open,
    .close = backend_close,
    .send = backend_send,
    .set_traffic_class = backend_set_traffic_class,
    .join = backend_join,
    .addresses = backend_addresses,
    .servers = backend_servers,
};

int net6_lwip_init(void) {
    return net6_init(&backend);
}

// ---------------------------------------------------------------------------------------------
// Timers

// Router advertisements may name other servers (RFC 8106) without any change of an address.
static void note_servers(void) {
    uint32_t hash = 0;
    for (int i = 0; i < DNS_MAX_SERVERS; i++) {
        const ip6_addr_t *server = ip_2_ip6(dns_getserver((u8_t)i));
        for (int j = 0; j < 4; j++) {
            hash = hash * 31 + server->addr[j];
        }
    }
    if (hash != servers_hash) {
        servers_hash = hash;
        net6_note_change();
    }
}

static void run_timers(void) {
    uint32_t now = sys_now();
    for (int i = 0; i < lwip_num_cyclic_timers; i++) {
        if ((int32_t)(now - timer_due_ms[i]) >= 0) {
            timer_due_ms[i] += lwip_cyclic_timers[i].interval_ms;
            if ((int32_t)(now - timer_due_ms[i]) >= 0) {
                timer_due_ms[i] = now + lwip_cyclic_timers[i].interval_ms; // a stalled host
            }
            lwip_cyclic_timers[i].handler();
            note_servers();
        }
    }
}

// Neighbour discovery's next turn is a whole interval from now.
static void restart_nd6_timer(void) {
    for (int i = 0; i < lwip_num_cyclic_timers; i++) {
        if (lwip_cyclic_timers[i].handler == nd6_tmr) {
            timer_due_ms[i] = sys_now() + ND6_TMR_INTERVAL;
        }
    }
}

// Neighbour solicitation of duplicate address detection (RFC 4862 section 5.4.2): from the
// unspecified address to the solicited-node group of the address in question.
static void send_probe(struct netif *netif, const ip6_addr_t *address) {
    struct pbuf *p = pbuf_alloc(PBUF_IP, sizeof(struct ns_header), PBUF_RAM);
    if (p == NULL) {
        return;
    }
    ip6_addr_t to;
    ip6_addr_set_solicitednode(&to, address->addr[3]);
    ip6_addr_assign_zone(&to, IP6_MULTICAST, netif);
    struct ns_header *header = p->payload;
    memset(header, 0, sizeof(*header));
    header->type = ICMP6_TYPE_NS;
    ip6_addr_copy_to_packed(header->target_address, *address);
    header->chksum = ip6_chksum_pseudo(p, IP6_NEXTH_ICMP6, p->len, IP6_ADDR_ANY6, &to);
    ip6_output_if(p, NULL, &to, 255, 0, IP6_NEXTH_ICMP6, netif);
    pbuf_free(p);
}

static void status_changed(
    struct netif *netif, netif_nsc_reason_t reason, const netif_ext_callback_args_t *args) {
    (void)args;
    if (reason & LWIP_NSC_LINK_CHANGED && netif_is_link_up(netif) && netif == &nic) {
        nd6_restart_netif(netif);
        // Prefixes may be others here; lwIP probes what is tentative and solicits routers.
        nd6_tmr();
        restart_nd6_timer();
    }
    net6_note_change();
}

// An address of a router advertisement that nobody has probed yet is probed now.
static void probe_new_addresses(void) {
    bool any = false;
    for (int i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (netif_ip6_addr_state(&nic, i) == IP6_ADDR_TENTATIVE && netif_is_link_up(&nic)) {
            netif_ip6_addr_set_state(&nic, i, IP6_ADDR_TENTATIVE_1);
            send_probe(&nic, netif_ip6_addr(&nic, i));
            any = true;
        }
    }
    if (any) {
        restart_nd6_timer();
    }
}

int net6_lwip_start(netif_init_fn init, net6_lwip_drain drain) {
    static netif_ext_callback_t callback;
    if (lwip_num_cyclic_timers > TIMERS) {
        return -E2BIG;
    }
    if (!running) {
        lwip_init();
    }
#if LWIP_IPV4
    struct netif *added = netif_add(&nic, NULL, NULL, NULL, NULL, init, ethernet_input);
#else
    struct netif *added = netif_add(&nic, NULL, init, ethernet_input);
#endif
    if (added == NULL) {
        return -ENODEV;
    }
    drain_nic = drain;
    uint32_t now = sys_now();
    for (int i = 0; i < lwip_num_cyclic_timers; i++) {
        timer_due_ms[i] = now + lwip_cyclic_timers[i].interval_ms;
    }
    netif_set_default(added);
    netif_set_ip6_autoconfig_enabled(added, 1);
    netif_create_ip6_linklocal_address(&nic, 1);
    netif_set_up(&nic);
    nd6_tmr();
    restart_nd6_timer();
    netif_add_ext_callback(&callback, status_changed);
    running = true;
    net6_note_change();
    return 0;
}

void net6_lwip_poll(void) {
    drain_nic(&nic);
    netif_poll_all();
    probe_new_addresses();
    run_timers();
}
