# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a Client tells its driver."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .configuration import Configuration

# Reasons of AddressesRemoved.
EXPIRED = "expired"
WITHDRAWN = "withdrawn"  # the server gave it a valid lifetime of 0
DECLINED = "declined"  # by our driver: somebody else has it
RELEASED = "released"
NOT_ON_LINK = "not on link"


class ConfigurationReceived:
    """Another configuration than before; what it lacks is no longer to be used."""

    def __init__(self, configuration: "Configuration") -> None:
        self.configuration = configuration


class AddressesAssigned:
    """All addresses of the lease and for how long: new ones need duplicate address detection.

    addresses: list of (addr16, preferred, valid): seconds from now, 0xffffffff for ever. Each is
    a /128: nothing is on-link because of it (RFC 8415 section 18.2.10.1).
    """

    def __init__(self, addresses: "list[tuple[bytes, int, int]]") -> None:
        self.addresses = addresses


class AddressesRemoved:
    """These addresses are not ours any more. reason: a word of this file."""

    def __init__(self, addresses: "list[bytes]", reason: str) -> None:
        self.addresses = addresses
        self.reason = reason


class Released:
    """release() is done; acknowledged: the server said so."""

    def __init__(self, acknowledged: bool) -> None:
        self.acknowledged = acknowledged


class StatusReceived:
    """A server refused something, for the log: status code and its words (section 21.13)."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text
