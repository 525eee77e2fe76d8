# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What tests of `vox6 tunnel` ask of its host: addresses, routes, what leaves an interface."""

import re
import socket
import time

from pyroute2.netlink.exceptions import NetlinkError

from host_tests.servers.frames import Datagram, is_udp
from tools.lab.namespace import index_of, inside, netlink

_DEPRECATED = 0x20


def wait(true, what, timeout=8.0):
    deadline = time.monotonic() + timeout
    while not (found := true()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def reach(host, address, *more, count=3):
    """Ping from a host; LabError: not one answer."""
    host.run(["ping", "-i0.1", f"-c{count}", "-W2", *more, address])


def tunnel_addresses(host):
    """{address: whether it is deprecated} of the TUN device; None: there is none."""
    with netlink(host.netns) as ip:
        try:
            index = index_of(host.netns, "vox6")
        except OSError:
            return None
        rows = ip.get_addr(index=index, family=socket.AF_INET6)
        return {row.get_attr("IFA_ADDRESS"): bool(row["flags"] & _DEPRECATED) for row in rows}


def default_routes(host):
    """[(interface, metric)] of IPv6 default routes for everybody."""
    with inside(host.netns), netlink(host.netns) as ip:
        return sorted(
            (socket.if_indextoname(row.get_attr("RTA_OIF")), row.get_attr("RTA_PRIORITY"))
            for row in ip.get_routes(family=socket.AF_INET6, table=254)
            if not row["dst_len"] and not row["src_len"] and row.get_attr("RTA_OIF")
        )


def source_for(host, address):
    """The address that the host would send from."""
    with netlink(host.netns) as ip:
        try:
            (row,) = ip.route("get", dst=address, family=socket.AF_INET6)
        except NetlinkError:
            return None
        return row.get_attr("RTA_PREFSRC")


def everything(host):
    """Interfaces, addresses, routes and rules of a host, as text."""
    words = []
    for what in (
        ["link"],
        ["-6", "addr"],
        ["-6", "route", "show", "table", "all"],
        ["-6", "rule"],
    ):
        words.append(host.run(["ip", *what]))
    return re.sub(r"(valid_lft|expires|preferred_lft) ?\w+| tentative", "", "\n".join(words))


def settled(host):
    """The same, when the link's own address has passed its duplicate detection."""
    wait(lambda: any(one.startswith("fe80") for one in host.addresses()), "link-local address")
    return everything(host)


class Listener:
    """IPv4 UDP datagrams at an interface of a namespace, as they are there."""

    def __init__(self, netns, interface):
        with inside(netns):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
            self.socket.bind((interface, 3))  # ETH_P_ALL: what leaves is seen as well
        self.socket.setblocking(False)

    def seen(self):
        """[(whether it leaves here, Datagram)] since the last call."""
        found = []
        while True:
            try:
                packet, (_, protocol, kind, _, _) = self.socket.recvfrom(4096)
            except BlockingIOError:
                return found
            if protocol == 0x0800 and is_udp(packet):
                found.append((kind == socket.PACKET_OUTGOING, Datagram(packet)))
