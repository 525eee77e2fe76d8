# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The page of the menu on the network: how IPv6 is had, addresses, servers."""

from firmware.net.network import is_link_local
from firmware.ui import wording


def _state(access):
    tunnel = access.tunnel
    out = []
    if access.network.has_native():
        out.append(wording.NATIVE)
    text = access.text()
    if text:
        out.append(text)
    if tunnel.address is not None:
        if access.network.has_native():
            out.append(wording.TUNNEL_SPARE)
        out.append(wording.BY_SERVER % tunnel.server)
        out.append(wording.KEEPALIVE % tunnel.interval)
        out.append(wording.DIRECT_PATHS % tunnel.direct_paths())
    elif access.tunnel_is_off():
        out.append(wording.TUNNEL_OFF)
    return out


def lines(phone):
    """Return the lines of the page, of any length."""
    access = phone.access
    out = _state(access)
    for addr16 in phone.network.own():
        out.append(phone.address_text(addr16))
    if access.ipv4 is not None:
        out.append(wording.IPV4 % access.ipv4_text())
    for server in access.names.servers:
        text = access.server_text(server)
        if is_link_local(server):
            text = phone.address_text(server)
        out.append(wording.DNS % text)
    for name in access.configuration.sip_domains:
        out.append(wording.SIP_SERVER % name)
    for server in access.configuration.sip_servers:
        out.append(wording.SIP_SERVER % access.server_text(server))
    if access.configuration.boot_file_url:
        out.append(wording.BOOT_FILE % access.configuration.boot_file_url)
    return out
