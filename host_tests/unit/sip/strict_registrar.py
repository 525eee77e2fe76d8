# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A registrar that checks every REGISTER by RFC 3261 to the letter, and digests by RFC 7616.

It computes digests by itself. What it does not like is an AssertionError that names the section.
"""

from host_tests.unit.sip.helpers import A, sent
from vox6.sip.headers import Challenge, NameAddr, Via
from vox6.sip.message import Response, parse
from vox6.sip.uri import URI, host_text

_QUOTED = ("username", "realm", "nonce", "uri", "response", "cnonce", "opaque")
_BARE = ("algorithm", "qop", "nc", "userhash")
_ONCE = (
    "to", "from", "call-id", "cseq", "max-forwards", "content-length", "content-type", "expires",
    "user-agent", "supported",
)  # fmt: skip


def require(condition, text):
    """Raise AssertionError with the rule that is broken."""
    if not condition:
        raise AssertionError(text)


class Realm:
    """One protection space: challenges in the order of preference, and what it has issued.

    algorithms: names, "" for none said. answer: the one that a client must take.
    """

    def __init__(
        self, crypto, name="example.com", algorithms=("MD5",), qop="auth", proxy=False,
        username="anna", password="secret", answer=None, opaque="o,1", userhash=False, charset="",
    ):  # fmt: skip
        self.crypto = crypto
        self.name = name
        self.algorithms = algorithms
        self.qop = qop
        self.proxy = proxy
        self.username = username
        self.password = password
        self.answer = algorithms[0] if answer is None else answer
        self.opaque = opaque
        self.userhash = userhash
        self.charset = charset
        self.nonce = ""
        self.count = 0
        self.issued = 0
        self.stale = False  # say so in the next challenge
        self.session = None
        self.next_nonce = False  # give another nonce with each 2xx
        self.proves = ""  # "right" or "wrong": rspauth with each 2xx
        self.seen = None

    def _fresh(self):
        self.issued += 1
        self.count = 0
        self.nonce = '%s-%d "\\' % (self.name, self.issued)
        return self.nonce.replace("\\", "\\\\").replace('"', '\\"')

    def challenge(self, response):
        """Put our challenges into a response."""
        nonce = self._fresh()
        self.session = None
        for algorithm in self.algorithms:
            text = 'Digest realm="%s", nonce="%s"' % (self.name, nonce)
            if self.opaque:
                text += ', opaque="%s"' % self.opaque
            if algorithm:
                text += ", algorithm=" + algorithm
            if self.qop:
                text += ', qop="%s"' % self.qop
            if self.stale:
                text += ", stale=true"
            if self.userhash:
                text += ", userhash=true"
            if self.charset:
                text += ", charset=" + self.charset
            response.add("Proxy-Authenticate" if self.proxy else "WWW-Authenticate", text)

    def _h(self, text):
        name = "SHA-256" if self.answer.lower().startswith("sha") else "MD5"
        data = text.encode() if isinstance(text, str) else text
        return "".join(["%02x" % octet for octet in self.crypto.digest(name, data)])

    def _digest(self, value, method, body):
        """Return the response of RFC 7616 section 3.4.1 for credentials."""
        nonce = value.get("nonce")[1:-1]  # unq(): quoted pairs stay
        cnonce = value.text("cnonce")
        a1 = self._h(self.username + ":" + self.name + ":" + self.password)
        if self.answer.lower().endswith("-sess"):
            if self.session is None:
                self.session = nonce + ":" + cnonce
            a1 = self._h(a1 + ":" + self.session)
        a2 = method + ":" + value.text("uri")
        qop = value.text("qop")
        if qop == "auth-int":
            a2 += ":" + self._h(body)
        middle = ":" + nonce
        if qop:
            middle += ":" + value.text("nc") + ":" + cnonce + ":" + qop
        return self._h(a1 + middle + ":" + self._h(a2))

    def check(self, request):
        """Return whether a request has our credentials, rightly; wrong form is an error."""
        key = "proxy-authorization" if self.proxy else "authorization"
        found = None
        for line in request.lines(key):
            value = Challenge.parse(line)
            require(value.scheme == "Digest", "RFC 3261 22.4: scheme")
            if value.text("realm") == self.name:
                require(found is None, "RFC 3261 22.3: one credential for a realm")
                found = value
        if found is None:
            return False
        names = [name for name, _ in found.params]
        require(len(names) == len(set(names)), "a parameter twice")
        for name, value in found.params:
            require(name in _QUOTED or name in _BARE, "unknown parameter " + name)
            require((value[0] == '"') == (name in _QUOTED), "RFC 7616 3.4: quotes of " + name)
        require(found.text("uri") == request.uri_text, "RFC 3261 22.4: digest-uri is Request-URI")
        require(found.text("algorithm") == self.answer, "RFC 8760 2.4: topmost that is supported")
        require(("opaque" in names) == bool(self.opaque), "opaque")
        require(found.text("opaque") == self.opaque, "RFC 7616 3.4: opaque as it came")
        if self.userhash:
            require(found.text("userhash") == "true", "RFC 7616 3.4.4: userhash")
            wanted = self._h(self.username + ":" + self.name)
            require(found.text("username") == wanted, "RFC 7616 3.4.4: hashed username")
        else:
            require("userhash" not in names, "userhash that nobody asked for")
            if found.text("username") != self.username:
                return False
        if found.text("nonce") != self.nonce:
            return False  # an old one: challenged anew
        if self.qop:
            require(found.text("qop") in self.qop.split(","), "qop that was not offered")
            require(found.text("cnonce") != "", "RFC 7616 3.4: cnonce")
            self.count += 1
            require(found.text("nc") == "%08x" % self.count, "RFC 7616 3.4: nc counts by one")
        else:
            require("qop" not in names and "nc" not in names, "RFC 2069 has neither qop nor nc")
        if found.text("response") != self._digest(found, request.method, request.body):
            return False
        self.seen = found
        return True

    def inform(self, request, response):
        """Put Authentication-Info into a 2xx, if we do so (RFC 7616 section 3.5)."""
        out = []
        if self.proves:
            value = self._digest(self.seen, "", response.body)
            out.append('rspauth="%s"' % (value if self.proves == "right" else "0" * len(value)))
            out.append('cnonce="%s"' % self.seen.text("cnonce"))
            out.append("nc=" + self.seen.text("nc"))
            out.append("qop=" + self.seen.text("qop"))
        if self.next_nonce:
            out.append('nextnonce="%s"' % self._fresh())
        if out:
            name = "Proxy-Authentication-Info" if self.proxy else "Authentication-Info"
            response.add(name, ", ".join(out))


class StrictRegistrar:
    """Checks, challenges, keeps bindings, answers.

    script: responses for the next requests in order: a status, (status, lines), or a function of
    the request; then it is the registrar again. peer: where it stands.
    """

    def __init__(
        self, agent, peer, realms=(), aor="sip:anna@example.com", host=A, transport="UDP"
    ):
        self.agent = agent
        self.peer = peer
        self.realms = realms
        self.aor = aor
        self.request_uri = "sip:example.com"
        self.host = host_text(host)
        self.transport = transport
        self.script = []
        self.grant = 60
        self.minimum = 0
        self.lines = ()  # (name, value) of each 2xx
        self.contact_params = ""
        self.others = ["<sip:other@[2001:db8::77]>;q=0.3;expires=5"]
        self.bindings = {}
        self.statuses = []
        self.requests = []
        self.call_id = None
        self.cseq = None
        self.branches = []
        self.outbound = False  # we support it
        self.last = None  # request, its octets, those of the response

    def check(self, request, octets):
        """Check what holds for every REGISTER (RFC 3261 sections 8.1.1, 10.2 and 20)."""
        require(request.method == "REGISTER", "no REGISTER")
        require(request.uri_text == self.request_uri, "Request-URI " + request.uri_text)
        uri = URI.parse(request.uri_text)
        request.check()
        for name in _ONCE:
            require(request.count(name) <= 1, "RFC 3261 7.3.1: more than one " + name)
        require(len(request.lines("via")) == 1, "RFC 3261 8.1.1.7: one Via, none of before")
        via = Via.parse(request.lines("via")[0])
        require(via.transport == self.transport, "RFC 3261 18.1.1: transport of Via")
        require((via.branch or "")[:7] == "z9hG4bK", "RFC 3261 8.1.1.7: magic cookie")
        require(via.branch not in self.branches, "RFC 3261 8.1.1.7: a new branch")
        require(via.get("rport") == "", "RFC 3581 3: rport without value")
        require(via.host == self.host, "sent-by is our address")
        require(request.get("max-forwards") == "70", "RFC 3261 8.1.1.6")
        require(request.from_.uri_text == self.aor, "RFC 3261 10.2: From is the AOR")
        require(request.to.uri_text == self.aor, "RFC 3261 10.2: To is the AOR")
        require(bool(request.from_.tag), "RFC 3261 8.1.1.3: From tag")
        require(request.to.tag is None, "RFC 3261 8.1.1.2: no To tag")
        require(self.call_id in (None, request.call_id), "RFC 3261 10.2: one Call-ID")
        require(
            self.cseq is None or request.cseq.number == self.cseq + 1, "RFC 3261 10.2: CSeq + 1"
        )
        require(request.cseq.method == "REGISTER", "RFC 3261 8.1.1.5")
        require(not request.count("record-route"), "RFC 3261 10.2")
        require(request.get("content-length") in (None, "0"), "Content-Length")
        require(octets.endswith(b"\r\n\r\n") and not request.body, "RFC 3261 7.4")
        require(b"Content-Length: 0\r\n" in octets, "RFC 3261 20.14")
        for route in request.values("route"):
            require(NameAddr.parse(route).uri.get("lr") is not None, "loose routes")
        for option in request.tokens("require"):
            require(option in ("outbound",), "Require")
        require("path" in request.tokens("supported"), "RFC 3327 5.1")
        require(uri.user is None, "RFC 3261 10.2: no userinfo in the Request-URI")
        self._check_contacts(request)
        self.call_id = request.call_id
        self.cseq = request.cseq.number
        self.branches.append(via.branch)

    def _check_contacts(self, request):
        contacts = request.contacts()
        require(len(contacts) >= 1, "Contact")
        require("*" not in request.values("contact"), "RFC 3261 10.2.2: * needs Expires: 0")
        for contact in contacts:
            require(contact.uri.scheme == "sip", "RFC 3261 10.2.1")
            require(contact.uri.user is not None, "a user part to tell accounts apart")
            require(contact.get("expires").isdigit(), "expires")
            names = [name for name, _ in contact.params]
            require(len(names) == len(set(names)), "a parameter twice")
        require(contacts[0].uri.host == self.host, "Contact is our address")
        if contacts[0].get("reg-id") is not None:
            require("outbound" in request.tokens("supported"), "RFC 5626 4.2.1")
            instance = contacts[0].get("+sip.instance")
            require(instance[:11] == '"<urn:uuid:' and instance[-2:] == '>"', "RFC 5626 4.1")

    def answer(self, octets, now=0):
        """Return the octets of the response to a request; a repeated one gets the same again."""
        request = parse(octets)
        if self.last is not None and request.via.branch == self.last[0].via.branch:
            require(octets == self.last[1], "RFC 3261 17.1.2: repeated as it was")
            return self.last[2]
        self.check(request, octets)
        self.requests.append(request)
        step = self.script.pop(0) if self.script else None
        if callable(step):
            response = step(request)
        elif step is not None:
            status, lines = (step, ()) if isinstance(step, int) else step
            response = request.response(status, None, "r")
            for name, value in lines:
                response.add(name, value)
        else:
            response = self._decide(request, now)
        self.statuses.append(response.status)
        self.last = (request, octets, response.emit())
        return self.last[2]

    def _decide(self, request, now):
        missing = [realm for realm in self.realms if not realm.check(request)]
        if missing:
            www = [realm for realm in missing if not realm.proxy]
            response = request.response(401 if www else 407, None, "r")
            for realm in missing:
                realm.challenge(response)
            return response
        contacts = request.contacts()
        shortest = min([int(contact.get("expires")) for contact in contacts])
        if 0 < shortest < self.minimum:
            response = request.response(423, None, "r")
            response.add("Min-Expires", "%d" % self.minimum)
            return response
        for contact in contacts:
            if contact.get("expires") == "0":
                self.bindings.pop(contact.uri_text, None)
            else:
                self.bindings[contact.uri_text] = contact
        response = request.response(200, None, "r")
        for other in self.others:
            response.add("Contact", other)
        for uri in sorted(self.bindings):
            text = "<%s>;expires=%d" % (uri, self.grant)
            for name in ("+sip.instance", "reg-id"):
                value = self.bindings[uri].get(name)
                if value is not None:
                    text += ";%s=%s" % (name, value)
            response.add("Contact", text + self.contact_params)
        for name, value in self.lines:
            response.add(name, value)
        if self.outbound and contacts[0].get("reg-id") is not None:
            response.add("Require", "outbound")
        for realm in self.realms:
            realm.inform(request, response)
        return response

    def serve(self, now=0):
        """Answer all that the agent sends to us until it is silent; return what went elsewhere."""
        other = []
        while True:
            moved = False
            for octets, peer, transport in self.agent.datagrams_to_send():
                if peer != self.peer or transport != self.transport:
                    other.append((octets, peer, transport))
                elif octets[:4] in (b"\r\n\r\n", b"\x00\x01\x00\x00"):
                    other.append((octets, peer, transport))
                else:
                    moved = True
                    response = self.answer(octets, now)
                    self.agent.receive_datagram(response, self.peer, now, self.transport)
            if not moved:
                return other


def is_silent(agent):
    """Return whether an agent sends no request."""
    return [m for m in sent(agent) if not isinstance(m, Response)] == []
