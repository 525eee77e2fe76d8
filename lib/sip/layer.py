# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The transaction layer: all transactions, who is meant by what comes (RFC 3261 section 17)."""

from vox6.sip.message import Request, Response
from vox6.sip.state import ACCEPTED
from vox6.sip.timers import Timers
from vox6.sip.transaction import (
    MAGIC_COOKIE,
    MAX_OUTPUT,
    T1,
    T2,
    T4,
    ClientTransaction,
    ServerTransaction,
    Transaction,
)
from vox6.sip.transport import is_reliable, note_source, response_peer
from vox6.sip.uri import host_text
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from vox6.sip.transaction import ClientUser

    Peer = tuple[bytes, int]

_MAX_WITHOUT_TCP = const(8)  # peers: the servers of all accounts, and a few phones


def server_key(request: Request, method: str) -> str:
    """Return what a request is matched by (RFC 3261 section 17.2.3, both generations).

    method: INVITE for an ACK, the method to be cancelled for a CANCEL, else the request's own.
    """
    via = request.via
    branch = via.branch
    if branch is not None and branch[:7] == MAGIC_COOKIE and len(branch) > 7:
        return branch + " " + via.sent_by().lower() + " " + method
    return " ".join(  # RFC 2543: the ACK's To has a tag that the INVITE's has not
        (
            request.uri_text,
            request.from_.tag or "",
            request.call_id,
            "%d" % request.cseq.number,
            via.sent_by().lower(),
            branch or "",
            method,
        )
    )


def _no_restamp(request: Request, transport: str) -> None:
    raise LocalProtocolError("nobody can stamp")


def _no_restamp_contact(request: Request, old: str, new: str) -> None:
    pass


