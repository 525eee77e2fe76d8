# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Offer and answer of SRTP keys in a dialog (RFC 4568 sections 5.1 and 7.1).

SecurityDescriptions goes beside sdp.Negotiation and has the same states: what this one is given
are the values of a=crypto lines, in order.

    (stable, create_offer) -> local-offer      (stable, receive_offer) -> remote-offer
    (local-offer, receive_answer) -> stable    (remote-offer, create_answer) -> stable
    (local-offer, offer_rejected) -> stable    (remote-offer, reject_offer) -> stable

Each side chooses the key that it sends with. Errors carry code 488.
"""

from vox6.wire import FormatError, LocalProtocolError, RemoteProtocolError, const

from . import profiles
from .crypto_attribute import CryptoAttribute, MasterKey

STABLE = "stable"
LOCAL_OFFER = "local-offer"
REMOTE_OFFER = "remote-offer"

_MAX_LINES = const(16)  # of an offer; more are passed over, the preferred ones come first
_NOT_ACCEPTABLE = const(488)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Agreement:
    """What both sides agreed on.

    profile: name of profiles.PROFILES. send, receive: CryptoAttribute of ours and theirs.
    send_is_new, receive_is_new: whether that key differs from the one told last; only then is
    media to be keyed, because a key set twice would begin its rollover counter again.
    """

    def __init__(
        self,
        profile: str,
        send: CryptoAttribute,
        receive: CryptoAttribute,
        last: "Agreement | None",
    ) -> None:
        self.profile = profile
        self.send = send
        self.receive = receive
        same = last is not None and last.profile == profile
        self.send_is_new = not (same and last is not None and last.send.key_salt == send.key_salt)
        self.receive_is_new = not (
            same and last is not None and last.receive.key_salt == receive.key_salt
        )


class SecurityDescriptions:
    """The SRTP keys of one dialog.

    random: callable, n -> n octets fit for keys. suites: names of profiles.PROFILES that we offer
    and accept, in our order of preference.
    agreed: Agreement in force, None while the stream is not keyed by SDP.
    """

    def __init__(
        self,
        random: "Callable[[int], bytes]",
        suites: "tuple[str, ...] | list[str]" = profiles.NAMES,
    ) -> None:
        for name in suites:
            profiles.key_octets(name)
        if not suites:
            raise LocalProtocolError("no crypto suite")
        self.suites = list(suites)
        self.state = STABLE
        self.agreed: "Agreement | None" = None
        self._random = random
        self._offered: "list[CryptoAttribute]" = []
        self._chosen: "CryptoAttribute | None" = None
        self._told: "Agreement | None" = None  # the last one handed out, final or not

    # our offer, their answer

    def create_offer(self, fresh: bool = True) -> "list[str]":
        """Return the a=crypto values of an offer, one a suite, each with a new key.

        fresh: False repeats the line in force, so that nothing changes (a session refresh); a
        stream whose address or port changes needs new keys (RFC 4568 section 7.1.4).
        LocalProtocolError: an offer is open already; nothing changed.
        """
        if self.state != STABLE:
            raise LocalProtocolError("an offer is open")
        if self.agreed is not None and not fresh:
            self._offered = [self.agreed.send]
        else:
            self._offered = [
                CryptoAttribute(i + 1, self.suites[i], [self._key(self.suites[i])])
                for i in range(len(self.suites))
            ]
        self.state = LOCAL_OFFER
        return [attribute.emit() for attribute in self._offered]

    def receive_answer(
        self, lines: "list[str]", required: bool = True, final: bool = True
    ) -> "Agreement | None":
        """Take the a=crypto values of the answer to our offer (sections 5.1.3 and 7.1.3).

        required: an answer without any fails; False for an offer that said RTP/AVP, where it
        means a stream in clear: None is returned, `agreed` is None. final: False for an
        unreliable provisional response; the offer stays open.
        RemoteProtocolError: not exactly one line, or not one that answers our offer; the offer
        stays open and the negotiation has failed.
        """
        if self.state != LOCAL_OFFER:
            raise LocalProtocolError("no offer is open")
        agreement = None
        if lines or required:
            agreement = self._read_answer(lines)
            self._told = agreement
        if final:
            self.agreed = self._told = agreement
            self._close()
        return agreement

    def _read_answer(self, lines: "list[str]") -> Agreement:
        if len(lines) != 1:
            raise RemoteProtocolError("answer has not one crypto attribute", _NOT_ACCEPTABLE)
        try:
            answer = CryptoAttribute.parse(lines[0])
        except FormatError:
            raise RemoteProtocolError("invalid crypto attribute", _NOT_ACCEPTABLE)
        for offered in self._offered:
            if offered.tag == answer.tag and offered.profile == answer.profile:
                break
        else:
            raise RemoteProtocolError("answer to no crypto attribute of ours", _NOT_ACCEPTABLE)
        if answer.unsupported() or offered.profile is None:
            raise RemoteProtocolError("crypto parameters not supported", _NOT_ACCEPTABLE)
        if self._is_ours(answer):
            raise RemoteProtocolError("our own key came back", _NOT_ACCEPTABLE)
        return Agreement(offered.profile, offered, answer, self._told)

    def offer_rejected(self) -> None:
        """Our offer was refused: the keys from before stay (section 7.1.4)."""
        if self.state != LOCAL_OFFER:
            raise LocalProtocolError("no offer is open")
        self._close()

    # their offer, our answer

    def receive_offer(self, lines: "list[str]") -> CryptoAttribute:
        """Choose from the a=crypto values of an offer: the first that we can do (section 5.1.2).

        RemoteProtocolError: none is valid and supported, the stream must be refused; nothing
        changed.
        """
        if self.state != STABLE:
            raise LocalProtocolError("an offer is open")
        found: "list[CryptoAttribute]" = []
        for line in lines[:_MAX_LINES]:
            try:
                found.append(CryptoAttribute.parse(line))
            except FormatError:
                pass
        tags = [attribute.tag for attribute in found]
        for attribute in found:
            if (
                tags.count(attribute.tag) == 1  # section 4.1: else nobody knows which is meant
                and attribute.profile in self.suites
                and attribute.unsupported() is None
                and not self._is_ours(attribute)
            ):
                self._chosen = attribute
                self.state = REMOTE_OFFER
                return attribute
        raise RemoteProtocolError("no usable crypto attribute", _NOT_ACCEPTABLE)

    def create_answer(self, fresh: bool = False) -> str:
        """Return the a=crypto value of our answer; `agreed` is the result.

        fresh: True takes a new key even where the offer repeats theirs, for an address or port of
        ours that changes.
        """
        chosen = self._chosen
        if self.state != REMOTE_OFFER or chosen is None or chosen.profile is None:
            raise LocalProtocolError("no offer to answer")
        before = self.agreed
        if (
            not fresh
            and before is not None
            and before.profile == chosen.profile
            and before.receive.key_salt == chosen.key_salt
        ):
            keys = before.send.keys
        else:
            keys = [self._key(chosen.profile)]
        ours = CryptoAttribute(chosen.tag, chosen.suite, keys)
        self.agreed = self._told = Agreement(chosen.profile, ours, chosen, self._told)
        self._close()
        return ours.emit()

    def reject_offer(self) -> None:
        """Their offer is refused: the keys from before stay."""
        if self.state != REMOTE_OFFER:
            raise LocalProtocolError("no offer to reject")
        self._close()

    def clear(self) -> None:
        """The stream goes on without keys of SDP: forget those in force."""
        if self.state != STABLE:
            raise LocalProtocolError("an offer is open")
        self.agreed = self._told = None

    def debug(self) -> str:
        """Return one line, without keys."""
        return self.state + " " + (self.agreed.send.debug() if self.agreed else "no keys")

    def _key(self, name: str) -> MasterKey:
        return MasterKey(self._random(profiles.key_salt_octets(name)))

    def _is_ours(self, attribute: CryptoAttribute) -> bool:
        """Whether a line of the peer has a key of ours: two keystreams would be one."""
        ours = self._offered + ([self.agreed.send] if self.agreed is not None else [])
        for own in ours:
            if own.key_salt == attribute.key_salt:
                return True
        return False

    def _close(self) -> None:
        self.state = STABLE
        self._offered = []
        self._chosen = None
