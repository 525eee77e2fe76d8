# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/dialog_info.py: documents of RFC 4235 and of other programs, the table, ourselves."""

import unittest

from host_tests.unit.sip.network import Network, uri
from vox6.sip import dialog_info
from vox6.sip.dialog_info import DialogInfo, DialogState, Participant, Table
from vox6.wire import FormatError

HEAD = (
    '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="%d" state="%s" '
    'entity="sip:a@b">'
)


def _document(*dialogs, version=1, state="full"):
    body = "".join(['<dialog id="%s"><state>%s</state></dialog>' % dialog for dialog in dialogs])
    return (HEAD % (version, state) + body + "</dialog-info>").encode()


SECTION_4_2 = b"""<?xml version="1.0" encoding="UTF-8"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="urn:ietf:params:xml:ns:dialog-info"
  version="1" state="full">
  <dialog id="123456">
     <state>confirmed</state>
     <duration>274</duration>
     <local>
       <identity display="Alice">sip:alice@example.com</identity>
       <target uri="sip:alice@pc33.example.com">
         <param pname="isfocus" pval="true"/>
         <param pname="class" pval="personal"/>
       </target>
     </local>
     <remote>
       <identity display="Bob">sip:bob@example.org</identity>
       <target uri="sip:bobster@phone21.example.org"/>
     </remote>
  </dialog>
</dialog-info>
"""

# A prefix for the namespace, an extension's elements, a state with event and code.
PREFIXED = b"""<?xml version="1.0"?>
<di:dialog-info xmlns:di="urn:ietf:params:xml:ns:dialog-info" xmlns:sa="urn:x:shared"
    version="7" state="partial" entity="sip:20@pbx.example">
  <di:dialog id="as7d900as8" call-id="a84b4c76e66710" local-tag="1928301774"
      remote-tag="456887766" direction="initiator">
    <sa:exclusive>true</sa:exclusive>
    <sa:state>confirmed</sa:state>
    <di:state event="rejected" code="486">terminated</di:state>
    <di:local><di:identity display-name="20 &amp; 21">sip:20@pbx.example</di:identity></di:local>
  </di:dialog>
</di:dialog-info>"""

# No namespace, no dialogs, the attribute of an example in section 4.1.
BARE = (
    b'<dialog-info version="0" notify-state="full" entity="sip:alice@example.com"></dialog-info>'
)


