# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A UDP/IPv4 socket for servers: many datagrams at once, traffic class, ICMPv4 errors.

    udp = UDPSocket("198.51.100.1", 3653)
    for data, peer, tos in udp.receive(): ...
    udp.send([(data, peer, tos)])

Peers are (addr16, port), IPv4 v4-mapped. recvmmsg(2) and sendmmsg(2) by ctypes, as Python has
neither. DF is clear, UDP checksums are written, buffers are 8 MB where the kernel lets us.
"""

import ctypes
import errno
import socket
import struct
from collections.abc import Sequence
from typing import Literal

Peer = tuple[bytes, int]
Datagram = tuple[bytes, Peer, int]  # data, peer, traffic class

BATCH = 64  # datagrams with one call: more gains nothing, and others wait longer
_SIZE = 2048  # octets for one datagram; the longest that a tunnel carries has 1280
_NAME = 16  # octets of a sockaddr_in
_CONTROL = 64  # octets of ancillary data for one datagram
_BUFFER = 8 * 1024 * 1024  # octets in the kernel
_MEMO = 4096  # peers whose two forms are remembered, unless told
_MAPPED = bytes(10) + b"\xff\xff"

_IP_TOS = 1
_IP_MTU_DISCOVER = 10
_IP_PMTUDISC_DONT = 0
_IP_RECVERR = 11
_IP_RECVTOS = 13
_IP_FREEBIND = 15
_SO_RCVBUFFORCE = 33
_SO_SNDBUFFORCE = 32
_ORIGIN_ICMP = 2
_ERRORS_AT_ONCE = 16  # of the error queue at a wake-up; the rest may wait or be lost


class _Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class _Header(ctypes.Structure):  # struct msghdr
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vector", ctypes.c_void_p),
        ("vector_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class _Message(ctypes.Structure):  # struct mmsghdr
    _fields_ = [("header", _Header), ("length", ctypes.c_uint32)]


class _ControlHeader(ctypes.Structure):  # struct cmsghdr
    _fields_ = [("length", ctypes.c_size_t), ("level", ctypes.c_int), ("type", ctypes.c_int)]


_HEADER = ctypes.sizeof(_ControlHeader)
_WORD = ctypes.sizeof(ctypes.c_size_t)
_SIZE_T: Literal["Q", "I"] = "Q" if _WORD == 8 else "I"
_TOS_SPACE = _HEADER + max(_WORD, ctypes.sizeof(ctypes.c_int))
_MESSAGE = ctypes.sizeof(_Message)
_STRIDE = _MESSAGE // 4  # in words of 32 bits
_LENGTH_AT = _Message.length.offset // 4

_libc = ctypes.CDLL(None, use_errno=True)
_recvmmsg = _libc.recvmmsg
_recvmmsg.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p
]  # fmt: skip
_sendmmsg = _libc.sendmmsg
_sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]


class _Batch:
    """The buffers of one direction, and the array of headers that points into them."""

    def __init__(self, control_length: int) -> None:
        self.data = bytearray(BATCH * _SIZE)
        self.names = bytearray(BATCH * _NAME)
        self.controls = bytearray(BATCH * _CONTROL)
        self.vectors = (_Vector * BATCH)()
        self.messages = (_Message * BATCH)()
        data = _address(self.data)
        names = _address(self.names)
        controls = _address(self.controls)
        vectors = ctypes.addressof(self.vectors)
        for i in range(BATCH):
            self.vectors[i].base = data + i * _SIZE
            self.vectors[i].length = _SIZE
            message = self.messages[i].header
            message.name = names + i * _NAME
            message.name_length = _NAME
            message.vector = vectors + i * ctypes.sizeof(_Vector)
            message.vector_length = 1
            message.control = controls + i * _CONTROL
            message.control_length = control_length
        self.pointer = ctypes.addressof(self.messages)
        self.view = memoryview(self.data)
        self.octets = memoryview(self.messages).cast("B")
        self.words = self.octets.cast("I")
        self.lengths = memoryview(self.vectors).cast("B").cast(_SIZE_T)  # every second one
        self.template = memoryview(bytes(self.messages))
        self.used = 0


def _address(buffer: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


class UDPSocket:
    """One non-blocking UDP/IPv4 socket.

    counters: sent, not_sent (the kernel had no room, or more than 2048 octets), unreachable
    (refused by the local kernel: no route, prohibited).
    """

    def __init__(
        self, address: str, port: int, *, freebind: bool = False, memo: int = _MEMO
    ) -> None:
        """Bind to an address.

        freebind: also to one that the machine does not have (yet); memo: peers remembered.
        OSError: the address is not here, or the port is taken.
        """
        self.counters = {"sent": 0, "not_sent": 0, "unreachable": 0}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._prepare(freebind)
            self._socket.bind((address, port))
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self._fd = self._socket.fileno()
        self._in = _Batch(_CONTROL)
        self._out = _Batch(_TOS_SPACE)
        for i in range(BATCH):
            header = _ControlHeader.from_buffer(self._out.controls, i * _CONTROL)
            header.length = _HEADER + ctypes.sizeof(ctypes.c_int)
            header.level = socket.IPPROTO_IP
            header.type = _IP_TOS
            struct.pack_into("=H", self._out.names, i * _NAME, socket.AF_INET)
        self._classes = memoryview(self._out.controls).cast("i")
        self._memo = max(memo, 1)
        self._peers: dict[bytes, Peer] = {}
        self._names: dict[Peer, bytes] = {}

    def _prepare(self, freebind: bool) -> None:
        s = self._socket
        for force, usual in (
            (_SO_RCVBUFFORCE, socket.SO_RCVBUF),
            (_SO_SNDBUFFORCE, socket.SO_SNDBUF),
        ):
            try:
                s.setsockopt(socket.SOL_SOCKET, force, _BUFFER)
            except PermissionError:
                s.setsockopt(socket.SOL_SOCKET, usual, _BUFFER)
        s.setsockopt(socket.IPPROTO_IP, _IP_RECVTOS, 1)
        s.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        s.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DONT)  # DF clear
        if freebind:
            s.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)

    def fileno(self) -> int:
        """The descriptor, for poll."""
        return self._fd

    @property
    def port(self) -> int:
        """The local port."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def receive_buffer(self) -> int:
        """Octets that the kernel holds for us at most."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def receive(self) -> list[Datagram]:
        """Return the datagrams that are there, BATCH at most; each with its traffic class.

        One longer than 2048 octets is cut there.
        """
        batch = self._in
        if batch.used:  # the kernel has written lengths over ours
            end = batch.used * _MESSAGE
            batch.octets[:end] = batch.template[:end]
        count = _recvmmsg(self._fd, batch.pointer, BATCH, socket.MSG_DONTWAIT, None)
        batch.used = max(count, 0)
        if count <= 0:
            return []  # nothing there, or an error that receive_errors() tells
        if count == 1:
            first = bytes(batch.names[2:8])
            who = self._peers.get(first) or self._peer(first)
            return [(bytes(batch.view[: batch.words[_LENGTH_AT]]), who, batch.controls[_HEADER])]
        lengths = batch.words[_LENGTH_AT : count * _STRIDE : _STRIDE].tolist()
        classes = batch.controls[_HEADER : count * _CONTROL : _CONTROL]
        names = bytes(batch.names[: count * _NAME])
        view, peers = batch.view, self._peers
        out = []
        at = name = 0
        for i in range(count):
            source = names[name + 2 : name + 8]
            peer = peers.get(source)
            if peer is None:
                peer = self._peer(source)
            out.append((bytes(view[at : at + lengths[i]]), peer, classes[i]))
            at += _SIZE
            name += _NAME
        return out

    def _peer(self, source: bytes) -> Peer:
        """Return and remember the peer behind port and address of a sockaddr_in."""
        if len(self._peers) >= self._memo:
            self._peers.clear()
        peer = (_MAPPED + source[2:], source[0] << 8 | source[1])
        self._peers[source] = peer
        return peer

    def send(self, datagrams: Sequence[Datagram]) -> None:
        """Send datagrams, each with its traffic class; what is refused is counted."""
        for first in range(0, len(datagrams), BATCH):
            self._send(datagrams[first : first + BATCH])

    def _send(self, datagrams: Sequence[Datagram]) -> None:
        batch, names = self._out, self._names
        view, lengths, where, classes = batch.view, batch.lengths, batch.names, self._classes
        at = name = index = 0
        slot = _HEADER // 4
        for data, peer, tos in datagrams:
            target = names.get(peer)
            if target is None:
                target = self._name(peer)
            length = len(data)
            if length > _SIZE:
                self.counters["not_sent"] += 1
                continue
            view[at : at + length] = data
            lengths[index + 1] = length
            where[name + 2 : name + 8] = target
            classes[slot] = tos
            at += _SIZE
            name += _NAME
            index += 2
            slot += _CONTROL // 4
        self._flush(index // 2)

    def _name(self, peer: Peer) -> bytes:
        if len(self._names) >= self._memo:
            self._names.clear()
        target = peer[1].to_bytes(2, "big") + peer[0][12:]
        self._names[peer] = target
        return target

    def _flush(self, count: int) -> None:
        """Give the kernel what stands in the buffers."""
        done = 0
        retried = False
        while done < count:
            pointer = self._out.pointer + done * _MESSAGE
            sent = _sendmmsg(self._fd, pointer, count - done, socket.MSG_DONTWAIT)
            if sent > 0:
                self.counters["sent"] += sent
                done += sent
                retried = False
                continue
            number = ctypes.get_errno()
            if number == errno.EINTR:
                continue
            if number in (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM):
                self.counters["not_sent"] += count - done
                return
            # An ICMPv4 error of some datagram before is told here: this one was not sent, once.
            if not retried:
                retried = True
                continue
            self.counters["unreachable"] += 1
            done += 1
            retried = False

    def receive_errors(self) -> list[tuple[bytes, Peer, int, int]]:
        """Return [(what is quoted of our datagram, where it went, ICMPv4 type, code)].

        A local error (no route from here) is not one of them.
        """
        out = []
        for _ in range(_ERRORS_AT_ONCE):
            try:
                data, ancillary, _, target = self._socket.recvmsg(_SIZE, 512, socket.MSG_ERRQUEUE)
            except OSError:
                break  # no more
            for level, kind, value in ancillary:
                if level != socket.IPPROTO_IP or kind != _IP_RECVERR or len(value) < 16:
                    continue
                _, origin, type, code = struct.unpack_from("=IBBB", value)
                if origin == _ORIGIN_ICMP and target:
                    peer = (_MAPPED + socket.inet_aton(target[0]), int(target[1]))
                    out.append((data, peer, type, code))
        return out

    def close(self) -> None:
        """Close the socket."""
        self._fd = -1
        self._socket.close()

    def __enter__(self) -> "UDPSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def mapped(address: str) -> bytes:
    """Return the v4-mapped 16 octets of a dotted quad; OSError: it is none."""
    return _MAPPED + socket.inet_aton(address)


__all__ = ["BATCH", "Datagram", "Peer", "UDPSocket", "mapped"]
