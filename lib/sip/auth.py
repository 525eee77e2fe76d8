# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760).

    response = H( H(A1) ":" nonce ":" nc ":" cnonce ":" qop ":" H(A2) )
    A1       = username ":" realm ":" password
             = H( username ":" realm ":" password ) ":" nonce ":" cnonce  ; -sess, of the first
    A2       = method ":" digest-uri              ; auth, without method in rspauth
             = method ":" digest-uri ":" H(body)  ; auth-int

Algorithms MD5 and SHA-256 and their -sess forms; qop absent (RFC 2069), auth, auth-int. Of several
challenges for one realm the first that we can answer is taken, as RFC 8760 section 2.4 wants. A
server that says rspauth must prove that it knows the password too.
"""

from vox6.sip.headers import Challenge, quote
from vox6.wire import const
from vox6.wire.errors import AuthenticationError, FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Protocol

    from vox6.sip.message import Request, Response

    class Crypto(Protocol):
        """The part of vox6.crypto.Provider that is used here."""

        def digest(self, name: str, data: bytes) -> bytes:
            """Return a hash of data."""

        def equal(self, one: bytes, two: bytes) -> bool:
            """Compare in constant time."""


_MAX_CHALLENGES = const(4)  # realms kept for one account: registrar and a few proxies
_MAX_NONCE = const(512)  # characters of nonce, realm and opaque that we carry
_MAX_SENT = const(8)  # credentials of one realm whose rspauth may still come
_ALGORITHMS = {
    "": "MD5",
    "md5": "MD5",
    "md5-sess": "MD5",
    "sha-256": "SHA-256",
    "sha-256-sess": "SHA-256",
}


def _hex(octets: bytes) -> str:
    return "".join(["%02x" % octet for octet in octets])


def digest_response(
    crypto: "Crypto",
    algorithm: str,
    username: str,
    realm: str,
    password: str,
    method: str,
    uri: str,
    nonce: str,
    qop: str = "",
    nc: str = "",
    cnonce: str = "",
    body: bytes = b"",
    session: "tuple[str, str] | None" = None,
) -> str:
    """Return the response of RFC 7616 section 3.4.1 as lower case hexadecimal digits.

    session: (nonce, cnonce) that made A1 of a -sess algorithm, when they are not the present ones.
    FormatError: an unknown algorithm.
    """
    name = _ALGORITHMS.get(algorithm.lower())
    if name is None:
        raise FormatError("unknown digest algorithm")

    def h(text: str) -> str:
        return _hex(crypto.digest(name, text.encode()))

    ha1 = h(username + ":" + realm + ":" + password)
    if algorithm.lower()[-5:] == "-sess":
        ha1 = h(ha1 + ":" + ":".join(session or (nonce, cnonce)))
    a2 = method + ":" + uri
    if qop == "auth-int":
        a2 += ":" + _hex(crypto.digest(name, body))
    ha2 = h(a2)
    if not qop:
        return h(ha1 + ":" + nonce + ":" + ha2)
    return h(":".join((ha1, nonce, nc, cnonce, qop, ha2)))


class _Realm:
    """One protection space that has challenged us."""

    def __init__(self, proxy: bool, host: str, challenge: Challenge, qop: str) -> None:
        self.proxy = proxy
        self.host = host  # of the Request-URI; a registrar's challenge is for it alone
        self.realm = challenge.get("realm") or '""'
        self.nonce = challenge.get("nonce") or '""'
        self.opaque = challenge.get("opaque")
        self.algorithm = challenge.text("algorithm")
        self.userhash = challenge.text("userhash").lower() == "true"
        self.qop = qop
        self.count = 0  # nc
        self.session: "tuple[str, str] | None" = None  # nonce and cnonce of A1, for -sess
        self.sent: "list[tuple[str, str, str]]" = []  # nc, cnonce, uri of the last credentials

    def is_session(self) -> bool:
        """Return whether the algorithm makes a key of its own for this challenge."""
        return self.algorithm.lower()[-5:] == "-sess"


def _choose_qop(challenge: Challenge) -> "str | None":
    """Return the qop to answer with, "" if none is offered, None if we know none of them."""
    if challenge.get("qop") is None:
        return ""
    offered = [item.strip(" \t").lower() for item in challenge.text("qop").split(",")]
    for qop in ("auth", "auth-int"):
        if qop in offered:
            return qop
    return None


class DigestClient:
    """The client side for one user: remembers challenges, adds credentials to requests."""

    def __init__(
        self, crypto: "Crypto", random: "Callable[[int], bytes]", username: str, password: str
    ) -> None:
        self.crypto = crypto
        self.random = random
        self.username = username
        self.password = password
        self._realms: "list[_Realm]" = []

    def receive_challenge(
        self, request: "Request", response: "Response", answered: "list[str]"
    ) -> "list[str]":
        """Take a 401 or 407 and return the list of realms that were answered in this exchange.

        answered: what the last call returned for an earlier response to the same request, else
        []. AuthenticationError: nothing can be answered, or the credentials were refused.
        """
        seen: "list[str]" = []
        refused = False
        for proxy, line in _challenges(response):
            try:
                challenge = Challenge.parse(line)
                host = request.uri.host
            except FormatError:
                continue
            algorithm = challenge.text("algorithm").lower()
            qop = _choose_qop(challenge)
            nonce = challenge.text("nonce")
            size = len(nonce) + len(challenge.text("realm")) + len(challenge.text("opaque"))
            if challenge.scheme.lower() != "digest" or algorithm not in _ALGORITHMS:
                continue
            if qop is None or not nonce or size > _MAX_NONCE:
                continue
            mark = ("P" if proxy else "W") + challenge.text("realm")
            if mark in seen:
                continue
            stale = challenge.text("stale").lower() == "true"
            if mark in answered and (not stale or mark + " stale" in answered):
                refused = True
                continue
            seen.append(mark)
            if mark in answered:
                seen.append(mark + " stale")
            self._remember(_Realm(proxy, host, challenge, qop))
        if not seen:
            raise AuthenticationError(
                "credentials refused" if refused else "no challenge we can answer", response.status
            )
        return answered + seen

    def _remember(self, realm: _Realm) -> None:
        kept = []
        for old in self._realms:
            if old.proxy != realm.proxy or old.realm != realm.realm:
                kept.append(old)
        if len(kept) >= _MAX_CHALLENGES:
            kept.pop(0)
        kept.append(realm)
        self._realms = kept

    def receive_info(self, response: "Response") -> None:
        """Take Authentication-Info and its kin for proxies (RFC 7616 sections 3.5 and 3.8).

        AuthenticationError: a server claims to know the password and does not. Nothing of it is
        taken then.
        """
        for proxy, key in ((False, "authentication-info"), (True, "proxy-authentication-info")):
            try:
                text = response.get(key)
                if text is None:
                    continue
                info = Challenge.parse("Digest " + text)
                nonce = info.get("nextnonce")
                proof = info.text("rspauth").lower()
            except FormatError:
                continue
            realms = [realm for realm in self._realms if realm.proxy == proxy]
            if proof and realms:
                realms = self._find_proven(realms, info, proof, response)
            for realm in realms:
                if nonce is not None and len(nonce) <= _MAX_NONCE:
                    realm.nonce = nonce
                    realm.count = 0
                    realm.sent = []

    def _find_proven(
        self, realms: "list[_Realm]", info: Challenge, proof: str, response: "Response"
    ) -> "list[_Realm]":
        """Return the realm that an rspauth speaks for; AuthenticationError if there is none."""
        for realm in realms:
            for nc, cnonce, uri in realm.sent:
                if realm.qop and nc != info.text("nc").lower():
                    continue
                wanted = digest_response(
                    self.crypto,
                    realm.algorithm,
                    self.username,
                    _bare(realm.realm),
                    self.password,
                    "",
                    uri,
                    _bare(realm.nonce),
                    realm.qop,
                    nc,
                    cnonce,
                    response.body,
                    realm.session,
                )
                if self.crypto.equal(wanted.encode(), proof.encode()):
                    return [realm]
        raise AuthenticationError("wrong rspauth", 403)

    def authorize(self, request: "Request") -> None:
        """Put credentials for every realm known into a request, in place of those it has."""
        request.remove("authorization")
        request.remove("proxy-authorization")
        for realm in self._realms:
            if not realm.proxy and realm.host != request.uri.host:
                continue
            name = "Proxy-Authorization" if realm.proxy else "Authorization"
            request.add(name, self._credentials(realm, request))

    def _credentials(self, realm: _Realm, request: "Request") -> str:
        realm.count += 1
        nc = "%08x" % realm.count
        cnonce = _hex(self.random(8))
        if realm.is_session():  # one for the whole session: who recomputes A1 finds the same
            if realm.session is None:
                realm.session = (_bare(realm.nonce), cnonce)
            cnonce = realm.session[1]
        response = digest_response(
            self.crypto,
            realm.algorithm,
            self.username,
            _bare(realm.realm),
            self.password,
            request.method,
            request.uri_text,
            _bare(realm.nonce),
            realm.qop,
            nc,
            cnonce,
            request.body,
            realm.session,
        )
        if len(realm.sent) >= _MAX_SENT:
            realm.sent.pop(0)
        realm.sent.append((nc, cnonce, request.uri_text))
        username = self.username
        if realm.userhash:  # RFC 7616 section 3.4.4
            name = _ALGORITHMS[realm.algorithm.lower()]
            username = _hex(
                self.crypto.digest(name, (username + ":" + _bare(realm.realm)).encode())
            )
        out = [
            "username=" + quote(username),
            "realm=" + realm.realm,
            "nonce=" + realm.nonce,
            "uri=" + quote(request.uri_text),
            'response="' + response + '"',
        ]
        if realm.algorithm:
            out.append("algorithm=" + realm.algorithm)
        if realm.qop or realm.is_session():
            out.append('cnonce="' + cnonce + '"')
        if realm.opaque is not None:
            out.append("opaque=" + realm.opaque)
        if realm.qop:
            out.append("qop=" + realm.qop)
            out.append("nc=" + nc)
        if realm.userhash:
            out.append("userhash=true")
        return "Digest " + ", ".join(out)


def _challenges(response: "Response") -> "list[tuple[bool, str]]":
    """Return (proxy?, challenge) of every line: a forking proxy puts both kinds into one answer.

    RFC 3261 section 22.3, RFC 8760 section 2.5.
    """
    out = [(False, line) for line in response.lines("www-authenticate")]
    return out + [(True, line) for line in response.lines("proxy-authenticate")]


def _bare(text: str) -> str:
    """Return unq(text): without the quotes around it, quoted pairs kept (RFC 7616 section 3.4)."""
    return text[1:-1] if text[:1] == '"' else text


def verify(
    crypto: "Crypto", credentials: Challenge, method: str, password: str, body: bytes = b""
) -> None:
    """Check a client's credentials as a server does (RFC 7616 section 3.4.6).

    The caller has checked nonce, nc, realm and uri. AuthenticationError 403: they do not fit.
    """
    wanted = digest_response(
        crypto,
        credentials.text("algorithm"),
        credentials.text("username"),
        _bare(credentials.get("realm") or ""),
        password,
        method,
        credentials.text("uri"),
        _bare(credentials.get("nonce") or ""),
        credentials.text("qop"),
        credentials.text("nc"),
        credentials.text("cnonce"),
        body,
    )
    if not crypto.equal(wanted.encode(), credentials.text("response").lower().encode()):
        raise AuthenticationError("wrong digest", 403)
