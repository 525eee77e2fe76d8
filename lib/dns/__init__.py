# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A DNS stub resolver without sockets and clock (RFC 1035).

from vox6 import crypto, dns

resolver = dns.Resolver(crypto.provider().random)
resolver.set_servers([(addr16, 53)], now)
resolver.resolve("sip.example.com", dns.AAAA, now)
# drain resolver.datagrams_to_send() and resolver.next_event(), arm resolver.get_timer()
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .locate import Locator as Locator
    from .message import Message as Message
    from .message import Question as Question
    from .message import Record as Record
    from .name import canonical as canonical
    from .number import NumberFinder as NumberFinder
    from .rdata import AAAA as AAAA
    from .rdata import CNAME as CNAME
    from .rdata import NAPTR as NAPTR
    from .rdata import PTR as PTR
    from .rdata import SRV as SRV
    from .rdata import TXT as TXT
    from .rdata import A as A
    from .resolver import Resolver as Resolver

_WHERE = {
    "Locator": "locate",
    "NumberFinder": "number",
    "Message": "message",
    "Question": "message",
    "Record": "message",
    "canonical": "name",
    "A": "rdata",
    "AAAA": "rdata",
    "CNAME": "rdata",
    "NAPTR": "rdata",
    "PTR": "rdata",
    "SRV": "rdata",
    "TXT": "rdata",
    "Resolver": "resolver",
}
_MODULES = (
    "cache",
    "ere",
    "events",
    "locate",
    "lookup",
    "message",
    "name",
    "number",
    "rdata",
    "resolver",
    "state",
)


def __getattr__(name: str) -> "object":
    where = _WHERE.get(name)
    if where is not None:
        value = getattr(__import__(where, globals(), None, (name,), 1), name)
    elif name in _MODULES:  # MicroPython asks here first for `from vox6.dns import message`
        value = __import__(name, globals(), None, (name,), 1)
    else:
        raise AttributeError(name)
    globals()[name] = value
    return value
