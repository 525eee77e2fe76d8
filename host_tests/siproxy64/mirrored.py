# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Every test of the mirror twice: as it is written, and with both sides exchanged.

A test names parties and the sides `a` and `b`, never a family. In its texts

    {phone:a}     the phone's address on side a, as a host of a URI     10.0.0.64
    {phone:b}     ... on side b                                         [2001:db8::b:40]
    {phone:b!}    without brackets, as in SDP and received              2001:db8::b:40
    {a} {b}       the address types of SDP                              IP4, IP6
    {whole:a}     first address of a whole side, {whole:b} of the prefix that holds it
    {phone:of_a} {phone:of_b}    the phone in it

and the mirrored run gives {phone:a} the address on the right and {phone:b} the one on the left:
configuration, packets and expected octets alike.

    class TestHosts(unittest.TestCase):
        world = World()
        ...
    TestHostsMirrored = mirrored(TestHosts)
"""

from vox6.sip.uri import host_address, host_text

PARTIES = ("phone", "second", "third", "provider", "proxy", "media", "own", "stranger", "caller")


class World:
    """The addresses of one run. swapped: sides a and b are exchanged."""

    def __init__(self, swapped=False):
        self.swapped = swapped

    def _host(self, name, side):
        short = (side[-1] == "a") != self.swapped
        if name == "whole":
            return "0.0.0.0" if short else "[2001:db8:64::]"
        if name in PARTIES:
            number = 64 + PARTIES.index(name)
        else:
            number = int(name)  # a party without a name
        if short:
            return "10.0.0.%d" % number
        if side[:3] == "of_":
            return "[2001:db8:64::a00:%x]" % number
        return "[2001:db8::b:%x]" % number

    def _word(self, word):
        if word in ("a", "b"):
            return "IP4" if (word == "a") != self.swapped else "IP6"
        name, _, side = word.partition(":")
        host = self._host(name, side.rstrip("!"))
        return host.strip("[]") if side[-1] == "!" else host

    def text(self, template):
        """Return a template with all addresses filled in."""
        parts = template.split("{")
        out = [parts[0]]
        for part in parts[1:]:
            word, brace, rest = part.partition("}")
            out.append(self._word(word) + rest if brace else "{" + part)
        return "".join(out)

    def octets(self, template):
        """Return a template as the octets of a message: line ends are CR LF, without indent.

        A line `Content-Length: ...` gets the length of what stands behind the empty line.
        """
        lines = [line.strip(" ") for line in self.text(template).strip("\n ").split("\n")]
        if "" not in lines:
            lines += [""]
        head = lines[: lines.index("")]
        body = "".join([line + "\r\n" for line in lines[len(head) + 1 :] if line]).encode()
        for i in range(len(head)):
            if head[i].endswith(": ..."):
                head[i] = head[i][:-3] + str(len(body))
        return ("\r\n".join(head) + "\r\n\r\n").encode() + body

    def addr16(self, word):
        """Return the 16 octets of `phone:a`."""
        return host_address(self._word(word))

    def address(self, word, port=5060):
        """Return (addr16, port) of `phone:a`."""
        return self.addr16(word), port

    def show(self, address):
        """Return (addr16, port) as text, for messages of failed tests."""
        return "%s:%d" % (host_text(address[0]), address[1])


def mirrored(case):
    """Return a test class once more, its world swapped."""
    return type(case.__name__ + "Mirrored", (case,), {"world": World(True)})
