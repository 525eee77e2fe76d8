// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Datagram endpoints over IPv6: bounded queues in static pools, filled by the engine, read by the VM
// or taken over by media. A backend (kernel, lwIP, or both of them on unix) moves the octets.
//
// An endpoint whose local address is v4-mapped (::ffff:0.0.0.0: any) is an IPv4 endpoint and its peers
// are v4-mapped: the tunnel's own, and DNS before there is a tunnel. All others are IPv6 alone.
//
// Read it in four parts: what media sees (struct packet_ops), what a backend implements
// (struct net6_backend), what a backend calls (net6_deliver and friends), what the binding calls.

#ifndef VOX6_NET6_CORE_H
#define VOX6_NET6_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

struct net6_streams;

#ifndef NET6_ENDPOINTS // a port may set it
#define NET6_ENDPOINTS (16) // SIP, DNS, DHCPv6, and RTP with RTCP for two lines, and room
#endif
#define NET6_DATAGRAM_MAX (8192) // longest datagram taken; a longer one is dropped and counted

// Datagrams wait in chains of small blocks, so that one of G.711 (172 octets) costs one block and a
// SIP request of 1,400 octets six. A port may set the two pools; NET6_BLOCKS * 256 octets is the cost.
#define NET6_BLOCK_OCTETS (256)
#ifndef NET6_BLOCKS
#define NET6_BLOCKS (96) // 24 kB: two datagrams of the longest kind, or 16 SIP requests
#endif
#ifndef NET6_DATAGRAMS
#define NET6_DATAGRAMS (48) // datagrams that wait in all queues together
#endif
// The last quarter of both pools serves endpoints whose queue is empty, so that a flood at one port
// cannot starve another.
#define NET6_BLOCKS_RESERVE (NET6_BLOCKS / 4)
#define NET6_DATAGRAMS_RESERVE (NET6_DATAGRAMS / 4)
// A stream that has something to be read already leaves so many to datagrams and to other streams.
#define NET6_BLOCKS_DATAGRAMS (NET6_BLOCKS / 2)
#define NET6_QUEUE_MAX (64) // longest queue that an endpoint may ask for

// 1: an endpoint or stream of the kernel may have an address that the host does not have (IP_FREEBIND).
#ifndef NET6_FREEBIND
#define NET6_FREEBIND (0)
#endif

// 0: every endpoint and stream is closed by name, so that a collection of the heap finds none to close.
#ifndef NET6_COLLECT
#define NET6_COLLECT (1)
#endif

#define NET6_ADDRESSES (32) // addresses that net6_addresses() can tell
#define NET6_SERVERS (4)

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

// ---------------------------------------------------------------------------------------------
// For media

// Engine context. Returns true if the datagram was consumed, false to have it queued.
typedef bool (*net6_receiver)(
    void *arg, const uint8_t *data, size_t length, const struct net6_meta *meta);

// How media sends and receives without knowing net6 (design.md section 6).
struct packet_ops {
    // Engine or VM context within engine_enter(). Returns 0 or a negative errno.
    int (*send)(
        void *endpoint, const uint8_t *data, size_t length, const uint8_t peer[16], uint16_t port);
    // While a receiver is set every datagram goes to it first; NULL ends that. What waited in the
    // queue is dropped when a receiver comes. Within engine_enter().
    void (*set_receiver)(void *endpoint, net6_receiver receiver, void *arg);
};

extern const struct packet_ops net6_packet_ops;

// A datagram in several pieces is joined for a receiver up to this length; a longer one is queued.
#define NET6_RECEIVER_MAX (2048)

// ---------------------------------------------------------------------------------------------
// What a backend implements

enum net6_address_state { NET6_TENTATIVE, NET6_PREFERRED, NET6_DEPRECATED };

#define NET6_FOREVER (0xffffffff) // a lifetime without end (RFC 4861 section 4.6.2)

struct net6_address {
    uint8_t address[16];
    uint8_t prefix_length;
    uint8_t state; // enum net6_address_state
    uint32_t preferred_s;
    uint32_t valid_s;
    uint16_t scope; // interface index
    bool temporary; // RFC 8981: ours for a while, not one to be called at
};

// How one datagram leaves. For net6_send() all fields may be left at "the usual"; a backend gets
// local with the address of net6_move() filled in, and the traffic class.
struct net6_way {
    const uint8_t *local; // from this address of ours; NULL: the usual one
    uint8_t hop_limit; // 0: the usual one
    int16_t traffic_class; // NET6_USUAL: the endpoint's
};
#define NET6_USUAL (-1)

struct net6_backend {
    // Binds endpoint->local and endpoint->port (0: any; the port found is written back). VM context
    // within engine_enter(), as all up to join. Returns 0 or a negative errno.
    int (*open)(struct net6_endpoint *endpoint);
    void (*close)(struct net6_endpoint *endpoint);
    // Engine or VM context within engine_enter().
    int (*send)(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
        const uint8_t peer[16], uint16_t port, const struct net6_way *way);
    // endpoint->traffic_class has changed.
    int (*set_traffic_class)(struct net6_endpoint *endpoint);
    // scope: interface index, 0 for the one that the routing table names.
    int (*join)(struct net6_endpoint *endpoint, const uint8_t group[16], uint32_t scope);
    // VM context, not within engine_enter(): they take it themselves. Return how many were written.
    size_t (*addresses)(struct net6_address *addresses, size_t max);
    size_t (*servers)(uint8_t (*servers)[16], size_t max);
    // NULL where the system owns its addresses. As net6_add_address() and its like below.
    int (*add_address)(const uint8_t address[16], uint32_t preferred_s, uint32_t valid_s);
    int (*remove_address)(const uint8_t address[16]);
    int (*router_flags)(void);
    const struct net6_streams *streams; // net6_stream.h
    // NULL where an engine delivers by itself. Without one: delivers the first datagram that waits, if
    // any; net6_read() calls it when the queue is empty, and endpoint->readable.fd is what may be polled.
    void (*pump)(struct net6_endpoint *endpoint);
};

