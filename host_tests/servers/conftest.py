# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What tests with servers share: small Internets, wires, data planes."""

import os
import socket

import pytest

from host_tests.servers.wire import Wire
from tools.lab import Internet, LabError
from tools.lab.client import TunnelClient
from tools.panel.phones import TOP


def open_internet(name):
    """An Internet in build/NAME, or the test is skipped with the reason."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    for suffix in ("", "-2", "-3", "-4"):
        found = Internet(TOP / "build" / (name + suffix))
        if found.claim():
            return found
    raise LabError(f"build/{name} to build/{name}-4 are all in use by other test runs")


@pytest.fixture(scope="module")
def net():
    """An Internet of this file's own."""
    with open_internet("servers") as opened:
        yield opened


@pytest.fixture(scope="module")
def operator(net):
    """A server of PubTSP on it."""
    return net.operator("tsp")


@pytest.fixture(scope="module")
def native(net):
    """A host on it with public IPv4 and IPv6."""
    return net.host("native")


@pytest.fixture
def wire(tmp_path):
    """An Internet that is the test itself, without servers yet."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with Wire(tmp_path) as wire:
        yield wire


@pytest.fixture(params=("portable", "xdp"))
def plane(request):
    """Each data plane of pubtspd in turn."""
    return request.param


@pytest.fixture(scope="module", params=("portable", "xdp"))
def shared(request, tmp_path_factory):
    """A wire with one server that all tests of a file share, once for each data plane."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with Wire(tmp_path_factory.mktemp("wire")) as wire:
        yield wire, wire.server(plane=request.param, peers="198.51.100.2")


@pytest.fixture
def fresh(shared):
    """The shared wire and server, and a client whose IPv4 address nobody has had before."""
    wire, server = shared
    wire.forget()
    client = wire.peer(wire.next_ipv4(), 54321)
    return wire, server, client, client.create(server)


@pytest.fixture
def clients():
    """Makes clients that end with the test."""
    made = []

    def make(host, *more):
        made.append(TunnelClient(host, *more))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def phones(place):
    """(phone, peer) of siproxy64's neighbourhood `place`, by UDP."""
    phone, peer = place.pair()
    with phone, peer:
        yield phone, peer


@pytest.fixture(params=(socket.SOCK_DGRAM, socket.SOCK_STREAM), ids=("udp", "tcp"))
def pair(request, place):
    """The same by UDP, then by TCP."""
    phone, peer = place.pair(request.param)
    with phone, peer:
        yield phone, peer
