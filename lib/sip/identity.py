# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Who we are and what we can: what messages of ours say of us (RFC 3261 sections 8.1.1 and 20)."""

from vox6.sip.headers import quote
from vox6.sip.message import Message, Request
from vox6.sip.transport import default_port, same_host
from vox6.sip.uri import escape, host_text
from vox6.wire.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.registration import Account, Registration

    Peer = tuple[bytes, int]


class Identity:
    """A part of Agent; see there."""

    def __init__(
        self, user_agent: str, user: str, display_name: str, accepts: "tuple[str, ...]"
    ) -> None:
        self.user_agent = user_agent
        self.user = user
        self.display_name = display_name
        self.accepts = accepts
        self.methods = [
            "INVITE",
            "ACK",
            "CANCEL",
            "BYE",
            "OPTIONS",
            "PRACK",
            "UPDATE",
            "REFER",
            "NOTIFY",
            "SUBSCRIBE",
            "MESSAGE",
            "INFO",
        ]
        self.extensions = ["100rel", "timer", "199", "replaces", "norefersub", "tdialog"]
        self._reliable = "supported"
        self._session_expires_s = 1800
        self.min_se_s = 90
        self.packages: "list[str]" = []
        self.unsolicited: "list[str]" = []
        self.replaces_policy = "dialog"
        self.info_types = ("application/dtmf-relay", "application/dtmf")
        self.registrations: "list[Registration]" = []
        self._local: "Peer | None" = None
        self._last_local: "Peer | None" = None  # stands in while there is none

    # -- policies

    @property
    def reliable(self) -> str:
        """Return how we hold it with reliable provisional responses (RFC 3262).

        "supported" (the default); "required": calls of ours insist on them, callers who do not
        know them are answered 421; "off": neither offered nor taken.
        """
        return self._reliable

    @reliable.setter
    def reliable(self, policy: str) -> None:
        if policy not in ("supported", "required", "off"):
            raise LocalProtocolError("not a policy")
        self._reliable = policy
        self._extend("100rel", policy != "off")

    @property
    def session_expires_s(self) -> int:
        """Return the session timer that we ask for in s (RFC 4028), 0: no session timers."""
        return self._session_expires_s

    @session_expires_s.setter
    def session_expires_s(self, seconds: int) -> None:
        self._session_expires_s = seconds
        self._extend("timer", seconds > 0)

    def _extend(self, option: str, able: bool) -> None:
        if able and option not in self.extensions:
            self.extensions.append(option)
        elif not able and option in self.extensions:
            self.extensions.remove(option)

    # -- who we are

    def local_name(self, account: "Account | None") -> str:
        """Return our name-addr for From, without tag."""
        if account is not None:
            name = account.display_name
            uri = account.uri
        else:
            local = self._address()
            name = self.display_name
            uri = "sip:" + escape(self.user) + "@" + host_text(local[0])
            if local[1] != 5060:
                uri += ":%d" % local[1]
        return (quote(name) + " " if name else "") + "<" + uri + ">"

    def is_reachable(self) -> bool:
        """Return whether we have an address now."""
        return self._local is not None

    def _address(self) -> "Peer":
        if self._last_local is None:
            raise LocalProtocolError("no local address")
        return self._last_local

    @property
    def allow(self) -> str:
        """Return the value of Allow."""
        return ", ".join(self.methods)

    @property
    def supported(self) -> str:
        """Return the value of Supported."""
        return ", ".join(self.extensions)

    def host_text(self) -> str:
        """Return our host as it stands in URIs."""
        return "phone" if self._last_local is None else host_text(self._last_local[0])

    def all_accepts(self) -> "list[str]":
        """Return the media types that we take in any request."""
        out = list(self.accepts)
        if "MESSAGE" in self.methods:
            out.append("text/plain")
        if "NOTIFY" in self.methods:
            out.append("message/sipfrag")
        if "INFO" in self.methods:
            out.extend(self.info_types)
        return out

    def describe(self, message: Message) -> None:
        """Put what we can into a message: Allow, Supported, Allow-Events."""
        message.add("Allow", self.allow)
        if self.extensions:
            message.add("Supported", self.supported)
        if self.packages:
            message.add("Allow-Events", ", ".join(self.packages))

    def contact_user(self, account: "Account | None") -> str:
        """Return the user part of our Contact."""
        return escape(self.user) if account is None else account.user

    def contact(self, user: "str | None", transport: str, account: "Account | None" = None) -> str:
        """Return our Contact, as a name-addr: a GRUU of the account, or our address."""
        for registration in self.registrations:
            if account is not None and registration.account is account:
                contact = registration.get_contact()
                if contact:
                    return contact
        return self.contact_address(user, transport)

    def find_account(self, user: "str | None", peer: "Peer") -> "Account | None":
        """Return the account whose registrar sends us a request for a user; None: a direct one."""
        for registration in self.registrations:
            account = registration.account
            if account.user == user and same_host(registration.peer[0], peer[0]):
                return account
        return None

    def contact_address(self, user: "str | None", transport: str) -> str:
        """Return a Contact that is our address, as a name-addr."""
        local = self._address()
        out = "<sip:" + ((user or escape(self.user)) + "@") + host_text(local[0])
        if local[1] != default_port(transport):
            out += ":%d" % local[1]
        if transport != "UDP":
            out += ";transport=" + transport.lower()
        return out + ">"

    def sign(self, message: Message) -> None:
        """Put our product name into a message."""
        if self.user_agent:
            name = "User-Agent" if isinstance(message, Request) else "Server"
            message.add(name, self.user_agent)
