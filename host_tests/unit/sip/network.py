# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Several agents on one wire, for what needs three: transfers, replaced calls."""

from host_tests.unit.sip.helpers import events, make_agent, names
from vox6.sip.message import parse
from vox6.wire import parse_address


def uri(letter):
    """Return the URI of one agent."""
    return "sip:phone@[2001:db8::%s]" % letter


class Network:
    """Agents by letter, each at 2001:db8::LETTER. lose: called with (letter, message)."""

    def __init__(self, letters="abc", **options):
        self.now = 0
        self.agents = {}
        self.peers = {}
        for i in range(len(letters)):
            address = parse_address("2001:db8::" + letters[i])
            self.agents[letters[i]] = make_agent(address, i + 1, **options)
            self.peers[letters[i]] = (address, 5060)
        self.letters = letters
        self.log = []
        self.lose = lambda sender, message: False

    def flow(self):
        """Carry datagrams until none is left."""
        moved = True
        while moved:
            moved = False
            for letter in self.letters:
                for data, peer, transport in self.agents[letter].datagrams_to_send():
                    moved = True
                    message = parse(data)
                    for other in self.letters:
                        if self.peers[other] == peer:
                            self.log.append((letter, other, names([message])[0]))
                            if not self.lose(letter, message):
                                self.agents[other].receive_datagram(
                                    data, self.peers[letter], self.now, transport
                                )

    def run(self, until):
        """Let time pass."""
        while True:
            self.flow()
            times = [self.agents[letter].get_timer() for letter in self.letters]
            times = [when for when in times if when is not None]
            if not times or min(times) > until:
                self.now = until
                return
            self.now = max(self.now, min(times))
            for letter in self.letters:
                self.agents[letter].handle_timer(self.now)

    def events(self, letter):
        """Return and forget the events of one agent."""
        return events(self.agents[letter])

    def event(self, letter, kind):
        """Return the one event of a kind among those of an agent, which are forgotten."""
        found = [event for event in self.events(letter) if type(event).__name__ == kind]
        if len(found) != 1:
            raise RuntimeError("%d of %s" % (len(found), kind))
        return found[0]

    def call(self, one, two):
        """Make a call that stands; return both sessions."""
        mine = self.agents[one].invite(uri(two), self.peers[two], self.now, b"offer")
        self.flow()
        theirs = self.event(two, "CallReceived").session
        theirs.accept(self.now, b"answer")
        self.flow()
        self.events(one)
        self.events(two)
        self.log = []
        return mine, theirs

    def is_idle(self):
        """Let all timers fire; return whether nothing is left in any agent."""
        self.run(self.now + 700000)
        for letter in self.letters:
            agent = self.agents[letter]
            if agent.sessions or agent.subscriptions or agent.layer.clients:
                return False
            if agent.layer.servers or len(agent.layer.timers):
                return False
        return True
