// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Datagram endpoints over IPv6: bounded queues in static pools, filled by the engine, read by the VM
// or taken over by media. A backend (kernel, lwip-nic, lwip-tunnel) moves the octets.

#ifndef VOX6_NET6_CORE_H
#define VOX6_NET6_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

#define NET6_ENDPOINTS (16) // SIP, DNS, DHCPv6, and RTP with RTCP for two lines, and room
#define NET6_DATAGRAM_MAX (8192) // longest datagram taken; a longer one is dropped and counted

// What is known of one datagram. Link-local addresses carry the interface index in octets 2 and 3
// (zero on the wire), so that an address alone says where it belongs.
struct net6_meta {
    uint8_t peer[16];
    uint8_t local[16];
    uint16_t peer_port;
    uint8_t traffic_class;
    uint64_t time_us; // engine_time_us() at reception
};

struct net6_endpoint;

// Engine context. Returns true if the datagram was consumed, false to have it queued.
typedef bool (*net6_receiver)(void *arg, const uint8_t *data, size_t length, const struct net6_meta *meta);

// How media sends and receives without knowing net6 (design.md section 6).
struct packet_ops {
    // Engine or VM context within engine_enter(). Returns 0 or a negative errno.
    int (*send)(void *endpoint, const uint8_t *data, size_t length, const uint8_t peer[16], uint16_t port);
    // While a receiver is set every datagram goes to it first; NULL ends that.
    void (*set_receiver)(void *endpoint, net6_receiver receiver, void *arg);
};

extern const struct packet_ops net6_packet_ops;

#endif
