// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#define _GNU_SOURCE
#include "net6/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "engine_unix.h"
#include "net6/net6_core.h"

#define PATIENCE_MS (500) // the kernel answers a dump at once, or something is wrong

void netlink_dump(uint16_t type, uint8_t family,
    void (*take)(const struct nlmsghdr *header, void *arg), void *arg) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return;
    }
    struct timeval patience = { .tv_usec = PATIENCE_MS * 1000 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    struct {
        struct nlmsghdr header;
        struct rtmsg message; // an ifaddrmsg is shorter and begins with the family, too
    } request = {
        .header = {
            .nlmsg_len = sizeof(request), .nlmsg_type = type,
            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 1,
        },
        .message = {.rtm_family = family},
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
                take(h, arg);
            }
        }
    }
    close(fd);
}

static void on_readable(int fd, void *arg) {
    (void)arg;
    char buffer[8192];
    while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0 || errno == ENOBUFS) {
        errno = 0;
    }
    net6_note_change(); // what has changed is asked by whoever wants to know
}

int netlink_watch(uint32_t groups) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return -errno;
    }
    struct sockaddr_nl local = { .nl_family = AF_NETLINK, .nl_groups = groups };
    int result = bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0
        ? -errno
        : engine_watch(fd, ENGINE_FIRST, on_readable, NULL);
    if (result < 0) {
        close(fd);
        return result;
    }
    return fd;
}
