# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Session descriptions: parser and writer (RFC 8866).

    session-description = version-field origin-field session-name-field
                          [information-field] [uri-field] *email-field *phone-field
                          [connection-field] *bandwidth-field 1*time-description
                          [key-field] *attribute-field *media-description
    media-description =   media-field [information-field] *connection-field
                          *bandwidth-field [key-field] *attribute-field

The reader takes the lines of a section in any order after v=, o= and s=; the writer gives the
RFC's order. Network and address types are carried as text, whatever they are.
"""

from vox6.wire import FormatError, LocalProtocolError, const

_MAX_OCTETS = const(8192)  # as the largest datagram of net6; browsers offer about 6,000
_MAX_LINES = const(400)  # lines of an octet or two must not cost a tuple each without end
_MAX_MEDIA = const(16)  # a phone answers one; a video meeting offers up to a dozen
_MAX_FORMATS = const(128)  # RTP has 128 payload types
_MAX_DIGITS = const(40)  # sess-id, sess-version and times: 64 bits make 20

_SPECIAL = "!#$%&'*+-.^_`{|}~"  # token-char besides ALPHA and DIGIT


def is_token(text: str) -> bool:
    """Say whether text is a token (RFC 8866 section 9)."""
    if not text:
        return False
    for char in text:
        if not (
            "a" <= char <= "z" or "A" <= char <= "Z" or "0" <= char <= "9" or char in _SPECIAL
        ):
            return False
    return True


def number(text: str, maximum: int, what: str) -> int:
    """Return 1*DIGIT as an integer; FormatError if it is none or above maximum."""
    digits(text, what)
    value = int(text)
    if value > maximum:
        raise FormatError(what + " out of range")
    return value


def digits(text: str, what: str) -> str:
    """Return text if it is 1*DIGIT of bounded length, else FormatError."""
    if not 1 <= len(text) <= _MAX_DIGITS:
        raise FormatError("bad " + what)
    for char in text:
        if not "0" <= char <= "9":
            raise FormatError("bad " + what)
    return text


class Origin:
    """The o= line (RFC 8866 section 5.2); every field is text."""

    def __init__(
        self,
        username: str,
        session_id: str,
        session_version: str,
        nettype: str,
        addrtype: str,
        address: str,
    ) -> None:
        self.username = username
        self.session_id = session_id
        self.session_version = session_version
        self.nettype = nettype
        self.addrtype = addrtype
        self.address = address

    @classmethod
    def parse(cls, value: str) -> "Origin":
        """Read what stands behind `o=`."""
        fields = value.rstrip(" ").split(" ")
        if len(fields) != 6 or "" in fields:
            raise FormatError("o= has not six fields")
        digits(fields[1], "sess-id")
        digits(fields[2], "sess-version")
        if not is_token(fields[3]) or not is_token(fields[4]):
            raise FormatError("o= has no network and address type")
        return cls(fields[0], fields[1], fields[2], fields[3], fields[4], fields[5])

    def emit(self) -> str:
        """Return what stands behind `o=`."""
        return " ".join(
            (
                self.username,
                self.session_id,
                self.session_version,
                self.nettype,
                self.addrtype,
                self.address,
            )
        )


class Connection:
    """One c= line (RFC 8866 section 5.7).

    address: unicast address or name, or a group with `/ttl/count` behind it, as it stands.
    more: subfields that an address type adds behind the address, "" as a rule.
    """

    def __init__(self, nettype: str, addrtype: str, address: str, more: str = "") -> None:
        self.nettype = nettype
        self.addrtype = addrtype
        self.address = address
        self.more = more

    @classmethod
    def parse(cls, value: str) -> "Connection":
        """Read what stands behind `c=`."""
        fields = value.rstrip(" ").split(" ", 3)
        if len(fields) < 3 or not fields[2]:
            raise FormatError("c= has not three fields")
        if not is_token(fields[0]) or not is_token(fields[1]):
            raise FormatError("c= has no network and address type")
        return cls(fields[0], fields[1], fields[2], fields[3] if len(fields) > 3 else "")

    def emit(self) -> str:
        """Return what stands behind `c=`."""
        text = " ".join((self.nettype, self.addrtype, self.address))
        return text + " " + self.more if self.more else text


class _Section:
    """What the session level and a media description have in common.

    information: the i= line or None. bandwidths: (bwtype, value) in order.
    key: the k= line or None (obsolete, carried). attributes: (name, value) in order, value None
    for an attribute that is a flag.
    """

    def __init__(self) -> None:
        self.information: "str | None" = None
        self.bandwidths: "list[tuple[str, str]]" = []
        self.key: "str | None" = None
        self.attributes: "list[tuple[str, str | None]]" = []

    def attribute(self, name: str) -> "str | None":
        """Return the first value of a name, "" if it is a flag, None if it is not there."""
        for key, value in self.attributes:
            if key == name:
                return value or ""
        return None

    def attribute_values(self, name: str) -> "list[str]":
        """Return all values of a name, in order; flags give ""."""
        return [value or "" for key, value in self.attributes if key == name]

    def _common(self, letter: str, value: str) -> bool:
        """Take an i=, b=, k= or a= line; return False for any other."""
        if letter == "a":
            name, colon, rest = value.partition(":")
            if not is_token(name):
                raise FormatError("a= has no attribute name")
            self.attributes.append((name, rest if colon else None))
        elif letter == "b":
            name, _, rest = value.partition(":")
            if not is_token(name):
                raise FormatError("b= has no type")
            self.bandwidths.append((name, digits(rest, "bandwidth")))
        elif letter == "i":
            if self.information is not None:
                raise FormatError("i= stands twice")
            self.information = value
        elif letter == "k":
            if self.key is not None:
                raise FormatError("k= stands twice")
            self.key = value
        else:
            return False
        return True

    def _emit_tail(self, lines: "list[str]") -> None:
        if self.key is not None:
            lines.append("k=" + self.key)
        for name, value in self.attributes:
            lines.append("a=" + name if value is None else "a=" + name + ":" + value)


class MediaDescription(_Section):
    """One m= line and what follows it (RFC 8866 section 5.14).

    media: "audio", "video", ... port: 0 means refused or removed (RFC 3264). port_count: the
    integer behind the slash, 1 as a rule. proto: "RTP/AVP", ... formats: text, at least one.
    connections: the section's own c= lines; empty: the session's line holds.
    """

    def __init__(
        self,
        media: str,
        port: int,
        proto: str,
        formats: "list[str]",
        connections: "list[Connection] | None" = None,
        attributes: "list[tuple[str, str | None]] | None" = None,
        port_count: int = 1,
    ) -> None:
        _Section.__init__(self)
        self.media = media
        self.port = port
        self.port_count = port_count
        self.proto = proto
        self.formats = formats
        self.connections: "list[Connection]" = [] if connections is None else connections
        if attributes is not None:
            self.attributes = attributes

    @classmethod
    def parse(cls, value: str) -> "MediaDescription":
        """Read what stands behind `m=`; take() reads the lines below it."""
        fields = [field for field in value.split(" ") if field]
        if len(fields) < 4:
            raise FormatError("m= has not four fields")
        if len(fields) - 3 > _MAX_FORMATS:
            raise FormatError("m= has too many formats")
        if not is_token(fields[0]):
            raise FormatError("m= has no media type")
        port, slash, count = fields[1].partition("/")
        number_of_ports = number(count, 65535, "number of ports") if slash else 1
        if not number_of_ports:
            raise FormatError("number of ports out of range")
        for part in fields[2].split("/"):
            if not is_token(part):
                raise FormatError("m= has no transport")
        for part in fields[3:]:
            if not is_token(part):
                raise FormatError("m= has a bad format")
        return cls(
            fields[0],
            number(port, 65535, "port"),
            fields[2],
            fields[3:],
            port_count=number_of_ports,
        )

    def take(self, letter: str, value: str) -> None:
        """Add a line of this section; FormatError if it does not belong here."""
        if letter == "c":
            self.connections.append(Connection.parse(value))
        elif not self._common(letter, value):
            raise FormatError("a line that no media description has")

    def emit(self, lines: "list[str]") -> None:
        """Append this section's lines, without line ends."""
        port = str(self.port)
        if self.port_count != 1:
            port += "/%d" % self.port_count
        lines.append("m=%s %s %s %s" % (self.media, port, self.proto, " ".join(self.formats)))
        if self.information is not None:
            lines.append("i=" + self.information)
        for connection in self.connections:
            lines.append("c=" + connection.emit())
        for name, value in self.bandwidths:
            lines.append("b=" + name + ":" + value)
        self._emit_tail(lines)


