# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Accounts: who we are at which server, and whether calls reach us there.

States: off (no server to register at), registering, registered, failed. A refused password is not
tried again before the settings change or the longest pause has passed: a server that locks
accounts must not be fed.
"""

from firmware import log
from firmware.store.settings import ACCOUNTS
from firmware.ui import wording
from vox6.sip.registration import Account as Identity
from vox6.sip.uri import URI
from vox6.wire import const
from vox6.wire.errors import FormatError, ProtocolError

_REFUSED_MS = const(1800000)  # until a refusal is tried anew; lib/sip retries what is passing


class Account:
    """One account. peer: next hop (addr16, port) or None; text: its state for people."""

    def __init__(self, number, uri, domain, user, display_name, peer):
        self.number = number
        self.uri = uri
        self.domain = domain
        self.user = user
        self.display_name = display_name
        self.peer = peer
        self.registers = False
        self.identity = None  # as lib/sip wants it
        self.registration = None
        self.state = "off"
        self.text = wording.DIRECT
        self.retry_at = None


def _peer_of(uri_text):
    """Return (addr16, port) of a URI whose host is an IPv6 address, else None."""
    if not uri_text:
        return None
    peer = URI.parse(uri_text).peer()
    if peer is None or peer[0][:12] == b"\x00" * 10 + b"\xff\xff":
        return None
    return peer


def load_one(settings, number):
    """Return the Account of a number, or None if it has no URI; a bad one has state "failed"."""
    uri_text = settings.account(number, "uri")
    if not uri_text:
        return None
    name = settings.account(number, "display_name")
    try:
        uri = URI.parse(uri_text)
        registrar = settings.account(number, "registrar")
        peer = _peer_of(settings.account(number, "proxy")) or _peer_of(registrar)
    except FormatError as exc:
        log.say("account", "%d: %s" % (number, exc))
        account = Account(number, uri_text, "", uri_text, name, None)
        account.state = "failed"
        account.text = wording.BAD_ACCOUNT
        return account
    account = Account(number, uri_text, _domain(uri), uri.user_text() or uri.host, name, peer)
    account.registers = bool(registrar) and peer is not None
    if registrar and peer is None:
        account.state = "failed"
        account.text = wording.NEED_PROXY
    account.identity = Identity(
        uri_text,
        settings.account(number, "auth_user") or uri.user_text(),
        settings.account(number, "password"),
        name,
        registrar or None,
        peer,
    )
    return account


def _domain(uri):
    return uri.host if uri.port is None else "%s:%d" % (uri.host, uri.port)


class Accounts:
    """All accounts of the phone and their registrations.

    agent: the SIP engine; settings: a Settings; random: function (n) -> bytes, for retry times.
    The caller drains the driver of the agent after each call.
    """

    def __init__(self, agent, settings, random):
        self._agent = agent
        self._settings = settings
        self._random = random
        self.all = []

    def load(self):
        """Read the accounts from the settings."""
        self.all = []
        for number in range(1, ACCOUNTS + 1):
            account = load_one(self._settings, number)
            if account is not None:
                self.all.append(account)

    def for_digits(self):
        """Return the account that digits and names are dialled with, or None."""
        chosen = self._settings.get("dial.account")
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

    def _register(self, account, now):
        if not account.registers:
            return
        account.retry_at = None
        account.state = "registering"
        account.text = wording.REGISTERING
        if account.registration is not None:
            account.registration.start(now)
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

    def registered(self, event):
        """A server took our registration."""
        account = self._of(event.registration)
        if account is None:
            return
        if account.state != "registered":
            log.say("account", "%d registered for %d s" % (account.number, event.expires))
        account.state = "registered"
        account.text = wording.REGISTERED
        account.retry_at = None

    def failed(self, event, now):
        """A server refused or does not answer."""
        account = self._of(event.registration)
        if account is None:
            return
        log.say("account", "%d: %d %s" % (account.number, event.status, event.reason))
        if event.status in (401, 403, 407):
            text = wording.WRONG_PASSWORD
        elif event.status == 408:
            text = wording.NO_ANSWER_SERVER
        else:
            text = wording.status_text(event.status, event.reason)
        retry_at = None if event.retry_ms is not None else now + self._pause()
        self._failed(account, text, retry_at)

    def _pause(self):
        # 50 to 100 % of the time, so that phones do not come back all at once
        return _REFUSED_MS // 2 + _REFUSED_MS // 2 * self._random(1)[0] // 255

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
