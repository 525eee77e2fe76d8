# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One request to Linux about its network, and its answer (rtnetlink(7))."""

import os
import socket
import struct

_HEADER = struct.Struct("=IHHII")
_ERROR = 2  # kind of a message: also that all is well
_PATIENCE_S = 2
_LONGEST = 65536


def netlink(request: bytes) -> bytes:
    """Send one message, with its header; return what the kernel answers, without.

    b"": it was done. OSError: what the kernel says against it.
    """
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
    ) as channel:
        channel.settimeout(_PATIENCE_S)
        channel.send(request)
        answer = channel.recv(_LONGEST)
    length, kind = _HEADER.unpack_from(answer)[:2]
    if kind != _ERROR:
        return answer[_HEADER.size : length]
    code = -struct.unpack_from("=i", answer, _HEADER.size)[0]
    if code:
        raise OSError(code, os.strerror(code))
    return b""
