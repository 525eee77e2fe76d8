# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Replaces: a call that stands for another one (RFC 3891), and who may ask for it.

    Replaces        = "Replaces" HCOLON callid *(SEMI replaces-param)
    replaces-param  = to-tag / from-tag / early-flag / generic-param

`Agent.replaces_policy`, the authorization of section 3, is one of
    "dialog"  who names Call-ID and both tags has them from one of the two parties (the default; 64
              random bits of ours are among them)
    "party"   besides, From or Referred-By must name the party to be replaced
    "never"   nobody
Others are answered 403, and so is an INVITE to sip: for a call by sips:.
"""

from vox6.sip.headers import NameAddr, parse_call_id, parse_params
from vox6.sip.state import (
    ACCEPTED,
    ANSWERING,
    CALLING,
    CONFIRMED,
    INCOMING,
    PROCEEDING,
    RINGING,
)
from vox6.sip.uri import URI
from vox6.wire.errors import FormatError, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent
    from vox6.sip.message import Request
    from vox6.sip.session import Session


class Replaces:
    """The value of a Replaces header, tags as its receiver sees them: to_tag is the receiver's."""

    def __init__(self, call_id: str, to_tag: str, from_tag: str, early_only: bool = False) -> None:
        self.call_id = call_id
        self.to_tag = to_tag
        self.from_tag = from_tag
        self.early_only = early_only

    @staticmethod
    def parse(text: str) -> "Replaces":
        """Return the value in text; FormatError if it is none, or lacks a tag or has it twice."""
        at = text.find(";")
        if at < 0:
            raise FormatError("Replaces without tags")
        call_id = parse_call_id(text[:at].strip())
        tags = {"to-tag": "", "from-tag": ""}
        early_only = False
        for name, value in parse_params(text[at:]):
            if name in tags:
                if tags[name] or not value:
                    raise FormatError("bad tag in Replaces")
                tags[name] = value
            elif name == "early-only":
                early_only = True
        if not tags["to-tag"] or not tags["from-tag"]:
            raise FormatError("Replaces without tags")
        return Replaces(call_id, tags["to-tag"], tags["from-tag"], early_only)

    def __str__(self) -> str:
        out = self.call_id + ";to-tag=" + self.to_tag + ";from-tag=" + self.from_tag
        return out + ";early-only" if self.early_only else out


def header(value: "Session | str") -> str:
    """Return the Replaces value for the peer of a session of ours, or text once it is checked.

    LocalProtocolError: the session has no dialog, or text is no Replaces value.
    """
    if isinstance(value, str):
        try:
            return str(Replaces.parse(value))
        except FormatError:
            raise LocalProtocolError("not a Replaces value")
    dialog = value.dialog
    if dialog is None:
        raise LocalProtocolError("no dialog to replace")
    return str(Replaces(dialog.call_id, dialog.remote_tag or "0", dialog.local_tag))


def find(agent: "Agent", request: "Request") -> "Session":
    """Return the session that an INVITE shall replace (section 3).

    RemoteProtocolError: the status that the section says; the session named stays as it is.
    """
    values = request.lines("replaces")
    if len(values) != 1 or request.count("join"):
        raise RemoteProtocolError("more than one Replaces, or Join", 400)
    if request.to.tag is not None:
        raise RemoteProtocolError("Replaces within a dialog", 400)
    wanted = Replaces.parse(values[0])
    session = agent.sessions.get(wanted.call_id + " " + wanted.to_tag)
    dialog = None
    if session is not None:
        dialog = session.find_dialog(wanted.from_tag)
        if dialog is None and wanted.from_tag == "0":  # RFC 2543 peers have no tag
            dialog = session.find_dialog("")
    if session is None or dialog is None:
        if (wanted.call_id, wanted.to_tag, wanted.from_tag) in agent.ended_dialogs:
            raise RemoteProtocolError("the call has just ended", 603)
        agent.layer.count("strangers")
        raise RemoteProtocolError("no such call", 481)
    if session.state in (INCOMING, RINGING, ANSWERING):
        raise RemoteProtocolError("not ours to replace", 481)
    if session.state not in (CALLING, PROCEEDING, ACCEPTED, CONFIRMED):
        raise RemoteProtocolError("the call has just ended", 603)
    if dialog.secure and request.uri.scheme != "sips":
        agent.layer.count("refused_replaces")
        raise RemoteProtocolError("not secure", 403)
    _authorize(agent, request, session)
    if wanted.early_only and session.state in (ACCEPTED, CONFIRMED):
        raise RemoteProtocolError("the call is not early", 486)
    return session


def _authorize(agent: "Agent", request: "Request", session: "Session") -> None:
    if agent.replaces_policy == "dialog":
        return
    if agent.replaces_policy == "party":
        party = URI.parse(session.remote_uri)
        if request.from_.uri.matches(party):
            return
        text = request.get("referred-by")
        if text is not None and NameAddr.parse(text).uri.matches(party):
            return
    agent.layer.count("refused_replaces")
    raise RemoteProtocolError("not allowed", 403)


def take_over(session: "Session", now: int) -> None:
    """End the call that an accepted session replaces: BYE, or CANCEL while it is early."""
    old = session.replaces
    session.replaces = None
    if old is None:
        return
    if old.state in (CALLING, PROCEEDING):
        old.cancel(now)
    elif old.state in (ACCEPTED, CONFIRMED):
        old.bye(now)
