# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A DHCPv6 client without sockets and clock (RFC 8415).

from vox6 import crypto, dhcp6

client = dhcp6.Client(dhcp6.duid.link_layer(mac), 1, crypto.provider().random)
client.set_router_flags(managed, other, now)  # M and O of the router advertisement
# drain client.datagrams_to_send() and client.next_event(), arm client.get_timer()
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .client import Client as Client
    from .configuration import Configuration as Configuration
    from .message import Message as Message

_WHERE = {
    "Client": "client",
    "Configuration": "configuration",
    "Message": "message",
}
_MODULES = (
    "association",
    "client",
    "configuration",
    "duid",
    "events",
    "exchange",
    "information",
    "message",
    "options",
    "state",
)


def __getattr__(name: str) -> "object":
    where = _WHERE.get(name)
    if where is not None:
        value = getattr(__import__(where, globals(), None, (name,), 1), name)
    elif name in _MODULES:  # MicroPython asks here first for `from vox6.dhcp6 import message`
        value = __import__(name, globals(), None, (name,), 1)
    else:
        raise AttributeError(name)
    globals()[name] = value
    return value