class DocumentTest(unittest.TestCase):
    def test_example(self):
        info = DialogInfo.parse(SECTION_4_2)
        self.assertEqual((info.version, info.full, info.entity), (1, True, ""))
        one = info.dialogs[0]
        self.assertEqual((one.id, one.state, one.duration), ("123456", "confirmed", 274))
        self.assertEqual((one.local.identity, one.local.display_name),
            ("sip:alice@example.com", "Alice"))  # fmt: skip
        self.assertEqual(one.remote.target, "sip:bobster@phone21.example.org")
        again = DialogInfo.parse(info.emit()).dialogs[0]
        self.assertEqual(again.remote.display_name, "Bob")
        self.assertEqual((again.duration, again.local.target), (274, "sip:alice@pc33.example.com"))

    def test_prefixed(self):
        info = DialogInfo.parse(PREFIXED)
        self.assertEqual((info.version, info.full), (7, False))
        one = info.dialogs[0]
        self.assertEqual((one.state, one.event, one.code), ("terminated", "rejected", 486))
        self.assertEqual((one.call_id, one.local_tag, one.remote_tag, one.direction),
            ("a84b4c76e66710", "1928301774", "456887766", "initiator"))  # fmt: skip
        self.assertEqual(one.local.display_name, "20 & 21")
        again = DialogInfo.parse(info.emit())
        self.assertEqual((again.full, again.dialogs[0].code), (False, 486))
        self.assertEqual(again.dialogs[0].local.display_name, "20 & 21")

    def test_bare(self):
        info = DialogInfo.parse(BARE)
        self.assertEqual((info.version, info.full, info.dialogs), (0, True, []))

    def test_hostile_text(self):
        info = DialogInfo("sip:a@b", 3)
        one = DialogState('<&"', "early")
        one.remote = Participant("sip:x@y?a=<b>", 'Bob "& <co>\n', "sip:t?x=1&y=2")
        info.dialogs.append(one)
        again = DialogInfo.parse(info.emit()).dialogs[0]
        self.assertEqual((again.id, again.remote.identity), ('<&"', "sip:x@y?a=<b>"))
        self.assertEqual(again.remote.display_name, 'Bob "& <co> ')
        self.assertEqual(again.remote.target, "sip:t?x=1&y=2")

    def test_invalid(self):
        good = _document(("1", "early")).decode()
        DialogInfo.parse(good.encode())
        for old, new in (
            ("dialog-info", "dialog-infos"),
            ("urn:ietf:params:xml:ns:dialog-info", "urn:ietf:params:xml:ns:pidf"),
            (' version="1"', ""),
            ('version="1"', 'version="-1"'),
            ('version="1"', 'version="4294967296"'),
            ('state="full"', 'state="half"'),
            (' state="full"', ""),
            (' id="1"', ""),
            ("<state>early</state>", ""),
            ("<state>early</state>", "<state/>"),
            ("<state>", '<state code="x">'),
            ("<state>", '<state code="1000">'),
            ("</state>", "</state><duration>long</duration>"),
            ("</dialog>", ""),
        ):
            text = good.replace(old, new)
            self.assertTrue(text != good)
            self.assertRaises(FormatError, DialogInfo.parse, text.encode())
        many = [("%d" % i, "early") for i in range(33)]
        self.assertRaises(FormatError, DialogInfo.parse, _document(*many))


class TableTest(unittest.TestCase):
    """Section 4.3."""

    def _state(self):
        return [(one.id, one.state) for one in self.table.dialogs]

    def _take(self, *dialogs, version, state="full"):
        return self.table.receive(
            DialogInfo.parse(_document(*dialogs, version=version, state=state))
        )

    def test_rules(self):
        self.table = Table()
        self.assertTrue(self._take(("1", "early"), ("2", "confirmed"), version=5))
        self.assertEqual(self._state(), [("1", "early"), ("2", "confirmed")])
        self.assertTrue(self._take(("1", "confirmed"), version=6, state="partial"))
        self.assertEqual(self._state(), [("2", "confirmed"), ("1", "confirmed")])
        # older: dropped
        self.assertTrue(self._take(("9", "early"), version=4))
        self.assertEqual((len(self._state()), self.table.version), (2, 6))
        # one was missed: the whole must be asked for, unless this is it
        self.assertFalse(self._take(("3", "trying"), version=9, state="partial"))
        self.assertEqual(self.table.version, 9)
        self.assertTrue(self._take(("4", "early"), version=20))
        self.assertEqual(self._state(), [("4", "early")])
        self.assertTrue(self._take(("4", "terminated"), version=21, state="partial"))
        self.assertEqual(self._state(), [])

    def test_first_is_partial(self):
        self.table = Table()
        self.assertFalse(self._take(("1", "early"), version=0, state="partial"))

    def test_bounded(self):
        self.table = Table()
        for i in range(100):
            self._take(("%d" % i, "early"), version=i, state="partial")
        self.assertEqual(len(self.table.dialogs), 32)


