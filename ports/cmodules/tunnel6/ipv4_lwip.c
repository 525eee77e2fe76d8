// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// DHCPv4 (RFC 2131) on a board: lwIP's client, and the two options that it does not ask for: the DNS
// servers (6), which lwIP would mix with those of IPv6, and the domain (15) for the SRV record of the
// tunnel's server. Everything runs in the engine context or within engine_enter().

#include "tunnel6/ipv4_lwip.h"

#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "lwip/dhcp.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/prot/dhcp.h"
#include "lwip_hooks.h"
#include "net6/net6_core.h"
#include "net6/net6_nic.h"
#include "tunnel6/ipv4.h"

#define OPTION_REQUEST_LIST (55)
#define OPTION_DNS_SERVERS (6)
#define OPTION_DOMAIN (15)

static struct dhcp client;
static bool started;
static bool told; // whether there was a lease when we looked last
static bool asked; // since the last acknowledgement: its options replace those that we have

static struct {
    uint8_t count;
    uint8_t servers[TUNNEL6_IPV4_SERVERS][4];
    char domain[TUNNEL6_IPV4_DOMAIN];
} heard;

/// LWIP_HOOK_DHCP_APPEND_OPTIONS: our two codes go into the list of requested ones, if it stands last.
void tunnel6_dhcp_append(struct dhcp_msg *message, u16_t *length) {
    asked = true;
    u8_t *options = message->options;
    for (u16_t at = 0; at + 2 <= *length; at = (u16_t)(at + 2 + options[at + 1])) {
        if (options[at] == OPTION_REQUEST_LIST && at + 2 + options[at + 1] == *length
            && *length + 2 < DHCP_OPTIONS_LEN) {
            options[at + 1] += 2;
            options[(*length)++] = OPTION_DNS_SERVERS;
            options[(*length)++] = OPTION_DOMAIN;
            return;
        }
    }
}

static void take_domain(struct pbuf *p, u16_t offset, u8_t length) {
    char domain[TUNNEL6_IPV4_DOMAIN];
    if (length >= sizeof(domain) || pbuf_copy_partial(p, domain, length, offset) != length) {
        return;
    }
    while (length > 0 && domain[length - 1] == 0) {
        length--; // some servers count the ending zero
    }
    for (u8_t i = 0; i < length; i++) {
        if (domain[i] <= ' ' || domain[i] > '~') {
            return;
        }
    }
    domain[length] = 0;
    memcpy(heard.domain, domain, length + 1u);
}

/// LWIP_HOOK_DHCP_PARSE_OPTION: an option that lwIP does not know itself.
void tunnel6_dhcp_option(
    u8_t message_type, u8_t option, u8_t length, struct pbuf *p, u16_t offset) {
    if (message_type != DHCP_ACK) {
        return;
    }
    if (asked) {
        asked = false;
        memset(&heard, 0, sizeof(heard));
        net6_note_change();
    }
    if (option == OPTION_DNS_SERVERS) {
        for (u8_t at = 0; at + 4 <= length && heard.count < TUNNEL6_IPV4_SERVERS; at += 4) {
            if (pbuf_copy_partial(p, heard.servers[heard.count], 4, (u16_t)(offset + at)) == 4) {
                heard.count++;
            }
        }
    } else if (option == OPTION_DOMAIN) {
        take_domain(p, offset, length);
    }
}

static bool has_lease(void) {
    struct netif *nic = net6_nic();
    return started && netif_is_link_up(nic) && dhcp_supplied_address(nic);
}

void tunnel6_ipv4_poll(void) {
    if (started && has_lease() != told) {
        told = !told;
        net6_note_change();
    }
}

// VM context.
int tunnel6_ipv4_start(void) {
    int result = engine_start();
    if (result < 0) {
        return result;
    }
    engine_enter();
    struct netif *nic = net6_nic();
    if (!started) {
        dhcp_set_struct(nic, &client);
        started = dhcp_start(nic) == ERR_OK;
        result = started ? 0 : -ENOMEM;
    }
    engine_exit();
    return result;
}

// VM context.
bool tunnel6_ipv4(struct tunnel6_ipv4 *ipv4) {
    memset(ipv4, 0, sizeof(*ipv4));
    engine_enter();
    bool has = has_lease();
    if (has) {
        struct netif *nic = net6_nic();
        memcpy(ipv4->address, &netif_ip4_addr(nic)->addr, 4);
        memcpy(ipv4->router, &netif_ip4_gw(nic)->addr, 4);
        ipv4->has_router = !ip4_addr_isany(netif_ip4_gw(nic));
        uint32_t mask = lwip_ntohl(netif_ip4_netmask(nic)->addr);
        while (ipv4->prefix_length < 32 && mask & 0x80000000) {
            mask <<= 1;
            ipv4->prefix_length++;
        }
        ipv4->server_count = heard.count;
        memcpy(ipv4->servers, heard.servers, sizeof(heard.servers));
        memcpy(ipv4->domain, heard.domain, sizeof(heard.domain));
    }
    engine_exit();
    return has;
}
