# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/message_summary.py: RFC 3842's examples both ways, one invalid case a rule."""

import unittest

from vox6.sip.message_summary import Count, MessageSummary
from vox6.wire import FormatError


def _flat(summary):
    return (
        summary.waiting,
        summary.account,
        [(c.name, c.new, c.old, c.new_urgent, c.old_urgent) for c in summary.counts],
    )


class SummaryTest(unittest.TestCase):
    TABLE = (
        (b"Messages-Waiting: yes\r\n", (True, "", [])),
        (b"Messages-Waiting: no", (False, "", [])),
        (b"messages-waiting : No\n", (False, "", [])),
        (
            b"Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\n"
            b"Voice-Message: 2/8 (0/2)\r\n",
            (True, "sip:alice@vmail.example.com", [("voice-message", 2, 8, 0, 2)]),
        ),
        (
            b"Messages-Waiting: yes\r\nVoice-Message: 1/3(0/1)\r\nFax-Message: 2 / 4\r\n",
            (True, "", [("voice-message", 1, 3, 0, 1), ("fax-message", 2, 4, 0, 0)]),
        ),
        (  # what describes the new messages is left out
            b"Messages-Waiting: yes\r\nVoice-Message: 4/8 (1/2)\r\n\r\n"
            b"To: <alice@atlanta.example.com>\r\nFrom: <bob@biloxi.example.com>\r\n"
            b"Subject: carpool tomorrow?\r\n",
            (True, "", [("voice-message", 4, 8, 1, 2)]),
        ),
        (  # section 3.5: 2^32 - 1 is the most
            b"Messages-Waiting: yes\r\nVoice-Message: 4294967296/99999999999999999999\r\n",
            (True, "", [("voice-message", 4294967295, 4294967295, 0, 0)]),
        ),
    )

    def test_parse(self):
        for octets, wanted in self.TABLE:
            summary = MessageSummary.parse(octets)
            self.assertEqual(_flat(summary), wanted)
            self.assertEqual(_flat(MessageSummary.parse(summary.emit())), wanted)

    def test_emit(self):
        summary = MessageSummary(True, "sip:a@b", [Count("voice-message", 1, 2, 0, 1)])
        self.assertEqual(
            summary.emit(),
            b"Messages-Waiting: yes\r\nMessage-Account: sip:a@b\r\nvoice-message: 1/2 (0/1)\r\n",
        )
        self.assertEqual(summary.get("voice-message").new, 1)
        self.assertIsNone(summary.get("fax-message"))

    def test_invalid(self):
        good = b"Messages-Waiting: yes\r\n"
        for octets in (
            b"",
            b"\r\n",
            b"Messages-Waiting: maybe\r\n",
            b"Voice-Message: 1/2\r\n",
            b"nonsense",
            b"Messages-Waiting yes",
            b"\xff: yes",
            good + b"Voice-Message: 1\r\n",
            good + b"Voice-Message: 1/x\r\n",
            good + b"Voice-Message: /1\r\n",
            good + b"Voice-Message: -1/1\r\n",
            good + b"Voice-Message: 1/2/3\r\n",
            good + b"Voice-Message: 1/2 (1/2\r\n",
            good + b"Voice-Message: 1/2 (1)\r\n",
            good + b"Voice Message: 1/2\r\n",
            good + b": 1/2\r\n",
            good + b"A: 1/2\r\n" * 17,
            good + b"\r\n" + b"x" * 20000,
        ):
            self.assertRaises(FormatError, MessageSummary.parse, octets)


if __name__ == "__main__":
    unittest.main()