class SessionDescription(_Section):
    """A whole description (RFC 8866 section 5).

    name: the s= line. uri, emails, phones: u=, e=, p=. connection: the session's c= line or None.
    times: the t=, r= and z= lines as (letter, value) in order. media: its media descriptions.
    """

    def __init__(self, origin: Origin, name: str = "-") -> None:
        _Section.__init__(self)
        self.origin = origin
        self.name = name
        self.uri: "str | None" = None
        self.emails: "list[str]" = []
        self.phones: "list[str]" = []
        self.connection: "Connection | None" = None
        self.times: "list[tuple[str, str]]" = [("t", "0 0")]
        self.media: "list[MediaDescription]" = []
        self._single_octets = False

    @classmethod
    def parse(cls, octets: "bytes | bytearray | memoryview") -> "SessionDescription":
        """Read a body of type application/sdp; FormatError if it does not follow the grammar.

        octets: the whole body, borrowed. Octets that are not UTF-8 are kept one character each
        and leave emit() as they came.
        """
        if len(octets) > _MAX_OCTETS:
            raise FormatError("session description too long")
        octets = bytes(octets)
        single = False
        try:
            text = octets.decode()
        except UnicodeError:
            single = True
            text = "".join([chr(octet) for octet in octets])
        lines = text.split("\n")
        while lines and lines[-1] in ("", "\r"):
            lines.pop()
        if len(lines) > _MAX_LINES:
            raise FormatError("session description has too many lines")
        if len(lines) < 4:
            raise FormatError("session description is not complete")
        if _line(lines[0]) != ("v", "0"):
            raise FormatError("session description does not begin with v=0")
        letter, value = _line(lines[1])
        if letter != "o":
            raise FormatError("o= is not the second line")
        origin = Origin.parse(value)
        letter, value = _line(lines[2])
        if letter != "s":  # empty in the examples of RFC 3264, against the grammar
            raise FormatError("s= is not the third line")
        description = cls(origin, value)
        description.times = []
        description._single_octets = single
        for i in range(3, len(lines)):
            letter, value = _line(lines[i])
            if letter == "m":
                if len(description.media) == _MAX_MEDIA:
                    raise FormatError("too many media descriptions")
                description.media.append(MediaDescription.parse(value))
            elif description.media:
                description.media[-1].take(letter, value)
            else:
                description._take(letter, value)
        if not description.times:
            raise FormatError("t= is missing")
        return description

    def _take(self, letter: str, value: str) -> None:
        if self._common(letter, value):
            return
        if letter == "c":
            if self.connection is not None:
                raise FormatError("c= stands twice")
            self.connection = Connection.parse(value)
        elif letter == "t":
            fields = value.rstrip(" ").split(" ")
            if len(fields) != 2:
                raise FormatError("t= has not two fields")
            digits(fields[0], "start-time")
            digits(fields[1], "stop-time")
            self.times.append((letter, value))
        elif letter in ("r", "z"):
            if not self.times:
                raise FormatError("r= or z= without t=")
            self.times.append((letter, value))
        elif letter == "u":
            if self.uri is not None:
                raise FormatError("u= stands twice")
            self.uri = value
        elif letter == "e":
            self.emails.append(value)
        elif letter == "p":
            self.phones.append(value)
        else:
            # RFC 8866 section 5: a type letter that is not understood rejects the whole
            raise FormatError("a line of an unknown type")

    def emit(self) -> bytes:
        """Return the octets of the description.

        LocalProtocolError: a field holds NUL, CR or LF, or a media description no format.
        """
        lines = ["v=0", "o=" + self.origin.emit(), "s=" + self.name]
        if self.information is not None:
            lines.append("i=" + self.information)
        if self.uri is not None:
            lines.append("u=" + self.uri)
        for value in self.emails:
            lines.append("e=" + value)
        for value in self.phones:
            lines.append("p=" + value)
        if self.connection is not None:
            lines.append("c=" + self.connection.emit())
        for name, value in self.bandwidths:
            lines.append("b=" + name + ":" + value)
        for name, value in self.times:
            lines.append(name + "=" + value)
        self._emit_tail(lines)
        for media in self.media:
            if not media.formats:
                raise LocalProtocolError("a media description without formats")
            media.emit(lines)
        for line in lines:
            if "\r" in line or "\n" in line or "\0" in line:
                raise LocalProtocolError("a field with a line end")
        lines.append("")
        text = "\r\n".join(lines)
        if not self._single_octets:
            return text.encode()
        try:
            return bytes([ord(char) for char in text])
        except ValueError:
            raise LocalProtocolError("text beyond one octet in a description that is not UTF-8")

    def connection_of(self, media: MediaDescription) -> "Connection | None":
        """Return the c= line that holds for a media description; None if there is none."""
        return media.connections[0] if media.connections else self.connection


def _line(line: str) -> "tuple[str, str]":
    if line.endswith("\r"):
        line = line[:-1]
    if len(line) < 2 or line[1] != "=" or "\r" in line or "\0" in line:
        raise FormatError("a line is not TYPE=VALUE")
    return line[0], line[2:]
