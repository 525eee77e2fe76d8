// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Endpoints, their queues and the pools behind them. Plain C: no py/*.h, no operating system.

#include <errno.h>
#include <string.h>

#include "net6/net6_blocks.h"
#include "net6/net6_stream.h"

#define NONE8 (0xff)

#if NET6_DATAGRAMS >= NONE8
#error "net6: a pool index does not fit"
#endif

struct datagram {
    struct net6_meta meta;
    uint16_t length;
    uint16_t first; // block
    uint8_t next; // datagram
};

static struct datagram datagrams[NET6_DATAGRAMS];
static struct net6_endpoint endpoints[NET6_ENDPOINTS];
static size_t first_free; // all endpoints below it are used
static uint8_t joined[NET6_RECEIVER_MAX]; // engine context: a datagram in pieces, for a receiver

static uint8_t free_datagram, free_datagrams;

static const struct net6_backend *default_backend;
static engine_signal changed;
static bool ready;

/// Fills the pools and remembers the backend. The second call only changes the backend.
int net6_init(const struct net6_backend *backend) {
    default_backend = backend;
    if (ready) {
        return 0;
    }
    int result = engine_signal_init(&changed);
    if (result < 0) {
        return result;
    }
    net6_blocks_init();
    for (size_t i = 0; i < NET6_DATAGRAMS; ++i) {
        datagrams[i].next = i + 1 < NET6_DATAGRAMS ? (uint8_t)(i + 1) : NONE8;
    }
    free_datagram = 0;
    free_datagrams = NET6_DATAGRAMS;
    ready = true;
    return 0;
}

const struct net6_streams *net6_streams_backend(void) {
    return ready && default_backend != NULL ? default_backend->streams : NULL;
}

/// Takes the first datagram out of the queue, which is not empty, and gives its room back.
static void drop_first(struct net6_endpoint *endpoint) {
    uint8_t index = endpoint->first;
    struct datagram *datagram = &datagrams[index];
    endpoint->first = datagram->next;
    if (endpoint->first == NONE8) {
        endpoint->last = NONE8;
    }
    --endpoint->waiting;
    net6_blocks_give(datagram->first);
    datagram->next = free_datagram;
    free_datagram = index;
    ++free_datagrams;
    if (endpoint->waiting == 0) {
        engine_signal_clear(&endpoint->readable);
    }
}

static void flush(struct net6_endpoint *endpoint, bool count) {
    while (endpoint->waiting) {
        if (count) {
            ++endpoint->counters.dropped_queue;
        }
        drop_first(endpoint);
    }
}

static void copy_flat(const void *source, size_t offset, uint8_t *to, size_t length) {
    memcpy(to, (const uint8_t *)source + offset, length);
}

/// Appends one datagram to the queue, or drops and counts it.
static void enqueue(struct net6_endpoint *endpoint, net6_copy copy, const void *source,
    size_t length, const struct net6_meta *meta) {
    size_t need = (length + NET6_BLOCK_OCTETS - 1) / NET6_BLOCK_OCTETS;
    size_t spare_blocks = endpoint->waiting ? NET6_BLOCKS_RESERVE : 0;
    size_t spare_datagrams = endpoint->waiting ? NET6_DATAGRAMS_RESERVE : 0;
    if (endpoint->waiting >= endpoint->limit || free_datagrams <= spare_datagrams
        || need + spare_blocks > net6_blocks_free()) {
        ++endpoint->counters.dropped_queue;
        return;
    }
    uint16_t first = NET6_NO_BLOCK;
    uint16_t *link = &first;
    for (size_t offset = 0; offset < length; offset += NET6_BLOCK_OCTETS) {
        uint16_t index = net6_block_take();
        size_t part = length - offset < NET6_BLOCK_OCTETS ? length - offset : NET6_BLOCK_OCTETS;
        copy(source, offset, net6_blocks[index].octets, part);
        *link = index;
        link = &net6_blocks[index].next;
    }
    uint8_t index = free_datagram;
    struct datagram *datagram = &datagrams[index];
    free_datagram = datagram->next;
    --free_datagrams;
    datagram->meta = *meta;
    datagram->length = (uint16_t)length;
    datagram->first = first;
    datagram->next = NONE8;
    if (endpoint->last == NONE8) {
        endpoint->first = index;
    } else {
        datagrams[endpoint->last].next = index;
    }
    endpoint->last = index;
    ++endpoint->waiting;
    ++endpoint->counters.received;
    engine_signal_raise(&endpoint->readable);
}

