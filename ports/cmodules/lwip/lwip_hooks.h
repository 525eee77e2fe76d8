// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Where lwIP asks us (LWIP_HOOK_FILENAME; lwIP's opt.h describes each).

#ifndef VOX6_LWIP_HOOKS_H
#define VOX6_LWIP_HOOKS_H

#include "lwip/ip6_addr.h"
#include "lwip/netif.h"

// net6/net6_route.c
struct netif *net6_lwip_route(const ip6_addr_t *src, const ip6_addr_t *dest);
#define LWIP_HOOK_IP6_ROUTE(src, dest) net6_lwip_route(src, dest)

// An initial sequence number that nobody can guess (RFC 9293 section 3.4.1). LWIP_RAND() is that.
#define LWIP_HOOK_TCP_ISN(local_ip, local_port, remote_ip, remote_port) LWIP_RAND()

#if VOX6_LWIP_NIC
// net6/net6_nic.c: looks at router advertisements, consumes nothing.
struct pbuf;
int net6_nic_input(struct pbuf *p, struct netif *netif);
#define LWIP_HOOK_IP6_INPUT(pbuf, netif) net6_nic_input(pbuf, netif)

// tunnel6/ipv4_lwip.c: asks for options 6 and 15, and reads them.
struct dhcp_msg;
void tunnel6_dhcp_append(struct dhcp_msg *message, u16_t *length);
void tunnel6_dhcp_option(
    u8_t message_type, u8_t option, u8_t length, struct pbuf *p, u16_t offset);
#define LWIP_HOOK_DHCP_APPEND_OPTIONS(netif, dhcp, state, msg, msg_type, options_len_ptr) \
    tunnel6_dhcp_append(msg, options_len_ptr)
#define LWIP_HOOK_DHCP_PARSE_OPTION(netif, dhcp, state, msg, msg_type, option, len, pbuf, offset) \
    do { \
        (void)(msg); \
        tunnel6_dhcp_option(msg_type, option, len, pbuf, offset); \
    } while (0)
#endif

#endif
