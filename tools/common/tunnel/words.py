# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What happens to the tunnel, in words for the log."""

import ipaddress
import logging
import socket

from vox6.pubtsp import events

Peer = tuple[bytes, int]


def address(octets: bytes) -> str:
    """Return an IPv6 address as text."""
    return str(ipaddress.IPv6Address(octets))


def peer(where: Peer) -> str:
    """Return a peer as IPv4 and port."""
    return f"{socket.inet_ntoa(where[0][12:])}:{where[1]}"


def words(event: object) -> tuple[int, str]:
    """Return (level of logging, sentence) for an event of lib/pubtsp."""
    if isinstance(event, events.TunnelUp):
        return logging.INFO, (
            f"up: {address(event.address)} by {peer(event.server)}, keepalive "
            f"{event.interval} s, lifetime {event.lifetime} min"
        )
    if isinstance(event, events.AddressChanged):
        return logging.WARNING, (
            f"the NAT's mapping changed: {address(event.old)} is gone, "
            f"{address(event.address)} is ours now"
        )
    if isinstance(event, events.TunnelDown):
        return logging.WARNING, f"down: {event.reason}"
    if isinstance(event, events.Waiting):
        return logging.WARNING, f"no server serves us: trying again in {event.delay_ms // 1000} s"
    if isinstance(event, events.NameWanted):
        return logging.INFO, f"looking up the server {event.name}"
    if isinstance(event, events.SocketWanted):
        return logging.INFO, f"another local port is tried: {event.reason}"
    if isinstance(event, events.ServerRefused):
        told = f"{peer(event.server)} refuses: {event.code} {event.text}"
        if event.bug:
            return logging.ERROR, told + " (that is a fault of this program, please report it)"
        return logging.WARNING, told
    if isinstance(event, events.MappingUnstable):
        return logging.WARNING, (
            f"this NAT changes mappings: {event.count} addresses in ten minutes"
        )
    if isinstance(event, events.PayloadAltered):
        return logging.ERROR, (
            "this NAT writes other addresses into what it forwards: no tunnel can work here"
        )
    if isinstance(event, events.KeepaliveFound):
        return logging.INFO, f"this NAT keeps a mapping for {event.interval} s"
    if isinstance(event, events.PathPromoted):
        return logging.INFO, (
            f"packets for {address(event.address)} go straight to {peer(event.peer)}"
        )
    if isinstance(event, events.PathDemoted):
        return logging.INFO, f"packets for {address(event.address)} go by the server again"
    return logging.DEBUG, type(event).__name__


# (state before, state after): what to say of it
STATES = {
    ("Up", "Suspect"): "a keepalive was not answered: asking again",
    ("Suspect", "Up"): "the server answers again",
    ("Suspect", "Create"): "three keepalives were not answered: asking for the tunnel anew",
}
