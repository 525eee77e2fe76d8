# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/markup.py: XML as peers write it, one refused document a rule, bombs."""

import unittest

from vox6.sip.markup import escape, parse
from vox6.wire import FormatError


def _flat(element):
    return (
        element.namespace,
        element.name,
        element.attributes,
        element.text,
        [_flat(child) for child in element.children],
    )


class MarkupTest(unittest.TestCase):
    TABLE = (
        (b"<a/>", ("", "a", [], "", [])),
        (b"<a></a >", ("", "a", [], "", [])),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\r\n<a/>\n", ("", "a", [], "", [])),
        (b'<?xml version="1.0" encoding="utf-8" standalone="yes"?><a/>', ("", "a", [], "", [])),
        (b"<!-- c -- > --><?pi <x>?><a/><!-- end -->", ("", "a", [], "", [])),
        (
            b"<a b='1' c = \"x'y\" ><!--z-->t &lt;&amp;&gt;&quot;&apos; <?p?> u</a>",
            ("", "a", [("b", "1"), ("c", "x'y")], "t <&>\"'  u", []),
        ),
        (b"<a b='&#65;&#x42;&#x20ac;'/>", ("", "a", [("b", "AB\u20ac")], "", [])),
        (b"<a><![CDATA[<b>&amp;]]></a>", ("", "a", [], "<b>&amp;", [])),
        (b"<a>\n <b/>x<b/>\n</a>", ("", "a", [], "x", [("", "b", [], "", [])] * 2)),
        (
            b"<a xmlns='urn:x' xmlns:p='urn:y' p:q='1' r='2'><p:b/><c xmlns=''/></a>",
            ("urn:x", "a", [("r", "2")], "",
                [("urn:y", "b", [], "", []), ("", "c", [], "", [])]),
        ),
        (
            b"<p:a xmlns:p='urn:x'><p:b xmlns:p='urn:y'><p:c/></p:b><p:d/></p:a>",
            ("urn:x", "a", [], "", [
                ("urn:y", "b", [], "", [("urn:y", "c", [], "", [])]), ("urn:x", "d", [], "", [])]),
        ),
        (b"<a xml:lang='de'>\xc3\xa4</a>", ("", "a", [], "\xe4", [])),
    )  # fmt: skip

    def test_parse(self):
        for octets, wanted in self.TABLE:
            self.assertEqual(_flat(parse(octets)), wanted)

    def test_invalid(self):
        for octets in (
            b"",
            b"text",
            b"<a>",
            b"<a",
            b"<",
            b"<a/><b/>",
            b"<a/>x",
            b"x<a/>",
            b"<a></b>",
            b"<a><b></a></b>",
            b"</a>",
            b"<a b/>",
            b"<a b=1/>",
            b"<a b='1'c='2'/>",
            b"<a b='1' b='2'/>",
            b"<a b='<'/>",
            b"<a b='1/>",
            b"<a/ >",
            b"<1/>",
            b"<:a xmlns:='x'/>",
            b"<a:/>",
            b"<p:a/>",
            b"<a p:b='1'/>",
            b"<a:b:c xmlns:a='x'/>",
            b"<a>&b;</a>",
            b"<a>&amp</a>",
            b"<a>&#0;</a>",
            b"<a>&#xD800;</a>",
            b"<a>&#x110000;</a>",
            b"<a>&#-1;</a>",
            b"<a>&#x;</a>",
            b"<a>]]></a>",
            b"<a><!-- </a>",
            b"<a><![CDATA[ </a>",
            b"<a><?x </a>",
            b"<a>\xff</a>",
            b"<a>\x00</a>",
            b"<a b='\x1f'/>",
            b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
            b"<!DOCTYPE a><a/>",
            b"<a><!DOCTYPE b></a>",
        ):
            self.assertRaises(FormatError, parse, octets)

    def test_entity_bomb(self):
        # a billion laughs: no declarations, so nothing grows
        bomb = b"<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><l>&b;</l>"
        self.assertRaises(FormatError, parse, bomb)
        outside = b"<!DOCTYPE l [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><l>&a;</l>"
        self.assertRaises(FormatError, parse, outside)

    def test_bounds(self):
        parse(b"<a>" * 16 + b"</a>" * 16)
        self.assertRaises(FormatError, parse, b"<a>" * 17 + b"</a>" * 17)
        self.assertRaises(FormatError, parse, b"<a>" * 5000)
        parse(b"<a>" + b"<b/>" * 511 + b"</a>")
        self.assertRaises(FormatError, parse, b"<a>" + b"<b/>" * 512 + b"</a>")
        many = b"".join([b" b%d=''" % i for i in range(33)])
        self.assertRaises(FormatError, parse, b"<a" + many + b"/>")
        self.assertRaises(FormatError, parse, b"<a>" + b"x" * 20000 + b"</a>")

    def test_escape(self):
        text = "a<b>&\"c'\u20ac"
        self.assertEqual(parse(("<x>" + escape(text) + "</x>").encode()).text, text)
        root = parse(('<x y="' + escape(text) + '"/>').encode())
        self.assertEqual(root.get("y"), text)
        self.assertEqual(escape("a\x00b"), "a b")


if __name__ == "__main__":
    unittest.main()
