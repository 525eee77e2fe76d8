// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// IPv4 as the host's kernel (rtnetlink) and resolv.conf tell it. The one file of the unix phone that
// knows AF_INET.

#define _GNU_SOURCE
#include "tunnel6/ipv4.h"

#include <string.h>
#include <sys/socket.h>

#include "engine_unix.h"
#include "net6/net6_core.h"
#include "net6/netlink.h"
#include "net6/resolv_conf.h"

static int events_fd = -1;

// The default route of the least metric.
struct route {
    bool found;
    uint32_t metric, index;
    bool has_router, has_source;
    uint8_t router[4], source[4];
};

struct search {
    struct route route;
    struct tunnel6_ipv4 *ipv4;
    bool found;
    uint32_t index; // interface of the address found
};

static void take_route(const struct nlmsghdr *header, void *arg) {
    struct search *search = arg;
    const struct rtmsg *message = NLMSG_DATA(header);
    if (header->nlmsg_type != RTM_NEWROUTE || message->rtm_family != AF_INET
        || message->rtm_dst_len != 0 || message->rtm_type != RTN_UNICAST
        || message->rtm_table != RT_TABLE_MAIN) {
        return;
    }
    struct route route = { .found = true };
    int left = (int)RTM_PAYLOAD(header);
    for (const struct rtattr *a = RTM_RTA(message); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (RTA_PAYLOAD(a) != 4) {
            continue;
        }
        if (a->rta_type == RTA_OIF) {
            memcpy(&route.index, RTA_DATA(a), 4);
        } else if (a->rta_type == RTA_PRIORITY) {
            memcpy(&route.metric, RTA_DATA(a), 4);
        } else if (a->rta_type == RTA_GATEWAY) {
            memcpy(route.router, RTA_DATA(a), 4);
            route.has_router = true;
        } else if (a->rta_type == RTA_PREFSRC) {
            memcpy(route.source, RTA_DATA(a), 4);
            route.has_source = true;
        }
    }
    if (!search->route.found || route.metric < search->route.metric) {
        search->route = route;
    }
}

/// The address on the interface of the default route, the route's own source first; without such a
/// route the first that is not of this host alone.
static void take_address(const struct nlmsghdr *header, void *arg) {
    struct search *search = arg;
    const struct ifaddrmsg *message = NLMSG_DATA(header);
    if (header->nlmsg_type != RTM_NEWADDR || message->ifa_family != AF_INET
        || message->ifa_scope >= RT_SCOPE_LINK) {
        return;
    }
    const uint8_t *local = NULL;
    int left = (int)IFA_PAYLOAD(header);
    for (const struct rtattr *a = IFA_RTA(message); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == IFA_LOCAL && RTA_PAYLOAD(a) == 4) {
            local = RTA_DATA(a);
        }
    }
    const struct route *route = &search->route;
    if (local == NULL || (route->found && message->ifa_index != route->index)) {
        return;
    }
    bool better = route->has_source && memcmp(local, route->source, 4) == 0;
    if (!search->found || better) {
        search->found = true;
        memcpy(search->ipv4->address, local, 4);
        search->ipv4->prefix_length = message->ifa_prefixlen;
    }
}

bool tunnel6_ipv4(struct tunnel6_ipv4 *ipv4) {
    struct search search = { .ipv4 = ipv4 };
    memset(ipv4, 0, sizeof(*ipv4));
    netlink_dump(RTM_GETROUTE, AF_INET, take_route, &search);
    netlink_dump(RTM_GETADDR, AF_INET, take_address, &search);
    if (!search.found) {
        return false;
    }
    ipv4->has_router = search.route.has_router;
    memcpy(ipv4->router, search.route.router, 4);
    struct resolv_conf conf;
    resolv_conf_read(&conf);
    for (size_t i = 0; i < conf.server_count && ipv4->server_count < TUNNEL6_IPV4_SERVERS; ++i) {
        if (net6_is_v4_mapped(conf.servers[i])) {
            memcpy(ipv4->servers[ipv4->server_count++], conf.servers[i] + 12, 4);
        }
    }
    size_t length = strlen(conf.domain);
    if (length < sizeof(ipv4->domain)) {
        memcpy(ipv4->domain, conf.domain, length + 1);
    }
    return true;
}

int tunnel6_ipv4_start(void) {
    int result = engine_start();
    if (result < 0 || events_fd >= 0) {
        return result;
    }
    result = netlink_watch(RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE);
    if (result < 0) {
        return result;
    }
    events_fd = result;
    return 0;
}
