# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Keys of one call in its session descriptions (RFC 4568), as far as the owner allows them."""

from vox6.srtp import SecurityDescriptions
from vox6.wire.errors import ProtocolError, RemoteProtocolError


class DescriptionKeys:
    """Offers, answers and what they come to.

    use: "off", "answer" or "offer", of security.sdes; random: n -> octets fit for keys.
    """

    def __init__(self, use, random):
        self._offers = use == "offer"
        self._keys = None if use == "off" else SecurityDescriptions(random)
        self._is_offered = False

    @property
    def agreed(self):
        """The Agreement of lib/srtp in force, or None."""
        return None if self._keys is None else self._keys.agreed

    def offer(self, begins, moved, required):
        """Return (transport or None for the one agreed on, values of a=crypto) for an offer.

        begins: it is the first of the call. moved: our address changed: keys are new then (RFC
        4568 section 7.1.4). required: nothing but SRTP will do.
        """
        self._is_offered = False
        if self.agreed is not None:
            self._is_offered = True
            return None, self._keys.create_offer(moved)
        if not self._offers or not begins:
            return None, ()
        self._is_offered = True
        return ("RTP/SAVP" if required else None), self._keys.create_offer()

    def offer_refused(self):
        """Our offer came to nothing."""
        if self._is_offered:
            self._is_offered = False
            self._keys.offer_rejected()

    def take_answer(self, result, needed, final):
        """Take an answer to our offer; needed: it must have keys. RemoteProtocolError: no use."""
        if not self._is_offered:
            return
        if result.active:
            self._keys.receive_answer(result.crypto_lines, needed, final)
            if final:
                self._is_offered = False
        elif final:
            self.offer_refused()

    def take_offer(self, result, needed):
        """Take an offer; needed: it must have keys that we can use, else RemoteProtocolError."""
        if not result.active:
            return
        if self._keys is not None and result.crypto_lines:
            try:
                self._keys.receive_offer(result.crypto_lines)
            except ProtocolError:
                if needed:
                    raise
        elif needed:
            raise RemoteProtocolError("no usable keys", 488)

    def answer(self, moved):
        """Return the value of a=crypto for our answer, or None; it is agreed then.

        moved: as for offer().
        """
        if self._keys is not None and self._keys.state == "remote-offer":
            return self._keys.create_answer(moved)
        return None

    def refuse(self):
        """Their offer will not be answered."""
        if self._keys is not None and self._keys.state == "remote-offer":
            self._keys.reject_offer()

    def clear(self):
        """Forget the keys in force; those of an open offer end with its answer."""
        if self._keys is not None and not self._is_offered:
            self._keys.clear()
