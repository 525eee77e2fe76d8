// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// net6 over the host kernel's UDP sockets (RFC 3542 ancillary data) and rtnetlink. Sockets carry
// IPv6 alone. The kernel gives interface indices beside addresses; here they move into octets 2 and
// 3 of link-local addresses and back.

#define _GNU_SOURCE
#include "net6/net6_kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine_unix.h"

#define BURST (8) // datagrams taken from one socket before the next has its turn
#define DUMP_PATIENCE_MS (500) // the kernel answers a dump at once, or something is wrong

static int events_fd = -1; // netlink, groups of address changes

/// The wire's address and the scope id of a sockaddr, from the form of net6.
static void to_sockaddr(const uint8_t address[16], uint16_t port, struct sockaddr_in6 *sockaddr) {
    memset(sockaddr, 0, sizeof(*sockaddr));
    sockaddr->sin6_family = AF_INET6;
    sockaddr->sin6_port = htons(port);
    memcpy(&sockaddr->sin6_addr, address, 16);
    if (net6_is_scoped(address)) {
        sockaddr->sin6_scope_id = (uint32_t)(address[2] << 8 | address[3]);
        sockaddr->sin6_addr.s6_addr[2] = sockaddr->sin6_addr.s6_addr[3] = 0;
    }
}

static void from_kernel(const void *wire, uint32_t scope, uint8_t address[16]) {
    memcpy(address, wire, 16);
    if (net6_is_scoped(address)) {
        address[2] = (uint8_t)(scope >> 8);
        address[3] = (uint8_t)scope;
    }
}