/// One datagram in one piece, from the backend (engine context).
void net6_deliver(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const struct net6_meta *meta) {
    if (length > NET6_DATAGRAM_MAX) {
        ++endpoint->counters.dropped_size;
        return;
    }
    if (endpoint->receiver != NULL
        && endpoint->receiver(endpoint->receiver_arg, data, length, meta)) {
        ++endpoint->counters.received;
        return;
    }
    enqueue(endpoint, copy_flat, data, length, meta);
}

/// One datagram in several pieces, from the backend (engine context).
void net6_deliver_from(struct net6_endpoint *endpoint, net6_copy copy, const void *source,
    size_t length, const struct net6_meta *meta) {
    if (length > NET6_DATAGRAM_MAX) {
        ++endpoint->counters.dropped_size;
        return;
    }
    if (endpoint->receiver != NULL && length <= sizeof(joined)) {
        copy(source, 0, joined, length);
        if (endpoint->receiver(endpoint->receiver_arg, joined, length, meta)) {
            ++endpoint->counters.received;
            return;
        }
    }
    enqueue(endpoint, copy, source, length, meta);
}

void net6_note_change(void) {
    if (ready) {
        engine_signal_raise(&changed);
    }
}

/// Opens an endpoint. queue: how many datagrams may wait, 1..NET6_QUEUE_MAX. -ENOMEM if all
/// endpoints are used, else what the backend says (-EADDRINUSE, -EADDRNOTAVAIL ...).
int net6_open(
    struct net6_endpoint **result, const uint8_t local[16], uint16_t port, size_t queue) {
    if (!ready || default_backend == NULL) {
        return -ENODEV;
    }
    if (queue < 1 || queue > NET6_QUEUE_MAX) {
        return -EINVAL;
    }
    int error = engine_start();
    if (error < 0) {
        return error;
    }
    engine_enter();
    while (first_free < NET6_ENDPOINTS && endpoints[first_free].used) {
        ++first_free;
    }
    if (first_free == NET6_ENDPOINTS) {
        error = -ENOMEM;
        goto out;
    }
    struct net6_endpoint *endpoint = &endpoints[first_free];
    memset(endpoint, 0, sizeof(*endpoint));
    endpoint->backend = default_backend;
    endpoint->handle = -1;
    memcpy(endpoint->local, local, 16);
    endpoint->port = port;
    endpoint->limit = (uint8_t)queue;
    endpoint->first = endpoint->last = NONE8;
    error = engine_signal_init(&endpoint->readable);
    if (error < 0) {
        goto out;
    }
    error = endpoint->backend->open(endpoint);
    if (error < 0) {
        engine_signal_deinit(&endpoint->readable);
        goto out;
    }
    endpoint->used = true;
    *result = endpoint;
out:
    engine_exit();
    return error;
}

static void close_now(struct net6_endpoint *endpoint) {
    endpoint->backend->close(endpoint);
    flush(endpoint, false);
    engine_signal_deinit(&endpoint->readable);
    endpoint->receiver = NULL;
    endpoint->closing = false;
    endpoint->used = false;
    size_t index = (size_t)(endpoint - endpoints);
    first_free = index < first_free ? index : first_free;
}

/// Closes an endpoint. One that media still holds closes when media lets it go.
void net6_close(struct net6_endpoint *endpoint) {
    engine_enter();
    if (endpoint->used) {
        if (endpoint->receiver != NULL) {
            endpoint->closing = true;
        } else {
            close_now(endpoint);
        }
    }
    engine_exit();
}

void net6_close_all(void) {
    net6_stream_close_all();
    engine_enter();
    for (size_t i = 0; i < NET6_ENDPOINTS; ++i) {
        if (endpoints[i].used) {
            close_now(&endpoints[i]);
        }
    }
    if (ready) {
        engine_signal_clear(&changed);
    }
    engine_exit();
}

int net6_read(struct net6_endpoint *endpoint, uint8_t *data, size_t size, struct net6_meta *meta) {
    int result = -EAGAIN;
    engine_enter();
    if (!endpoint->waiting && endpoint->backend->pump != NULL) {
        endpoint->backend->pump(endpoint);
    }
    if (endpoint->waiting) {
        const struct datagram *datagram = &datagrams[endpoint->first];
        size_t left = datagram->length < size ? datagram->length : size;
        for (uint16_t index = datagram->first; left > 0; index = net6_blocks[index].next) {
            size_t part = left < NET6_BLOCK_OCTETS ? left : NET6_BLOCK_OCTETS;
            memcpy(data, net6_blocks[index].octets, part);
            data += part;
            left -= part;
        }
        *meta = datagram->meta;
        result = datagram->length;
        drop_first(endpoint);
    }
    engine_exit();
    return result;
}

