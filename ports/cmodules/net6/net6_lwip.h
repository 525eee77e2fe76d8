// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// net6 over lwIP, without lwIP's headers: endpoints, and the clock that lwIP runs by. On a board it
// has one Ethernet interface (net6_nic.h) and the tunnel, on unix the tunnel alone.

#ifndef VOX6_NET6_LWIP_H
#define VOX6_NET6_LWIP_H

#include "net6/net6_core.h"

#define NET6_TUNNEL_SCOPE (0xffff) // interface index of the tunnel in net6.addresses()

// As struct net6_backend says; the pcb is endpoint->pcb.
int net6_lwip_open(struct net6_endpoint *endpoint);
void net6_lwip_close(struct net6_endpoint *endpoint);
int net6_lwip_send(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t peer[16], uint16_t port, const struct net6_way *way);
int net6_lwip_set_traffic_class(struct net6_endpoint *endpoint);
int net6_lwip_join(struct net6_endpoint *endpoint, const uint8_t group[16], uint32_t scope);

// Streams (net6_stream_lwip.c): as struct net6_streams and net6_listener_ops say.
struct net6_stream;
struct net6_listener;
int net6_stream_lwip_connect(struct net6_stream *stream, const uint8_t *local);
// Opens listener->pcb.
int net6_stream_lwip_listen(struct net6_listener *listener, int backlog);
int net6_stream_lwip_accept(struct net6_listener *listener, struct net6_stream **result);
bool net6_stream_lwip_waits(struct net6_listener *listener);
void net6_stream_lwip_unlisten(struct net6_listener *listener);

// The tunnel's interface, known to net6 as an address and a preference (net6_route.c). Within
// engine_enter().
bool net6_tunnel_is_up(void);
bool net6_tunnel_is_preferred(void);
bool net6_tunnel_is(const uint8_t address[16]); // its address
// Its address, state and lifetimes for net6.addresses(). False if it is down.
bool net6_tunnel_address(struct net6_address *address);

// lwip_init(), once. Within engine_enter(). Returns 0 or a negative errno.
int net6_lwip_start(void);

// lwIP's timers that are due, and packets to ourselves. Engine context.
void net6_lwip_turn(void);

// Implemented by the port: net6_lwip_turn() is wanted soon, as a packet to ourselves waits. Either
// context, within engine_enter().
void net6_lwip_wake(void);

#endif
