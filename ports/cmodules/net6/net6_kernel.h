// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// UDP sockets of the host's kernel (Linux), the half of net6_unix.c that needs no tunnel. No root needed.

#ifndef VOX6_NET6_KERNEL_H
#define VOX6_NET6_KERNEL_H

#include "net6/net6_core.h"

// As struct net6_backend says; the socket is endpoint->handle.
int net6_kernel_open(struct net6_endpoint *endpoint);
void net6_kernel_close(struct net6_endpoint *endpoint);
int net6_kernel_send(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t peer[16], uint16_t port, const struct net6_way *way);
int net6_kernel_set_traffic_class(struct net6_endpoint *endpoint);
int net6_kernel_join(struct net6_endpoint *endpoint, const uint8_t group[16], uint32_t scope);
void net6_kernel_pump(struct net6_endpoint *endpoint);
size_t net6_kernel_addresses(struct net6_address *addresses, size_t max);

// Whether an address is one of those that net6_kernel_addresses() told last. Within engine_enter().
bool net6_kernel_is_own(const uint8_t address[16]);

// Whether one of them is unique local (RFC 4193), so that others may be reached. Within engine_enter().
bool net6_kernel_has_unique_local(void);

// Begins to watch for changes of addresses. Idempotent; 0 or a negative errno.
int net6_kernel_watch(void);

#endif
