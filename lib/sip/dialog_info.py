# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Who is in a call: application/dialog-info+xml, read and written (RFC 4235 section 4).

    dialog-info  version, state ("full" / "partial"), entity
      dialog     id, call-id, local-tag, remote-tag, direction ("initiator" / "recipient")
        state    event, code: trying, proceeding, early, confirmed, terminated
        duration s
        local, remote
          identity  display: a URI
          target    uri

A subscriber puts the documents that it gets into a `Table`. A notifier answers by `accept`, and
calls `publish` whenever a call has changed.
"""

from vox6.sip import state as states
from vox6.sip.headers import unquote
from vox6.sip.markup import Element, escape, parse
from vox6.sip.subscription_state import ACTIVE
from vox6.sip.uri import URI
from vox6.wire import const
from vox6.wire.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent
    from vox6.sip.notifier import Notifier
    from vox6.sip.session import Session

CONTENT_TYPE = "application/dialog-info+xml"
NAMESPACE = "urn:ietf:params:xml:ns:dialog-info"
_MAX_DIALOGS = const(32)  # of one document, and of a table
_MAX_VERSION = 0xFFFFFFFF

TRYING = "trying"
PROCEEDING = "proceeding"
EARLY = "early"
CONFIRMED = "confirmed"
TERMINATED = "terminated"

_STATES = {  # of our sessions (section 3.7.1)
    states.CALLING: TRYING,
    states.INCOMING: TRYING,
    states.PROCEEDING: EARLY,
    states.CANCELLING: EARLY,
    states.RINGING: EARLY,
    states.ACCEPTED: CONFIRMED,
    states.CONFIRMED: CONFIRMED,
    states.CLOSING: CONFIRMED,
    states.TERMINATING: TERMINATED,
    states.TERMINATED: TERMINATED,
}


class Participant:
    """One side of a dialog. identity, target: URIs, or empty when nothing is said."""

    def __init__(self, identity: str = "", display_name: str = "", target: str = "") -> None:
        self.identity = identity
        self.display_name = display_name
        self.target = target

    @staticmethod
    def of(element: "Element | None") -> "Participant":
        """Return what a local or remote element says."""
        one = Participant()
        if element is None:
            return one
        identity = element.find("identity")
        if identity is not None:  # section 4.1.6.1 and the schema name the attribute differently
            one.identity = identity.text
            one.display_name = identity.get("display") or identity.get("display-name")
        target = element.find("target")
        if target is not None:
            one.target = target.get("uri")
        return one

    def emit(self, name: str, out: "list[str]") -> None:
        """Append the lines of an element."""
        if not self.identity and not self.target:
            return
        out.append("<" + name + ">")
        if self.identity:
            display = ' display="' + escape(self.display_name) + '"' if self.display_name else ""
            out.append("<identity" + display + ">" + escape(self.identity) + "</identity>")
        if self.target:
            out.append('<target uri="' + escape(self.target) + '"/>')
        out.append("</" + name + ">")


class DialogState:
    """One dialog element. code: int or None. duration: s or None. Absent text is empty."""

    def __init__(self, id: str, state: str) -> None:
        self.id = id
        self.state = state
        self.event = ""
        self.code: "int | None" = None
        self.call_id = ""
        self.local_tag = ""
        self.remote_tag = ""
        self.direction = ""
        self.duration: "int | None" = None
        self.local = Participant()
        self.remote = Participant()

    @staticmethod
    def of(element: Element) -> "DialogState":
        """Return what a dialog element says; FormatError: no id, or no state."""
        state = element.find("state")
        id = element.get("id")
        if state is None or not state.text or not id:
            raise FormatError("dialog without id or state")
        one = DialogState(id, state.text.lower())
        one.event = state.get("event")
        if state.get("code"):
            one.code = _number(state.get("code"), 999)
        one.call_id = element.get("call-id")
        one.local_tag = element.get("local-tag")
        one.remote_tag = element.get("remote-tag")
        one.direction = element.get("direction")
        duration = element.find("duration")
        if duration is not None and duration.text:
            one.duration = _number(duration.text)
        one.local = Participant.of(element.find("local"))
        one.remote = Participant.of(element.find("remote"))
        return one

    def emit(self, out: "list[str]") -> None:
        """Append the lines of the element."""
        head = '<dialog id="' + escape(self.id) + '"'
        for name, value in (
            ("call-id", self.call_id),
            ("local-tag", self.local_tag),
            ("remote-tag", self.remote_tag),
            ("direction", self.direction),
        ):
            if value:
                head += " " + name + '="' + escape(value) + '"'
        out.append(head + ">")
        head = "<state"
        if self.event:
            head += ' event="' + escape(self.event) + '"'
        if self.code is not None:
            head += ' code="%d"' % self.code
        out.append(head + ">" + escape(self.state) + "</state>")
        if self.duration is not None:
            out.append("<duration>%d</duration>" % self.duration)
        self.local.emit("local", out)
        self.remote.emit("remote", out)
        out.append("</dialog>")


class DialogInfo:
    """A document. entity: the URI of whose calls. full: whether dialogs not named have ended."""

    def __init__(
        self,
        entity: str,
        version: int = 0,
        full: bool = True,
        dialogs: "list[DialogState] | None" = None,
    ) -> None:
        self.entity = entity
        self.version = version
        self.full = full
        self.dialogs: "list[DialogState]" = [] if dialogs is None else dialogs

    @staticmethod
    def parse(octets: bytes) -> "DialogInfo":
        """Return the document in octets; what is of other namespaces is left out.

        FormatError: it is none, or too large. A document without namespace is taken too.
        """
        root = parse(octets)
        if root.name != "dialog-info" or root.namespace not in (NAMESPACE, ""):
            raise FormatError("no dialog-info")
        state = root.get("state") or root.get("notify-state")  # as in an example of section 4.1
        if state not in ("full", "partial"):
            raise FormatError("neither full nor partial")
        version = _number(root.get("version"))
        elements = root.find_all("dialog")
        if len(elements) > _MAX_DIALOGS:
            raise FormatError("too many dialogs")
        dialogs = [DialogState.of(element) for element in elements]
        return DialogInfo(root.get("entity"), version, state == "full", dialogs)

    def emit(self) -> bytes:
        """Return the octets of the document."""
        state = "full" if self.full else "partial"
        out = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<dialog-info xmlns="%s" version="%d" state="%s" entity="%s">'
            % (NAMESPACE, self.version, state, escape(self.entity)),
        ]
        for dialog in self.dialogs:
            dialog.emit(out)
        out.append("</dialog-info>")
        return "\n".join(out).encode()


def _number(text: str, maximum: int = _MAX_VERSION) -> int:
    text = text.strip()
    if not text or len(text) > 10 or text.strip("0123456789") or int(text) > maximum:
        raise FormatError("bad number in a dialog-info")
    return int(text)


class Table:
    """The dialogs of one subscription, put together of its documents (section 4.3)."""

    def __init__(self) -> None:
        self.version: "int | None" = None
        self.dialogs: "list[DialogState]" = []

    def receive(self, info: DialogInfo) -> bool:
        """Take a document; return False if one was missed, so that the whole must be asked for.

        An older one changes nothing. Dialogs that have ended are dropped.
        """
        known = self.version
        if known is not None and info.version < known:
            return True
        whole = info.full or (known is not None and info.version <= known + 1)
        self.version = info.version
        if info.full:
            self.dialogs = []
        for dialog in info.dialogs:
            self.dialogs = [one for one in self.dialogs if one.id != dialog.id]
            if dialog.state != TERMINATED and len(self.dialogs) < _MAX_DIALOGS:
                self.dialogs.append(dialog)
        return whole


# -- as notifier


def of_session(session: "Session") -> DialogState:
    """Return one of our sessions as a dialog element."""
    one = DialogState(session.local_tag, _STATES.get(session.state, TERMINATED))
    dialog = session.dialog
    if dialog is None and session.state == states.PROCEEDING:
        one.state = PROCEEDING  # a provisional response without tag
    one.call_id = session.call_id
    one.local_tag = session.local_tag
    if dialog is not None:
        one.remote_tag = dialog.remote_tag
    one.direction = "initiator" if session.direction == "out" else "recipient"
    one.local = Participant(session.local_uri)
    one.remote = Participant(
        session.remote_uri, session.remote_display_name, session.remote_target
    )
    return one


def of_agent(agent: "Agent", entity: str) -> DialogInfo:
    """Return the state of all our calls."""
    return _collect(list(agent.sessions.values()), entity)


def _collect(sessions: "list[Session]", entity: str) -> DialogInfo:
    info = DialogInfo(entity)
    for session in sessions:
        one = of_session(session)
        if one.state != TERMINATED and len(info.dialogs) < _MAX_DIALOGS:
            info.dialogs.append(one)
    info.dialogs.sort(key=lambda one: one.id)
    return info


def of_subscriber(notifier: "Notifier", entity: str) -> DialogInfo:
    """Return what one subscriber is told of our calls.

    These are the dialogs that its Event header names, or all (section 3.2), but not those it is
    itself a party of (section 3.3). If it is private it learns what a caller would find out anyway
    (section 3.7.2): one dialog, "confirmed", if there is any.
    """
    wanted = {}
    for name, value in notifier.params:
        if name in ("call-id", "to-tag", "from-tag"):
            wanted[name] = unquote(value or "")
    sessions = []
    for session in notifier.agent.sessions.values():
        dialog = session.dialog
        remote_tag = "" if dialog is None else dialog.remote_tag
        if (
            wanted.get("call-id", session.call_id) == session.call_id
            and wanted.get("to-tag", session.local_tag) == session.local_tag
            and wanted.get("from-tag", remote_tag) == remote_tag
            and not _is_party(notifier, session)
        ):
            sessions.append(session)
    info = _collect(sessions, entity)
    if notifier.private and info.dialogs:
        info.dialogs = [DialogState("0", CONFIRMED)]
    return info


def _is_party(notifier: "Notifier", session: "Session") -> bool:
    if notifier.dialog is None:
        return False
    try:
        own = URI.parse(notifier.dialog.remote_target)
        return own.matches(URI.parse(session.remote_target))
    except FormatError:
        return False


def _next_document(notifier: "Notifier", entity: str) -> "bytes | None":
    """Return the octets to tell a subscriber, None if it knows them already."""
    info = of_subscriber(notifier, entity)
    text = info.emit()
    if text == notifier.told:
        return None
    notifier.told = text
    info.version = notifier.version
    notifier.version += 1
    return info.emit()


def accept(notifier: "Notifier", now: int, entity: str, private: bool = False) -> None:
    """Take a subscription to "dialog", and tell the state as it is.

    entity: the URI of whose calls. private: see `of_subscriber`. LocalProtocolError: as
    `Notifier.accept`.
    """
    notifier.private = private
    notifier.accept(now, CONTENT_TYPE, _next_document(notifier, entity) or b"")


def publish(agent: "Agent", now: int, entity: str) -> None:
    """Tell the subscribers of our calls what has changed, if anything has."""
    for one in agent.subscriptions:
        if one.role == "notifier" and one.package == "dialog" and one.state == ACTIVE:
            notifier: "Notifier" = one  # type: ignore[assignment]
            body = _next_document(notifier, entity)
            if body is not None:
                notifier.notify(now, CONTENT_TYPE, body)
