# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A small reader of XML 1.0 with namespaces, as MicroPython has none.

    element  ::=  '<' Name (S Attribute)* S? ( '/>' | '>' content '</' Name S? '>' )
    content  ::=  ( element | CharData | Reference | CDSect | PI | Comment )*

UTF-8 alone. No document type declaration: so there are no entities but the five of XML, and no
document that grows while it is read. Everything is bounded by the names below.
"""

from vox6.wire import const
from vox6.wire.errors import FormatError

_MAX_OCTETS = const(16384)  # a dialog-info of some thirty dialogs
_MAX_ELEMENTS = const(512)
_MAX_DEPTH = const(16)
_MAX_ATTRIBUTES = const(32)  # of one element, declarations of namespaces among them
_WHITE = " \t\r\n"
_NAME_ENDS = " \t\r\n=/<>&\"'"
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}


class Element:
    """One element. name: without prefix. namespace: its URI, or empty.

    attributes: list of (name, value), those with a prefix left out. text: its character data,
    that of its children apart, white space at both ends taken away.
    """

    def __init__(self, namespace: str, name: str, attributes: "list[tuple[str, str]]") -> None:
        self.namespace = namespace
        self.name = name
        self.attributes = attributes
        self.children: "list[Element]" = []
        self.text = ""

    def get(self, name: str, default: str = "") -> str:
        """Return an attribute's value."""
        for key, value in self.attributes:
            if key == name:
                return value
        return default

    def find(self, name: str) -> "Element | None":
        """Return the first child of a name in this element's own namespace."""
        for child in self.children:
            if child.name == name and child.namespace == self.namespace:
                return child
        return None

    def find_all(self, name: str) -> "list[Element]":
        """Return all such children."""
        return [
            child
            for child in self.children
            if child.name == name and child.namespace == self.namespace
        ]


def escape(text: str) -> str:
    """Return text for character data and for attributes in double quotes."""
    out = []
    for char in text:
        if char == "&":
            char = "&amp;"
        elif char == "<":
            char = "&lt;"
        elif char == ">":
            char = "&gt;"
        elif char == '"':
            char = "&quot;"
        elif char < " ":
            char = " "
        out.append(char)
    return "".join(out)