static void receive_one(struct net6_endpoint *endpoint, bool *more) {
    static uint8_t data[NET6_DATAGRAM_MAX]; // engine context alone
    struct sockaddr_in6 peer;
    struct iovec part = { data, sizeof(data) };
    _Alignas(struct cmsghdr) char
        control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
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
    from_kernel(&peer.sin6_addr, peer.sin6_scope_id, meta.peer);
    meta.peer_port = ntohs(peer.sin6_port);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != IPPROTO_IPV6) {
            continue;
        }
        if (c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            from_kernel(&info.ipi6_addr, info.ipi6_ifindex, meta.local);
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

static int kernel_open(struct net6_endpoint *endpoint) {
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int on = 1;
    struct sockaddr_in6 local;
    socklen_t length = sizeof(local);
    to_sockaddr(endpoint->local, endpoint->port, &local);
    int result = -1;
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0
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

static void kernel_close(struct net6_endpoint *endpoint) {
    engine_unwatch((int)endpoint->handle);
    close((int)endpoint->handle);
    endpoint->handle = -1;
}

static int kernel_send(struct net6_endpoint *endpoint, const uint8_t *data, size_t length,
    const uint8_t peer[16], uint16_t port, const uint8_t *local) {
    struct sockaddr_in6 to;
    to_sockaddr(peer, port, &to);
    struct iovec part = { (void *)(uintptr_t)data, length };
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
    struct msghdr message = {
        .msg_name = &to,
        .msg_namelen = sizeof(to),
        .msg_iov = &part,
        .msg_iovlen = 1,
    };
    if (local != NULL) {
        struct sockaddr_in6 from;
        to_sockaddr(local, 0, &from);
        struct in6_pktinfo info = { .ipi6_addr = from.sin6_addr,
            .ipi6_ifindex = from.sin6_scope_id };
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
    }
    for (;;) {
        if (sendmsg((int)endpoint->handle, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
            return 0;
        }
        if (errno == EINTR) {
            continue;
        }
        // The kernel says EINVAL of a source address that is not ours.
        return errno == EINVAL && local != NULL ? -EADDRNOTAVAIL : -errno;
    }
}

static int kernel_set_traffic_class(struct net6_endpoint *endpoint) {
    int value = endpoint->traffic_class;
    return setsockopt((int)endpoint->handle, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof(value)) < 0
        ? -errno
        : 0;
}

static int kernel_join(struct net6_endpoint *endpoint, const uint8_t group[16], uint32_t scope) {
    struct sockaddr_in6 address;
    to_sockaddr(group, 0, &address);
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

static bool is_loopback(const uint8_t address[16]) {
    static const uint8_t loopback[16] = { [15] = 1 };
    return memcmp(address, loopback, 16) == 0;
}

/// Order of net6.addresses(): global before link-local before loopback; preferred first; addresses
/// that stay before temporary ones (RFC 8981), as a phone is called at its address.
static int rank(const struct net6_address *address, uint32_t flags) {
    int rank = flags & IFA_F_TEMPORARY ? 1 : 0;
    rank += address->state == NET6_PREFERRED ? 0 : address->state == NET6_DEPRECATED ? 2 : 4;
    if (is_loopback(address->address)) {
        return rank + 16;
    }
    return rank + (net6_is_scoped(address->address) ? 8 : 0);
}

/// One RTM_NEWADDR into *address. False if it tells nothing that can be used.
static bool read_address(
    const struct nlmsghdr *header, struct net6_address *address, uint32_t *flags) {
    const struct ifaddrmsg *message = NLMSG_DATA(header);
    if (header->nlmsg_type != RTM_NEWADDR || message->ifa_family != AF_INET6) {
        return false;
    }
    const uint8_t *local = NULL, *wire = NULL;
    memset(address, 0, sizeof(*address));
    address->prefix_length = message->ifa_prefixlen;
    address->preferred_s = address->valid_s = NET6_FOREVER;
    *flags = message->ifa_flags;
    int left = (int)IFA_PAYLOAD(header);
    for (const struct rtattr *a = IFA_RTA(message); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        size_t length = RTA_PAYLOAD(a);
        if (a->rta_type == IFA_ADDRESS && length == 16) {
            wire = RTA_DATA(a);
        } else if (a->rta_type == IFA_LOCAL && length == 16) {
            local = RTA_DATA(a); // ours, where IFA_ADDRESS is the peer's
        } else if (a->rta_type == IFA_FLAGS && length == sizeof(*flags)) {
            memcpy(flags, RTA_DATA(a), sizeof(*flags));
        } else if (a->rta_type == IFA_CACHEINFO && length >= sizeof(struct ifa_cacheinfo)) {
            struct ifa_cacheinfo info;
            memcpy(&info, RTA_DATA(a), sizeof(info));
            address->preferred_s = info.ifa_prefered;
            address->valid_s = info.ifa_valid;
        }
    }
    wire = local != NULL ? local : wire;
    if (wire == NULL || *flags & IFA_F_DADFAILED || message->ifa_index > 0xffff) {
        return false;
    }
    from_kernel(wire, message->ifa_index, address->address);
    address->scope = (uint16_t)message->ifa_index;
    address->state = NET6_PREFERRED;
    if (*flags & IFA_F_TENTATIVE && !(*flags & IFA_F_OPTIMISTIC)) {
        address->state = NET6_TENTATIVE;
    } else if (*flags & IFA_F_DEPRECATED) {
        address->state = NET6_DEPRECATED;
    }
    return true;
}

/// Dumps the kernel's addresses. VM context, on a socket of its own, so nothing is held meanwhile.
static size_t kernel_addresses(struct net6_address *addresses, size_t max) {
    size_t count = 0;
    int ranks[NET6_ADDRESSES];
    max = max < NET6_ADDRESSES ? max : NET6_ADDRESSES;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return 0;
    }
    struct timeval patience = { .tv_usec = DUMP_PATIENCE_MS * 1000 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    struct {
        struct nlmsghdr header;
        struct ifaddrmsg message;
    } request = {
        .header = {
            .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETADDR,
            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 1,
        },
        .message = {.ifa_family = AF_INET6},
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
            struct net6_address address;
            uint32_t flags;
            if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
                more = false;
            } else if (read_address(h, &address, &flags)) {
                int mine = rank(&address, flags);
                size_t at = count < max ? count : max; // insertion, the best first
                while (at > 0 && ranks[at - 1] > mine) {
                    if (at < max) {
                        addresses[at] = addresses[at - 1];
                        ranks[at] = ranks[at - 1];
                    }
                    --at;
                }
                if (at < max) {
                    addresses[at] = address;
                    ranks[at] = mine;
                    count += count < max ? 1 : 0;
                }
            }
        }
    }
    close(fd);
    return count;
}

/// The host's resolver configuration is not an address matter: lib/dns will read it.
static size_t kernel_servers(uint8_t (*servers)[16], size_t max) {
    (void)servers;
    (void)max;
    return 0;
}

static void on_netlink(int fd, void *arg) {
    (void)arg;
    char buffer[8192];
    while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0 || errno == ENOBUFS) {
        errno = 0;
    }
    net6_note_change(); // what has changed is asked by net6_addresses()
}

int net6_kernel_watch(void) {
    if (events_fd >= 0) {
        return 0;
    }
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return -errno;
    }
    struct sockaddr_nl local = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV6_IFADDR };
    int result = bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0
        ? -errno
        : engine_watch(fd, ENGINE_FIRST, on_netlink, NULL);
    if (result < 0) {
        close(fd);
        return result;
    }
    events_fd = fd;
    return 0;
}

const struct net6_backend net6_kernel = {
    kernel_open,
    kernel_close,
    kernel_send,
    kernel_set_traffic_class,
    kernel_join,
    kernel_addresses,
    kernel_servers,
};
