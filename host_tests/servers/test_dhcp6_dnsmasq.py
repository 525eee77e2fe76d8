# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/dhcp6's client takes addresses and configuration from dnsmasq in an office of the lab."""

import ipaddress
import os
import time

import pytest

from tools.lab.namespace import index_of
from vox6 import dhcp6
from vox6.crypto import provider
from vox6.dhcp6 import events

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
OPTIONS = {
    21: "sip.desk.example",
    22: "[2001:db8:0:1::5060]",
    59: "http://boot.example/phone.bin",
}


def packed(text):
    return ipaddress.ip_address(text).packed


class Desk:
    """A host with a DHCPv6 client driven over its kernel's socket."""

    def __init__(self, host):
        self.host = host
        host.wait_address()  # the link-local one is usable then, too
        self._channel = host.socket()
        self._index = index_of(host.netns, "eth0")
        local = next(one for one in host.addresses() if one.startswith("fe80"))
        self._channel.bind((local, 546, 0, self._index))
        mac = bytes.fromhex(host.mac.replace(":", ""))
        self.client = dhcp6.Client(dhcp6.duid.link_layer(mac), 1, provider().random)
        self._start = time.monotonic()

    def now(self):
        return int(1000 * (time.monotonic() - self._start))

    def wait(self, kind, timeout=6.0):
        """The next event of a kind; others are passed over."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for data, (address, port) in self.client.datagrams_to_send():
                where = str(ipaddress.ip_address(address))
                self._channel.sendto(data, (where, port, 0, self._index))
            event = self.client.next_event()
            if isinstance(event, kind):
                return event
            if event is not None:
                continue
            due = self.client.get_timer()
            wait = 0.1 if due is None else min(0.1, max(0.0, (due - self.now()) / 1000))
            self._channel.settimeout(max(wait, 0.001))
            try:
                data, peer = self._channel.recvfrom(2000)
            except TimeoutError:
                self.client.handle_timer(self.now())
                continue
            source = packed(peer[0].partition("%")[0])
            self.client.receive_datagram(data, (source, peer[1]), self.now())
        raise AssertionError(f"no {kind.__name__} within {timeout} s: {self.client.debug()}")

    def close(self):
        self._channel.close()


@pytest.fixture
def desk(request, net):
    kind = request.param
    office = net.office(f"desk-{kind}", dhcp6=kind, options=OPTIONS)
    made = Desk(office.host("desk"))
    yield office, made
    made.close()


def check_configuration(found, office):
    assert list(found.dns_servers) == [packed(office.router_address)]
    assert list(found.domain_list) == [office.domain]
    assert list(found.sip_domains) == ["sip.desk.example"]
    assert list(found.sip_servers) == [packed("2001:db8:0:1::5060")]
    assert found.boot_file_url == "http://boot.example/phone.bin"


@pytest.mark.parametrize("desk", ["stateless"], indirect=True)
def test_configuration_without_an_address(desk):
    office, host = desk
    host.client.set_router_flags(False, True, host.now())
    found = host.wait(events.ConfigurationReceived)
    check_configuration(found.configuration, office)
    assert not host.client.addresses and not office.leases()


@pytest.mark.parametrize("desk", ["stateful"], indirect=True)
def test_an_address_with_the_configuration_then_given_back(desk):
    office, host = desk
    host.client.set_router_flags(True, True, host.now())
    assigned = host.wait(events.AddressesAssigned)
    check_configuration(host.client.configuration, office)
    ((address, preferred, valid),) = assigned.addresses
    assert ipaddress.ip_address(address) in office.prefix
    assert 0 < preferred <= valid <= 600
    assert office.wait_lease() == str(ipaddress.ip_address(address))
    host.client.release(host.now())
    assert host.wait(events.Released).acknowledged
    deadline = time.monotonic() + 3.0  # dnsmasq writes its file after the answer
    while office.leases():
        assert time.monotonic() < deadline
        time.sleep(0.02)
