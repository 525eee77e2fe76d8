// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What resolv.conf(5) of the host says; VOX6_RESOLV_CONF names another file.

#ifndef VOX6_RESOLV_CONF_H
#define VOX6_RESOLV_CONF_H

#include <stddef.h>
#include <stdint.h>

#define RESOLV_CONF_SERVERS (8)
#define RESOLV_CONF_DOMAIN (256)

struct resolv_conf {
    uint8_t servers[RESOLV_CONF_SERVERS][16]; // in the file's order; those of IPv4 are v4-mapped
    size_t server_count;
    char domain[RESOLV_CONF_DOMAIN]; // the first name of the last `domain` or `search`, "" without
};

// Reads the file; an absent one says nothing.
void resolv_conf_read(struct resolv_conf *conf);

// Takes one line of it, without its end.
void resolv_conf_line(struct resolv_conf *conf, char *line);

#endif
