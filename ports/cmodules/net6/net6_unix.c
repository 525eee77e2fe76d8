// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// net6 on unix: one endpoint bound to :: has a socket of the kernel and a pcb of lwIP with the same
// port, so that it hears what comes by the host's interfaces and by the tunnel of this process. The
// source address of a datagram says by which of them it leaves.

#include "net6/net6_unix.h"

#include <errno.h>
#include <string.h>

#include "net6/net6_kernel.h"
#include "net6/net6_lwip.h"
#include "net6/resolv_conf.h"

#define PORT_TRIES (8) // ports of the kernel that an endpoint in the tunnel has already

static bool has_socket(const struct net6_endpoint *endpoint) {
    return endpoint->handle >= 0;
}

static int open_both(struct net6_endpoint *endpoint) {
    uint16_t wanted = endpoint->port;
    int result = -EADDRINUSE;
    for (int i = 0; i < PORT_TRIES && result == -EADDRINUSE; ++i) {
        endpoint->port = wanted;
        result = net6_kernel_open(endpoint);
        if (result < 0) {
            return result;
        }
        result = net6_lwip_open(endpoint);
        if (result < 0) {
            net6_kernel_close(endpoint);
            if (wanted != 0) {
                return result;
            }
        }
    }
    return result;
}

static int unix_open(struct net6_endpoint *endpoint) {
    int result = net6_lwip_start();
    if (result < 0) {
        return result;
    }
    if (net6_tunnel_is(endpoint->local)) {
        return net6_lwip_open(endpoint);
    }
    return net6_is_unspecified(endpoint->local) ? open_both(endpoint) : net6_kernel_open(endpoint);
}

static void unix_close(struct net6_endpoint *endpoint) {
    if (has_socket(endpoint)) {
        net6_kernel_close(endpoint);
    }
    if (endpoint->pcb != NULL) {
        net6_lwip_close(endpoint);
    }
}

bool net6_unix_is_near(const uint8_t address[16]) {
    return address[0] == 0xff || net6_is_scoped(address) || net6_is_loopback(address)
        || net6_kernel_is_own(address)
        || ((address[0] & 0xfe) == 0xfc && net6_kernel_has_unique_local());
}

static int unix_send(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t peer[16], uint16_t port, const struct net6_way *way) {
    if (endpoint->pcb == NULL) {
        return net6_tunnel_is(way->local != NULL ? way->local : endpoint->local)
            ? -EADDRNOTAVAIL
            : net6_kernel_send(endpoint, data, length, peer, port, way);
    }
    if (!has_socket(endpoint)) {
        return net6_lwip_send(endpoint, data, length, peer, port, way);
    }
    if (way->local != NULL) {
        return net6_tunnel_is(way->local)
            ? net6_lwip_send(endpoint, data, length, peer, port, way)
            : net6_kernel_send(endpoint, data, length, peer, port, way);
    }
    if (net6_tunnel_is(peer) || (net6_tunnel_is_preferred() && !net6_unix_is_near(peer))) {
        return net6_lwip_send(endpoint, data, length, peer, port, way);
    }
    int result = net6_kernel_send(endpoint, data, length, peer, port, way);
    if ((result == -ENETUNREACH || result == -EADDRNOTAVAIL) && net6_tunnel_is_up()
        && !net6_unix_is_near(peer)) {
        return net6_lwip_send(endpoint, data, length, peer, port, way); // better than not at all
    }
    return result;
}

static int unix_set_traffic_class(struct net6_endpoint *endpoint) {
    int result = has_socket(endpoint) ? net6_kernel_set_traffic_class(endpoint) : 0;
    if (result == 0 && endpoint->pcb != NULL) {
        result = net6_lwip_set_traffic_class(endpoint);
    }
    return result;
}

static int unix_join(struct net6_endpoint *endpoint, const uint8_t group[16], uint32_t scope) {
    return has_socket(endpoint) ? net6_kernel_join(endpoint, group, scope)
                                : net6_lwip_join(endpoint, group, scope);
}

// VM context.
static size_t unix_addresses(struct net6_address *addresses, size_t max) {
    size_t count = net6_kernel_addresses(addresses, max);
    struct net6_address tunnel;
    engine_enter();
    if (net6_tunnel_address(&tunnel)) {
        count = net6_insert(addresses, count, max, &tunnel);
    }
    engine_exit();
    return count;
}

// VM context.
static size_t unix_servers(uint8_t (*servers)[16], size_t max) {
    static struct resolv_conf conf;
    size_t count = 0;
    resolv_conf_read(&conf);
    for (size_t i = 0; i < conf.server_count && count < max; ++i) {
        if (!net6_is_v4_mapped(conf.servers[i])) {
            memcpy(servers[count++], conf.servers[i], 16);
        }
    }
    return count;
}

const struct net6_backend net6_unix = {
    .open = unix_open,
    .close = unix_close,
    .send = unix_send,
    .set_traffic_class = unix_set_traffic_class,
    .join = unix_join,
    .addresses = unix_addresses,
    .servers = unix_servers,
    .streams = &net6_unix_streams,
};
