// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The NIC of a board below net6, and net6's backend there. Everything runs in the engine context or
// within engine_enter(), but where it says otherwise.
//
// Start-up is as fast as RFC 4862 allows with duplicate address detection on: the router solicitation
// and the first probe leave at link-up (lwIP alone would wait for its one-second timer), and an address
// that a router advertisement brings is probed at once, together with a fresh wait of one second
// (RetransTimer) for it and for the link-local address.

#include "net6/net6_nic.h"

#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "lwip/dns.h"
#include "lwip/ethip6.h"
#include "lwip/icmp6.h"
#include "lwip/inet_chksum.h"
#include "lwip/ip6.h"
#include "lwip/nd6.h"
#include "lwip/priv/nd6_priv.h"
#include "lwip/prot/nd6.h"
#include "lwip_hooks.h"
#include "net6/net6_lwip.h"
#include "net6/net6_lwip_address.h"
#include "net6/net6_route.h"
#include "net6/net6_stream.h"
#include "netif/ethernet.h"
#include "tunnel6/ipv4_lwip.h"

#define LEASES (2) // addresses of DHCPv6: one, and its successor
#define LEAST_MTU (1280) // RFC 8200 section 5
#define FROM_THE_LINK (255) // hop limit of neighbour discovery

static struct netif nic;
static net6_nic_drain drain_nic;
static bool running;
static uint32_t servers_hash;
static int router_flags = -ENODATA; // of the last advertisement
static bool path_mtus_suspect; // a packet that was no datagram has come

static struct {
    bool used;
    ip6_addr_t address;
} leases[LEASES];

struct netif *net6_nic(void) {
    return running ? &nic : NULL;
}

// ---------------------------------------------------------------------------------------------
// Addresses and servers

static int find_lease(const ip6_addr_t *address) {
    for (int i = 0; i < LEASES; i++) {
        if (leases[i].used && ip6_addr_eq(&leases[i].address, address)) {
            return i;
        }
    }
    return -1;
}

// Slot of the NIC that holds an address, tentative ones too; negative: none.
static int find_slot(const ip6_addr_t *address) {
    for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (!ip6_addr_isinvalid(netif_ip6_addr_state(&nic, i))
            && ip6_addr_eq(netif_ip6_addr(&nic, i), address)) {
            return i;
        }
    }
    return -1;
}

static bool tell_address(int i, struct net6_address *address) {
    u8_t state = netif_ip6_addr_state(&nic, i);
    memset(address, 0, sizeof(*address));
    if (ip6_addr_istentative(state)) {
        address->state = NET6_TENTATIVE;
    } else if (ip6_addr_ispreferred(state)) {
        address->state = NET6_PREFERRED;
    } else if (ip6_addr_isdeprecated(state)) {
        address->state = NET6_DEPRECATED;
    } else {
        return false;
    }
    net6_from_lwip(address->address, netif_ip6_addr(&nic, i));
    address->prefix_length = find_lease(netif_ip6_addr(&nic, i)) >= 0 ? 128 : 64;
    address->preferred_s = address->valid_s = NET6_FOREVER;
    if (!netif_ip6_addr_isstatic(&nic, i)) {
        address->preferred_s = netif_ip6_addr_pref_life(&nic, i);
        address->valid_s = netif_ip6_addr_valid_life(&nic, i);
    }
    address->scope = netif_get_index(&nic);
    return true;
}

// VM context.
static size_t nic_addresses(struct net6_address *addresses, size_t max) {
    size_t count = 0;
    struct net6_address address;
    engine_enter();
    for (int i = 0; running && i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (tell_address(i, &address)) {
            count = net6_insert(addresses, count, max, &address);
        }
    }
    if (net6_tunnel_address(&address)) {
        count = net6_insert(addresses, count, max, &address);
    }
    engine_exit();
    return count;
}

// VM context.
static size_t nic_servers(uint8_t (*servers)[16], size_t max) {
    size_t count = 0;
    engine_enter();
    for (int i = 0; running && i < DNS_MAX_SERVERS && count < max; i++) {
        const ip_addr_t *server = dns_getserver((u8_t)i);
        if (IP_IS_V6(server) && !ip6_addr_isany(ip_2_ip6(server))) {
            net6_from_lwip(servers[count++], ip_2_ip6(server));
        }
    }
    engine_exit();
    return count;
}

