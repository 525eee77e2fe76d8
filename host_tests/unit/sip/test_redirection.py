# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/redirection.py: where a redirected call goes (RFC 3261 sections 8.1.3.4 and 21.3)."""

import unittest

from vox6.sip.message import Response
from vox6.sip.redirection import TargetSet
from vox6.wire import FormatError


def moved(status, *contacts, **headers):
    """Return a response with Contact lines, and other headers."""
    response = Response(status, "x")
    for contact in contacts:
        response.add("Contact", contact)
    for name in headers:
        response.add(name, headers[name])
    return response


def targets(uri, *responses):
    """Return all targets in order, each (URI, headers, expires_s)."""
    found = TargetSet(uri)
    for response in responses:
        found.receive(response)
    out = []
    while True:
        uri = found.next()
        if uri is None:
            return out
        out.append((uri, found.headers, found.expires_s))


class TargetSetTest(unittest.TestCase):
    # Contact lines of a 302 to a call of sip:a@x -> where it goes
    TABLE = (
        (("<sip:b@y>",), ["sip:b@y"]),
        (("sip:b@y;q=0.5",), ["sip:b@y"]),
        (('"B" <sip:b@y>;q=0.1, <sip:c@y>;q=0.9', "<sip:d@y>"), ["sip:d@y", "sip:c@y", "sip:b@y"]),
        (("<sip:b@y>;q=0.5, <sip:c@y>;q=0.50, <sip:d@y>;q=.5",),
         ["sip:d@y", "sip:b@y", "sip:c@y"]),  # .5 is no qvalue: 1
        (("<sip:b@y>;q=1.000, <sip:c@y>;q=2", "<sip:d@y>;q=0"), ["sip:b@y", "sip:c@y", "sip:d@y"]),
        (("<sip:a@x>",), []),  # where we come from
        (("<sip:a@X>, <sip:a@x;user=phone>, <sip:%61@x>",), ["sip:a@x;user=phone"]),
        (("<sip:b@y>, <sip:b@Y>",), ["sip:b@y"]),  # none twice
        (("<tel:+1>, <mailto:b@y>, <http://y/>, <sips:b@y>",), ["sips:b@y"]),
        (("*",), []),
        (("<sip:b@y", "<sip:c@y>"), ["sip:c@y"]),  # one broken, the other not
        ((), []),
        (("<sip:b@y;method=REGISTER;transport=tcp?Subject=x&Route=z>",),
         ["sip:b@y;transport=tcp"]),  # section 19.1.5
        (("<sip:b:secret@y:5070>",), ["sip:b:secret@y:5070"]),
        (tuple(["<sip:b%d@y>" % i for i in range(12)]), ["sip:b%d@y" % i for i in range(8)]),
    )  # fmt: skip

    def test_table(self):
        for contacts, expected in self.TABLE:
            got = [target[0] for target in targets("sip:a@x", moved(302, *contacts))]
            self.assertEqual((contacts, got), (contacts, expected))

    def test_status(self):
        for status, expected in (
            (300, ["sip:b@y"]), (301, ["sip:b@y"]), (302, ["sip:b@y"]), (399, ["sip:b@y"]),
            (380, []), (486, []), (200, []), (485, []),
        ):  # fmt: skip
            got = [target[0] for target in targets("sip:a@x", moved(status, "<sip:b@y>"))]
            self.assertEqual((status, got), (status, expected))

    def test_secure(self):
        # section 8.1.3.4: from SIPS to SIPS alone
        self.assertEqual(
            targets("sips:a@x", moved(302, "<sip:b@y>, <sips:c@y>"))[0][0], "sips:c@y"
        )
        self.assertEqual(len(targets("sips:a@x", moved(302, "<sip:b@y>, <sips:c@y>"))), 1)

    def test_use_proxy(self):
        # section 21.3.4: the same target, by way of the proxy; loosely, as we know no other way
        got = targets("sip:a@x", moved(305, "<sip:[2001:db8::1]>, <sip:p@y;lr>"))
        self.assertEqual(got, [("sip:a@x", (("Route", "<sip:[2001:db8::1];lr>"),), 0),
                               ("sip:a@x", (("Route", "<sip:p@y;lr>"),), 0)])  # fmt: skip
        found = TargetSet("sip:a@x")
        found.receive(moved(302, "<sip:b@y>"))
        self.assertEqual(found.next(), "sip:b@y")
        found.receive(moved(305, "<sip:p@z;lr>"))
        self.assertEqual((found.next(), found.headers), ("sip:b@y", (("Route", "<sip:p@z;lr>"),)))
        found.receive(moved(305, "<sip:p@z;lr>"))
        self.assertEqual(found.next(), None)

    def test_chain(self):
        # those of the second response take their place by q; a circle ends
        found = TargetSet("sip:a@x")
        found.receive(moved(302, "<sip:b@y>;q=0.9, <sip:c@y>;q=0.5"))
        self.assertEqual(found.next(), "sip:b@y")
        found.receive(moved(302, "<sip:a@x>, <sip:c@y>, <sip:d@y>;q=0.7"))
        self.assertEqual((found.next(), found.next(), found.next()), ("sip:d@y", "sip:c@y", None))
        self.assertEqual(found.headers, ())

    def test_expires(self):
        # status, parameter, header -> s
        for status, contact, headers, expected in (
            (301, "<sip:b@y>", {}, None),
            (301, "<sip:b@y>;expires=60", {}, 60),
            (302, "<sip:b@y>", {}, 0),
            (302, "<sip:b@y>", {"Expires": "30"}, 30),
            (302, "<sip:b@y>;expires=60", {"Expires": "30"}, 60),
            (302, "<sip:b@y>", {"Expires": "soon"}, 0),
        ):
            got = targets("sip:a@x", moved(status, contact, **headers))
            self.assertEqual(got[0][2], expected)

    def test_no_target(self):
        self.assertRaises(FormatError, TargetSet, "nonsense")