class PublishTest(unittest.TestCase):
    """b watches the calls that a has with c."""

    def setUp(self):
        self.network = Network()
        self.agent = self.network.agents["a"]
        self.agent.packages = ["dialog"]
        self.documents = []

    def _subscribe(self, private=False, event="dialog"):
        network = self.network
        one = network.agents["b"].subscribe(uri("a"), "dialog", network.peers["a"], network.now)
        one.package = event  # no command of ours asks for one dialog
        network.agents["b"].datagrams_to_send()
        one.start(network.now)
        one.package = "dialog"
        network.flow()
        asked = [e for e in network.events("a") if type(e).__name__ == "SubscribeReceived"]
        dialog_info.accept(asked[-1].subscription, network.now, uri("a"), private)
        self._collect()
        return one

    def _collect(self):
        network = self.network
        network.run(network.now + 2000)
        told = [e for e in network.events("b") if type(e).__name__ == "NotifyReceived"]
        self.documents += [DialogInfo.parse(e.body) for e in told]

    def _publish(self):
        dialog_info.publish(self.agent, self.network.now, uri("a"))
        self._collect()

    def _invite(self, letter):
        network = self.network
        return self.agent.invite(uri(letter), network.peers[letter], network.now, b"offer")

    def test_call(self):
        self._subscribe()
        self.assertEqual([d.version for d in self.documents], [0])
        self.assertEqual((self.documents[0].dialogs, self.documents[0].full), ([], True))
        self._publish()
        self.assertEqual(len(self.documents), 1)  # nothing has changed
        session = self._invite("c")
        self._publish()
        theirs = list(self.network.agents["c"].sessions.values())[0]
        one = self.documents[-1].dialogs[0]
        self.assertEqual((self.documents[-1].version, one.state), (1, "trying"))
        self.assertEqual((one.call_id, one.remote_tag), (session.call_id, ""))
        theirs.ring(self.network.now)
        self._collect()
        self._publish()
        one = self.documents[-1].dialogs[0]
        self.assertEqual((one.state, one.direction), ("early", "initiator"))
        self.assertEqual((one.local_tag, one.remote_tag), (session.local_tag, theirs.local_tag))
        self.assertEqual(one.remote.identity, uri("c"))
        theirs.accept(self.network.now, b"answer")
        self._collect()
        self._publish()
        self.assertEqual(self.documents[-1].dialogs[0].state, "confirmed")
        session.bye(self.network.now)
        self._collect()
        self._publish()
        self.assertEqual(self.documents[-1].dialogs, [])
        self.assertEqual([d.version for d in self.documents], [0, 1, 2, 3, 4])

    def test_private(self):
        # section 3.7.2: who may know no more learns what a caller would find out
        self._subscribe(private=True)
        self._invite("c")
        self._publish()
        one = self.documents[-1].dialogs[0]
        self.assertEqual((one.id, one.state, one.call_id, one.local_tag, one.remote.identity),
            ("0", "confirmed", "", "", ""))  # fmt: skip
        self._invite("c")
        self._publish()
        self.assertEqual(len(self.documents), 2)  # a second call makes no difference

    def test_own_calls_are_left_out(self):
        # section 3.3
        self._subscribe()
        self._invite("b")
        self._publish()
        self.assertEqual(len(self.documents), 1)
        session = self._invite("c")
        self._publish()
        self.assertEqual([d.id for d in self.documents[-1].dialogs], [session.local_tag])

    def test_one_dialog(self):
        # section 3.2: to-tag is ours
        first, theirs = self.network.call("a", "c")
        self.network.call("a", "c")
        for event, count in (
            ('dialog;call-id="%s";to-tag=%s;from-tag=%s', 1),
            ('dialog;call-id="%s";to-tag=%s', 1),
            ('dialog;call-id="%s";to-tag=%s;from-tag=%s;include-session-description', 1),
            ('dialog;call-id="x%s";to-tag=%s;from-tag=%s', 0),
            ('dialog;call-id="%s";to-tag=x%s;from-tag=%s', 0),
            ('dialog;call-id="%s";to-tag=%s;from-tag=x%s', 0),
            ("dialog", 2),
        ):
            names = (first.call_id, first.local_tag, theirs.local_tag)
            self._subscribe(event=event % names[: event.count("%")])
            self.assertEqual((len(self.documents[-1].dialogs), event), (count, event))
            if count == 1:
                self.assertEqual(self.documents[-1].dialogs[0].call_id, first.call_id)


if __name__ == "__main__":
    unittest.main()
