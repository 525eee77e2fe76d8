# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""RFC 4475, every message of its archive: one row each, fed to the parser and to an Agent.

A row: section; file; what the parser makes of it: a dictionary of values ("to.tag" is
message.to.tag), or the code of its FormatError; what the agent does: a status that it answers, an
event, or a counter of what it drops; and lines that must stand in the answer.
"""

import unittest

from host_tests.unit.sip.helpers import PEER, kinds, make_agent, sent
from vox6 import crypto
from vox6.sip.framing import StreamFramer
from vox6.sip.message import parse
from vox6.sip.uri import unescape
from vox6.wire import FormatError

FOLDER = __file__.rpartition("/")[0] + "/../../vectors/rfc4475/"
SDP = "application/sdp"
WORKING = "\u0440\u0430\u0431\u043e\u0442\u0430\u044e\u0449\u0438\u0439"
REASON = (
    "= 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e"
    " \u0434\u0435\u0432\u044f\u043d\u043e\u0441\u0442\u043e"
    " \u0434\u0435\u0432\u044f\u0442\u044c"
    " - \u043f\u0440\u043e\u0441\u0442\u043e\u0435"
)
ODD = "!interesting-Method0123456789_*+`.%indeed'~"

try:
    PROVIDER = crypto.provider()
except ImportError:
    PROVIDER = None

ROWS = (
    # 3.1.1 Valid messages
    (
        "3.1.1.1", "wsinv.dat",
        {
            "method": "INVITE",
            "uri_text": "sip:vivekg@chair-dnrc.example.com;unknownparam",
            "uri.params": [("unknownparam", None)],
            "to.uri_text": "sip:vivekg@chair-dnrc.example.com",
            "to.tag": "1918181833n",
            "from_.display_name": 'J Rosenberg \\"',
            "from_.tag": "98asjd8",
            "max-forwards": "0068",
            "cseq.number": 9,
            "cseq.method": "INVITE",
            "via.host": "192.0.2.2",
            "via.branch": "390skdjuw",
            "values via": [
                "SIP  /   2.0 /UDP 192.0.2.2;branch=390skdjuw",
                "SIP  / 2.0  / TCP     spindle.example.com   ; branch  =   z9hG4bK9ikj8",
                "SIP  /    2.0   / UDP  192.168.255.111   ; branch= z9hG4bK30239",
            ],
            "subject": "",
            "newfangledheader": "newfangled value continued newfangled value",
            "unknownheaderwithunusualvalue": ";;,,;;,;",
            "contact.display_name": 'Quoted string ""',
            "contact.params": [("newparam", "newvalue"), ("secondparam", None), ("q", "0.33")],
            "content_type": SDP,
            "body length": 150,
        },
        481, (),  # its To has a tag of a dialog that is not there
    ),
    (
        "3.1.1.2", "intmeth.dat",
        {
            "method": ODD,
            "cseq.method": ODD,
            "uri.user": "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
            "uri.password": "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
            "uri.host": "example.com",
            "via.branch": "z9hG4bK-.!%66*_+`'~",
            "to.display_name": "BEL:\x07 NUL:\x00 DEL:\x7f",
            "from_.display_name": "token1~` token2'+_ token3*%!.-",
            "from_.tag": "_token~1'+`*%!-.",
            "from_.params": [
                ("fromparam''~+*_!.-%", '"' + WORKING + '"'),
                ("tag", "_token~1'+`*%!-."),
            ],
            "call_id": "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
            "extensionheader-!.%*+_`'~": "\ufeff\u5927\u505c\u96fb",
        },
        501, ("Allow",),
    ),
    (
        "3.1.1.3", "esc01.dat",
        {
            "uri.user": "sips%3Auser%40example.com",
            "uri.user_text": "sips:user@example.com",
            "to.uri.user_text": "user",
            "from_.uri.user_text": "I have spaces",
            "contact.uri.user_text": "caller",
            "contact.uri.params": [("%6C%72", None), ("n%61me", "v%61lue%25%34%31")],
        },
        "CallReceived", (),
    ),
    (
        "3.1.1.4", "escnull.dat",
        {
            "to.uri.user_text": "null-\x00-null",
            "from_.uri.user_text": "null-\x00-null",
            "values contact": ["<sip:%00@host5.example.com>", "<sip:%00%00@host5.example.com>"],
        },
        405, ("Allow",),  # we are no registrar, here and below
    ),
    (
        "3.1.1.5", "esc02.dat",
        {
            "method": "RE%47IST%45R",
            "to.display_name": "%Z%45",
            "values contact": ["<sip:alias1@host1.example.com>", "<sip:alias3@host3.example.com>"],
            "c%6fntact": "<sip:alias2@host2.example.com>",
        },
        501, ("Allow",),
    ),
    (
        "3.1.1.6", "lwsdisp.dat",
        {"from_.display_name": "caller", "from_.uri_text": "sip:caller@example.com"},
        200, (),
    ),
    (
        "3.1.1.7", "longreq.dat",
        {
            "to.display_name": "I have a user name of " + "extreme" * 10 + " proportion",
            "to.uri.port": 6000,
            "from_.uri.user": "amazinglylongcallername" * 5,
            "from_.tag": "12" + "982" * 50 + "424",
            "call_id": "longreq.one" + "really" * 20 + "longcallid",
            "count via": 34,
            "contact.uri.user": "amazinglylongcallername" * 5,
        },
        "CallReceived", (),
    ),
    (
        "3.1.1.8", "dblreq.dat",
        {"body length": 0, "call_id": "dblreq.0ha0isndaksdj99sdfafnl3lk233412"},
        405, (),
    ),
    ("3.1.1.9", "semiuri.dat", {"uri.user_text": "user;par=u@example.net"}, 200, ()),
    ("3.1.1.10", "transports.dat", {"count via": 5, "via.transport": "UDP"}, 200, ()),
    (
        "3.1.1.11", "mpart01.dat",
        {"method": "MESSAGE", "content_type": "multipart/mixed", "body length": 553},
        "multipart", (),
    ),
    (
        "3.1.1.12", "unreason.dat",
        {
            "status": 200,
            "reason": REASON,
        },
        "stray_responses", (),
    ),
    ("3.1.1.13", "noreason.dat", {"status": 100, "reason": ""}, "stray_responses", ()),
    # 3.1.2 Invalid messages
    ("3.1.2.1", "badinv01.dat", 400, 400, ()),
    ("3.1.2.2", "clerr.dat", 400, 400, ()),
    ("3.1.2.3", "ncl.dat", 400, 400, ()),
    ("3.1.2.4", "scalar02.dat", 400, 400, ()),
    ("3.1.2.5", "scalarlg.dat", 400, "malformed_responses", ()),
    ("3.1.2.6", "quotbal.dat", 400, 400, ()),
    ("3.1.2.7", "ltgtruri.dat", 400, 400, ()),
    ("3.1.2.8", "lwsruri.dat", 400, 400, ()),
    ("3.1.2.9", "lwsstart.dat", 400, 400, ()),
    ("3.1.2.10", "trws.dat", 400, 400, ()),
    ("3.1.2.11", "escruri.dat", 400, 400, ()),
    ("3.1.2.12", "baddate.dat", {"date": "Fri, 01 Jan 2010 16:00:00 EST"}, "CallReceived", ()),
    ("3.1.2.13", "regbadct.dat", {"contacts": FormatError}, 405, ()),
    (
        "3.1.2.14", "badaspec.dat",
        {"to.uri_text": "sip:t.watson@example.org", "to.display_name": "Watson, Thomas"},
        200, (),  # the spaces are ignored
    ),
    ("3.1.2.15", "baddn.dat", 400, 400, ()),
    ("3.1.2.16", "badvers.dat", 505, 505, ()),
    ("3.1.2.17", "mismatch01.dat", 400, 400, ()),
    ("3.1.2.18", "mismatch02.dat", 501, 501, ("Allow",)),
    ("3.1.2.19", "bigcode.dat", 400, "malformed_responses", ()),
    # 3.2 Transaction layer
    ("3.2.1", "badbranch.dat", {"via.branch": "z9hG4bK"}, 200, ()),  # matched by RFC 2543's rule
    # 3.3 Application layer
    ("3.3.1", "insuf.dat", 400, 400, ()),
    (
        "3.3.2", "unkscm.dat",
        {"uri.scheme": "nobodyknowsthisscheme", "uri.opaque": "totallyopaquecontent"},
        416, (),
    ),
    (
        "3.3.3", "novelsc.dat",
        {"uri.scheme": "soap.beep", "uri.opaque": "//192.0.2.103:3002"},
        416, (),
    ),
    (
        "3.3.4", "unksm2.dat",
        {
            "to.uri_text": "isbn:2983792873",
            "from_.uri_text": "http://www.example.com",
            "contact.uri_text": "name:John_Smith",
        },
        405, (),
    ),
    (
        "3.3.5", "bext01.dat",
        {
            "values require": ["nothingSupportsThis", "nothingSupportsThisEither"],
            "values proxy-require": ["noProxiesSupportThis", "norDoAnyProxiesSupportThis"],
        },
        420, ("Unsupported: nothingSupportsThis, nothingSupportsThisEither",),
    ),
    (
        "3.3.6", "invut.dat",
        {"content_type": "application/unknownformat", "body length": 40},
        415, ("Accept: application/sdp",),
    ),
    ("3.3.7", "regaut01.dat", {"authorization": "NoOneKnowsThisScheme opaque-data=here"}, 405, ()),
    ("3.3.8", "multi01.dat", 400, 400, ()),
    ("3.3.9", "mcl01.dat", 400, 400, ()),
    ("3.3.10", "bcast.dat", {"status": 200, "count via": 2}, "foreign_responses", ()),
    ("3.3.11", "zeromf.dat", {"max-forwards": "0"}, 200, ()),
    (
        "3.3.12", "cparam01.dat",
        {
            "contact.params": [("unknownparam", None)],
            "contact.uri_text": "sip:+19725552222@gw1.example.net",
            "contact.uri.params": [],
        },
        405, (),
    ),
    (
        "3.3.13", "cparam02.dat",
        {"contact.params": [], "contact.uri.params": [("unknownparam", None)]},
        405, (),
    ),
    (
        "3.3.14", "regescrt.dat",
        {"contact.uri.headers": "Route=%3Csip:sip.example.com%3E"},
        405, (),
    ),
    (
        "3.3.15", "sdp01.dat",
        {"accept": "text/nobodyKnowsThis"},
        406, ('Warning: 399 [2001:db8::a] "application/sdp must be accepted"',),
    ),
    # 3.4 Backward compatibility: no branch, From tag, Contact, Content-Length, Max-Forwards
    (
        "3.4.1", "inv2543.dat",
        {
            "via.branch": None,
            "from_.tag": None,
            "from_.uri_text": "sip:+13035551111@ift.client.example.net;user=phone",
            "to.params": [("user", "phone")],
            "body length": 105,
        },
        "CallReceived", (),
    ),
    # in the archive, not in the text: no SIP-Version, no Via, a line without colon
    ("-", "test.dat", 400, "unanswerable", ()),
)  # fmt: skip


def read(name):
    """Return the octets of a message."""
    with open(FOLDER + name, "rb") as file:
        return file.read()


def value(message, path):
    """Return what a path of a row means."""
    kind, _, rest = path.partition(" ")
    if kind == "values":
        return message.values(rest)
    if kind == "count":
        return message.count(rest)
    if kind == "body":
        return len(message.body)
    if not hasattr(message, path.split(".")[0]):
        return message.get(path)
    for name in path.split("."):
        message = getattr(message, name)
        if callable(message):
            message = message()
    return message


class ParserTest(unittest.TestCase):
    def test_every_message(self):
        for section, name, wanted, _, _ in ROWS:
            octets = read(name)
            with self.subTest(section=section, name=name):
                if isinstance(wanted, int):
                    try:
                        message = parse(octets)
                        message.check()
                        self.fail("accepted: " + name)
                    except FormatError as error:
                        self.assertEqual(error.code, wanted)
                    continue
                message = parse(octets)
                message.check()
                for path in wanted:
                    if wanted[path] is FormatError:
                        self.assertRaises(FormatError, value, message, path)
                    else:
                        self.assertEqual(value(message, path), wanted[path], (name, path))

    def test_written_as_read(self):
        for _, name, wanted, _, _ in ROWS:
            octets = read(name)
            if isinstance(wanted, dict) and name not in ("inv2543.dat", "dblreq.dat"):
                self.assertEqual(parse(octets).emit(), octets)

    def test_baddn_with_an_end(self):
        # the archive's file lacks the empty line; the display names must be refused besides
        self.assertRaises(FormatError, parse(read("baddn.dat") + b"\r\n").check)

    def test_unescaped_once(self):
        self.assertEqual(unescape("v%61lue%25%34%31"), "value%41")

    def test_on_a_stream(self):
        # sections 3.1.2.2, 3.1.2.3, 3.3.9: wait for more, or close the connection
        framer = StreamFramer()
        self.assertEqual(framer.receive(read("clerr.dat")), [])
        for name in ("ncl.dat", "mcl01.dat", "inv2543.dat"):
            self.assertRaises(FormatError, StreamFramer().receive, read(name))
        framer = StreamFramer()
        self.assertEqual(len(framer.receive(read("dblreq.dat"))), 2)
        self.assertEqual(framer.error.code, 400)  # the INVITE's body is longer than it says
        self.assertRaises(FormatError, framer.receive, b"")
        whole = read("wsinv.dat") + read("mpart01.dat") + read("longreq.dat")
        for step in (1, 7, 1000):
            framer = StreamFramer()
            out = []
            for at in range(0, len(whole), step):
                out += framer.receive(whole[at : at + step])
            self.assertEqual(out, [read("wsinv.dat"), read("mpart01.dat"), read("longreq.dat")])


class AgentTest(unittest.TestCase):
    def test_every_message(self):
        for section, name, _, wanted, lines in ROWS:
            for transport in ("UDP", "TCP"):
                with self.subTest(section=section, name=name):
                    self._give(name, wanted, lines, transport)

    def _give(self, name, wanted, lines, transport):
        agent = make_agent(crypto=PROVIDER)
        if wanted == "multipart":  # a body that we do not read, once MESSAGE is a method of ours
            wanted = 415 if "MESSAGE" in agent.allow else 405
        octets = read(name)
        agent.receive_datagram(octets, PEER, 0, transport)
        responses = sent(agent)
        happened = kinds(agent)
        if isinstance(wanted, int):
            self.assertEqual([response.status for response in responses], [wanted], name)
            text = responses[0].emit().decode()
            for line in lines:
                self.assertTrue("\r\n" + line in text, (name, line, text))
            for key in ("via", "from", "to", "call-id", "cseq"):
                count = octets.lower().count(b"\r\n" + key.encode() + b":")
                if responses[0].count(key) != 1 and key != "via":
                    self.assertTrue(count != 1, (name, key))
            if wanted == 200:
                self.assertEqual(happened, ["OptionsReceived"])
            else:
                self.assertEqual(happened, [])
        elif wanted[0] == "C":
            self.assertEqual(responses, [], name)
            self.assertEqual(happened, [wanted])
            session = list(agent.sessions.values())[0]
            session.accept(1, b"v=0\r\n")
            self.assertEqual(sent(agent)[0].status, 200)
        else:
            self.assertEqual(responses, [], name)
            self.assertEqual(happened, [])
            self.assertEqual(agent.counters.get(wanted), 1, (name, agent.counters))


if __name__ == "__main__":
    unittest.main()