/// An address of DHCPv6 (RFC 8415 section 18.2.10.1): probed as any other; again: new lifetimes. It
/// takes the last free slot, so that lwIP finds autoconfigured addresses of the same prefix first when
/// an advertisement renews them.
static int nic_add_address(const uint8_t octets[16], uint32_t preferred_s, uint32_t valid_s) {
    ip6_addr_t address;
    net6_to_lwip(&address, octets);
    if (!running || ip6_addr_ismulticast(&address) || ip6_addr_islinklocal(&address)
        || ip6_addr_isany(&address) || ip6_addr_isloopback(&address)) {
        return running ? -EINVAL : -ENODEV;
    }
    int slot = find_slot(&address);
    if (slot < 0) {
        int lease = 0;
        while (lease < LEASES && leases[lease].used && find_slot(&leases[lease].address) >= 0) {
            lease++;
        }
        for (slot = LWIP_IPV6_NUM_ADDRESSES - 1;
            slot > 0 && !ip6_addr_isinvalid(netif_ip6_addr_state(&nic, slot)); slot--) {
        }
        if (slot <= 0 || lease == LEASES) {
            return -ENOBUFS;
        }
        leases[lease].used = true;
        leases[lease].address = address;
        ip_addr_copy_from_ip6(nic.ip6_addr[slot], address);
        netif_ip6_addr_set_valid_life(&nic, slot, valid_s);
        netif_ip6_addr_set_pref_life(&nic, slot, preferred_s);
        netif_ip6_addr_set_state(&nic, slot, IP6_ADDR_TENTATIVE); // probed at the next turn
        net6_lwip_wake();
        return 0;
    }
    if (find_lease(&address) < 0) {
        return -EADDRINUSE; // autoconfigured already
    }
    if (ip6_addr_isduplicated(netif_ip6_addr_state(&nic, slot))) {
        return -EADDRNOTAVAIL;
    }
    netif_ip6_addr_set_valid_life(&nic, slot, valid_s);
    netif_ip6_addr_set_pref_life(&nic, slot, preferred_s);
    if (ip6_addr_isvalid(netif_ip6_addr_state(&nic, slot))) {
        netif_ip6_addr_set_state(
            &nic, slot, preferred_s ? IP6_ADDR_PREFERRED : IP6_ADDR_DEPRECATED);
    }
    net6_note_change();
    return 0;
}

static int nic_remove_address(const uint8_t octets[16]) {
    ip6_addr_t address;
    net6_to_lwip(&address, octets);
    int lease = find_lease(&address);
    if (lease < 0) {
        return -EADDRNOTAVAIL;
    }
    leases[lease].used = false;
    int slot = find_slot(&address);
    if (slot >= 0) {
        netif_ip6_addr_set_valid_life(&nic, slot, 0);
        netif_ip6_addr_set_state(&nic, slot, IP6_ADDR_INVALID);
    }
    return 0;
}

static int nic_router_flags(void) {
    return router_flags;
}

static const struct net6_listener_ops listener_ops = {
    .accept = net6_stream_lwip_accept,
    .poll = net6_stream_lwip_waits,
    .close = net6_stream_lwip_unlisten,
};

static int nic_listen(struct net6_listener *listener, int backlog) {
    listener->ops = &listener_ops;
    return net6_stream_lwip_listen(listener, backlog);
}

static const struct net6_streams streams = {
    .connect = net6_stream_lwip_connect,
    .listen = nic_listen,
};

static const struct net6_backend backend = {
    .open = net6_lwip_open,
    .close = net6_lwip_close,
    .send = net6_lwip_send,
    .set_traffic_class = net6_lwip_set_traffic_class,
    .join = net6_lwip_join,
    .addresses = nic_addresses,
    .servers = nic_servers,
    .add_address = nic_add_address,
    .remove_address = nic_remove_address,
    .router_flags = nic_router_flags,
    .streams = &streams,
};

int net6_nic_init(void) {
    return net6_init(&backend);
}

