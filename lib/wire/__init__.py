# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Octets, bounds, serial numbers, errors: what every engine of vox6 stands on.

from vox6.wire import const, Reader, FormatError

_HEADER = const(12)
reader = Reader(datagram)
sequence = reader.u16()
"""

from .const import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from .errors import AuthenticationError as AuthenticationError
    from .errors import FormatError as FormatError
    from .errors import LocalProtocolError as LocalProtocolError
    from .errors import ProtocolError as ProtocolError
    from .errors import RemoteProtocolError as RemoteProtocolError
    from .errors import ReplayError as ReplayError
    from .inet6 import format_address as format_address
    from .inet6 import parse_address as parse_address
    from .reader import Reader as Reader
    from .serial import add16 as add16
    from .serial import add32 as add32
    from .serial import difference16 as difference16
    from .serial import difference32 as difference32
    from .writer import Writer as Writer

__all__ = ["const"]

_WHERE = {
    "ProtocolError": "errors",
    "LocalProtocolError": "errors",
    "RemoteProtocolError": "errors",
    "FormatError": "errors",
    "AuthenticationError": "errors",
    "ReplayError": "errors",
    "Reader": "reader",
    "Writer": "writer",
    "add16": "serial",
    "add32": "serial",
    "difference16": "serial",
    "difference32": "serial",
    "parse_address": "inet6",
    "format_address": "inet6",
}
_MODULES = (
    "errors",
    "inet6",
    "reader",
    "serial",
    "writer",
)


def __getattr__(name: str) -> "object":
    where = _WHERE.get(name)
    if where is not None:
        value = getattr(__import__(where, globals(), None, (name,), 1), name)
    elif name in _MODULES:  # MicroPython asks here first for `from vox6.wire import errors`
        value = __import__(name, globals(), None, (name,), 1)
    else:
        raise AttributeError(name)
    globals()[name] = value
    return value
