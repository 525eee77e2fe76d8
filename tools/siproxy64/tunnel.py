# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""IPv6 for the program itself, from a tunnel of PubTSP, on a line that has IPv4 alone.

    pubtsp tsp.example.net
    map 192.0.2.11:5060 = tunnel:5060
    map 192.0.2.12:5060 = tunnel:5062

A tunnel is one address, which says where the line is: it changes when the NAT's mapping does. So
the word `tunnel` stands for it, and the table is made anew for each. Parties are told apart by
their SIP ports.
"""

import logging
import os
from collections.abc import Callable

from ..common.driver import Loop
from ..common.tun import TunError
from ..common.tunnel import options
from ..common.tunnel.driver import Tunnel
from .settings import SettingsError

NETWORK = "auto"  # as the server: the network tells


def make(text: str, loop: Loop, told: Callable[[bytes | None], None]) -> Tunnel:
    """Make the device and begin.

    text: servers, or NETWORK; then `martians` and its policy, if it is another than usual. told:
    called with the address, None: there is none. SettingsError, TunError.
    """
    words = text.split()
    found = options.Options(interface=f"sip64-{os.getpid() % 10**7}", linger=0)
    path = os.environ.get("VOX6_RESOLV_CONF")
    if path:
        found.resolv_conf = path
    try:
        if "martians" in words:
            at = words.index("martians")
            options.set_option(found, "martians", " ".join(words[at + 1 :]))
            words = words[:at]
        if words != [NETWORK]:
            options.set_option(found, "server", " ".join(words))
    except options.OptionError as error:
        raise SettingsError([f"pubtsp: {error}"]) from None
    for handler in logging.getLogger("siproxy64").handlers:
        logging.getLogger("vox6.tunnel").addHandler(handler)
    logging.getLogger("vox6.tunnel").setLevel(logging.INFO)
    tunnel = Tunnel(found, loop, told)
    try:
        tunnel.begin()
    except OSError:
        tunnel.close()
        raise
    return tunnel


__all__ = ["TunError", "Tunnel", "make"]
