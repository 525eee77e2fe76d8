# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sdp/description.py: tables both ways, the RFC's examples, one invalid case per rule."""

import unittest

from vox6.sdp.description import (
    Connection,
    MediaDescription,
    Origin,
    SessionDescription,
    is_token,
)
from vox6.wire import FormatError, LocalProtocolError

# RFC 8866 section 5, the example
RFC8866 = (
    "v=0\r\n"
    "o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\n"
    "s=Call to John Smith\r\n"
    "i=SDP Offer #1\r\n"
    "u=http://www.jdoe.example.com/home.html\r\n"
    "e=Jane Doe <jane@jdoe.example.com>\r\n"
    "p=+1 617 555-6011\r\n"
    "c=IN IP4 198.51.100.1\r\n"
    "t=0 0\r\n"
    "m=audio 49170 RTP/AVP 0\r\n"
    "m=audio 49180 RTP/AVP 0\r\n"
    "m=video 51372 RTP/AVP 99\r\n"
    "c=IN IP6 2001:db8::2\r\n"
    "a=rtpmap:99 h263-1998/90000\r\n"
)

HEAD = "v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\n"
SHORT = HEAD + "t=0 0\r\n"

# texts that come out as they went in
SAME = (
    RFC8866,
    SHORT,
    # every line there is, in the RFC's order
    HEAD + "i=x\r\nu=http://[2001:db8::1]/\r\ne=a@example.com\r\ne=b@example.com\r\np=+1\r\n"
    "p=+2\r\nc=IN IP6 2001:db8::1\r\nb=AS:64\r\nb=X-YZ:128\r\nt=3034423619 3042462419\r\n"
    "r=7d 1h 0 25h\r\nz=2882844526 -1h 2898848070 0\r\nt=0 0\r\nk=prompt\r\na=recvonly\r\n"
    "a=tool:x y z\r\nm=audio 4000/2 RTP/AVP 0 8 9\r\ni=title\r\nc=IN IP6 ff15::101/3\r\n"
    "c=IN IP6 ff15::201/3\r\nb=AS:32\r\nk=clear:x\r\na=ptime:20\r\na=sendonly\r\n",
    # network and address types nobody knows, subfields behind the address
    "v=0\r\no=- 1 1 ATM NSAP 47.0091\r\ns=-\r\nc=TN RFC2543 +1-201-406-4090\r\nt=0 0\r\n"
    "m=audio 9 udp x\r\nc=ATM NSAP 47.0091 more fields here\r\n",
    # UTF-8, spaces at the front of a value, attributes without a value and with an empty one
    HEAD.replace("s=-", "s= \u00fcn\u00ef\u6771") + "t=0 0\r\na=flag\r\na=empty:\r\na=c:d:e\r\n",
    # other transports and formats
    SHORT + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP6 ::\r\n"
    "m=image 0 udptl t38\r\nm=text 11000 RTP/AVP 98 100\r\n",
)

