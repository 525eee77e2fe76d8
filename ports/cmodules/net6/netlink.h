// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// rtnetlink of Linux: what is asked of it, and what is heard of changes.

#ifndef VOX6_NET6_NETLINK_H
#define VOX6_NET6_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>

// Asks for all of a kind (RTM_GETADDR, RTM_GETROUTE) of an address family; take is called for each
// message of the answer. VM context, on a socket of its own, so nothing is held meanwhile.
void netlink_dump(uint16_t type, uint8_t family,
    void (*take)(const struct nlmsghdr *header, void *arg), void *arg);

// Raises net6_changed() at each message to these groups (RTMGRP_...) from now on. Returns the
// descriptor, which stays open, or a negative errno.
int netlink_watch(uint32_t groups);

#endif
