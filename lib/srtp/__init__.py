# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Names and lengths of SRTP profiles, and their keys in SDP (RFC 3711, RFC 6188, RFC 4568).

from vox6.srtp import SecurityDescriptions, profiles

keys = SecurityDescriptions(random)                 # one a dialog
values = keys.create_offer()                        # for sdp: create_offer(..., crypto=values)
agreed = keys.receive_answer(result.crypto_lines)   # agreed.profile, agreed.send, agreed.receive
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .crypto_attribute import CryptoAttribute as CryptoAttribute
    from .crypto_attribute import MasterKey as MasterKey
    from .offer_answer import Agreement as Agreement
    from .offer_answer import SecurityDescriptions as SecurityDescriptions

_WHERE = {
    "CryptoAttribute": "crypto_attribute",
    "MasterKey": "crypto_attribute",
    "Agreement": "offer_answer",
    "SecurityDescriptions": "offer_answer",
}


# MicroPython asks here first in `from vox6.srtp import module`
_MODULES = ("crypto_attribute", "offer_answer", "profiles")


def __getattr__(name: str) -> "object":
    if name in _MODULES:
        return __import__(name, globals(), None, ("__name__",), 1)
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(name)
    value = getattr(__import__(where, globals(), None, (name,), 1), name)
    globals()[name] = value
    return value