# (octets, words of the reason)
INVALID = (
    (b"", "not complete"),
    (b"v=0\r\n", "not complete"),
    (b"\xff" * 9000, "too long"),
    (b"x=1\r\n" * 500, "too many lines"),
    (b"o=- 1 1 IN IP6 ::1\r\nv=0\r\ns=-\r\nt=0 0\r\n", "v=0"),
    (SHORT.replace("v=0", "v=1").encode(), "v=0"),
    (SHORT.replace("v=0", "v=00").encode(), "v=0"),
    (b"v=0\r\ns=-\r\no=- 1 1 IN IP6 ::1\r\nt=0 0\r\n", "o="),
    (b"v=0\r\no=- 1 1 IN IP6\r\ns=-\r\nt=0 0\r\n", "six"),
    (b"v=0\r\no=- 1 1 IN IP6 ::1 x\r\ns=-\r\nt=0 0\r\n", "six"),
    (b"v=0\r\no=-  1 1 IN IP6\r\ns=-\r\nt=0 0\r\n", "six"),
    (b"v=0\r\no=- one 1 IN IP6 ::1\r\ns=-\r\nt=0 0\r\n", "sess-id"),
    (b"v=0\r\no=- 1 -1 IN IP6 ::1\r\ns=-\r\nt=0 0\r\n", "sess-version"),
    (b"v=0\r\no=- 1 " + b"9" * 41 + b" IN IP6 ::1\r\ns=-\r\nt=0 0\r\n", "sess-version"),
    (b"v=0\r\no=- 1 1 I(N IP6 ::1\r\ns=-\r\nt=0 0\r\n", "address type"),
    (b"v=0\r\no=- 1 1 IN IP6 ::1\r\nt=0 0\r\nt=0 0\r\n", "s="),
    ((HEAD + "c=IN IP6 ::1\r\n").encode(), "t="),
    ((HEAD + "r=7d 1h 0\r\nt=0 0\r\n").encode(), "without t="),
    ((HEAD + "t=0\r\n").encode(), "two fields"),
    ((HEAD + "t=0 0 0\r\n").encode(), "two fields"),
    ((HEAD + "t=0 x\r\n").encode(), "stop-time"),
    ((SHORT + "c=IN IP6 ::1\r\nc=IN IP6 ::1\r\n").encode(), "c= stands twice"),
    ((SHORT + "i=x\r\ni=y\r\n").encode(), "i= stands twice"),
    ((SHORT + "k=x\r\nk=y\r\n").encode(), "k= stands twice"),
    ((SHORT + "u=x\r\nu=y\r\n").encode(), "u= stands twice"),
    ((SHORT + "q=x\r\n").encode(), "unknown type"),
    ((SHORT + "V=x\r\n").encode(), "unknown type"),
    ((SHORT + "v=0\r\n").encode(), "unknown type"),  # two descriptions in one (RFC 3264)
    ((SHORT + "c=IN IP6\r\n").encode(), "three fields"),
    ((SHORT + "c=IN  ::1\r\n").encode(), "address type"),
    ((SHORT + "b=AS\r\n").encode(), "bandwidth"),
    ((SHORT + "b=AS:-1\r\n").encode(), "bandwidth"),
    ((SHORT + "b=:1\r\n").encode(), "no type"),
    ((SHORT + "a=\r\n").encode(), "attribute name"),
    ((SHORT + "a=:x\r\n").encode(), "attribute name"),
    ((SHORT + "a=b c\r\n").encode(), "attribute name"),
    ((SHORT + "m=audio 1 RTP/AVP\r\n").encode(), "four fields"),
    ((SHORT + "m=au(dio 1 RTP/AVP 0\r\n").encode(), "media type"),
    ((SHORT + "m=audio x RTP/AVP 0\r\n").encode(), "port"),
    ((SHORT + "m=audio 65536 RTP/AVP 0\r\n").encode(), "port"),
    ((SHORT + "m=audio 1/ RTP/AVP 0\r\n").encode(), "number of ports"),
    ((SHORT + "m=audio 1/0 RTP/AVP 0\r\n").encode(), "number of ports"),
    ((SHORT + "m=audio 1 RTP//AVP 0\r\n").encode(), "transport"),
    ((SHORT + "m=audio 1 RTP/AVP (\r\n").encode(), "format"),
    ((SHORT + "m=audio 1 RTP/AVP" + " 0" * 129 + "\r\n").encode(), "too many formats"),
    ((SHORT + "m=audio 1 RTP/AVP 0\r\n" * 17).encode(), "too many media"),
    ((SHORT + "m=audio 1 RTP/AVP 0\r\nt=0 0\r\n").encode(), "no media description"),
    ((SHORT + "m=audio 1 RTP/AVP 0\r\ni=a\r\ni=b\r\n").encode(), "twice"),
    ((SHORT + "a=x\0y\r\n").encode(), "TYPE=VALUE"),
    ((SHORT + "a=x\ry\r\n").encode(), "TYPE=VALUE"),
    ((SHORT + "a\r\n").encode(), "TYPE=VALUE"),
    ((SHORT + "a x\r\n").encode(), "TYPE=VALUE"),
    ((SHORT + "\r\na=x\r\n").encode(), "TYPE=VALUE"),
    # a digit to str.isdigit(), not to us
    ((SHORT + "m=audio \u0661 RTP/AVP 0\r\n").encode(), "port"),
    ((SHORT + "b=AS:\u00b2\r\n").encode(), "bandwidth"),
)


