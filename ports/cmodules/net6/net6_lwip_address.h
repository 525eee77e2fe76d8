// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Addresses of net6 (interface index in octets 2 and 3) and of lwIP (zone), one into the other; what the
// two files of net6 over lwIP share (net6_lwip.c).

#ifndef VOX6_NET6_LWIP_ADDRESS_H
#define VOX6_NET6_LWIP_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "lwip/err.h"
#include "lwip/ip6_addr.h"
#include "lwip/ip_addr.h"

void net6_to_lwip(ip6_addr_t *to, const uint8_t from[16]);
void net6_from_lwip(uint8_t to[16], const ip6_addr_t *from);
void net6_to_ip(ip_addr_t *to, const uint8_t from[16]);

bool net6_lwip_is_ours(const ip_addr_t *address);
// A negative errno, or 0.
int net6_lwip_errno(err_t error);
// To be called after lwIP may have sent to ourselves.
void net6_lwip_wake_for_loops(void);

#endif
