# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A house whose phones know IPv4 alone, beside an IPv6 link of the same lab.

Hosts of the house have no IPv6, those of the other link no IPv4, so that nothing but siproxy64, in
a host with a foot in each, brings them together.
"""

import ipaddress

from tools.lab.errors import LabError
from tools.lab.link import Host, Link
from tools.lab.siproxy64 import Siproxy64

PREFIX = "192.0.2.0/24"
_INTERFACE = "house"  # of a mirror's host, on the house's link


class House(Link):
    """A link with IPv4 alone, no router: the first address is the mirror's.

    house = House(lab, "house")
    phone = house.host("kitchen", address="192.0.2.11")
    mirror = house.mirror("mirror", "2001:db8:1::64")
    """

    def __init__(self, lab: Link, name: str = "house", prefix: str = PREFIX) -> None:
        """Make it, without a host. lab: the IPv6 link whose lab it belongs to."""
        super().__init__(lab.base, name)
        self.prefix = ipaddress.IPv4Network(prefix)
        self.mirror_address = str(self.prefix[1])
        self._lab = lab
        self.make_switch()

    def host(self, name: str, *, address: str | None = None, slaac: bool = False) -> Host:
        """Add a host. address: its IPv4 address; slaac: not for a host here."""
        if address is None or slaac:
            raise LabError(f"{name}: a host of {self.name} has a fixed IPv4 address alone")
        host = self._make_host(name, has_ipv6=False)
        host.ipv4 = address
        host.set_address(address, self.prefix.prefixlen)
        host.set_default_route(self.mirror_address)
        return host

    def mirror(self, name: str, address: str) -> Siproxy64:
        """Add a host of both links for siproxy64, which is not started yet.

        name: of the host; address: its own IPv6 address.
        """
        host = self._lab.host(name, address=address, slaac=False)
        self.join(host, _INTERFACE, has_ipv6=False)
        host.ipv4, host.ipv6 = self.mirror_address, address
        host.set_address(self.mirror_address, self.prefix.prefixlen, _INTERFACE)
        return Siproxy64(host, ipv4_interface=_INTERFACE)
