# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Attended transfers on a wire that loses: all three agree in the end, and nothing is left."""

import unittest

from host_tests.unit.sip.network import Network

LOST = 15  # percent


class LossyTest(unittest.TestCase):
    def _transfer(self, seed, refused):
        """Run one transfer; return the statuses that the transferor was told at the end."""
        network = Network()
        mine, theirs = network.call("a", "b")
        second, held = network.call("a", "c")
        state = [seed * 7919 + 1]

        def lose(sender, message):
            state[0] = (state[0] * 1103515245 + 12345) & 0x7FFFFFFF
            return (state[0] >> 16) % 100 < LOST

        network.lose = lose
        mine.refer(0, "", second)
        referral = call = None
        done = []
        for _ in range(240):
            network.run(network.now + 500)
            for event in network.events("b"):
                kind = type(event).__name__
                if kind == "ReferReceived":
                    referral = event.referral
                    referral.accept(network.now)
                    call = network.agents["b"].invite(
                        referral.refer_to, network.peers["c"], network.now, b"offer",
                        replaces=referral.replaces, referred_by=referral.referred_by,
                    )  # fmt: skip
                elif kind == "CallProgressed" and event.session is call:
                    referral.progress(network.now, event.status)
                elif kind == "CallAnswered" and event.session is call:
                    referral.progress(network.now, 200)
                elif kind == "CallFailed" and event.session is call:
                    referral.progress(network.now, event.status, event.reason)
            for event in network.events("c"):
                if type(event).__name__ == "CallReceived":
                    self.assertTrue(event.replaces is held)
                    if refused:
                        event.session.reject(network.now, 486)
                    else:
                        event.session.ring(network.now)
                        event.session.accept(network.now, b"answer")
            for event in network.events("a"):
                if type(event).__name__ == "TransferDone":
                    done.append(event.status)
                    if event.status < 300 and mine.state == "Confirmed":
                        mine.bye(network.now)
        self.assertEqual(len(done), 1, seed)
        if done[0] == 200:
            self.assertEqual((mine.state, theirs.state), ("Terminated", "Terminated"), seed)
            self.assertEqual((second.state, held.state), ("Terminated", "Terminated"), seed)
            self.assertEqual(call.state, "Confirmed", seed)
            others = list(network.agents["c"].sessions.values())
            self.assertEqual([one.call_id for one in others], [call.call_id], seed)
        else:
            self.assertEqual(mine.state, "Confirmed", seed)
        network.lose = lambda sender, message: False
        for letter in "abc":
            for session in list(network.agents[letter].sessions.values()):
                if session.state == "Confirmed":
                    session.bye(network.now)
            network.flow()
        self.assertTrue(network.is_idle(), seed)
        return done[0]

    def test_taken(self):
        outcomes = [self._transfer(seed, False) for seed in range(25)]
        self.assertTrue(outcomes.count(200) >= 24, outcomes)

    def test_refused_by_the_target(self):
        outcomes = [self._transfer(seed, True) for seed in range(25)]
        self.assertTrue(outcomes.count(486) >= 24, outcomes)


if __name__ == "__main__":
    unittest.main()
