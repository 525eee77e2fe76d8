# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The data plane in the kernel: an XDP program that does what the portable plane does, sooner.

    fast = FastPath(config, packet_rate=2000)
    try:
        mode = fast.attach("eth0", "eth0")     # "native" or "generic"
    except FastPathUnavailable as reason:
        ...                                    # the portable plane does it all

What the program does not decide itself passes unchanged to the portable plane. Without a pin the
program is gone as soon as this process is, however it ends. With one it stays, with its settings,
and the next process takes its place without losing a packet; detach_pinned() ends that.

There is no thread: whoever has attached calls maintain() when fileno() is readable, and every few
seconds (MAINTAIN_S).
"""

import ctypes
import os
import threading
from pathlib import Path
from socket import AF_INET, AF_INET6

from vox6.pubtsp import Config

from ..common.libbpf import Link, Map
from ..common.next_hops import NextHops
from ..common.xdp import Arm, arm_of, attach, is_veth, mode_of, reason
from .tables import ERROR_RATE, FastPathUnavailable, Tables, find_object, settings_of

MAINTAIN_S = 5
_BPF_MAGIC = 0xCAFE4A11  # of a file system of type bpf
_CONF = Path("/proc/sys/net")


def _check_bpf(folder: Path) -> None:
    """Let a folder be one where links can be pinned; FastPathUnavailable."""
    buffer = ctypes.create_string_buffer(256)
    if ctypes.CDLL(None).statfs(str(folder).encode(), buffer):
        raise FastPathUnavailable(f"there is no folder {folder}")
    if int.from_bytes(buffer.raw[:4], "little") != _BPF_MAGIC:
        raise FastPathUnavailable(f"{folder} cannot hold links: mount -t bpf bpf {folder}")


def detach_pinned(folder: Path) -> int:
    """End data planes whose links are pinned in a folder; return how many there were."""
    paths = list(folder.glob("pubtspd-*"))
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


class FastPath:
    """The rules U1..U10 and D1..D9 of one prefix, in the kernel.

    config: as the portable plane's. packet_rate: packets a second from and to each IPv4 address
    (D-11), 0 for no limit. next_hops: look routes up in a table of the daemon's, which is faster
    than the kernel's. error_rate: ICMPv6 errors a second for each source. pin: a folder in a file
    system of type bpf where the link stays when the daemon ends; detach_pinned() ends it.
    """

    def __init__(
        self,
        config: Config,
        *,
        packet_rate: int = 0,
        next_hops: bool = False,
        error_rate: int = ERROR_RATE,
        pin: Path | None = None,
    ) -> None:
        self._config = config
        self._key, self._previous = config.addresses.keys()
        self._packet_rate = packet_rate
        self._error_rate = error_rate
        self._next_hops = next_hops
        self._pin = pin
        self._salt = int.from_bytes(os.urandom(4), "little")
        self._tables: Tables | None = None
        self._arms: tuple[Arm, Arm] = ((0, bytes(6)), (0, bytes(6)))
        self._links: list[Link] = []
        self._hops: NextHops | None = None
        self._names = ("", "")
        self._no_tx = False
        self._lock = threading.RLock()
        self.hints: list[str] = []  # why packets may take the long way, for the log

    def attach(self, interface_ipv4: str, interface_ipv6: str) -> str:
        """Load the program, put it on the interface of each side (both may be the same one).

        Returns "native" or "generic". FastPathUnavailable(reason): nothing is left behind.
        """
        with self._lock:
            try:
                self._names = interface_ipv4, interface_ipv6
                self._arms = (arm_of(interface_ipv4), arm_of(interface_ipv6))
                self._no_tx = any(is_veth(arm[0]) for arm in self._arms)
                self._tables = Tables(find_object())
                maps: dict[int, Map] | None = None
                if self._next_hops:
                    maps = {
                        AF_INET: self._tables.map("hops4"),
                        AF_INET6: self._tables.map("hops6"),
                    }
                self._hops = NextHops(maps)
                self._write()
                self._hops.maintain(dict(self._arms))
                self._prepare_routes()
                mode = self._link()
            except OSError as error:
                self.close()
                raise FastPathUnavailable(reason(error)) from None
            except FastPathUnavailable:
                self.close()
                raise
            return mode

    def _prepare_routes(self) -> None:
        """Let bpf_fib_lookup() answer: it asks for forwarding of the interface it is given.

        For datagrams that is lo, by which nothing is forwarded that does not come from here.
        """
        self.hints = []
        lo = _CONF / "ipv4" / "conf" / "lo" / "forwarding"
        ipv6 = _CONF / "ipv6" / "conf" / self._names[1] / "forwarding"
        try:
            if lo.read_text().strip() == "0":
                lo.write_text("1\n")
        except OSError:
            self.hints.append(f"{lo} cannot be set to 1")
        try:
            if ipv6.read_text().strip() == "0":
                self.hints.append(f"IPv6 forwarding is off for {self._names[1]}")
        except OSError:
            self.hints.append(f"there is no IPv6 on {self._names[1]}")

    def _pinned(self, interface: int) -> Path | None:
        return None if self._pin is None else self._pin / f"pubtspd-{interface}"

    def _link(self) -> str:
        assert self._tables is not None
        interfaces = sorted({arm[0] for arm in self._arms})
        mode = self._take_over(interfaces)
        if mode:
            return mode
        self._links, mode = attach(self._tables.program_fd, interfaces)
        try:
            for interface, link in zip(interfaces, self._links):
                path = self._pinned(interface)
                if path is not None:
                    link.pin(path)
        except OSError:
            self._unlink()
            raise
        return mode

    def _take_over(self, interfaces: list[int]) -> str:
        """Put this program where an earlier process has pinned its own; "" if it has not."""
        assert self._tables is not None
        if self._pin is None:
            return ""
        _check_bpf(self._pin)
        paths = [path for path in map(self._pinned, interfaces) if path is not None]
        try:
            self._links = [Link.pinned(path) for path in paths]
            for link in self._links:
                link.update(self._tables.program_fd)
            return mode_of(interfaces[0])
        except OSError:
            # not all of them, or of a namespace that is gone: begin anew
            self._unlink()
            detach_pinned(self._pin)
            return ""

    def _unlink(self) -> None:
        for link in self._links:
            link.close()
        self._links = []

    def fileno(self) -> int:
        """Descriptor that is readable when maintain() has something to do."""
        assert self._hops is not None
        return self._hops.fileno()

    def maintain(self) -> None:
        """Follow routes, neighbours and interfaces: the table of next hops, what is stale."""
        with self._lock:
            if self._hops is None:
                return
            try:
                arms = (arm_of(self._names[0]), arm_of(self._names[1]))
                if arms != self._arms:
                    self._arms = arms
                    self._write()
                self._hops.maintain(dict(self._arms))
            except OSError:
                pass  # an interface is gone: its link is gone with it

    def _write(self) -> None:
        if self._tables is not None:
            settings = settings_of(
                self._config,
                self._key,
                self._previous,
                self._arms,
                salt=self._salt,
                error_rate=self._error_rate,
                packet_rate=self._packet_rate,
                next_hops=self._next_hops,
                no_tx=self._no_tx,
            )
            self._tables.write(settings, self._config)

    def set_keys(self, key: bytes | None, previous: bytes | None) -> None:
        """Take the keys of a period (section 4.4), between two packets."""
        with self._lock:
            self._key, self._previous = key, previous
            self._write()

    def set_config(
        self, config: Config, *, packet_rate: int | None = None, error_rate: int | None = None
    ) -> None:
        """Take another configuration, between two packets; keys stay, and rates unless given."""
        with self._lock:
            self._config = config
            if packet_rate is not None:
                self._packet_rate = packet_rate
            if error_rate is not None:
                self._error_rate = error_rate
            self._write()

    def counters(self) -> dict[str, int]:
        """Return counters under the names of lib/pubtsp's Server, and pass_* (bpf/README.md).

        Packets passed to the portable plane are counted there.
        """
        with self._lock:
            return self._tables.counters() if self._tables is not None else {}

    def close(self) -> None:
        """Detach, unless the link is pinned; nothing of the daemon's is left."""
        with self._lock:
            self._unlink()
            if self._hops is not None:
                self._hops.close()
                self._hops = None
            if self._tables is not None:
                self._tables.close()
                self._tables = None


__all__ = ["FastPath", "FastPathUnavailable", "MAINTAIN_S", "detach_pinned", "mode_of"]
