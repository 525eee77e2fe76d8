# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which plane the relay gets: what was asked for, what the machine has, and what is said of it."""

import pytest

from host_tests.servers import relay_frames
from host_tests.servers.relay_veths import ARMS, RelayVeths
from tools.common import xdp
from tools.common.sockets import Driver
from tools.siproxy64 import xdp_plane, xdp_program
from tools.siproxy64.portable_plane import PortablePlane
from tools.siproxy64.xdp_plane import XDPPlane, choose, interfaces_towards


@pytest.fixture(scope="module")
def net():
    relay_frames.need_object()
    with RelayVeths() as net:
        yield net


def chosen(net, setting, interfaces, said):
    driver = Driver()
    with net.inside("box"):
        plane = choose(driver, setting, interfaces, 4, said.append)
    if isinstance(plane, XDPPlane):
        plane.close_program()
    driver.close()
    return type(plane)


def test_portable(net):
    said = []
    assert chosen(net, "portable", ARMS, said) is PortablePlane
    assert said == []


def test_xdp(net):
    said = []
    assert chosen(net, "xdp", ARMS, said) is XDPPlane
    assert said == ["media is relayed in the kernel: XDP, native, on eth4, eth6"]


def test_auto_refuses_veth(net):
    """Nobody knows what its far end does with redirected frames."""
    said = []
    assert chosen(net, "auto", ARMS, said) is PortablePlane
    assert len(said) == 1 and "eth4 is a veth" in said[0] and "by sockets alone" in said[0]


@pytest.mark.parametrize(
    "interfaces, why",
    (([], "no Ethernet interface"), (["eth9"], "eth9: "), (["eth4", "eth9"], "eth9")),
)
def test_not_to_be_had(net, interfaces, why):
    said = []
    assert chosen(net, "auto", interfaces, said) is PortablePlane
    assert len(said) == 1 and why in said[0]
    with pytest.raises(xdp_program.Unavailable, match=why):
        chosen(net, "xdp", interfaces, [])


def test_taken(net):
    """Another program is there: that is said, and both interfaces stay as they were."""
    driver = Driver()
    with net.inside("box"):
        first = choose(driver, "xdp", ["eth6"], 4, print)
        with pytest.raises(xdp_program.Unavailable, match="another XDP program"):
            choose(Driver(), "xdp", ARMS, 4, print)
        assert xdp.mode_of(xdp.arm_of("eth4")[0]) == ""
    first.close_program()
    driver.close()


def test_without_object(net, monkeypatch, tmp_path):
    monkeypatch.setattr(xdp_program, "_HERE", tmp_path / "tools" / "siproxy64")
    monkeypatch.setattr(xdp_plane, "is_veth", lambda index: False)
    said = []
    assert chosen(net, "auto", ARMS, said) is PortablePlane
    assert "make bpf" in said[0]


def test_interfaces(net):
    """Those by which parties are reached, in order; lo and what is no Ethernet is none."""
    phone, peer = (relay_frames.form((net.address[word], 0))[0] for word in ("phone", "peer"))
    own = relay_frames.form((net.shown["phone"], 0))[0]
    nowhere = relay_frames.form(("198.51.100.1", 0))[0]
    with net.inside("box"):
        assert interfaces_towards([peer, nowhere, phone]) == ARMS
        assert interfaces_towards([phone]) == ["eth4"]
        assert interfaces_towards([own]) == []
        net.ip("box", "route", "add", "default", "via", net.address["peer"])
        assert interfaces_towards([nowhere]) == ["eth6"]
        net.ip("box", "route", "del", "default", "via", net.address["peer"])
