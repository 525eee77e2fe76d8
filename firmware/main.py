# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Entry of the phone, the same on every board.

run() builds the phone at its first call and runs it until somebody asks for the console; calling
it again goes on with the same phone, its calls and registrations. While the console is open the
sound of a call goes on in C; signalling waits.

    >>> from firmware.main import phone
    >>> phone().settings.set("account.1.uri", "sip:alice@example.org"); phone().settings.save()
    >>> phone().reload()
    >>> resume()
"""

import gc

from firmware import log
from vox6.wire import const

VERSION = "0.1"
_COLLECT = const(32768)  # octets; about what a call takes to be set up
_TRANSACTIONS = const(12)  # each way: two calls and two servers need 8
_ENDED = const(2)  # each way, of those; each holds 5 kB for up to 32 s

_station = None


class Parts:
    """What a Phone is made of; attributes are set by build() or by a test."""


class Station:
    """The phone with its board: reactor, drivers, the person's side."""

    def __init__(self, board, net6, tunnel6, media):
        import time

        from firmware.net.access import Access
        from firmware.net.clock import Clock
        from firmware.net.driver import Driver
        from firmware.net.network import Network
        from firmware.net.reactor import Reactor
        from firmware.net.signalling import Signalling
        from firmware.phone.phone import Phone
        from firmware.store.files import Files
        from firmware.store.settings import Settings
        from firmware.store.zrtp_cache import ZRTPCache
        from firmware.ui.console import Console
        from vox6 import crypto as crypto_package
        from vox6.sip.agent import Agent

        self.board = board
        self.clock = Clock(time.ticks_ms, time.ticks_diff)
        log.start(self.clock)
        log.say("phone", "vox6 %s on %s" % (VERSION, board.FACTS.get("name", "a board")))
        settings = Settings(board.storage())
        settings.load()
        for message in settings.messages:
            log.say("settings", message)
        crypto = crypto_package.provider()
        network = Network(net6)
        network.start(board.nic)
        if network.error:
            log.say("net", network.error)
        parts = Parts()
        parts.settings = settings
        parts.network = network
        parts.clock = self.clock
        parts.random = crypto.random
        parts.net6 = net6
        parts.tunnel6 = tunnel6
        parts.media = media
        parts.utc = board.clock
        parts.folder = board.storage()
        parts.files = Files()
        parts.crypto = crypto
        parts.cache = ZRTPCache(board.storage(), crypto, board.clock)
        if parts.cache.message:
            log.say("zrtp", parts.cache.message)
        parts.agent = Agent(
            crypto,
            crypto.random,
            user_agent="vox6/" + VERSION,
            max_transactions=_TRANSACTIONS,
            max_ended=_ENDED,
        )
        self.signalling = Signalling(
            net6, network, settings.get("sip.port"), settings.get("dscp.signalling")
        )
        self.access = parts.access = Access(parts, self.signalling.buffer)
        self.phone = Phone(parts)
        self.driver = Driver(
            "sip",
            parts.agent,
            self.clock,
            self.signalling.send,
            self.phone.events.on_event,
            self.phone.events.on_send_error,
        )
        self.phone.driver = self.driver
        facts = board.FACTS
        self.phone.sounds.speaker_delay_ms = facts.get("speaker")
        self.keys = board.keys() if facts.get("keys") else None
        self.console = Console(
            self.phone,
            board.screen() if facts.get("screen") else None,
            board.lamps() if facts.get("lamps") else None,
            facts.get("lamps", ()),
        )
        self.phone.on_incoming = self.console.interrupt
        self.reactor = Reactor(self.clock, self.settle, self.get_timer, self.handle_timer)
        self.phone.watch = self.reactor.watch
        self.phone.unwatch = self.reactor.unwatch
        self.connections = None
        if hasattr(net6, "Stream"):
            self._add_streams(parts)
        self.access.start(self.reactor.watch, self.reactor.unwatch)
        self.phone.start(self.signalling.port)
        self.reactor.watch(self.signalling.endpoint, self._datagrams)
        self.reactor.watch(network.changed, self._addresses)
        if self.keys is not None:
            self.reactor.watch(self.keys, self._keys)
        gc.collect()
        # Garbage that lies between what stays is what breaks up a small heap: collect early.
        gc.threshold(_COLLECT)

    def _add_streams(self, parts):
        from firmware.net import streams

        connections = self.connections = streams.add(
            parts, self.phone, self.signalling, self.driver
        )
        connections.watch = self.reactor.watch
        connections.unwatch = self.reactor.unwatch
        connections.listen(self.signalling.port)

    def _datagrams(self, now):
        self.driver.read(self.signalling, self.signalling.buffer)

    def _addresses(self, now):
        self.access.update()

    def _keys(self, now):
        for _ in range(16):  # a burst; the rest at the next turn
            got = self.keys.get()
            if got is None:
                return
            self.console.key(got[0], got[1])

    def settle(self):
        """After anything has happened: send, show."""
        self.driver.drain()
        self.access.drain()
        self.console.refresh(self.clock.now())

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        due = self.driver.get_timer()
        for part in (self.phone, self.access, self.console, self.connections):
            other = part.get_timer() if part is not None else None
            if other is not None and (due is None or other < due):
                due = other
        return due

    def handle_timer(self, now):
        """Let everything work whose time has come."""
        self.driver.handle_timer(now)
        self.phone.handle_timer(now)
        self.access.handle_timer(now)
        if self.connections is not None:
            self.connections.handle_timer(now)

    def run(self):
        """Run until the console is asked for."""
        requested = self.board.console_requested()
        self.reactor.run(requested)
        if hasattr(requested, "clear"):
            requested.clear()


def phone():
    """Return the Phone, for the console; None before run()."""
    return _station.phone if _station is not None else None


def run():
    """Run the phone; returns when somebody asks for the console."""
    global _station
    if _station is None:
        import media
        import net6
        import tunnel6

        import board

        _station = Station(board, net6, tunnel6, media)
    _station.run()
