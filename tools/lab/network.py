# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Small Internets out of network namespaces: one IPv6 link, a router, hosts, a capture.

Everything is named after this process (vox6-PID-NUMBER-NAME) and goes when the lab closes. What a
dead process left behind goes when the next lab opens.
"""

import atexit
import contextlib
import ctypes
import errno
import fcntl
import ipaddress
import itertools
import os
import re
import shutil
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import TextIO

from pyroute2 import IPRoute, netns

from tools.lab.errors import LabError
from tools.lab.process import Process

PREFIX = "2001:db8:1::/64"
DNS_SERVER = "2001:db8:1::53"
_NETNS_DIR = Path("/run/netns")
_NAME = re.compile(r"vox6-(\d+)-")
_CLONE_NEWNET = 0x40000000
_IFA_F_NODAD = 0x02
_TUNSETIFF = 0x400454CA
_TUNSETPERSIST = 0x400454CB
_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_IFA_F_TENTATIVE = 0x40
_IFA_F_DADFAILED = 0x08
_RADVD = """interface eth0 {
    AdvSendAdvert on;
    MinRtrAdvInterval 3;
    MaxRtrAdvInterval 10;
    AdvDefaultLifetime 1800;
    prefix %s {
        AdvOnLink on;
        AdvAutonomous on;
        AdvValidLifetime 86400;
        AdvPreferredLifetime 14400;
    };
    RDNSS %s { AdvRDNSSLifetime 1800; };
};
"""


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
def _netlink(name: str) -> Iterator[IPRoute]:
    """A netlink socket of a namespace, made without a fork: this process has threads."""
    with inside(name), IPRoute() as ip:
        yield ip


def _create(name: str) -> None:
    """Make a named namespace, as `ip netns add` does, without a fork."""
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


def _index(name: str, interface: str) -> int:
    """Interface index in a namespace (a netlink dump may miss one while links change)."""
    with inside(name):
        return socket.if_nametoindex(interface)


class Host:
    """One namespace with a link eth0 on the lab's bridge."""

    def __init__(self, lab: "Lab", name: str, number: int) -> None:
        self.lab = lab
        self.name = name
        self.netns = f"vox6-{os.getpid()}-{lab.tag}{name}"
        self.mac = f"02:00:5e:10:00:{number:02x}"
        self.port = f"port{number}"  # its end on the bridge

    def start(
        self,
        argv: Sequence[str | Path],
        log: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        urgent: bool = False,
    ) -> Process:
        """Start a program in this namespace; log: name of its output file in the lab's folder."""
        name = log or f"{self.name}-{Path(str(argv[0])).name}.log"
        process = Process(
            argv, self.lab.folder / name, netns=self.netns, env=env, cwd=cwd, urgent=urgent
        )
        self.lab.processes.append(process)
        return process

    def socket(
        self, family: int = socket.AF_INET6, kind: int = socket.SOCK_DGRAM
    ) -> socket.socket:
        """A socket that lives in this namespace."""
        with inside(self.netns):
            return socket.socket(family, kind)

    def addresses(self) -> list[str]:
        """Usable IPv6 addresses of eth0, global ones first."""
        with _netlink(self.netns) as ip:
            index = _index(self.netns, "eth0")
            found = []
            for row in ip.get_addr(index=index, family=socket.AF_INET6):
                flags = row.get_attr("IFA_FLAGS") or row["flags"]
                if not flags & (_IFA_F_TENTATIVE | _IFA_F_DADFAILED):
                    found.append(str(row.get_attr("IFA_ADDRESS")))
        return sorted(found, key=lambda text: ipaddress.ip_address(text).is_link_local)

    def wait_address(self, timeout: float = 10.0) -> str:
        """Wait for a global address; the address. LabError: none came."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = self.addresses()
            if found and not ipaddress.ip_address(found[0]).is_link_local:
                return found[0]
            time.sleep(0.05)
        raise LabError(f"{self.name}: no global IPv6 address within {timeout:g} s")

    def set_address(self, address: str, prefix_length: int = 64) -> None:
        """Add an address that is usable at once."""
        with _netlink(self.netns) as ip:
            index = _index(self.netns, "eth0")
            ip.addr(
                "add", index=index, address=address, prefixlen=prefix_length, flags=_IFA_F_NODAD
            )

    def remove_address(self, address: str, prefix_length: int = 64) -> None:
        """Take an address away."""
        with _netlink(self.netns) as ip:
            index = _index(self.netns, "eth0")
            ip.addr("del", index=index, address=address, prefixlen=prefix_length)


class Lab:
    """A link with a router that advertises a prefix, and the hosts on it.

    with Lab(Path("build/lab")) as lab:
        a = lab.host("a")
        a.start(["ping", "-c1", lab.router_address])
    """

    _count = itertools.count(1)

    def __init__(self, folder: Path, *, tag: str = "", prefix: str = PREFIX) -> None:
        """Prepare a lab; nothing is made before the with block.

        folder: where logs and captures go, made when absent; tag: shown in the names, for people;
        prefix: the /64 that the router advertises.
        """
        self.folder = folder.resolve()
        number = next(Lab._count)  # tells two labs of one process apart
        self.tag = f"{number}-{tag}-" if tag else f"{number}-"
        self.prefix = ipaddress.IPv6Network(prefix)
        self.processes: list[Process] = []
        self.hosts: dict[str, Host] = {}
        self.router_address = str(self.prefix[1])
        self._switch = f"vox6-{os.getpid()}-{self.tag}switch"
        self._open = False
        self._claim: TextIO | None = None
        self._pid = os.getpid()
        self._numbers = 0
        self._taps = 0
        self._old_sigterm: object = None

    # -- life -----------------------------------------------------------------------------------

    def __enter__(self) -> "Lab":
        check_able()
        remove_leftovers()
        if not self.claim():
            raise LabError(f"{self.folder} is in use by another lab: wait for it to end")
        self._open = True
        atexit.register(self.close)
        if threading.current_thread() is threading.main_thread():
            if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
                self._old_sigterm = signal.signal(signal.SIGTERM, _leave)
        try:
            self._make_switch()
            self._make_router()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def claim(self) -> bool:
        """Take the folder for this lab; False when another lab that lives has it."""
        if self._claim is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            claim = (self.folder / "lock").open("w")
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                claim.close()
                return False
            self._claim = claim
        return True

    def close(self) -> None:
        """End every program and remove every namespace; may be called again."""
        if not self._open or os.getpid() != self._pid:  # a fork of this process owns nothing
            return
        self._open = False
        atexit.unregister(self.close)
        for process in reversed(self.processes):
            process.stop()
        for name in [host.netns for host in self.hosts.values()] + [self._switch]:
            _remove(name)
        if self._claim is not None:
            self._claim.close()
            self._claim = None
        if self._old_sigterm is not None:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._old_sigterm = None

    # -- what is on the link ---------------------------------------------------------------------

    @property
    def switch(self) -> str:
        """Name of the namespace that holds the bridge, the taps and the capture."""
        return self._switch

    def host(self, name: str, *, address: str | None = None, slaac: bool = True) -> Host:
        """Add a host.

        name: unique in the lab; address: a fixed address besides; slaac: take the router's prefix.
        """
        self._numbers += 1
        host = Host(self, name, self._numbers)
        if name in self.hosts:
            raise LabError(f"there is a host {name} already")
        self.hosts[name] = host
        _create(host.netns)
        with inside(host.netns):
            if not slaac:
                _sysctl("ipv6/conf/default/accept_ra", "0")
            _sysctl("ipv6/conf/default/router_solicitation_delay", "0")
            _sysctl("ipv6/conf/default/use_tempaddr", "0")
        with _netlink(self._switch) as ip:
            peer = {"ifname": "eth0", "net_ns_fd": host.netns, "address": host.mac}
            ip.link("add", ifname=host.port, kind="veth", peer=peer)
            self._plug(ip, host.port)
        with inside(host.netns):
            _complete_checksums("eth0")
        with _netlink(host.netns) as ip:
            ip.link("set", index=1, state="up")
            ip.link("set", index=_index(host.netns, "eth0"), state="up")
        if address:
            host.set_address(address)
        return host

    def tap(self) -> str:
        """Add a tap device on the bridge for an emulated board; its name in `switch`."""
        self._taps += 1
        name = f"tap{self._taps}"
        with inside(self._switch):
            _make_tap(name)
        with _netlink(self._switch) as ip:
            self._plug(ip, name)
        return name

    def splice(self, port: str) -> str:
        """Take a port off the bridge; the name of the link whose other end is there instead."""
        inner, outer = f"in-{port}", f"br-{port}"
        with _netlink(self._switch) as ip:
            ip.link("add", ifname=inner, kind="veth", peer={"ifname": outer})
            ip.link("set", index=_index(self._switch, inner), state="up")
            ip.link("set", index=_index(self._switch, port), master=0)
            self._plug(ip, outer)
        return inner

    def unsplice(self, port: str) -> None:
        """Put a port back on the bridge."""
        if not self._open:
            return
        with _netlink(self._switch) as ip:
            ip.link("del", index=_index(self._switch, f"in-{port}"))
            self._plug(ip, port)

    def start_in_switch(
        self, argv: Sequence[str | Path], log: str, urgent: bool = False
    ) -> Process:
        """Start a program beside the bridge (an emulator, a capture)."""
        process = Process(argv, self.folder / log, netns=self._switch, urgent=urgent)
        self.processes.append(process)
        return process

    def _plug(self, ip: IPRoute, name: str) -> None:
        bridge = _index(self._switch, "br0")
        ip.link("set", index=_index(self._switch, name), master=bridge, state="up")

    def _make_switch(self) -> None:
        _create(self._switch)
        with inside(self._switch):
            _sysctl("ipv6/conf/default/disable_ipv6", "1")  # a switch has no address
        with _netlink(self._switch) as ip:
            ip.link("set", index=1, state="up")
            ip.link("add", ifname="br0", kind="bridge", br_mcast_snooping=0, br_forward_delay=0)
            ip.link("set", index=_index(self._switch, "br0"), state="up")

    def _make_router(self) -> None:
        router = self.host("router", slaac=False)
        with inside(router.netns):
            _sysctl("ipv6/conf/all/forwarding", "1")
        router.set_address(self.router_address)
        router.set_address(DNS_SERVER)
        config = self.folder / "radvd.conf"
        config.write_text(_RADVD % (self.prefix, DNS_SERVER))
        config.chmod(0o644)  # radvd refuses a file that others may write
        deadline = time.monotonic() + 5.0
        while not router.addresses() and time.monotonic() < deadline:
            time.sleep(0.02)
        argv: list[str | Path] = [
            "radvd",
            "-n",
            "-C",
            config,
            "-p",
            self.folder / "radvd.pid",
            "-m",
            "stderr",
        ]
        radvd = router.start(argv)
        time.sleep(0.1)
        if not radvd.running():
            raise LabError(f"radvd does not start:\n{radvd.output()}")


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
        if shutil.which(program) is None:
            raise LabError(f"{program} is missing: run 'make setup' (Debian package {package})")
    if not Path("/dev/net/tun").exists():
        raise LabError("/dev/net/tun is missing: run 'modprobe tun' on this machine")


def remove_leftovers() -> None:
    """Remove namespaces of labs whose process is dead, and the programs left in them."""
    if not _NETNS_DIR.is_dir():
        return
    for entry in _NETNS_DIR.iterdir():
        found = _NAME.match(entry.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            _end_programs_in(entry)
            _remove(entry.name)


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


def _remove(name: str) -> None:
    try:
        netns.remove(name)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EINVAL):
            print(f"lab: namespace {name} stays behind: {error}", file=sys.stderr)
            return
        with contextlib.suppress(OSError):
            (_NETNS_DIR / name).unlink()


def _make_tap(name: str) -> None:
    """Make a tap device that stays, in the namespace that this thread is in."""
    with open("/dev/net/tun", "r+b", buffering=0) as tun:
        request = struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI)
        fcntl.ioctl(tun, _TUNSETIFF, request)
        fcntl.ioctl(tun, _TUNSETPERSIST, 1)


def _complete_checksums(interface: str) -> None:
    """Let the kernel of this thread's namespace write checksums itself: a relay passes them on."""
    value = ctypes.create_string_buffer(struct.pack("II", _ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as channel:
        fcntl.ioctl(channel, _SIOCETHTOOL, request)


def _sysctl(name: str, value: str) -> None:
    """Set a value below /proc/sys/net of the namespace that this thread is in."""
    Path("/proc/sys/net", name).write_text(value)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the process as Ctrl-C does, through every with block."""
    raise SystemExit(143)


__all__ = ["DNS_SERVER", "PREFIX", "Host", "Lab", "check_able", "inside"]