// ---------------------------------------------------------------------------------------------
// What routers say

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

static bool has_good_checksum(struct pbuf *p, const struct ip6_hdr *header) {
    ip6_addr_t source, destination;
    ip6_addr_copy_from_packed(source, header->src);
    ip6_addr_copy_from_packed(destination, header->dest);
    pbuf_remove_header(p, IP6_HLEN);
    u16_t sum = ip6_chksum_pseudo(p, IP6_NEXTH_ICMP6, p->tot_len, &source, &destination);
    pbuf_header_force(p, IP6_HLEN);
    return sum == 0;
}

// A Packet Too Big may not make a path narrower than IPv6 is, nor wider than our link (RFC 8201
// section 4). lwIP takes any value, and for 48 to 55 octets it would cut fragments of nothing without
// end. Whoever is behind the table has our link first: the tunnel has no neighbours.
static void mend_path_mtus(void) {
    if (!path_mtus_suspect) {
        return;
    }
    path_mtus_suspect = false;
    u16_t most = netif_mtu6(&nic);
    for (int i = 0; i < LWIP_ND6_NUM_DESTINATIONS; i++) {
        u16_t mtu = destination_cache[i].pmtu;
        destination_cache[i].pmtu = mtu < LEAST_MTU ? LEAST_MTU : mtu > most ? most : mtu;
    }
}

/// LWIP_HOOK_IP6_INPUT: keeps M and O of a valid router advertisement (RFC 4861 section 6.1.2), and
/// undoes what the packet before this one may have done.
int net6_nic_input(struct pbuf *p, struct netif *netif) {
    const struct ip6_hdr *header = p->payload;
    const struct ra_header *message = (const void *)((const u8_t *)p->payload + IP6_HLEN);
    mend_path_mtus();
    // ICMPv6, which may stand behind other headers
    path_mtus_suspect = p->len < IP6_HLEN || IP6H_NEXTH(header) != IP6_NEXTH_UDP;
    if (netif != &nic || p->len < IP6_HLEN + sizeof(*message)
        || IP6H_NEXTH(header) != IP6_NEXTH_ICMP6 || message->type != ICMP6_TYPE_RA
        || message->code != 0 || IP6H_HOPLIM(header) != FROM_THE_LINK
        || (header->src.addr[0] & PP_HTONL(0xffc00000)) != PP_HTONL(0xfe800000)
        || IP6H_PLEN(header) != p->tot_len - IP6_HLEN || !has_good_checksum(p, header)) {
        return 0;
    }
    int flags = message->flags & (NET6_MANAGED | NET6_OTHER);
    if (flags != router_flags) {
        router_flags = flags;
        net6_note_change();
    }
    return 0; // lwIP goes on with it
}

// ---------------------------------------------------------------------------------------------
// Autoconfiguration

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
    if (reason & LWIP_NSC_LINK_CHANGED && netif == &nic) {
        router_flags = -ENODATA; // of another network, perhaps
        if (netif_is_link_up(netif)) {
            nd6_restart_netif(netif);
            // Prefixes may be others here; lwIP probes what is tentative and solicits routers.
            nd6_tmr();
            net6_turn_restart_nd6();
        }
    }
    net6_note_change();
}

// An address of a router advertisement or of DHCPv6 that nobody has probed yet is probed now.
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
        net6_turn_restart_nd6();
    }
}

int net6_nic_start(netif_init_fn init, net6_nic_drain drain) {
    static netif_ext_callback_t callback;
    int result = net6_lwip_start();
    if (result < 0) {
        return result;
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
    net6_route_set_nic(&nic);
    netif_set_default(added);
    netif_set_ip6_autoconfig_enabled(added, 1);
    netif_create_ip6_linklocal_address(&nic, 1);
    netif_set_up(&nic);
    nd6_tmr();
    net6_turn_restart_nd6();
    netif_add_ext_callback(&callback, status_changed);
    running = true;
    net6_note_change();
    return 0;
}

void net6_nic_poll(void) {
    drain_nic(&nic);
    mend_path_mtus();
    probe_new_addresses();
    net6_lwip_turn();
    mend_path_mtus();
    note_servers();
    tunnel6_ipv4_poll();
}
