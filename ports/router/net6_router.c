// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// net6 on the kernel alone: no tunnel, no lwIP.

#include "net6_router.h"

#include <string.h>

#include "net6/net6_kernel.h"
#include "net6/net6_stream_kernel.h"
#include "net6/resolv_conf.h"

static const struct net6_listener_ops listener_ops = {
    .accept = net6_stream_kernel_accept,
    .poll = net6_stream_kernel_waits,
    .close = net6_stream_kernel_unlisten,
};

static int router_listen(struct net6_listener *listener, int backlog) {
    listener->ops = &listener_ops;
    int result = net6_stream_kernel_listen(listener, backlog);
    listener->fd = listener->socket; // what poll(2) waits at
    return result;
}

// VM context.
static size_t router_servers(uint8_t (*servers)[16], size_t max) {
    static struct resolv_conf conf;
    resolv_conf_read(&conf);
    size_t count = conf.server_count < max ? conf.server_count : max;
    memcpy(servers, conf.servers, 16 * count);
    return count;
}

static const struct net6_streams streams = {
    .both_families = true,
    .connect = net6_stream_kernel_connect,
    .listen = router_listen,
};

/// The program polls the socket itself.
static int router_open(struct net6_endpoint *endpoint) {
    int result = net6_kernel_open(endpoint);
    endpoint->readable.fd = (int)endpoint->handle;
    return result;
}

const struct net6_backend net6_router = {
    .open = router_open,
    .close = net6_kernel_close,
    .send = net6_kernel_send,
    .set_traffic_class = net6_kernel_set_traffic_class,
    .join = net6_kernel_join,
    .addresses = net6_kernel_addresses,
    .servers = router_servers,
    .streams = &streams,
    .pump = net6_kernel_pump,
};
