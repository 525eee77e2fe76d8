// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Addresses of net6 (interface index in octets 2 and 3) and of lwIP (zone), one into the other.

#ifndef VOX6_NET6_LWIP_ADDRESS_H
#define VOX6_NET6_LWIP_ADDRESS_H

#include <stdint.h>

#include "lwip/ip6_addr.h"

void net6_to_lwip(ip6_addr_t *to, const uint8_t from[16]);
void net6_from_lwip(uint8_t to[16], const ip6_addr_t *from);

#endif
