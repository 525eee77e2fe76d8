# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Session descriptions and their negotiation (RFC 8866, RFC 3264).

from vox6.sdp import Negotiation

negotiation = Negotiation(random_62_bits, ("G722", "PCMU"))
offered = negotiation.receive_offer(body)      # offered.problem: why not, or None
body = negotiation.create_answer("2001:db8::1", 4000)
print(negotiation.agreed.codec, negotiation.agreed.address, negotiation.agreed.port)
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .description import Connection as Connection
    from .description import MediaDescription as MediaDescription
    from .description import Origin as Origin
    from .description import SessionDescription as SessionDescription
    from .offer_answer import AudioResult as AudioResult
    from .offer_answer import Negotiation as Negotiation
    from .offer_answer import make_offer as make_offer

_WHERE = {
    "Connection": "description",
    "MediaDescription": "description",
    "Origin": "description",
    "SessionDescription": "description",
    "AudioResult": "offer_answer",
    "Negotiation": "offer_answer",
    "make_offer": "offer_answer",
}


# MicroPython asks here first in `from vox6.sdp import module`
_MODULES = ("description", "formats", "offer_answer")


def __getattr__(name: str) -> "object":
    if name in _MODULES:
        return __import__(name, globals(), None, ("__name__",), 1)
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(name)
    value = getattr(__import__(where, globals(), None, (name,), 1), name)
    globals()[name] = value
    return value
