# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Puts SIP over TCP and TLS beside that over UDP: the parts of a phone that streams concern."""

from firmware.net.certificates import Trust
from firmware.net.connections import Connections


def add(parts, phone, signalling, driver, tls=None):
    """Make the Connections of a phone and tie them to its parts; return them.

    parts: as of main.Station; tls: in place of the module of that name. The caller sets watch and
    unwatch and calls listen().
    """

    def sha256(data):
        return parts.crypto.digest("SHA-256", data)

    trust = Trust(parts.settings, parts.files, parts.folder, sha256, tls, parts.utc)
    connections = Connections(
        parts.net6, parts.network, parts.clock, parts.settings.get("dscp.signalling"), trust
    )
    connections.deliver = driver.receive
    connections.on_failure = phone.events.on_connection_failed
    connections.in_use = phone.needs_connection
    signalling.connections = phone.connections = connections
    parts.agent.streams = True
    names = parts.access.names
    names.expect = connections.expect
    names.can_use = lambda transport: (
        transport in ("UDP", "TCP") or (transport == "TLS" and trust.is_set())
    )
    phone.accounts.why = connections.reason
    parts.network.listeners.append(connections.addresses_changed)
    return connections
