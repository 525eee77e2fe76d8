# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Network namespaces of Linux without a fork: made, entered, driven by netlink, removed.

pyroute2 would fork for `netns.create()` and `IPRoute(netns=...)`, which does not go together with
threads. Here a thread enters the namespace instead.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from pyroute2 import IPRoute, netns

from tools.lab.errors import LabError

IFA_F_NODAD = 0x02
IFA_F_DADFAILED = 0x08
IFA_F_TENTATIVE = 0x40
_NETNS_DIR = Path("/run/netns")
_NAME = re.compile(r"vox6-(\d+)-")
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_TUNSETPERSIST = 0x400454CB
_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17
_ETHTOOL_SGRO = 0x2C
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Run the block with this thread in a namespace; sockets made there stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        netns.setns(name, flags=0)
        try:
            yield
        finally:
            netns.setns(home)
    finally:
        os.close(home)


@contextlib.contextmanager
def netlink(name: str) -> Iterator[IPRoute]:
    """A netlink socket of a namespace, made without a fork: this process has threads."""
    with inside(name), IPRoute() as ip:
        yield ip


def create(name: str) -> None:
    """Make a named namespace, as `ip netns add` does, without a fork; its lo is up."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
            number = ctypes.get_errno()
            raise LabError(f"this system makes no network namespaces: {os.strerror(number)}")
        try:
            netns.attach(name, f"{os.getpid()}/task/{threading.get_native_id()}")
        finally:
            netns.setns(home)
    finally:
        os.close(home)


def remove(name: str) -> None:
    """Remove a namespace; what cannot be removed is told on standard error."""
    try:
        netns.remove(name)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EINVAL):
            print(f"lab: namespace {name} stays behind: {error}", file=sys.stderr)
            return
        with contextlib.suppress(OSError):
            (_NETNS_DIR / name).unlink()


def index_of(name: str, interface: str) -> int:
    """Interface index in a namespace (a netlink dump may miss one while links change)."""
    with inside(name):
        return socket.if_nametoindex(interface)


def set_up(name: str, interface: str) -> None:
    """Set an interface of a namespace up."""
    with netlink(name) as ip:
        ip.link("set", index=index_of(name, interface), state="up")


def sysctl(name: str, value: str) -> None:
    """Set a value below /proc/sys/net of the namespace that this thread is in."""
    Path("/proc/sys/net", name).write_text(value)


def make_tap(name: str) -> None:
    """Make a tap device that stays, in the namespace that this thread is in."""
    with open("/dev/net/tun", "r+b", buffering=0) as tun:
        request = struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI)
        fcntl.ioctl(tun, _TUNSETIFF, request)
        fcntl.ioctl(tun, _TUNSETPERSIST, 1)


def _ethtool(interface: str, command: int, value: int) -> None:
    data = ctypes.create_string_buffer(struct.pack("II", command, value))
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(data))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as channel:
        fcntl.ioctl(channel, _SIOCETHTOOL, request)


def complete_checksums(interface: str) -> None:
    """Let the kernel of this thread's namespace write checksums itself: a relay passes them on."""
    _ethtool(interface, _ETHTOOL_STXCSUM, 0)


def poll_frames(interface: str) -> None:
    """Let a veth of this thread's namespace take frames that XDP at its other end redirects."""
    _ethtool(interface, _ETHTOOL_SGRO, 1)


def check_able() -> None:
    """LabError with a remedy when this machine or user cannot have a lab."""
    if os.geteuid() != 0:
        raise LabError(
            "a lab of network namespaces needs root: run the same command with sudo, "
            "or 'make phone' for a phone without a lab"
        )
    for program, package in (
        ("radvd", "radvd"),
        ("tcpdump", "tcpdump"),
        ("nsenter", "util-linux"),
        ("setpriv", "util-linux"),
    ):
        need(program, package)
    if not Path("/dev/net/tun").exists():
        raise LabError("/dev/net/tun is missing: run 'modprobe tun' on this machine")


def need(program: str, package: str) -> None:
    """LabError: a program is missing, and the Debian package that has it."""
    if shutil.which(program) is None:
        raise LabError(f"{program} is missing: run 'make setup' (Debian package {package})")


def remove_leftovers() -> None:
    """Remove namespaces of labs whose process is dead, and the programs left in them."""
    if not _NETNS_DIR.is_dir():
        return
    for entry in _NETNS_DIR.iterdir():
        found = _NAME.match(entry.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            _end_programs_in(entry)
            remove(entry.name)


def _end_programs_in(entry: Path) -> None:
    """Kill what still runs in a namespace of a dead lab; only such programs live in it."""
    try:
        inode = entry.stat().st_ino
    except OSError:
        return
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if (process / "ns/net").stat().st_ino == inode:
                    os.kill(int(process.name), signal.SIGKILL)
