# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""PubTSP, a profile of RFC 5572: IPv6 behind any IPv4 NAT; client and server without sockets.

from vox6 import crypto, pubtsp

client = pubtsp.Client(crypto.provider().random)
client.start([(pubtsp.mapped(server_ipv4), 3653)], now)
# drain client.datagrams_to_send() and client.next_event(), arm client.get_timer()
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .address import AddressFormat as AddressFormat
    from .address import embedded as embedded
    from .address import mapped as mapped
    from .client import Client as Client
    from .rules import Config as Config
    from .rules import Rules as Rules
    from .rules import Verdict as Verdict
    from .server import Server as Server
    from .settings import Settings as Settings

_WHERE = {
    "AddressFormat": "address",
    "embedded": "address",
    "mapped": "address",
    "Client": "client",
    "Config": "rules",
    "Rules": "rules",
    "Verdict": "rules",
    "Server": "server",
    "Settings": "settings",
}
_MODULES = (
    "address",
    "answers",
    "channel",
    "client",
    "events",
    "flows",
    "header",
    "inner",
    "ipv6",
    "keepalive",
    "lease",
    "limits",
    "markup",
    "martians",
    "messages",
    "packets",
    "paths",
    "retransmission",
    "rules",
    "search",
    "selection",
    "server",
    "settings",
    "signalling",
    "state",
)


def __getattr__(name: str) -> "object":
    where = _WHERE.get(name)
    if where is not None:
        value = getattr(__import__(where, globals(), None, (name,), 1), name)
    elif name in _MODULES:  # MicroPython asks here first for `from vox6.pubtsp import client`
        value = __import__(name, globals(), None, (name,), 1)
    else:
        raise AttributeError(name)
    globals()[name] = value
    return value
