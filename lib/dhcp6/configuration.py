# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a server tells besides addresses: servers of SIP and DNS, a URL to boot from."""

from vox6.wire.errors import FormatError

from . import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .message import Message


class Configuration:
    """sip_domains, sip_servers: options 21 and 22 (RFC 3319); domains go before addresses.

    dns_servers, domain_list: options 23 and 24 (RFC 3646). boot_file_url: option 59 (RFC 5970).
    Addresses are 16 octets, names text without the final dot; all in the server's order.
    server: its DUID.
    """

    def __init__(self) -> None:
        self.sip_domains: "list[str]" = []
        self.sip_servers: "list[bytes]" = []
        self.dns_servers: "list[bytes]" = []
        self.domain_list: "list[str]" = []
        self.boot_file_url = ""
        self.server = b""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Configuration)
            and self.sip_domains == other.sip_domains
            and self.sip_servers == other.sip_servers
            and self.dns_servers == other.dns_servers
            and self.domain_list == other.domain_list
            and self.boot_file_url == other.boot_file_url
            and self.server == other.server
        )

    def __hash__(self) -> int:
        return hash(self.server)

    @staticmethod
    def of(message: "Message") -> "Configuration":
        """Return what a Reply says; an option that is malformed counts as absent."""
        out = Configuration()
        out.server = message.get(options.SERVERID) or b""
        for code, octets in message.options:
            try:
                if code == options.SIP_SERVER_D:
                    out.sip_domains = options.names_of(octets)
                elif code == options.SIP_SERVER_A:
                    out.sip_servers = _unicast(options.addresses_of(octets))
                elif code == options.DNS_SERVERS:
                    out.dns_servers = _unicast(options.addresses_of(octets))
                elif code == options.DOMAIN_LIST:
                    out.domain_list = options.names_of(octets)
                elif code == options.BOOTFILE_URL:
                    out.boot_file_url = options.url_of(octets)
            except FormatError:
                continue
        return out


def _unicast(addresses: "list[bytes]") -> "list[bytes]":
    """Leave out :: and multicast: nobody answers there, or too many do."""
    return [addr16 for addr16 in addresses if addr16[0] != 0xFF and addr16 != bytes(16)]