class Layer:
    """All transactions of one engine, its timers, and what waits to be sent.

    maximum: of client and of server transactions each; ended: of those that only wait for
    repetitions, each. restamp(request, transport): puts a Via
    with a new branch in place of the top one; restamp_contact(request, old, new): our Contact says
    another transport. The agent sets both.
    """

    def __init__(
        self,
        random: "Callable[[int], bytes]",
        maximum: int = 32,
        t1: int = T1,
        t2: int = T2,
        t4: int = T4,
        ended: "int | None" = None,
    ) -> None:
        self.random = random
        self.maximum = maximum
        self.ended = maximum if ended is None else ended
        self.t1 = t1
        self.t2 = t2
        self.t4 = t4
        self.timers = Timers(maximum * 8 + 64)
        self.clients: "dict[str, ClientTransaction]" = {}
        self.servers: "dict[str, ServerTransaction]" = {}
        self.output: "list[tuple[bytes, Peer, str]]" = []
        self.counters: "dict[str, int]" = {}
        self.without_tcp: "list[Peer]" = []  # where large requests go by UDP after all
        self.restamp: "Callable[[Request, str], None]" = _no_restamp
        self.restamp_contact: "Callable[[Request, str, str], None]" = _no_restamp_contact

    def count(self, name: str) -> None:
        """Add one to a counter."""
        self.counters[name] = self.counters.get(name, 0) + 1

    def token(self, octets: int = 8) -> str:
        """Return fresh random hexadecimal digits, two for each octet."""
        return "".join(["%02x" % octet for octet in self.random(octets)])

    def send(self, data: bytes, peer: "Peer", transport: str) -> None:
        """Put octets into the output; dropped and counted if the driver does not take them."""
        if len(self.output) >= MAX_OUTPUT:
            self.count("dropped_output")
            return
        self.output.append((data, peer, transport))

    def has_room(self, maximum: "int | None" = None) -> bool:
        """Return whether one more server transaction fits; one that has ended makes room."""
        return self._make_room(self.servers, self.maximum if maximum is None else maximum)

    def _make_room(
        self,
        table: "dict[str, ClientTransaction] | dict[str, ServerTransaction]",
        maximum: int,
    ) -> bool:
        # Ended ones stay up to 32 s for repetitions. Many short calls must neither be refused for
        # their sake nor fill a phone's memory, so the one that ended first goes before its time.
        oldest: "Transaction | None" = None
        since = 0
        ended = 0
        for transaction in table.values():
            ended_at = transaction.ended_at
            if ended_at is not None:
                ended += 1
                if oldest is None or ended_at < since:
                    oldest = transaction
                    since = ended_at
        if len(table) < maximum and ended < self.ended:
            return True
        if oldest is None:
            return False
        self.count("forgotten_early")
        self.remove(oldest)
        return True

    def start_client(
        self, request: Request, peer: "Peer", transport: str, user: "ClientUser", now: int
    ) -> ClientTransaction:
        """Send a request in a new transaction; LocalProtocolError if there are too many.

        A CANCEL goes where its INVITE went, whatever peer and transport say (section 9.1).
        """
        if request.method == "CANCEL":
            invite = self.clients.get((request.via.branch or "") + " INVITE")
            if invite is not None:
                peer = invite.peer
                transport = invite.transport
        transaction = self.open_client(request, peer, transport, user)
        transaction.start(now)
        return transaction

    def open_client(
        self, request: Request, peer: "Peer", transport: str, user: "ClientUser"
    ) -> ClientTransaction:
        """Make a client transaction; its `start` sends. LocalProtocolError: too many."""
        if not self._make_room(self.clients, self.maximum):
            raise LocalProtocolError("too many transactions")
        transaction = ClientTransaction(self, request, peer, transport, user)
        transaction.enter()
        return transaction

    def start_server(
        self, request: Request, peer: "Peer", transport: str, now: int
    ) -> ServerTransaction:
        """Open a transaction for a request that matched none."""
        key = server_key(request, request.method)
        transaction = ServerTransaction(self, request, peer, transport, key)
        self.servers[key] = transaction
        transaction.start(now)
        return transaction

    def remove(self, transaction: Transaction) -> None:
        """Forget a transaction and its timers."""
        self.timers.cancel(transaction)
        table = self.clients if isinstance(transaction, ClientTransaction) else self.servers
        if table.get(transaction.key) is transaction:
            del table[transaction.key]

    def respond_stateless(
        self, request: Request, response: Response, peer: "Peer", transport: str
    ) -> None:
        """Send a response outside of transactions; never one to ACK.

        A request whose Via leads nowhere is answered to where it came from.
        """
        if request.method == "ACK":
            return
        where = peer
        if not is_reliable(transport):
            try:
                where = response_peer(request.via, peer)
            except FormatError:
                pass
        self.send(response.emit(), where, transport)

    def receive_response(self, response: Response, now: int) -> bool:
        """Give a checked response to its transaction; False if there is none."""
        if len(response.values("via")) != 1:
            self.count("foreign_responses")  # RFC 3261 section 8.1.3.3
            return True
        via = response.via
        transaction = self.clients.get((via.branch or "") + " " + response.cseq.method)
        if transaction is None or via.host.lower() != transaction.sent_by.lower():
            self.count("stray_responses")
            return False
        transaction.receive(response, now)
        return True

    def receive_request(self, request: Request, peer: "Peer", now: int) -> bool:
        """Give a checked request to its transaction; False if there is none.

        note_source comes first, for the responses of new transactions.
        """
        note_source(request, peer, host_text(peer[0]).strip("[]"))
        method = "INVITE" if request.method == "ACK" else request.method
        transaction = self.servers.get(server_key(request, method))
        if transaction is None:
            return False
        if request.method != "ACK":
            if not transaction.reliable:
                # The peer may have moved, or its NAT's mapping: answers go where it is heard now.
                transaction.peer = response_peer(request.via, peer)
            transaction.step("request", now, request)
            return True
        if transaction.state == ACCEPTED:
            return False  # an ACK for a 2xx belongs to the session, whatever its branch
        transaction.step("ack", now, request)
        return True

    def find_invite(self, cancel: Request) -> "ServerTransaction | None":
        """Return the INVITE transaction that a CANCEL means (RFC 3261 section 9.2)."""
        return self.servers.get(server_key(cancel, "INVITE"))

    def is_merged(self, request: Request) -> bool:
        """Return whether a request came by another way before (RFC 3261 section 8.2.2.2)."""
        tag = request.from_.tag
        number = request.cseq.number
        for transaction in self.servers.values():
            other = transaction.request
            if (
                other.call_id == request.call_id
                and other.method == request.method
                and other.cseq.number == number
                and other.from_.tag == tag
            ):
                return True
        return False

    def note_without_tcp(self, peer: "Peer") -> None:
        """Remember a peer that does not take TCP, until our address changes."""
        if len(self.without_tcp) >= _MAX_WITHOUT_TCP:
            self.without_tcp.pop(0)
        self.without_tcp.append(peer)

    def readdress(self, now: int) -> None:
        """Our address is another one: send open requests once more, from there."""
        self.without_tcp = []
        for client in list(self.clients.values()):
            client.readdress(now)

    def handle_transport_error(self, peer: "Peer", transport: str, now: int) -> None:
        """Tell every transaction with a peer that the transport does not reach it."""
        for client in list(self.clients.values()):
            if client.peer == peer and client.transport == transport:
                client.handle_transport_error(now)
        for server in list(self.servers.values()):
            if server.peer == peer and server.transport == transport:
                server.handle_transport_error(now)
