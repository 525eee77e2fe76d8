# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Our addresses change: signalling, registrations and running calls follow.

A call keeps its address as long as that is ours, also when another one is preferred by now: the
far end, its NAT and its relays know it. When the address is gone, or the router that it came from,
media leaves from another one at once, and a re-INVITE tells the far end.
"""

from firmware import log


class Moves:
    """Follows the addresses of a Network for a Phone."""

    def __init__(self, phone):
        self.phone = phone
        self.local = None

    def follow(self):
        """The addresses may be others (a listener of Network)."""
        phone = self.phone
        now = phone.clock.now()
        local = phone.network.local
        if local != self.local:
            self.local = local
            log.say("net", "address " + (phone.address_text(local) if local else "gone"))
            phone.agent.set_local(local, phone.sip_port, now)
            if local is not None:
                phone.accounts.register_all(now)
                phone.watch_others(now)
        if local is not None:
            for call in phone.lines:
                if call is not None and call.is_live() and call.audio is not None:
                    own = call.audio.local
                    if own is not None and not phone.network.serves(own):
                        phone.changes.move(call, now)
        phone.drain()

    def uses(self, addr16):
        """Return whether a call stands on an address of ours."""
        for call in self.phone.lines:
            if call is not None and call.is_live() and call.audio is not None:
                if call.audio.local == addr16:
                    return True
        return False
