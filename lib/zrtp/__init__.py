# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""ZRTP (RFC 6189) as an engine without sockets, clock and files.

from vox6 import crypto, zrtp

session = zrtp.Session(crypto.provider(), cache, zrtp.Policy())
engine = session.open(ssrc)  # engine.hello_hash goes into a=zrtp-hash:1.10
engine.start(now)
# drain engine.datagrams_to_send() and engine.next_event(), arm engine.get_timer()
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cache import Cache as Cache
    from .cache import Entry as Entry
    from .cache import MemoryCache as MemoryCache
    from .engine import Engine as Engine
    from .packet import is_zrtp as is_zrtp
    from .session import Policy as Policy
    from .session import Session as Session

_WHERE = {
    "Cache": "cache",
    "Entry": "cache",
    "MemoryCache": "cache",
    "Engine": "engine",
    "is_zrtp": "packet",
    "Policy": "session",
    "Session": "session",
}
_MODULES = (
    "agreement",
    "algorithms",
    "cache",
    "channel",
    "clearing",
    "commitment",
    "confirmation",
    "discovery",
    "encrypted",
    "engine",
    "errors",
    "events",
    "exchange",
    "keys",
    "message",
    "messages",
    "packet",
    "sas",
    "session",
    "state",
    "words",
)


def __getattr__(name: str) -> "object":
    where = _WHERE.get(name)
    if where is not None:
        value = getattr(__import__(where, globals(), None, (name,), 1), name)
    elif name in _MODULES:  # MicroPython asks here first for `from vox6.zrtp import engine`
        value = __import__(name, globals(), None, (name,), 1)
    else:
        raise AttributeError(name)
    globals()[name] = value
    return value
