# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Interfaces as XDP sees them, and a program on several of them at once."""

import errno
import fcntl
import socket
import struct

from pyroute2 import IPRoute

from .libbpf import GENERIC, NATIVE, BPFError, Link

_SIOCGIFHWADDR = 0x8927
_ETHERNET = 1  # ARPHRD_ETHER

Arm = tuple[int, bytes]  # interface index, its six octets


def arm_of(name: str) -> Arm:
    """Return index and address of an interface of this network namespace; OSError."""
    index = socket.if_nametoindex(name)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        answer = fcntl.ioctl(one, _SIOCGIFHWADDR, struct.pack("16s24x", name.encode()))
    return index, answer[18:24]


def is_ethernet(name: str) -> bool:
    """Return whether frames of an interface begin with an Ethernet header; OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        answer = fcntl.ioctl(one, _SIOCGIFHWADDR, struct.pack("16s24x", name.encode()))
    return bool(struct.unpack_from("=H", answer, 16)[0] == _ETHERNET)


def mode_of(interface: int) -> str:
    """Return "native" or "generic" for what is attached to an interface, "" for nothing."""
    with IPRoute() as kernel:
        for link in kernel.get_links(interface):
            xdp = link.get_attr("IFLA_XDP")
            attached = xdp.get_attr("IFLA_XDP_ATTACHED") if xdp is not None else None
            return {"xdp": "native", "xdpgeneric": "generic"}.get(str(attached), "")
    return ""


def is_veth(interface: int) -> bool:
    """Return whether it is a veth, which delivers XDP_TX to other XDP programs alone."""
    with IPRoute() as kernel:
        for link in kernel.get_links(interface):
            info = link.get_attr("IFLA_LINKINFO")
            if info is not None and info.get_attr("IFLA_INFO_KIND") == "veth":
                return True
    return False


def create_links(program_fd: int, interfaces: list[int], mode: int) -> list[Link]:
    """Put a program on all interfaces or on none; BPFError."""
    links: list[Link] = []
    try:
        for interface in interfaces:
            links.append(Link.create(program_fd, interface, mode))
    except BPFError:
        for link in links:
            link.close()
        raise
    return links


def attach(program_fd: int, interfaces: list[int]) -> tuple[list[Link], str]:
    """Put a program on all interfaces: natively, else by generic XDP. Return links and mode.

    BPFError: it is on none.
    """
    try:
        return create_links(program_fd, interfaces, NATIVE), "native"
    except BPFError:
        return create_links(program_fd, interfaces, GENERIC), "generic"


def reason(error: OSError) -> str:
    """Return what a person can do about an error of loading or attaching."""
    text = str(error.args[1] if len(error.args) > 1 else error)
    remedies = {
        errno.EPERM: "CAP_BPF and CAP_NET_ADMIN are needed",
        errno.ENOSPC: "the interface has too few queues for XDP",
        errno.EBUSY: "another XDP program is there already",
        errno.EEXIST: "another XDP program is there already",
        errno.EINVAL: "Linux 5.18 or newer is needed",
    }
    remedy = remedies.get(error.errno or 0)
    return f"{text} ({remedy})" if remedy else text
