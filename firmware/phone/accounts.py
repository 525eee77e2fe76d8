# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Accounts: who we are at which server, and whether calls reach us there.

States: off (no server to register at), registering (or its name is looked up), registered, failed.
A refused password is not tried again before the settings change or the longest pause has passed: a
server that locks accounts must not be fed.

Where requests go: the setting proxy, else the SIP servers of the network (DHCPv6 options 21 and
22), else the registrar, else the domain of the account; names by RFC 3263.
"""

from firmware import log
from firmware.phone.next_hop import NextHop
from firmware.store.settings import ACCOUNTS
from firmware.ui import wording
from vox6.sip.registration import Account as Identity
from vox6.sip.uri import URI, host_text
from vox6.wire import const
from vox6.wire.errors import FormatError, ProtocolError

_REFUSED_MS = const(1800000)  # until a refusal is tried anew; lib/sip retries what is passing
_NAME_MS = const(60000)  # until a name that led nowhere is looked up again


class Account:
    """One account. hop: where its requests go, a NextHop; text: its state for people.
    has_server: its calls go by a server, and not straight to where a URI leads."""

    def __init__(self, number, uri, domain, user, display_name, hop):
        self.number = number
        self.uri = uri
        self.domain = domain
        self.user = user
        self.display_name = display_name
        self.hop = hop
        self.has_server = False
        self.locating = False
        self.registers = False
        self.identity = None  # as lib/sip wants it
        self.registration = None
        self.state = "off"
        self.text = wording.DIRECT
        self.retry_at = None

    @property
    def peer(self):
        """The next hop (addr16, port), or None: to be located, or out of reach."""
        return None if self.hop is None else self.hop.peer


def _outbound(settings, number, access):
    """Return the URI text of where requests of an account go first."""
    proxy = settings.account(number, "proxy")
    if proxy or access is None:
        return proxy
    told = access.configuration
    for name in told.sip_domains:  # RFC 3319 section 4: they go before addresses
        return "sip:" + name
    for addr16 in told.sip_servers:
        return "sip:" + host_text(addr16)
    return ""


def load_one(settings, number, access, instance_id=""):
    """Return the Account of a number, or None if it has no URI; a bad one has state "failed".

    instance_id: of this phone (RFC 5626 section 4.1).
    """
    uri_text = settings.account(number, "uri")
    if not uri_text:
        return None
    name = settings.account(number, "display_name")
    try:
        uri = URI.parse(uri_text)
        registrar = settings.account(number, "registrar")
        outbound = _outbound(settings, number, access) or registrar
        wish = settings.account(number, "transport")
        hop = NextHop(
            None if access is None else access.names,
            URI.parse(outbound) if outbound else uri,
            None if wish == "auto" else wish.upper(),
        )
    except FormatError as exc:
        log.say("account", "%d: %s" % (number, exc))
        account = Account(number, uri_text, "", uri_text, name, None)
        account.state = "failed"
        account.text = wording.BAD_ACCOUNT
        return account
    account = Account(number, uri_text, _domain(uri), uri.user_text() or uri.host, name, hop)
    account.registers = bool(registrar)
    account.has_server = bool(outbound)
    account.identity = Identity(
        uri_text,
        settings.account(number, "auth_user") or uri.user_text(),
        settings.account(number, "password"),
        name,
        registrar or None,
        hop.peer,
        transport=hop.transport,
        outbound=settings.account(number, "outbound"),
        instance_id=instance_id,
        keepalive_s=settings.account(number, "keepalive_s"),
    )
    return account


def _domain(uri):
    return uri.host if uri.port is None else "%s:%d" % (uri.host, uri.port)


def _nobody(account, now):
    pass


def _unknown(peer, transport):
    return ""


class Accounts:
    """All accounts of the phone and their registrations.

    agent: the SIP engine; settings: a Settings; random: function (n) -> bytes, for retry times;
    clock; access: net.access.Access. The caller drains the driver of the agent after each call.
    on_change: function () after a name was located.
    """

    def __init__(self, agent, settings, random, clock, access, instance_id=""):
        self._agent = agent
        self._instance_id = instance_id
        self._clock = clock
        self._access = access
        self._dns = []
        self.on_change = None
        self.on_ready = _nobody  # function (account, now): an account can be used
        self.why = _unknown  # function (peer, transport): why a connection failed, or ""
        self._settings = settings
        self._random = random
        self.all = []

    def load(self):
        """Read the accounts from the settings."""
        for account in self.all:
            if account.hop is not None:
                account.hop.cancel()
        self.all = []
        for number in range(1, ACCOUNTS + 1):
            account = load_one(self._settings, number, self._access, self._instance_id)
            if account is not None:
                self.all.append(account)

    def for_digits(self, number=None):
        """Return the account that digits and names are dialled with, or None.

        number: the one that somebody chose for this call; None: the one of dial.account.
        """
        chosen = number or self._settings.get("dial.account")
        for account in self.all:
            if account.number == chosen:
                return account
        return self.all[0] if self.all else None

    def for_request(self, request_user):
        """Return the account whose user is called, or None: which line of us somebody wants."""
        for account in self.all:
            if request_user and account.user == request_user:
                return account
        return None

    def register_all(self, now):
        """Register what is not registered yet; a change of address is followed by the agent."""
        for account in self.all:
            if account.registration is None:
                self._register(account, now)
                if not account.registers and account.hop is not None:
                    self.on_ready(account, now)

    def servers_changed(self, now):
        """The network names other servers of DNS, or of SIP, where accounts go that name none."""
        others = self._access.names.servers
        dns = others != self._dns
        self._dns = others
        for account in self.all:
            if dns and account.registration is None and account.state == "failed":
                if account.hop is not None and account.hop.is_name:
                    self._register(account, now)
            fresh = load_one(self._settings, account.number, self._access)
            if account.hop is None or fresh is None or fresh.hop is None:
                continue
            if not account.hop.leads_like(fresh.hop):
                account.hop.cancel()
                account.locating = False
                account.hop = fresh.hop
                self._register(account, now)

    def _register(self, account, now):
        if not account.registers or account.locating:
            return
        account.retry_at = None
        account.state = "registering"
        if account.hop.peer is None:
            account.text = wording.LOCATING

            def located(reason):
                later = self._clock.now()
                account.locating = False
                if reason:
                    pause = self._share(_NAME_MS) if account.hop.is_name else self._pause()
                    self._failed(account, reason, later + pause)
                else:
                    self._register(account, later)
                if self.on_change is not None:
                    self.on_change()

            account.locating = True
            account.hop.locate(located)
            return
        if self._access is not None and not self._access.network.source_for(account.hop.peer[0]):
            account.text = wording.NO_WAY  # an address that reaches there may come
            return
        if account.hop.problem():
            self._failed(account, account.hop.problem(), None)
            return
        account.text = wording.REGISTERING
        account.identity.peer = account.hop.peer
        account.identity.transport = account.hop.transport
        account.identity.targets = account.hop.targets()
        registration = account.registration
        if registration is not None:
            registration.peer = account.hop.peer
            registration.transport = account.hop.transport
            registration.start(now)
            return
        expires = self._settings.account(account.number, "expires_s")
        try:
            account.registration = self._agent.register(account.identity, now, expires)
        except ProtocolError as exc:
            log.say("account", "%d: %s" % (account.number, exc))
            self._failed(account, wording.BAD_ACCOUNT, now + self._pause())

    def unregister_all(self, now):
        """Tell the servers that we leave."""
        for account in self.all:
            if account.registration is not None and account.state == "registered":
                account.registration.unregister(now)

    def _of(self, registration):
        for account in self.all:
            if account.registration is registration:
                return account
        return None

    def uses(self, peer, transport):
        """Return whether an account is reached by a connection."""
        for account in self.all:
            one = account.registration
            if one is not None and account.state in ("registering", "registered"):
                if one.peer == peer and one.transport == transport:
                    return True
        return False

    def registered(self, event):
        """A server took our registration."""
        account = self._of(event.registration)
        if account is None:
            return
        fresh = account.state != "registered"
        if fresh:
            log.say("account", "%d registered for %d s" % (account.number, event.expires))
        account.state = "registered"
        account.text = wording.REGISTERED
        if event.registration.transport != "UDP":
            account.text = wording.REGISTERED_BY % event.registration.transport
        account.retry_at = None
        if fresh:
            self.on_ready(account, self._clock.now())

    def failed(self, event, now):
        """A server refused or does not answer."""
        account = self._of(event.registration)
        if account is None:
            return
        log.say("account", "%d: %d %s" % (account.number, event.status, event.reason))
        one = event.registration
        why = self.why(one.peer, one.transport) if event.status == 503 else ""
        if event.status in (408, 503):
            self._locate_anew(account)
        if event.status in (401, 403, 407):
            text = wording.WRONG_PASSWORD
        elif event.status == 408:
            text = wording.NO_ANSWER_SERVER
        elif why:
            text = why
        else:
            text = wording.status_text(event.status, event.reason)
        retry_at = None if event.retry_ms is not None else now + self._pause()
        self._failed(account, text, retry_at)

    def _locate_anew(self, account):
        """No place behind a name serves us: what lib/sip retries goes to where it leads then."""
        hop = account.hop
        registration = account.registration
        if hop.is_name:

            def located(reason):
                if not reason and account.registration is registration:
                    account.identity.peer = registration.peer = hop.peer
                    account.identity.transport = registration.transport = hop.transport
                    account.identity.targets = hop.targets()

            hop.locate(located)

    def redirected(self, event):
        """A registrar sends us to a name: look it up and go on there."""
        registration = event.registration
        try:
            hop = NextHop(self._access.names, URI.parse(event.uri))
        except FormatError as exc:
            log.say("account", "sent to %s: %s" % (event.uri, exc))
            return

        def located(reason):
            if reason:
                log.say("account", "sent to %s: %s" % (event.uri, reason))
            else:
                registration.redirect(hop.peer, hop.transport, self._clock.now())
                self.on_change()

        hop.locate(located)

    def _share(self, ms):
        # 50 to 100 % of the time, so that phones do not come back all at once
        return ms // 2 + ms // 2 * self._random(1)[0] // 255

    def _pause(self):
        return self._share(_REFUSED_MS)

    def _failed(self, account, text, retry_at):
        account.state = "failed"
        account.text = text
        account.retry_at = retry_at

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        due = None
        for account in self.all:
            if account.retry_at is not None and (due is None or account.retry_at < due):
                due = account.retry_at
        return due

    def handle_timer(self, now):
        """Try again where the time has come."""
        for account in self.all:
            if account.retry_at is not None and account.retry_at <= now:
                self._register(account, now)