def parse(octets: bytes) -> Element:
    """Return the root element of a document; FormatError: it is not well formed, or too large."""
    if len(octets) > _MAX_OCTETS:
        raise FormatError("document too long")
    try:
        text = octets.decode()
    except UnicodeError:
        raise FormatError("document is not UTF-8")
    for code in range(32):
        if code not in (9, 10, 13) and chr(code) in text:
            raise FormatError("control character in a document")
    return _Reader(text[1:] if text[:1] == "\ufeff" else text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.count = 0

    def read(self) -> Element:
        text = self.text
        if text[:5] == "<?xml" and text[5:6] in (" ", "\t", "\r", "\n"):
            self._check_declaration(self._until("?>"))
        self._skip_between()
        root = self._element([("xml", "http://www.w3.org/XML/1998/namespace")], 1)
        self._skip_between()
        if self.at != len(text):
            raise FormatError("text behind the root element")
        return root

    def _until(self, end: str) -> str:
        """Return the text from here to an end mark, and go behind it."""
        start = self.at
        at = self.text.find(end, start)
        if at < 0:
            raise FormatError("document ends too soon")
        self.at = at + len(end)
        return self.text[start:at]

    def _check_declaration(self, text: str) -> None:
        at = text.find("encoding")
        if at < 0:
            return
        value = text[at + 8 :].lstrip(_WHITE + "=")
        quote = value[:1]
        if not quote or value[1:].partition(quote)[0].lower() not in ("utf-8", "us-ascii"):
            raise FormatError("document is not UTF-8")

    def _skip_white(self) -> None:
        text = self.text
        at = self.at
        while text[at : at + 1] and text[at] in _WHITE:
            at += 1
        self.at = at

    def _skip_between(self) -> None:
        """Go over white space, comments and processing instructions outside of the root."""
        while True:
            self._skip_white()
            if not self._skip_note():
                return

    def _skip_note(self) -> bool:
        """Go over a comment or processing instruction that stands here, if one does."""
        text = self.text
        if text[self.at : self.at + 4] == "<!--":
            self.at += 4
            self._until("-->")
            return True
        if text[self.at : self.at + 2] == "<?":
            self._until("?>")
            return True
        return False

    def _name(self) -> str:
        text = self.text
        start = at = self.at
        while text[at : at + 1] and text[at] not in _NAME_ENDS:
            at += 1
        name = text[start:at]
        if not name or name[0] in "-.0123456789!?":
            raise FormatError("bad name in a document")
        self.at = at
        return name

    def _element(self, scope: "list[tuple[str, str]]", depth: int) -> Element:
        text = self.text
        self.count += 1
        if self.count > _MAX_ELEMENTS or depth > _MAX_DEPTH:
            raise FormatError("too many elements")
        if text[self.at : self.at + 1] != "<":
            raise FormatError("no element")
        self.at += 1
        tag = self._name()
        attributes = self._attributes()
        scope = scope + [
            (name[6:], value)
            for name, value in attributes
            if name == "xmlns" or name[:6] == "xmlns:"
        ]
        prefix, colon, name = tag.partition(":")
        if not colon:
            prefix, name = "", tag
        elif not prefix or not name or ":" in name:
            raise FormatError("bad name in a document")
        namespace = _resolve(scope, prefix)
        kept = []
        for key, value in attributes:
            if ":" in key:
                head = key.partition(":")[0]
                if head != "xmlns":
                    _resolve(scope, head)
            elif key != "xmlns":
                kept.append((key, value))
        element = Element(namespace, name, kept)
        if text[self.at : self.at + 2] == "/>":
            self.at += 2
            return element
        if text[self.at : self.at + 1] != ">":
            raise FormatError("bad tag")
        self.at += 1
        self._content(element, tag, scope, depth)
        return element

    def _attributes(self) -> "list[tuple[str, str]]":
        text = self.text
        out: "list[tuple[str, str]]" = []
        while True:
            before = self.at
            self._skip_white()
            if text[self.at : self.at + 1] in ("/", ">", ""):
                return out
            if self.at == before or len(out) >= _MAX_ATTRIBUTES:
                raise FormatError("bad attributes")
            name = self._name()
            self._skip_white()
            if text[self.at : self.at + 1] != "=":
                raise FormatError("attribute without value")
            self.at += 1
            self._skip_white()
            quote = text[self.at : self.at + 1]
            if quote != '"' and quote != "'":
                raise FormatError("attribute without quotes")
            self.at += 1
            value = self._until(quote)
            if "<" in value:
                raise FormatError("bad attribute")
            for key, _ in out:
                if key == name:
                    raise FormatError("attribute twice")
            out.append((name, _unescape(value)))

    def _content(
        self, element: Element, tag: str, scope: "list[tuple[str, str]]", depth: int
    ) -> None:
        text = self.text
        parts: "list[str]" = []
        while True:
            at = text.find("<", self.at)
            if at < 0:
                raise FormatError("document ends too soon")
            if at > self.at:
                chars = text[self.at : at]
                if "]]>" in chars:
                    raise FormatError("bad character data")
                parts.append(_unescape(chars))
                self.at = at
            if text[at : at + 2] == "</":
                self.at += 2
                if self._name() != tag:
                    raise FormatError("tags do not match")
                self._skip_white()
                if text[self.at : self.at + 1] != ">":
                    raise FormatError("bad tag")
                self.at += 1
                element.text = "".join(parts).strip(_WHITE)
                return
            if text[at : at + 9] == "<![CDATA[":
                self.at += 9
                parts.append(self._until("]]>"))
            elif not self._skip_note():
                element.children.append(self._element(scope, depth + 1))


def _resolve(scope: "list[tuple[str, str]]", prefix: str) -> str:
    for key, value in reversed(scope):
        if key == prefix:
            return value
    if prefix:
        raise FormatError("unknown prefix")
    return ""


def _unescape(text: str) -> str:
    """Return text with its references replaced."""
    if "&" not in text:
        return text
    parts = text.split("&")
    out = [parts[0]]
    for part in parts[1:]:
        name, semicolon, rest = part.partition(";")
        if not semicolon:
            raise FormatError("bad reference")
        if name[:1] == "#":
            out.append(_character(name[1:]))
        else:
            char = _ENTITIES.get(name)
            if char is None:
                raise FormatError("unknown entity")
            out.append(char)
        out.append(rest)
    return "".join(out)


def _character(text: str) -> str:
    base = 10
    digits = "0123456789"
    if text[:1] == "x":
        base = 16
        digits += "abcdefABCDEF"
        text = text[1:]
    if not 1 <= len(text) <= 7 or text.strip(digits):
        raise FormatError("bad character reference")
    code = int(text, base)
    if code < 32 and code not in (9, 10, 13) or code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise FormatError("bad character reference")
    return chr(code)
