// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// net6 over the host kernel's UDP sockets (RFC 3542 ancillary data) and rtnetlink. Sockets carry
// IPv6 alone, or IPv4 alone if their local address is v4-mapped. The kernel gives interface indices
// beside addresses; here they move into octets 2 and 3 of link-local addresses and back.

#define _GNU_SOURCE
#include "net6/net6_kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine_unix.h"
#include "net6/net6_sockaddr.h"
#include "net6/netlink.h"

#define BURST (8) // datagrams taken from one socket before the next has its turn

static int events_fd = -1; // netlink, groups of address changes

// Addresses as they last were, so that a send need not ask the kernel. Within engine_enter().
static uint8_t own[NET6_ADDRESSES][16];
static size_t own_count;

/// One datagram; *more: whether there may be another.
static void receive_one(struct net6_endpoint *endpoint, bool *more) {
    static uint8_t data[NET6_DATAGRAM_MAX]; // engine context alone
    struct sockaddr_in6 peer;
    struct iovec part = { data, sizeof(data) };
    _Alignas(struct cmsghdr) char
        control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))];
    struct msghdr message = {
        .msg_name = &peer,
        .msg_namelen = sizeof(peer),
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    ssize_t length = recvmsg((int)endpoint->handle, &message, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) {
        *more = errno == EINTR;
        return;
    }
    struct net6_meta meta = { .time_us = engine_time_us() };
    net6_from_wire(&peer.sin6_addr, peer.sin6_scope_id, meta.peer);
    meta.peer_port = ntohs(peer.sin6_port);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
            meta.traffic_class = *CMSG_DATA(c);
        }
        if (c->cmsg_level != IPPROTO_IPV6) {
            continue;
        }
        if (c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            net6_from_wire(&info.ipi6_addr, info.ipi6_ifindex, meta.local);
        } else if (c->cmsg_type == IPV6_TCLASS) {
            int value;
            memcpy(&value, CMSG_DATA(c), sizeof(value));
            meta.traffic_class = (uint8_t)value;
        }
    }
    net6_deliver(endpoint, data, (size_t)length, &meta);
}

static void on_readable(int fd, void *arg) {
    (void)fd;
    struct net6_endpoint *endpoint = arg;
    bool more = true;
    for (int i = 0; i < BURST && more; ++i) {
        receive_one(endpoint, &more);
    }
}

void net6_kernel_pump(struct net6_endpoint *endpoint) {
    bool more = true;
    for (int i = 0; i < BURST && more && !endpoint->waiting; ++i) {
        receive_one(endpoint, &more); // once more: after a signal, or a datagram that was too long
    }
}

/// The options of an IPv4 endpoint: no DF, as a tunnel server's path is not searched for its MTU, and
/// the TOS octet of what comes.
static int set_v4_options(int fd) {
    int on = 1, fragment = IP_PMTUDISC_DONT;
    return setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)) < 0
            || setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &fragment, sizeof(fragment)) < 0
        ? -1
        : 0;
}

#if NET6_FREEBIND
/// Addresses need not be the machine's: a range routed to lo, or one that comes later. Each datagram may
/// be sent in fragments, as those of a stream that is passed on are.
static int set_free(int fd) {
    int on = 1, fragment = IPV6_PMTUDISC_DONT;
    return setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) < 0
            || setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &fragment, sizeof(fragment)) < 0
        ? -1
        : 0;
}
#else
static int set_free(int fd) {
    (void)fd;
    return 0;
}
#endif

int net6_kernel_open(struct net6_endpoint *endpoint) {
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int on = 1;
    bool v4 = net6_is_v4_mapped(endpoint->local);
    int only = !v4;
    struct sockaddr_in6 local;
    socklen_t length = sizeof(local);
    net6_to_sockaddr(endpoint->local, endpoint->port, &local);
    int result = -1;
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0
        || (v4 && set_v4_options(fd) < 0) || set_free(fd) < 0
        || setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0
        || setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on)) < 0
        || bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0
        || getsockname(fd, (struct sockaddr *)&local, &length) < 0) {
        result = -errno;
        goto out;
    }
    result = engine_watch(fd, ENGINE_FIRST, on_readable, endpoint);
out:
    if (result < 0) {
        close(fd);
        return result;
    }
    endpoint->port = ntohs(local.sin6_port);
    endpoint->handle = fd;
    return 0;
}

void net6_kernel_close(struct net6_endpoint *endpoint) {
    engine_unwatch((int)endpoint->handle);
    close((int)endpoint->handle);
    endpoint->handle = -1;
}

static void add_control(
    struct msghdr *message, int level, int type, const void *data, size_t length) {
    struct cmsghdr *c = (void *)((char *)message->msg_control + message->msg_controllen);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(length);
    memcpy(CMSG_DATA(c), data, length);
    message->msg_controllen += CMSG_SPACE(length);
}

