# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The tokenizer for the XML of TSP (RFC 5572 section 4.7; pubtsp.md section 3.3, R-6).

Elements, attributes in " or ', white space, <?...?> and comments; no DTD, no CDATA, no entities
("&" is a character like others). So nothing expands, and what is bounded on the wire stays so.

    document  = prolog element misc
    element   = "<" name *(S attribute) [S] ( "/>" / ">" content "</" name [S] ">" )
    attribute = name [S] "=" [S] ( DQUOTE *char DQUOTE / "'" *char "'" )
    content   = *( char / element / comment / "<?" ... "?>" )
"""

from vox6.wire import const
from vox6.wire.errors import FormatError

_MAX_DEPTH = const(8)  # tunnel/client/router/dns_server/address is 5
_MAX_ELEMENTS = const(64)  # an info message has a dozen, a list of brokers some more
_MAX_ATTRIBUTES = const(8)  # of one element; TSP knows three
_SPACE = " \t\r\n"
_NAME_END = " \t\r\n=/><\"'"


def _bad(reason: str) -> FormatError:
    return FormatError(reason, 500)


class Element:
    """One element: name, attributes [(name, value)], children in order, and its own text."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.attributes: "list[tuple[str, str]]" = []
        self.children: "list[Element]" = []
        self.text = ""

    def get(self, name: str) -> "str | None":
        """Return the value of an attribute, None without it."""
        for one, value in self.attributes:
            if one == name:
                return value
        return None

    def find(self, name: str) -> "Element | None":
        """Return the first child of a name, None without any."""
        for child in self.children:
            if child.name == name:
                return child
        return None

    def all(self, name: str) -> "list[Element]":
        """Return the children of a name."""
        return [child for child in self.children if child.name == name]


class _Scanner:
    """A position in a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.elements = 0

    def space(self) -> bool:
        """Step over white space; return whether there was any."""
        text = self.text
        at = self.at
        while at < len(text) and text[at] in _SPACE:
            at += 1
        moved = at != self.at
        self.at = at
        return moved

    def starts(self, word: str) -> bool:
        return self.text.startswith(word, self.at)

    def past(self, word: str) -> None:
        """Step behind the next occurrence of a word."""
        at = self.text.find(word, self.at)
        if at < 0:
            raise _bad("XML without an end")
        self.at = at + len(word)

    def name(self) -> str:
        text = self.text
        at = self.at
        while at < len(text) and text[at] not in _NAME_END:
            at += 1
        if at == self.at:
            raise _bad("XML name missing")
        name = text[self.at : at]
        self.at = at
        return name

    def expect(self, word: str) -> None:
        if not self.starts(word):
            raise _bad("XML syntax")
        self.at += len(word)

    def skip(self) -> bool:
        """Step over one comment or processing instruction; return whether there was one."""
        if self.starts("<!--"):
            self.at += 4
            self.past("-->")
            return True
        if self.starts("<?"):
            self.past("?>")
            return True
        if self.starts("<!"):  # <!DOCTYPE, <![CDATA[, <!ENTITY
            raise _bad("XML with a DTD or CDATA")
        return False

    def misc(self) -> None:
        """Step over what may stand outside of the one element."""
        self.space()
        while self.skip():
            self.space()

    def opening(self) -> "tuple[Element, bool]":
        """Read a start tag; return the element and whether it is empty (ended by "/>")."""
        self.expect("<")
        element = Element(self.name())
        self.elements += 1
        if self.elements > _MAX_ELEMENTS:
            raise _bad("XML too large")
        while True:
            spaced = self.space()
            if self.starts("/>"):
                self.at += 2
                return element, True
            if self.starts(">"):
                self.at += 1
                return element, False
            if not spaced or len(element.attributes) >= _MAX_ATTRIBUTES:
                raise _bad("XML attributes")
            name = self.name()
            self.space()
            self.expect("=")
            self.space()
            quote = self.text[self.at : self.at + 1]
            if quote != '"' and quote != "'":
                raise _bad("XML attribute without quotes")
            self.at += 1
            start = self.at
            self.past(quote)
            value = self.text[start : self.at - 1]
            if "<" in value or element.get(name) is not None:
                raise _bad("XML attribute")
            element.attributes.append((name, value))


def parse(text: str) -> Element:
    """Return the one element of a document; FormatError (code 500) on anything else."""
    scanner = _Scanner(text)
    scanner.misc()
    root, empty = scanner.opening()
    stack = [] if empty else [root]
    while stack:
        at = text.find("<", scanner.at)
        if at < 0:
            raise _bad("XML element without an end")
        stack[-1].text += text[scanner.at : at]
        scanner.at = at
        if scanner.starts("</"):
            scanner.at += 2
            if scanner.name() != stack[-1].name:
                raise _bad("XML elements crossed")
            scanner.space()
            scanner.expect(">")
            stack.pop()
        elif not scanner.skip():
            child, empty = scanner.opening()
            stack[-1].children.append(child)
            if not empty:
                if len(stack) >= _MAX_DEPTH:
                    raise _bad("XML too deep")
                stack.append(child)
    scanner.misc()
    if scanner.at != len(text):
        raise _bad("XML behind the end")
    return root
