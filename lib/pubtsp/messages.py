# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""TSP messages over UDP: commands, the tunnel request, replies (RFC 5572 sections 4.4 and 4.7).

    request  =  "VERSION=" version CRLF
             /  "AUTHENTICATE" SP mechanism CRLF
             /  [ "Content-length:" SP count CRLF ] tunnel CRLF
    reply    =  "CAPABILITY" 1*( SP name "=" value ) CRLF
             /  [ "Content-length:" SP count CRLF ] code SP text CRLF [ tunnel CRLF ]

count has every octet behind its line, the last CR LF too (C-4). Lines end in CR LF, LF is taken as
well; words are compared without case. One message is one datagram (C-2). All errors of parsing
have code 500 but for one in an IPv4 address, 501 (Appendix B).
"""

from vox6.wire import const
from vox6.wire.errors import FormatError
from vox6.wire.inet6 import format_address, parse_address, parse_ipv4

from .address import format_ipv4
from .markup import Element
from .markup import parse as parse_markup

SERVER_LIMIT = 1024  # octets of TSP data that a server takes (C-2)
CLIENT_LIMIT = 1400  # and a client: foreign brokers send longer info (C-2)

SUCCESS = 200
AUTHENTICATION_FAILED = 300
NO_TUNNELS = 301
UNSUPPORTED_VERSION = 302
UNSUPPORTED_TYPE = 303
SERVER_ERROR = 310
INVALID_FORMAT = 500
INVALID_IPV4 = 501
INVALID_IPV6 = 502
IPV4_USED = 506
PREFIX_REFUSED = 507
IN_PROGRESS = 521
BUSY = 530
REFERRAL = 1000  # is added to a code when a list of brokers comes with it

TEXTS = {  # Appendix B
    SUCCESS: "Success",
    AUTHENTICATION_FAILED: "Authentication failed",
    NO_TUNNELS: "No more tunnels available",
    UNSUPPORTED_VERSION: "Unsupported client version",
    UNSUPPORTED_TYPE: "Unsupported tunnel type",
    SERVER_ERROR: "Server side error",
    INVALID_FORMAT: "Invalid request format",
    INVALID_IPV4: "Invalid IPv4 address",
    INVALID_IPV6: "Invalid IPv6 address",
    IPV4_USED: "IPv4 address already used",
    PREFIX_REFUSED: "Requested prefix length cannot be assigned",
    IN_PROGRESS: "Request already in progress",
    BUSY: "Server too busy",
    REFERRAL + BUSY: "Server too busy, use another",
}
PORT_TEXT = "use another local port"  # stands in the text of 310

TUNNEL_TYPE = "v6udpv4"

_MAX_NUMBER = const(9)  # digits
_MAX_BROKERS = const(16)  # addresses of a referral that are read
_MAX_NAME = const(255)  # octets of a domain name
_MAX_WORD = const(32)  # of an action, a type, a version, a mechanism
_SPACE = " \t\r\n"


def _number(text: str) -> int:
    text = text.strip(_SPACE)
    if not 1 <= len(text) <= _MAX_NUMBER:
        raise FormatError("not a number", INVALID_FORMAT)
    for char in text:
        if char < "0" or char > "9":
            raise FormatError("not a number", INVALID_FORMAT)
    return int(text)


def to_text(data: bytes) -> str:
    """Return TSP data as text: ASCII, other octets as "?"; FormatError: a NUL octet (C-2)."""
    if 0 in data:
        raise FormatError("NUL octet", INVALID_FORMAT)
    return bytes([octet if octet < 128 else 63 for octet in data]).decode()


def _line(text: str) -> "tuple[str, str]":
    """Return (first line without its end, rest)."""
    line, _, rest = text.partition("\n")
    return line.strip(_SPACE), rest


def with_length(content: bytes) -> bytes:
    """Return content behind its Content-length line (C-4)."""
    return b"Content-length: %d\r\n" % len(content) + content


def _content(text: str) -> "tuple[str, bool]":
    """Take the Content-length line off; return (content, whether there was one).

    The count is that of all octets, or of all but the white space at the end (C-4).
    """
    line, rest = _line(text)
    name, colon, value = line.partition(":")
    if not colon or name.strip(_SPACE).lower() != "content-length":
        return text, False
    count = _number(value)
    if count != len(rest) and count != len(rest.rstrip(_SPACE)):
        raise FormatError("wrong Content-length", INVALID_FORMAT)
    return rest, True


class Version:
    """The first request of a session (section 4.4.2)."""

    def __init__(self, version: str) -> None:
        self.version = version

    def emit(self) -> bytes:
        """Return the octets."""
        return b"VERSION=" + self.version.encode() + b"\r\n"


class Authenticate:
    """The request of a SASL mechanism; PubTSP knows ANONYMOUS alone (R-5)."""

    def __init__(self, mechanism: str) -> None:
        self.mechanism = mechanism

    def emit(self) -> bytes:
        """Return the octets."""
        return b"AUTHENTICATE " + self.mechanism.encode() + b"\r\n"


class TunnelRequest:
    """A request about a tunnel (section 4.7.1).

    action: "create", "info", "accept", "reject", "delete" or anything. type: its attribute, ""
    without. client_ipv4: four octets of the address that the client has itself, None without (the
    server makes no use of it, D-6). interval: the wished keepalive in seconds, None without.
    prefix: whether a prefix is asked for (R-7).
    """

    def __init__(
        self,
        action: str,
        type: str = "",
        client_ipv4: "bytes | None" = None,
        interval: "int | None" = None,
        prefix: bool = False,
    ) -> None:
        self.action = action
        self.type = type
        self.client_ipv4 = client_ipv4
        self.interval = interval
        self.prefix = prefix

    @staticmethod
    def read(root: Element) -> "TunnelRequest":
        """Return the request in an element; FormatError 501: an IPv4 address that is none.

        Unknown elements and attributes do not matter (section 3.3).
        """
        if root.name != "tunnel":
            raise FormatError("no tunnel element", INVALID_FORMAT)
        action = (root.get("action") or "").strip(_SPACE).lower()
        kind = (root.get("type") or "").strip(_SPACE).lower()
        request = TunnelRequest(action[:_MAX_WORD], kind[:_MAX_WORD])
        client = root.find("client")
        if client is None:
            return request
        for address in client.all("address"):
            if (address.get("type") or "").strip(_SPACE).lower() == "ipv4":
                request.client_ipv4 = _ipv4(address.text)
        keepalive = client.find("keepalive")
        if keepalive is not None:
            interval = keepalive.get("interval")
            if interval is not None:
                request.interval = _number(interval)
        router = client.find("router")
        request.prefix = router is not None and router.find("prefix") is not None
        return request

    def emit(self, least: int = 0) -> bytes:
        """Return the octets, Content-length and all.

        least: filled up with spaces to so many octets, since a reply has thrice as many at most
        (X-7; "spaces can be inserted freely", section 4.4.3).
        """
        text = '<tunnel action="%s"' % self.action
        if self.type:
            text += ' type="%s"' % self.type
        text += ">"
        if self.client_ipv4 is not None or self.interval is not None or self.prefix:
            text += "<client>"
            if self.client_ipv4 is not None:
                text += '<address type="ipv4">%s</address>' % format_ipv4(self.client_ipv4)
            if self.interval is not None:
                text += '<keepalive interval="%d"></keepalive>' % self.interval
            if self.prefix:
                text += '<router><prefix length="64"></prefix></router>'
            text += "</client>"
        text += " " * (least - len(text) - 31)  # 31: Content-length line, end tag, CR LF
        return with_length((text + "</tunnel>\r\n").encode())


def _ipv4(text: str) -> bytes:
    try:
        return parse_ipv4(text.strip(_SPACE))
    except FormatError:
        raise FormatError("not an IPv4 address", INVALID_IPV4)


def parse_request(data: bytes) -> "Version | Authenticate | TunnelRequest":
    """Return the request in TSP data; FormatError with the code to answer with."""
    if len(data) > SERVER_LIMIT:
        raise FormatError("request too long", INVALID_FORMAT)
    text = to_text(data)
    content, counted = _content(text)
    if counted or content.lstrip(_SPACE).startswith("<"):
        return TunnelRequest.read(parse_markup(content))
    line, rest = _line(content)
    if rest.strip(_SPACE):
        raise FormatError("more than one line", INVALID_FORMAT)
    name, equals, value = line.partition("=")
    if equals and name.strip(_SPACE).lower() == "version":
        return Version(value.strip(_SPACE)[:_MAX_WORD])
    name, _, value = line.partition(" ")
    if name.lower() == "authenticate":
        return Authenticate(value.strip(_SPACE).partition(" ")[0].upper()[:_MAX_WORD])
    raise FormatError("unknown command", INVALID_FORMAT)


def looks_like_reply(data: bytes) -> bool:
    """Return whether TSP data is what servers send, so that no server ever answers it.

    Two servers, or a server and an echo service, would answer each other without end otherwise
    (RFC 6324 is the same of packets). No data at all is one too: some acknowledge so (C-3).
    """
    head = data[:64].lstrip()
    if head[:15].lower() == b"content-length:":
        head = head.partition(b"\n")[2].lstrip()
        return head[:1].isdigit()
    return not head or head[:1].isdigit() or head[:10].upper() == b"CAPABILITY"


class Info:
    """What a server tells of a tunnel (section 3.4).

    lifetime: minutes. server_ipv4: four octets, what the client sent to. client_ipv4: what the
    server sees (D-8). Addresses of 16 octets: server_ipv6 (P::1), client_ipv6, keepalive_address;
    dns_server or None: gogoc stops without one. interval: seconds, 0 without keepalive.
    """

    def __init__(
        self,
        lifetime: int,
        server_ipv4: "bytes | None",
        server_ipv6: "bytes | None",
        client_ipv4: "bytes | None",
        client_ipv6: bytes,
        interval: int,
        keepalive_address: "bytes | None",
        dns_server: "bytes | None" = None,
        type: str = TUNNEL_TYPE,
    ) -> None:
        self.type = type
        self.lifetime = lifetime
        self.server_ipv4 = server_ipv4
        self.server_ipv6 = server_ipv6
        self.client_ipv4 = client_ipv4
        self.client_ipv6 = client_ipv6
        self.interval = interval
        self.keepalive_address = keepalive_address
        self.dns_server = dns_server

    @staticmethod
    def read(root: Element) -> "Info":
        """Return what an element tells; FormatError without an address for the client."""
        lifetime = root.get("lifetime")
        server_ipv4, server_ipv6, _ = _addresses(root.find("server"))
        client = root.find("client")
        client_ipv4, client_ipv6, dns = _addresses(client)
        if client is None or client_ipv6 is None:
            raise FormatError("info without an address", INVALID_FORMAT)
        interval = 0
        address = None
        keepalive = client.find("keepalive")
        if keepalive is not None:
            interval = _number(keepalive.get("interval") or "30")
            address = _addresses(keepalive)[1]
        kind = (root.get("type") or TUNNEL_TYPE).strip(_SPACE).lower()
        return Info(
            _number(lifetime) if lifetime is not None else 1440,  # the default of Appendix A
            server_ipv4,
            server_ipv6,
            client_ipv4,
            client_ipv6,
            interval,
            address,
            dns,
            kind,
        )

    def emit(self) -> str:
        """Return the element and its CR LF."""
        text = '<tunnel action="info" type="%s" lifetime="%d"><server>' % (
            self.type,
            self.lifetime,
        )
        if self.server_ipv4 is not None:
            text += '<address type="ipv4">%s</address>' % format_ipv4(self.server_ipv4)
        if self.server_ipv6 is not None:
            text += '<address type="ipv6">%s</address>' % format_address(self.server_ipv6)
        text += "</server><client>"
        text = text.replace("<server></server>", "")  # the DTD wants an address or no server
        if self.client_ipv4 is not None:
            text += '<address type="ipv4">%s</address>' % format_ipv4(self.client_ipv4)
        text += '<address type="ipv6">%s</address>' % format_address(self.client_ipv6)
        if self.dns_server is not None:
            text += '<dns_server><address type="ipv6">%s</address></dns_server>' % format_address(
                self.dns_server
            )
        if self.keepalive_address is not None:
            text += '<keepalive interval="%d"><address type="ipv6">%s</address></keepalive>' % (
                self.interval,
                format_address(self.keepalive_address),
            )
        return text + "</client></tunnel>\r\n"


def _addresses(
    parent: "Element | None",
) -> "tuple[bytes | None, bytes | None, bytes | None]":
    """Return the first (IPv4, IPv6, IPv6 of a DNS server) below an element.

    Addresses that are none count as absent: RFC 5572's own example has a malformed one.
    """
    v4 = v6 = dns = None
    if parent is None:
        return v4, v6, dns
    for child in parent.all("address"):
        kind = (child.get("type") or "").strip(_SPACE).lower()
        try:
            if kind == "ipv4" and v4 is None:
                v4 = parse_ipv4(child.text.strip(_SPACE))
            elif kind == "ipv6" and v6 is None:
                v6 = parse_address(child.text.strip(_SPACE))
        except FormatError:
            continue
    for place in (parent, parent.find("router")):
        server = place.find("dns_server") if place is not None else None
        if server is not None and dns is None:
            dns = _addresses(server)[1]
    return v4, v6, dns


def emit_brokers(brokers: "list[bytes | str]") -> str:
    """Return the list of a referral (R-9, Fig. 9): IPv4 addresses (four octets) and names."""
    text = '<tunnel action="list" type="broker">'
    for broker in brokers:
        if isinstance(broker, str):
            text += '<broker><address type="dn">%s</address></broker>' % broker
        else:
            text += '<broker><address type="ipv4">%s</address></broker>' % format_ipv4(broker)
    return text + "</tunnel>\r\n"


def _brokers(root: Element) -> "list[bytes | str]":
    """Return IPv4 addresses and names of the brokers in a list, also outside of the DTD (C-7)."""
    out: "list[bytes | str]" = []
    for broker in root.all("broker"):
        for address in broker.all("address"):
            kind = (address.get("type") or "").strip(_SPACE).lower()
            text = address.text.strip(_SPACE)
            if len(out) >= _MAX_BROKERS:
                return out
            if kind == "ipv4":
                try:
                    out.append(parse_ipv4(text))
                except FormatError:
                    continue
            elif kind == "dn" and 0 < len(text) <= _MAX_NAME and _is_name(text):
                out.append(text)
    return out


def _is_name(text: str) -> bool:
    for char in text:
        if not ("a" <= char <= "z" or "A" <= char <= "Z" or "0" <= char <= "9" or char in "-._"):
            return False
    return True


class Reply:
    """What a server answers.

    code: 200, ... or 0 when there is no code line (CAPABILITY, or no text at all). text: behind
    the code. capabilities: [(name, value)] in upper case. info: of a tunnel, or None. brokers:
    IPv4 addresses and names of a referral.
    """

    def __init__(self, code: int, text: str = "") -> None:
        self.code = code
        self.text = text
        self.capabilities: "list[tuple[str, str]]" = []
        self.info: "Info | None" = None
        self.brokers: "list[bytes | str]" = []

    def offers(self, name: str, value: str) -> bool:
        """Return whether a capability is in the list."""
        return (name, value) in self.capabilities


def parse_reply(data: bytes) -> Reply:
    """Return the reply in TSP data, in either form at any time (section 3.5); FormatError."""
    if len(data) > CLIENT_LIMIT:
        raise FormatError("reply too long", INVALID_FORMAT)
    content, counted = _content(to_text(data))
    line, rest = _line(content)
    if not counted and not content.strip(_SPACE):
        return Reply(0)
    if line[:10].upper() == "CAPABILITY":
        reply = Reply(0)
        for word in line[10:].split():
            name, _, value = word.partition("=")
            reply.capabilities.append((name.upper(), value.upper()))
        return reply
    code, _, text = line.partition(" ")
    if not 3 <= len(code) <= 4:
        raise FormatError("no code", INVALID_FORMAT)
    reply = Reply(_number(code), text.strip(_SPACE))
    if rest.strip(_SPACE):
        root = parse_markup(rest)
        if root.name != "tunnel":
            raise FormatError("no tunnel element", INVALID_FORMAT)
        if reply.code == SUCCESS:
            if (root.get("action") or "").strip(_SPACE).lower() == "info":
                reply.info = Info.read(root)
        else:
            reply.brokers = _brokers(root)
    return reply


def emit_line(code: int, text: "str | None" = None) -> bytes:
    """Return the code line alone, as replies to VERSION and AUTHENTICATE are."""
    words = TEXTS.get(code, "Error") if text is None else text
    return ("%d %s\r\n" % (code, words)).encode()
