# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Dialogs (RFC 3261 section 12)."""

from vox6.sip.headers import NameAddr
from vox6.sip.message import Request, Response
from vox6.sip.uri import URI
from vox6.wire import const
from vox6.wire.errors import FormatError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    Peer = tuple[bytes, int]

EARLY = "Early"
CONFIRMED = "Confirmed"
TERMINATED = "Terminated"

# How far offer and answer have come in the call that the dialog carries (RFC 3264, RFC 6337).
NOTHING = ""  # neither side has offered
OURS = "ours"  # our offer waits for its answer
THEIRS = "theirs"  # the peer's offer waits for ours
AGREED = "agreed"

_MAPPED = b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"
_MAX_ROUTES = const(32)  # of one route set


class Dialog:
    """A peer-to-peer relation of two user agents.

    local, remote: From and To values with tags, as text. remote_target: a URI as text.
    route_set: list of Route values as text. local_sequence, remote_sequence: CSeq numbers, None
    while empty. peer: where requests go when the next hop is a name, which nobody here resolves.
    allow: the last Allow of the peer, None if none came. offer: NOTHING, OURS, THEIRS or AGREED.
    rseq: of the last reliable response to our INVITE (RFC 3262). remote_body: the description
    that such a response or an UPDATE brought before the dialog was confirmed.
    pending: the RAck value of a response with an offer, whose PRACK waits for our answer.
    """

    def __init__(self, call_id: str, local_tag: str, remote_tag: str, peer: "Peer") -> None:
        self.call_id = call_id
        self.local_tag = local_tag
        self.remote_tag = remote_tag
        self.local = ""
        self.remote = ""
        self.remote_target = ""
        self.route_set: "list[str]" = []
        self.local_sequence: "int | None" = None
        self.remote_sequence: "int | None" = None
        self.state = EARLY
        self.secure = False
        self.peer = peer
        self.allow: "str | None" = None
        self.offer = NOTHING
        self.rseq: "int | None" = None
        self.remote_body = b""
        self.pending = ""

    @staticmethod
    def of_client(request: Request, response: Response, peer: "Peer") -> "Dialog":
        """Return the dialog that a response of 101..299 to our request opens (section 12.1.2)."""
        dialog = Dialog(request.call_id, request.from_.tag or "", response.to.tag or "", peer)
        dialog.local = str(request.from_)
        dialog.remote = str(response.to)
        dialog.local_sequence = request.cseq.number
        routes = response.values("record-route")
        if len(routes) > _MAX_ROUTES:
            raise FormatError("too many routes")
        for route in routes:
            NameAddr.parse(route).uri
        routes.reverse()
        dialog.route_set = routes
        dialog.remote_target = request.uri_text
        dialog.refresh_target(response)
        dialog.secure = request.uri_text[:5].lower() == "sips:"
        dialog.offer = OURS if request.body else NOTHING
        dialog.note_allow(response)
        return dialog

    @staticmethod
    def of_server(request: Request, local_tag: str, peer: "Peer") -> "Dialog":
        """Return the dialog that our response to a request opens (section 12.1.1).

        FormatError 400: no usable Contact or Record-Route.
        """
        dialog = Dialog(request.call_id, local_tag, request.from_.tag or "", peer)
        to = NameAddr(request.to.uri_text, request.to.display_name, list(request.to.params))
        to.set("tag", local_tag)
        dialog.local = str(to)
        dialog.remote = str(request.from_)
        dialog.remote_sequence = request.cseq.number
        routes = request.values("record-route")
        if len(routes) > _MAX_ROUTES:
            raise FormatError("too many routes")
        for route in routes:
            NameAddr.parse(route).uri
        dialog.route_set = routes
        if not request.count("contact"):
            if request.via.branch is not None:
                raise FormatError("no Contact")
            dialog.remote_target = request.from_.uri_text  # RFC 2543 section 6.13
        dialog.refresh_target(request)
        dialog.secure = request.uri_text[:5].lower() == "sips:"
        dialog.offer = THEIRS if request.body else NOTHING
        dialog.note_allow(request)
        return dialog

    def confirm(self, response: Response) -> None:
        """Take the 2xx: it sets the route set anew for RFC 2543 peers (section 13.2.2.4)."""
        self.state = CONFIRMED
        self.note_allow(response)
        routes = response.values("record-route")
        if len(routes) <= _MAX_ROUTES:
            routes.reverse()
            self.route_set = routes
        self.refresh_target(response)

    def refresh_target(self, message: "Request | Response") -> None:
        """Take the Contact of a target refresh request or its 2xx (section 12.2).

        FormatError: its Contact is no SIP URI; the target stays.
        """
        contact = message.contact()
        if contact is None:
            return
        scheme = contact.uri.scheme
        if scheme != "sip" and scheme != "sips":
            raise FormatError("Contact is no SIP URI")
        self.remote_target = contact.uri_text

    def note_allow(self, message: "Request | Response") -> None:
        """Remember the Allow of a message of the peer, if it has one (section 20.5)."""
        lines = message.lines("allow")
        if lines:
            self.allow = ",".join(lines)

    def allows(self, method: str) -> bool:
        """Return whether the peer has said that it takes a method."""
        return self.allow is not None and method in self.allow.replace(",", " ").split()

    def matches(self, call_id: str, local_tag: str, remote_tag: str) -> bool:
        """Return whether a request with these belongs to the dialog."""
        return (
            self.call_id == call_id
            and self.local_tag == local_tag
            and self.remote_tag == remote_tag
        )

    def check_sequence(self, number: int) -> None:
        """Take the CSeq number of a request other than ACK and CANCEL (section 12.2.2).

        RemoteProtocolError 500: it is not above the last one; nothing changed.
        """
        if self.remote_sequence is not None and number <= self.remote_sequence:
            raise RemoteProtocolError("request out of order", 500)
        self.remote_sequence = number

    def create_request(self, method: str, sequence: "int | None" = None) -> Request:
        """Return a request within the dialog without Via (section 12.2.1.1).

        sequence: for ACK that of its INVITE; otherwise the next number is used.
        """
        if sequence is None:
            sequence = 1 if self.local_sequence is None else self.local_sequence + 1
            self.local_sequence = sequence
        routes = self.route_set
        uri_text = self.remote_target
        if routes:
            first = NameAddr.parse(routes[0])
            if first.uri.get("lr") is None:  # a strict router (RFC 2543)
                routes = routes[1:] + ["<" + self.remote_target + ">"]
                uri_text = _without(first.uri)
        request = Request(method, uri_text)
        request.add("Max-Forwards", "70")
        for route in routes:
            request.add("Route", route)
        request.add("From", self.local)
        request.add("To", self.remote)
        request.add("Call-ID", self.call_id)
        request.add("CSeq", "%d %s" % (sequence, method))
        return request

    def next_hop(self) -> "Peer":
        """Return where requests go: the first route or the remote target, if it is an address.

        A name, and an IPv4 address (which an IPv6 phone does not reach), mean the address that
        answered so far.
        """
        uri = NameAddr.parse(self.route_set[0]).uri if self.route_set else None
        if uri is None:
            uri = URI.parse(self.remote_target)
        try:
            peer = uri.peer()
        except FormatError:
            peer = None
        if peer is None or (peer[0][:12] == _MAPPED and self.peer[0][:12] != _MAPPED):
            return self.peer
        addr16, port = peer
        if addr16[0] == 0xFE and addr16[1] & 0xC0 == 0x80:  # its interface is known from before
            addr16 = addr16[:2] + self.peer[0][2:4] + addr16[4:]
        return addr16, port


def _without(uri: URI) -> str:
    """Return a strict router's URI as Request-URI (section 19.1.1): no method, no headers."""
    params = [item for item in uri.params if item[0].lower() != "method"]
    return str(URI(uri.scheme, uri.user, uri.host, uri.port, params, None, uri.password))
