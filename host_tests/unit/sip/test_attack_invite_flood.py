# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Attack: INVITEs without end from addresses that never acknowledge (RFC 3261 section 21.5.4)."""

import unittest

from host_tests.unit.sip.helpers import events, give, make_agent, request, sent

FULL = 24  # three quarters of the 32 transactions: the rest is for calls that stand


def invite(number):
    return request("INVITE", call_id="flood%d" % number, branch="z9hG4bKflood%d" % number)


class Flood(unittest.TestCase):
    def flood(self, agent, numbers, now):
        statuses = []
        for number in numbers:
            give(agent, invite(number), now=now)
            for event in events(agent):
                if type(event).__name__ == "CallReceived":
                    event.session.reject(now, 486)
            statuses += [response.status for response in sent(agent)]
        return statuses

    def test_refused_while_full_and_taken_again_seconds_later(self):
        agent = make_agent()
        statuses = self.flood(agent, range(100), 0)
        self.assertEqual(statuses, [486] * FULL + [503] * (100 - FULL))
        for when in (500, 1500):  # timer G: the refusals go out again
            agent.handle_timer(when)
            self.assertEqual(len(sent(agent)), FULL)
            self.assertEqual(self.flood(agent, (100 + when,), when), [503])
        agent.handle_timer(3500)
        sent(agent)
        self.assertEqual(self.flood(agent, (2000,), 3500), [486])

    def test_a_call_that_stands_goes_on(self):
        agent = make_agent()
        give(agent, invite(0))
        session = events(agent)[0].session
        session.accept(0, b"answer")
        answer = sent(agent)[-1]
        self.assertEqual(answer.status, 200)
        mine = {"call_id": "flood0", "to_tag": answer.to.tag}
        give(agent, request("ACK", branch="z9hG4bKack", **mine))
        self.assertEqual(session.state, "Confirmed")
        self.flood(agent, range(1, 200), 10)
        give(agent, request("BYE", branch="z9hG4bKbye", cseq=2, **mine), now=20)
        self.assertEqual(session.state, "Terminated")
        self.assertEqual([one.status for one in sent(agent)], [200])


if __name__ == "__main__":
    unittest.main()
