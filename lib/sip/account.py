# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Accounts: who we are at a provider, and how it is reached."""

from vox6.sip.auth import DigestClient
from vox6.sip.uri import URI
from vox6.wire.errors import FormatError, LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from vox6.sip.auth import Crypto

    Peer = tuple[bytes, int]


class Account:
    """Who we are at a provider.

    uri: the address of record, "sip:user@domain". auth_user, password: for digest.
    registrar_uri: the Request-URI of REGISTER, "sip:domain" if empty. peer, transport: (addr16,
    port) of the registrar or outbound proxy and the way there, peer None if the account does not
    register. targets: (peer, transport) to try when that fails. instance_id: of this phone, the
    same after each start, "urn:uuid:..." (see `make_instance_id`); with it and outbound the
    registrar is asked for a flow by RFC 5626, with it and gruu for a GRUU by RFC 5627. reg_id:
    tells the flows of one account apart, 1 for the first. keepalive_s: empty lines as often as
    this, 0 for none, where the registrar has no keepalive of its own.
    """

    def __init__(
        self,
        uri: str,
        auth_user: str = "",
        password: str = "",
        display_name: str = "",
        registrar_uri: str = "",
        peer: "Peer | None" = None,
        transport: str = "UDP",
        targets: "tuple[tuple[Peer, str], ...]" = (),
        outbound: bool = True,
        instance_id: str = "",
        reg_id: int = 1,
        keepalive_s: int = 0,
        gruu: bool = False,
    ) -> None:
        try:
            parsed = URI.parse(uri)
        except FormatError:
            raise LocalProtocolError("bad account URI")
        if parsed.scheme != "sip" and parsed.scheme != "sips":
            raise LocalProtocolError("bad account URI")
        if instance_id.strip(_INSTANCE) or not 1 <= reg_id <= 0x7FFFFFFF:
            raise LocalProtocolError("bad instance ID")
        self.uri = uri
        self.user = parsed.user or ""
        self.auth_user = auth_user or self.user
        self.password = password
        self.display_name = display_name
        if not registrar_uri:
            registrar_uri = str(URI(parsed.scheme, None, parsed.host, parsed.port))
        self.registrar_uri = registrar_uri
        self.peer = peer
        self.transport = transport
        self.targets = targets
        self.outbound = outbound
        self.instance_id = instance_id
        self.reg_id = reg_id
        self.keepalive_s = keepalive_s
        self.gruu = gruu
        self._digest: "DigestClient | None" = None

    def digest(self, crypto: "Crypto", random: "Callable[[int], bytes]") -> DigestClient:
        """Return the account's digest client, made at first use."""
        if self._digest is None:
            self._digest = DigestClient(crypto, random, self.auth_user, self.password)
        return self._digest


_INSTANCE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-."


def make_instance_id(octets: bytes) -> str:
    """Return 16 octets as an instance ID (RFC 5626 section 4.1): a UUID made by chance or hash.

    LocalProtocolError: not 16 octets.
    """
    if len(octets) != 16:
        raise LocalProtocolError("a UUID has 16 octets")
    raw = bytearray(octets)
    raw[6] = raw[6] & 0x0F | 0x40  # version 4, RFC 4122 section 4.4
    raw[8] = raw[8] & 0x3F | 0x80
    text = "".join(["%02x" % octet for octet in raw])
    return "urn:uuid:" + "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
