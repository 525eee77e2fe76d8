# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The Routes of requests in proxy mode: which are ours, and which way the others lead (RFC 3261
sections 16.4, 16.6 and 16.12).

A Record-Route of ours has a token of kind r: what follows goes by the Routes below it, else by the
Request-URI. Kind f stands where only the way back leads to the sender: what follows goes there.
"""

from .tokens import OwnURI

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from vox6.sip.lines import RequestLines

    from .tokens import State, Tokens

    Address = tuple[bytes, int]


class Forged(Exception):
    """A token that nobody gave stands where only ours do."""


def wanted(message: "RequestLines") -> OwnURI:
    """Return the URI that a request goes to next."""
    text = (message.get("route") or "").partition("<")[2].partition(">")[0]
    return OwnURI(text or message.uri_text)


def own_routes(
    message: "RequestLines",
    here: "tuple[Address | None, ...]",
    is_ours: "Callable[[Address], bool]",
    tokens: "Tokens",
) -> "tuple[State | None, bool]":
    """Take out the Routes that name us (section 16.4); Forged.

    here: our addresses at which the request may have come; is_ours: of all others.
    Returns what the first Route says, and whether it leads to where a request came from.
    """
    found: "State | None" = None
    flow = False
    while True:
        text = message.get("route") or ""
        first, close, rest = text.partition(">")
        uri = OwnURI(first.partition("<")[2]) if close else None
        where = None if uri is None else uri.address()
        if uri is None or where is None:
            return found, flow
        if uri.token is None:
            if where not in here:
                return found, flow
        else:  # whatever its host has become on the way
            state, leads_back = _state(tokens, uri.token)
            if state is None:
                if is_ours(where):
                    raise Forged
                return found, flow
            if found is None:
                found, flow = state, leads_back
        rest = rest.partition(",")[2].strip()
        for i in range(len(message.headers)):
            if message.headers[i][0] == "route":
                if rest:
                    message.replace(i, b" " + rest.encode())
                else:
                    del message.headers[i]
                break


def _state(tokens: "Tokens", token: str) -> "tuple[State | None, bool]":
    state = tokens.read("r", token)
    if state is not None:
        return state, False
    return tokens.read("f", token), True


def own_uri(message: "RequestLines", local: "Address", tokens: "Tokens") -> "State | None":
    """Put the right Request-URI in the place of one of ours; return what ours says; Forged.

    It may be a Contact that we gave, or a Record-Route that a strict router has used (section
    16.4): then the last Route is what it was meant to be.
    """
    if message.uri_text[:4].lower() != "sip:":
        return None
    uri = OwnURI(message.uri_text)
    if uri.token is None or uri.address() != local:
        return None
    state = tokens.read("c", uri.token)
    if state is not None:
        message.uri_text = uri.at(state[0])
        return state
    state, _ = _state(tokens, uri.token)
    if state is None:
        raise Forged
    routes = ",".join(message.lines("route"))
    rest, _, last = routes.rpartition("<")
    if last:
        message.uri_text = last.partition(">")[0]
        message.remove("route")
        rest = rest.strip(" ,\t")
        if rest:
            message.add("Route", rest)
    return state


def postpone(message: "RequestLines") -> None:
    """Make a request what a strict router wants, if the next hop is one (section 16.6)."""
    text = message.get("route") or ""
    uri = text.partition("<")[2].partition(">")[0]
    if not uri or ";lr" in uri.lower():
        return
    rest = ",".join(message.lines("route")).partition(">")[2].partition(",")[2].strip()
    message.remove("route")
    message.add("Route", (rest + ", " if rest else "") + "<" + message.uri_text + ">")
    message.uri_text = uri


def hides(message: "RequestLines", peer: "Address") -> bool:
    """Return whether a request comes from its sender, from elsewhere than its Contact names: what
    is for that Contact has to go where it came from.
    """
    if len(message.lines("via")) != 1 or "," in message.lines("via")[0]:
        return False
    text = message.get("contact") or ""
    text = text.partition("<")[2].partition(">")[0] or text.partition(";")[0]
    if text[:4].lower() != "sip:":
        return False
    where = OwnURI(text).address()
    return where is not None and where[0] != peer[0]