class TestBothWays(unittest.TestCase):
    def test_texts_come_out_as_they_went_in(self):
        for text in SAME:
            octets = text.encode()
            self.assertEqual(SessionDescription.parse(octets).emit(), octets)

    def test_rfc8866_values(self):
        description = SessionDescription.parse(RFC8866.encode())
        self.assertEqual(description.origin.username, "jdoe")
        self.assertEqual(description.origin.session_id, "3724394400")
        self.assertEqual(description.origin.session_version, "3724394405")
        self.assertEqual(description.origin.address, "198.51.100.1")
        self.assertEqual(description.name, "Call to John Smith")
        self.assertEqual(description.information, "SDP Offer #1")
        self.assertEqual(description.uri, "http://www.jdoe.example.com/home.html")
        self.assertEqual(description.emails, ["Jane Doe <jane@jdoe.example.com>"])
        self.assertEqual(description.phones, ["+1 617 555-6011"])
        self.assertEqual(description.times, [("t", "0 0")])
        self.assertEqual([media.port for media in description.media], [49170, 49180, 51372])
        self.assertEqual(description.media[2].attribute("rtpmap"), "99 h263-1998/90000")
        types = [description.connection_of(media).addrtype for media in description.media]
        self.assertEqual(types, ["IP4", "IP4", "IP6"])

    def test_line_ends(self):
        """RFC 8866 section 5: a single newline is taken too; the last line may have none."""
        for text in (
            RFC8866.replace("\r\n", "\n"),
            RFC8866[:-2],
            RFC8866 + "\r\n\r\n",
        ):
            self.assertEqual(SessionDescription.parse(text.encode()).emit(), RFC8866.encode())

    def test_spaces_behind_fields(self):
        text = SHORT + "c=IN IP6 ::1 \r\nm=audio 4000 RTP/AVP 0 8 \r\n"
        description = SessionDescription.parse(text.encode())
        self.assertEqual(description.connection.address, "::1")
        self.assertEqual(description.connection.more, "")
        self.assertEqual(description.media[0].formats, ["0", "8"])

    def test_order_is_put_right(self):
        """Lines out of order are read; what goes out has the RFC's order."""
        text = HEAD + "a=x\r\nb=AS:1\r\nt=0 0\r\nc=IN IP6 ::1\r\n"
        right = HEAD + "c=IN IP6 ::1\r\nb=AS:1\r\nt=0 0\r\na=x\r\n"
        self.assertEqual(SessionDescription.parse(text.encode()).emit(), right.encode())

    def test_octets_that_are_not_utf8_survive(self):
        octets = SHORT.encode() + b"a=x:\x80\xff\xc3\r\n"
        self.assertEqual(SessionDescription.parse(octets).emit(), octets)

    def test_empty_session_name(self):
        """RFC 3264 section 10 shows it, RFC 8866 forbids it."""
        octets = SHORT.replace("s=-", "s=").encode()
        self.assertEqual(SessionDescription.parse(octets).emit(), octets)

    def test_attributes_keep_their_order(self):
        names = ["x%d" % i for i in range(60)]
        text = SHORT + "".join(["a=%s:%s\r\n" % (name, name) for name in names])
        description = SessionDescription.parse(text.encode())
        self.assertEqual([name for name, _ in description.attributes], names)
        self.assertEqual(description.attribute("x7"), "x7")
        self.assertIsNone(description.attribute("x70"))

    def test_attribute_values(self):
        text = SHORT + "a=f\r\na=x:1\r\na=x:2\r\n"
        description = SessionDescription.parse(text.encode())
        self.assertEqual(description.attribute("f"), "")
        self.assertEqual(description.attribute("x"), "1")
        self.assertEqual(description.attribute_values("x"), ["1", "2"])
        self.assertEqual(description.attribute_values("y"), [])

    def test_a_buffer_is_not_kept(self):
        buffer = bytearray(SHORT.encode())
        description = SessionDescription.parse(memoryview(buffer))
        for i in range(len(buffer)):
            buffer[i] = 0
        self.assertEqual(description.emit(), SHORT.encode())


class TestInvalid(unittest.TestCase):
    def test_each_rule(self):
        for octets, words in INVALID:
            with self.subTest(words=words, octets=octets[-40:]):
                with self.assertRaises(FormatError) as caught:
                    SessionDescription.parse(octets)
                self.assertIn(words, caught.exception.reason)
                self.assertEqual(caught.exception.code, 400)

    def test_truncated_anywhere(self):
        """A description cut at any octet is read or refused, never anything else."""
        octets = SAME[2].encode()
        for length in range(len(octets)):
            try:
                SessionDescription.parse(octets[:length])
            except FormatError:
                pass


class TestConstructed(unittest.TestCase):
    def build(self):
        description = SessionDescription(Origin("-", "1", "2", "IN", "IP6", "2001:db8::1"))
        description.connection = Connection("IN", "IP6", "2001:db8::1")
        description.media.append(
            MediaDescription("audio", 4000, "RTP/AVP", ["0"], attributes=[("sendrecv", None)])
        )
        return description

    def test_emit(self):
        self.assertEqual(
            self.build().emit(),
            b"v=0\r\no=- 1 2 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n"
            b"m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n",
        )

    def test_lines_cannot_be_smuggled_in(self):
        for value in ("x\r\na=y", "x\ny", "x\0"):
            description = self.build()
            description.media[0].attributes.append(("tool", value))
            self.assertRaises(LocalProtocolError, description.emit)

    def test_a_media_description_needs_a_format(self):
        description = self.build()
        description.media[0].formats = []
        self.assertRaises(LocalProtocolError, description.emit)

    def test_lists_are_not_shared(self):
        one = MediaDescription("audio", 1, "RTP/AVP", ["0"])
        other = MediaDescription("audio", 1, "RTP/AVP", ["0"])
        one.attributes.append(("x", None))
        one.connections.append(Connection("IN", "IP6", "::1"))
        self.assertEqual((other.attributes, other.connections), ([], []))

    def test_tokens(self):
        for text in ("a", "X-1", "!#$%&'*+-.^_`{|}~"):
            self.assertTrue(is_token(text))
        for text in ("", " ", "a b", "a:b", "a/b", "\u00e4", "a\t", '"', "(", "a,b", "a;b"):
            self.assertFalse(is_token(text))


if __name__ == "__main__":
    unittest.main()
