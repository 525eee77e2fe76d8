// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// IPv4 as the host's kernel (rtnetlink) and resolv.conf tell it. The one file of the unix phone that
// knows AF_INET.

#define _GNU_SOURCE
#include "tunnel6/ipv4.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine_unix.h"
#include "net6/net6_core.h"
#include "net6/resolv_conf.h"

#define DUMP_PATIENCE_MS (500) // the kernel answers a dump at once, or something is wrong

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

static void take_route(const struct nlmsghdr *header, struct search *search) {
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
static void take_address(const struct nlmsghdr *header, struct search *search) {
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

static void dump(
    uint16_t type, void (*take)(const struct nlmsghdr *, struct search *), struct search *search) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return;
    }
    struct timeval patience = { .tv_usec = DUMP_PATIENCE_MS * 1000 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    struct {
        struct nlmsghdr header;
        struct rtmsg message; // an ifaddrmsg is shorter and begins with the family, too
    } request = {
        .header = {
            .nlmsg_len = sizeof(request), .nlmsg_type = type,
            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 1,
        },
        .message = {.rtm_family = AF_INET},
    };
    bool more = send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request);
    while (more) {
        _Alignas(struct nlmsghdr) char buffer[16384];
        ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
        if (length < 0 && errno == EINTR) {
            continue;
        }
        more = length > 0;
        int left = (int)length;
        for (const struct nlmsghdr *h = (void *)buffer; more && NLMSG_OK(h, left);
            h = NLMSG_NEXT(h, left)) {
            if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
                more = false;
            } else {
                take(h, search);
            }
        }
    }
    close(fd);
}

bool tunnel6_ipv4(struct tunnel6_ipv4 *ipv4) {
    struct search search = { .ipv4 = ipv4 };
    memset(ipv4, 0, sizeof(*ipv4));
    dump(RTM_GETROUTE, take_route, &search);
    dump(RTM_GETADDR, take_address, &search);
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

static void on_netlink(int fd, void *arg) {
    (void)arg;
    char buffer[8192];
    while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0 || errno == ENOBUFS) {
        errno = 0;
    }
    net6_note_change();
}

int tunnel6_ipv4_start(void) {
    if (events_fd >= 0) {
        return 0;
    }
    int result = engine_start();
    int fd = result < 0
        ? -1
        : socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return result < 0 ? result : -errno;
    }
    struct sockaddr_nl local = { .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE };
    result = bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0
        ? -errno
        : engine_watch(fd, ENGINE_FIRST, on_netlink, NULL);
    if (result < 0) {
        close(fd);
        return result;
    }
    events_fd = fd;
    return 0;
}