struct net6_counters {
    uint32_t received; // given to the queue or to a receiver
    uint32_t sent;
    uint32_t dropped_queue; // queue or pools full, or a receiver took over
    uint32_t dropped_size; // longer than NET6_DATAGRAM_MAX
    uint32_t errors; // sends that failed
};

struct net6_endpoint {
    bool used;
    bool closing; // closed by the VM while media still holds it
    const struct net6_backend *backend;
    intptr_t handle; // the kernel backend's: descriptor; -1: none
    void *pcb; // the lwIP backend's; NULL: none
    uint8_t local[16];
    uint16_t port;
    uint8_t traffic_class;
    bool moved;
    uint8_t source[16]; // if moved: where datagrams leave from that name no local address
    uint8_t limit; // longest queue
    uint8_t waiting; // datagrams in the queue
    uint8_t first, last; // datagram indices; NET6_NONE: empty
    net6_receiver receiver;
    void *receiver_arg;
    engine_signal readable; // level: raised while datagrams wait
    struct net6_counters counters;
};

// ---------------------------------------------------------------------------------------------
// What a backend calls

// Before the first endpoint: the backend that serves endpoints (the port's board start calls it).
// May be called again; the state of open endpoints is kept.
int net6_init(const struct net6_backend *backend);

// One datagram has come. Engine context. data is read before the return.
void net6_deliver(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const struct net6_meta *meta);

// The backend's streams; NULL before net6_init().
const struct net6_streams *net6_streams_backend(void);

// The same for a datagram in pieces (an lwIP pbuf chain): copy writes length octets that begin at
// offset of source to to.
typedef void (*net6_copy)(const void *source, size_t offset, uint8_t *to, size_t length);
void net6_deliver_from(struct net6_endpoint *endpoint, net6_copy copy, const void *source,
    size_t length, const struct net6_meta *meta);

// Addresses, their states or the servers may have changed. Either context.
void net6_note_change(void);

// Puts one address into a list that is sorted the best first (global before link-local before
// loopback; preferred before deprecated; lasting before temporary), behind its equals. Returns the new
// count, max at most.
size_t net6_insert(
    struct net6_address *list, size_t count, size_t max, const struct net6_address *address);

// ---------------------------------------------------------------------------------------------
// What the binding calls (VM context; each takes engine_enter() itself). Negative errno on failure.

int net6_open(
    struct net6_endpoint **endpoint, const uint8_t local[16], uint16_t port, size_t queue);
void net6_close(struct net6_endpoint *endpoint);
// Closes all (soft reset). Receivers are forgotten: stop media first.
void net6_close_all(void);
// Takes the first datagram of the queue: copies at most size octets, returns its whole length or
// -EAGAIN.
int net6_read(struct net6_endpoint *endpoint, uint8_t *data, size_t size, struct net6_meta *meta);
// way: NULL is the usual one.
int net6_send(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t peer[16], uint16_t port, const struct net6_way *way);
// Datagrams that name no local address leave from source from now on; NULL: it is chosen again.
void net6_move(struct net6_endpoint *endpoint, const uint8_t *source);
// A receiver for some of the datagrams: what it does not consume is queued as always, and what waits
// stays. receiver NULL ends that. It holds the endpoint as media does: closed by Python, it goes when
// the filter ends.
void net6_set_filter(struct net6_endpoint *endpoint, net6_receiver receiver, void *arg);
int net6_set_traffic_class(struct net6_endpoint *endpoint, uint8_t traffic_class);
int net6_join(struct net6_endpoint *endpoint, const uint8_t group[16], uint32_t scope);
size_t net6_addresses(struct net6_address *addresses, size_t max);
size_t net6_servers(uint8_t (*servers)[16], size_t max);
// An address that DHCPv6 brought (/128); again: other lifetimes. -EOPNOTSUPP: the system's matter.
int net6_add_address(const uint8_t address[16], uint32_t preferred_s, uint32_t valid_s);
int net6_remove_address(const uint8_t address[16]);
// NET6_MANAGED and NET6_OTHER of the last router advertisement (RFC 4861 section 4.2); negative: none
// was heard, or the system does what they ask for.
#define NET6_MANAGED (0x80)
#define NET6_OTHER (0x40)
int net6_router_flags(void);
// Raised after any change of addresses until cleared.
engine_signal *net6_changed(void);

struct net6_use {
    uint16_t endpoints, datagrams, blocks; // in use now
    uint16_t blocks_most; // most blocks ever in use
};
void net6_use(struct net6_use *use);

// ---------------------------------------------------------------------------------------------
// Addresses as text (net6_text.c)

#define NET6_TEXT_MAX (52) // "ffff:...:255.255.255.255%65535" and the ending zero

// True for addresses that belong to one link and so carry an interface index in octets 2 and 3.
bool net6_is_scoped(const uint8_t address[16]);
// True for ::ffff:0:0/96 (RFC 4291 section 2.5.5.2).
bool net6_is_v4_mapped(const uint8_t address[16]);
bool net6_is_loopback(const uint8_t address[16]);
bool net6_is_unspecified(const uint8_t address[16]);
// RFC 5952 text; %index is added to an address that carries one. Returns the length.
size_t net6_to_text(const uint8_t address[16], char text[NET6_TEXT_MAX]);
// RFC 4291 section 2.2 text, with %index for a link-local address. Returns 0 or -EINVAL.
int net6_from_text(const char *text, size_t length, uint8_t address[16]);

#endif