int net6_send(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t peer[16], uint16_t port, const struct net6_way *way) {
    struct net6_way whole = { .traffic_class = NET6_USUAL };
    engine_enter();
    if (way != NULL) {
        whole = *way;
    }
    if (whole.local == NULL && endpoint->moved) {
        whole.local = endpoint->source;
    }
    if (whole.traffic_class == NET6_USUAL) {
        whole.traffic_class = endpoint->traffic_class;
    }
    // One family for both ends: a socket of both would hide a mistake of the caller's.
    int result = net6_is_v4_mapped(endpoint->local) == net6_is_v4_mapped(peer)
        ? endpoint->backend->send(endpoint, data, length, peer, port, &whole)
        : -EAFNOSUPPORT;
    if (result < 0) {
        ++endpoint->counters.errors;
    } else {
        ++endpoint->counters.sent;
    }
    engine_exit();
    return result;
}

void net6_move(struct net6_endpoint *endpoint, const uint8_t *source) {
    engine_enter();
    endpoint->moved = source != NULL;
    if (source != NULL) {
        memcpy(endpoint->source, source, 16);
    }
    engine_exit();
}

int net6_set_traffic_class(struct net6_endpoint *endpoint, uint8_t traffic_class) {
    engine_enter();
    endpoint->traffic_class = traffic_class;
    int result = endpoint->backend->set_traffic_class(endpoint);
    engine_exit();
    return result;
}

int net6_join(struct net6_endpoint *endpoint, const uint8_t group[16], uint32_t scope) {
    if (group[0] != 0xff) {
        return -EINVAL;
    }
    engine_enter();
    int result = endpoint->backend->join(endpoint, group, scope);
    engine_exit();
    return result;
}

size_t net6_addresses(struct net6_address *addresses, size_t max) {
    return ready && default_backend != NULL ? default_backend->addresses(addresses, max) : 0;
}

size_t net6_servers(uint8_t (*servers)[16], size_t max) {
    return ready && default_backend != NULL ? default_backend->servers(servers, max) : 0;
}

int net6_add_address(const uint8_t address[16], uint32_t preferred_s, uint32_t valid_s) {
    if (preferred_s > valid_s || valid_s == 0) {
        return -EINVAL;
    }
    if (!ready || default_backend == NULL || default_backend->add_address == NULL) {
        return -EOPNOTSUPP;
    }
    int result = engine_start();
    if (result == 0) {
        engine_enter();
        result = default_backend->add_address(address, preferred_s, valid_s);
        engine_exit();
    }
    return result;
}

int net6_remove_address(const uint8_t address[16]) {
    if (!ready || default_backend == NULL || default_backend->remove_address == NULL) {
        return -EOPNOTSUPP;
    }
    engine_enter();
    int result = default_backend->remove_address(address);
    engine_exit();
    return result;
}

int net6_router_flags(void) {
    if (!ready || default_backend == NULL || default_backend->router_flags == NULL) {
        return -EOPNOTSUPP;
    }
    engine_enter();
    int result = default_backend->router_flags();
    engine_exit();
    return result;
}

engine_signal *net6_changed(void) {
    return &changed;
}

void net6_use(struct net6_use *use) {
    engine_enter();
    use->endpoints = 0;
    for (size_t i = 0; i < NET6_ENDPOINTS; ++i) {
        use->endpoints = (uint16_t)(use->endpoints + (endpoints[i].used ? 1 : 0));
    }
    use->datagrams = ready ? (uint16_t)(NET6_DATAGRAMS - free_datagrams) : 0;
    use->blocks = ready ? (uint16_t)(NET6_BLOCKS - net6_blocks_free()) : 0;
    use->blocks_most = (uint16_t)net6_blocks_most();
    engine_exit();
}

static int packet_send(
    void *endpoint, const uint8_t *data, size_t length, const uint8_t peer[16], uint16_t port) {
    return net6_send(endpoint, data, length, peer, port, NULL);
}

void net6_set_filter(struct net6_endpoint *endpoint, net6_receiver receiver, void *arg) {
    engine_enter();
    endpoint->receiver = receiver;
    endpoint->receiver_arg = arg;
    if (receiver == NULL && endpoint->closing) {
        close_now(endpoint);
    }
    engine_exit();
}

static void packet_set_receiver(void *arg, net6_receiver receiver, void *receiver_arg) {
    struct net6_endpoint *endpoint = arg;
    engine_enter();
    if (receiver != NULL) {
        flush(endpoint, true);
    }
    net6_set_filter(endpoint, receiver, receiver_arg);
    engine_exit();
}

const struct packet_ops net6_packet_ops = { packet_send, packet_set_receiver };
