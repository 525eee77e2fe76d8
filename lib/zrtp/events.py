# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What an Engine tells its driver (README.md has the table)."""

# Kinds of Warned.
HELLO_HASH = "hello-hash"  # a Hello does not fit the a=zrtp-hash of the signalling (section 8.1)
FALSE_PACKET = "false-packet"  # a hash image does not fit (section 9); told once
BAD_GOCLEAR = "bad-goclear"  # the MAC of a GoClear does not verify (section 4.7.2)
LATE_ERROR = "late-error"  # an Error came when keys stood already; nothing changed
RELAY_REFUSED = "relay-refused"  # a SASrelay came from somebody who may not (section 7.3)
BOTH_PASSIVE = "both-passive"  # neither side will ever send a Commit (section 5.2)


class PeerFound:
    """The peer speaks ZRTP: its Hello came.

    zid: 12 octets. client_id: text for people, 16 characters or less. version: "1.10".
    passive: it will never send a Commit. mitm: it may relay a SAS (a PBX).
    """

    def __init__(
        self, zid: bytes, client_id: str, version: str, passive: bool, mitm: bool
    ) -> None:
        self.zid = zid
        self.client_id = client_id
        self.version = version
        self.passive = passive
        self.mitm = mitm


class PeerSilent:
    """No answer to any of our Hellos: no ZRTP there, as it seems. A late Hello still starts it."""


class Committed:
    """A key agreement has begun: no voice should go in clear from here on (section 4).

    initiator: whether we began it, as it seems now.
    """

    def __init__(self, initiator: bool) -> None:
        self.initiator = initiator


class KeysReady:
    """From now on use this SRTP master key in this direction.

    direction: "send" or "receive". cipher: "AES1" or "AES3". auth_tag: "HS32" or "HS80".
    key_salt: master key || master salt, 30 or 46 octets, a bytearray that the receiver of the
    event owns and overwrites after use.
    """

    def __init__(self, direction: str, cipher: str, auth_tag: str, key_salt: bytearray) -> None:
        self.direction = direction
        self.cipher = cipher
        self.auth_tag = auth_tag
        self.key_salt = key_salt


class Secured:
    """The exchange is complete: both sides proved that they have the same keys.

    sas_text: what people read aloud, "zbwm" or "snowslide retrieval". sas_type: "B32 ", "B256".
    verified: our user compared the SAS in an earlier call, and the secret kept since then was
    part of this exchange. peer_verified: the peer's V flag, its word about its own user.
    mismatch: we had a retained secret and the peer did not prove that it has it; treat the call
    as not compared and say so. aux_mismatch: the same of auxsecret.
    first: nothing was known of this ZID before. name: given at verification, "" if none.
    disclosure: the peer's D flag. mitm: the peer said that it may relay a SAS.
    enrollment: the peer's E flag, a PBX that asks to be trusted (Session.enroll()).
    peer_allows_clear: the peer's A flag.
    mode: "DH", "Prsh" or "Mult". initiator: whether we were.
    algorithms: (hash, cipher, auth_tag, key_agreement, sas) as the type blocks name them.
    """

    def __init__(
        self,
        sas_text: str,
        sas_type: str,
        verified: bool,
        peer_verified: bool,
        mismatch: bool,
        aux_mismatch: bool,
        first: bool,
        name: str,
        disclosure: bool,
        mitm: bool,
        enrollment: bool,
        peer_allows_clear: bool,
        mode: str,
        initiator: bool,
        algorithms: "tuple[str, str, str, str, str]",
    ) -> None:
        self.sas_text = sas_text
        self.sas_type = sas_type
        self.verified = verified
        self.peer_verified = peer_verified
        self.mismatch = mismatch
        self.aux_mismatch = aux_mismatch
        self.first = first
        self.name = name
        self.disclosure = disclosure
        self.mitm = mitm
        self.enrollment = enrollment
        self.peer_allows_clear = peer_allows_clear
        self.mode = mode
        self.initiator = initiator
        self.algorithms = algorithms


class ClearRequested:
    """The peer sent an authentic GoClear (section 4.7.2).

    refused False: the keys are gone, send nothing until the user has agreed to talk in clear.
    refused True: the policy forbids it, the peer was told so, the stream stays encrypted.
    """

    def __init__(self, refused: bool) -> None:
        self.refused = refused


class Cleared:
    """Our GoClear is done and the keys are gone; acknowledged: the peer said ClearACK."""

    def __init__(self, acknowledged: bool) -> None:
        self.acknowledged = acknowledged


class ClearRefused:
    """The peer does not allow our GoClear; the stream stays encrypted, sending may go on."""


class SASRelayed:
    """A PBX that our user enrolled relays the SAS of the far side (section 7.3)."""

    def __init__(
        self, sas_text: str, sas_type: str, peer_verified: bool, disclosure: bool
    ) -> None:
        self.sas_text = sas_text
        self.sas_type = sas_type
        self.peer_verified = peer_verified
        self.disclosure = disclosure


class Failed:
    """The exchange ended without keys, or the keys of an unfinished one are void.

    code: of errors.py. text: words for the log. by_peer: the peer sent the Error.
    attack: what happened cannot be an accident (section 8.1.1); alert the user.
    """

    def __init__(self, code: int, text: str, by_peer: bool, attack: bool) -> None:
        self.code = code
        self.text = text
        self.by_peer = by_peer
        self.attack = attack


class Warned:
    """Something suspicious was refused and the protocol goes on; kind: a name of this file."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.text = text