int net6_kernel_send(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t peer[16], uint16_t port, const struct net6_way *way) {
    struct sockaddr_in6 to;
    net6_to_sockaddr(peer, port, &to);
    struct iovec part = { (void *)(uintptr_t)data, length };
    _Alignas(struct cmsghdr) char
        control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))] = { 0 };
    struct msghdr message = {
        .msg_name = &to,
        .msg_namelen = sizeof(to),
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
    };
    bool v4 = net6_is_v4_mapped(endpoint->local);
    if (way->local != NULL) {
        struct sockaddr_in6 from;
        net6_to_sockaddr(way->local, 0, &from);
        struct in6_pktinfo info = { .ipi6_addr = from.sin6_addr,
            .ipi6_ifindex = from.sin6_scope_id };
        add_control(&message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
    }
    if (way->hop_limit != 0) {
        int value = way->hop_limit;
        add_control(&message, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_HOPLIMIT, &value,
            sizeof(value));
    }
    if (way->traffic_class != endpoint->traffic_class) {
        int value = way->traffic_class;
        add_control(&message, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &value,
            sizeof(value));
    }
    if (message.msg_controllen == 0) {
        message.msg_control = NULL;
    }
    for (;;) {
        if (sendmsg((int)endpoint->handle, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
            return 0;
        }
        if (errno == EINTR) {
            continue;
        }
        // The kernel says EINVAL of a source address that is not ours.
        return errno == EINVAL && way->local != NULL ? -EADDRNOTAVAIL : -errno;
    }
}

int net6_kernel_set_traffic_class(struct net6_endpoint *endpoint) {
    int value = endpoint->traffic_class;
    bool v4 = net6_is_v4_mapped(endpoint->local);
    return setsockopt((int)endpoint->handle, v4 ? IPPROTO_IP : IPPROTO_IPV6,
               v4 ? IP_TOS : IPV6_TCLASS, &value, sizeof(value))
            < 0
        ? -errno
        : 0;
}

int net6_kernel_join(struct net6_endpoint *endpoint, const uint8_t group[16], uint32_t scope) {
    struct sockaddr_in6 address;
    net6_to_sockaddr(group, 0, &address);
    struct ipv6_mreq request = {
        .ipv6mr_multiaddr = address.sin6_addr,
        .ipv6mr_interface = scope ? scope : address.sin6_scope_id,
    };
    if (setsockopt((int)endpoint->handle, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request))
        < 0) {
        return -errno;
    }
    return 0;
}

/// One RTM_NEWADDR into *address. False if it tells nothing that can be used.
static bool read_address(const struct nlmsghdr *header, struct net6_address *address) {
    uint32_t flags;
    const struct ifaddrmsg *message = NLMSG_DATA(header);
    if (header->nlmsg_type != RTM_NEWADDR || message->ifa_family != AF_INET6) {
        return false;
    }
    const uint8_t *local = NULL, *wire = NULL;
    memset(address, 0, sizeof(*address));
    address->prefix_length = message->ifa_prefixlen;
    address->preferred_s = address->valid_s = NET6_FOREVER;
    flags = message->ifa_flags;
    int left = (int)IFA_PAYLOAD(header);
    for (const struct rtattr *a = IFA_RTA(message); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        size_t length = RTA_PAYLOAD(a);
        if (a->rta_type == IFA_ADDRESS && length == 16) {
            wire = RTA_DATA(a);
        } else if (a->rta_type == IFA_LOCAL && length == 16) {
            local = RTA_DATA(a); // ours, where IFA_ADDRESS is the peer's
        } else if (a->rta_type == IFA_FLAGS && length == sizeof(flags)) {
            memcpy(&flags, RTA_DATA(a), sizeof(flags));
        } else if (a->rta_type == IFA_CACHEINFO && length >= sizeof(struct ifa_cacheinfo)) {
            struct ifa_cacheinfo info;
            memcpy(&info, RTA_DATA(a), sizeof(info));
            address->preferred_s = info.ifa_prefered;
            address->valid_s = info.ifa_valid;
        }
    }
    wire = local != NULL ? local : wire;
    if (wire == NULL || flags & IFA_F_DADFAILED || message->ifa_index > 0xffff) {
        return false;
    }
    net6_from_wire(wire, message->ifa_index, address->address);
    address->scope = (uint16_t)message->ifa_index;
    address->state = NET6_PREFERRED;
    address->temporary = flags & IFA_F_TEMPORARY;
    if (flags & IFA_F_TENTATIVE && !(flags & IFA_F_OPTIMISTIC)) {
        address->state = NET6_TENTATIVE;
    } else if (flags & IFA_F_DEPRECATED) {
        address->state = NET6_DEPRECATED;
    }
    return true;
}

struct addresses {
    struct net6_address *list;
    size_t count, max;
};

static void take_address(const struct nlmsghdr *header, void *arg) {
    struct addresses *addresses = arg;
    struct net6_address address;
    if (read_address(header, &address)) {
        addresses->count =
            net6_insert(addresses->list, addresses->count, addresses->max, &address);
    }
}

size_t net6_kernel_addresses(struct net6_address *addresses, size_t max) {
    struct addresses found = { addresses, 0, max };
    netlink_dump(RTM_GETADDR, AF_INET6, take_address, &found);
    engine_enter();
    own_count = 0;
    for (size_t i = 0; i < found.count && own_count < NET6_ADDRESSES; ++i) {
        memcpy(own[own_count++], addresses[i].address, 16);
    }
    engine_exit();
    return found.count;
}

bool net6_kernel_is_own(const uint8_t address[16]) {
    for (size_t i = 0; i < own_count; ++i) {
        if (memcmp(own[i], address, 16) == 0) {
            return true;
        }
    }
    return false;
}

bool net6_kernel_has_unique_local(void) {
    for (size_t i = 0; i < own_count; ++i) {
        if ((own[i][0] & 0xfe) == 0xfc) {
            return true;
        }
    }
    return false;
}

int net6_kernel_watch(void) {
    if (events_fd < 0) {
        int result = netlink_watch(RTMGRP_IPV6_IFADDR);
        if (result < 0) {
            return result;
        }
        events_fd = result;
    }
    return 0;
}
