# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Cryptography behind one interface: the C module `_crypto` on phones, `cryptography` on hosts.

from vox6 import crypto

provider = crypto.provider()
tag = provider.hmac("SHA-1", key, data)
"""

# At once, and above the function of the same name: importing a module later binds its name here.
from .provider import Provider

__all__ = ["Provider", "provider"]

_chosen: "list[Provider]" = []


def provider() -> "Provider":
    """Return the provider of this machine, made at the first call; ImportError without any."""
    if not _chosen:
        try:
            import _crypto  # noqa: F401
        except ImportError:
            from .host import HostProvider

            _chosen.append(HostProvider())
        else:
            from .native import NativeProvider

            _chosen.append(NativeProvider())
    return _chosen[0]


def __getattr__(name: str) -> "object":
    if name in ("host", "native"):  # MicroPython asks here before it imports them
        return __import__(name, globals(), None, (name,), 1)
    raise AttributeError(name)
