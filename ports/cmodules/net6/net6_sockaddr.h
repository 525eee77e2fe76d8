// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Addresses of net6 (interface index in octets 2 and 3) and of the kernel (beside the address), one
// into the other.

#ifndef VOX6_NET6_SOCKADDR_H
#define VOX6_NET6_SOCKADDR_H

#include <netinet/in.h>
#include <string.h>

#include "net6/net6_core.h"

// The wire's address and the scope id of a sockaddr, from the form of net6.
static inline void net6_to_sockaddr(
    const uint8_t address[16], uint16_t port, struct sockaddr_in6 *sockaddr) {
    memset(sockaddr, 0, sizeof(*sockaddr));
    sockaddr->sin6_family = AF_INET6;
    sockaddr->sin6_port = htons(port);
    memcpy(&sockaddr->sin6_addr, address, 16);
    if (net6_is_scoped(address)) {
        sockaddr->sin6_scope_id = (uint32_t)(address[2] << 8 | address[3]);
        sockaddr->sin6_addr.s6_addr[2] = sockaddr->sin6_addr.s6_addr[3] = 0;
    }
}

static inline void net6_from_wire(const void *wire, uint32_t scope, uint8_t address[16]) {
    memcpy(address, wire, 16);
    if (net6_is_scoped(address)) {
        address[2] = (uint8_t)(scope >> 8);
        address[3] = (uint8_t)scope;
    }
}

#endif
