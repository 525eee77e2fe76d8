// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The IPv4 network below the tunnel, as the tunnel's client must know it.

#ifndef VOX6_TUNNEL6_IPV4_H
#define VOX6_TUNNEL6_IPV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TUNNEL6_IPV4_SERVERS (4)
#define TUNNEL6_IPV4_DOMAIN (128) // with the ending zero; longer ones are not taken

struct tunnel6_ipv4 {
    uint8_t address[4];
    uint8_t prefix_length;
    bool has_router;
    uint8_t router[4];
    uint8_t server_count; // of DNS
    uint8_t servers[TUNNEL6_IPV4_SERVERS][4];
    char domain[TUNNEL6_IPV4_DOMAIN]; // "": none told
};

// Begins DHCPv4 on a board, and to watch the kernel on unix. Idempotent. 0 or a negative errno.
int tunnel6_ipv4_start(void);

// What there is; false: no IPv4. VM context.
bool tunnel6_ipv4(struct tunnel6_ipv4 *ipv4);

#endif
