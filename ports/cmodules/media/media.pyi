# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Voice of a call beside the VM: RTP and SRTP (RFC 3550, 3711), jitter buffer, codecs, mixing.

    stream = media.open(rtp, rtcp, peer16, port, codec="PCMU", ssrc=s, sequence=n, timestamp=t)
    stream.join(True)          # microphone and speaker
    ...
    stream.close()

Python opens, holds, joins, closes and reads statistics; the sound itself runs in the engine every
20 ms, whatever the VM does. OSError carries the errno of the network or the audio device;
ValueError is a mistake of the caller, and nothing has changed then.
"""

from collections.abc import Buffer, Sequence
from typing import Literal

import net6

CODECS: tuple[str, ...]
"""Encoding names of RFC 3551 and RFC 7587: "PCMU", "PCMA", "G722", "L16", "opus". Any case is
understood. L16 is mono with a clock of 16000, or of 8000 where that is given."""

OPUS_STREAMS: int
"""How many streams may have Opus at a time; counters()["opus"] is how many have."""

SRTP_PROFILES: tuple[str, str, str, str]
"""Names of RFC 4568 section 6.2 and RFC 6188 section 4: "AES_CM_128_HMAC_SHA1_80", "..._32" (30
octets of master key and salt), "AES_256_CM_HMAC_SHA1_80", "..._32" (46 octets). The tag of SRTCP
has 80 bits in each."""

def start() -> None:
    """Start the audio device and its 20 ms ticks; idempotent. open() does so; tones need it."""

def stop() -> None:
    """End the ticks. Open streams stay open, unheard, and go on counting what arrives."""

def open(
    rtp: net6.Endpoint,
    rtcp: net6.Endpoint | None,
    peer: Buffer,
    port: int,
    *,
    codec: str = "PCMU",
    payload_type: int = 0,
    ssrc: int,
    sequence: int,
    timestamp: int,
    rtcp_port: int | None = None,
    require_secure: bool = False,
    clock: int = 0,
) -> Stream:
    """Open a stream that sends and receives at once; until join() its peer hears silence.

    rtp, rtcp: read by the stream alone until close() and kept alive by it; rtcp None or the same
    endpoint: RTCP shares the port (RFC 5761). peer: 16 octets, copied; port, rtcp_port: the peer's
    (port + 1 by default). payload_type: 0..127, sent and accepted with codec. ssrc, sequence and
    timestamp: where ours begin, random (RFC 3550 section 5.1; RFC 4568 section 6.4 wants a
    sequence below 2^15). require_secure: as Stream.require_secure(), before the first tick.
    clock: of RTP, ticks a second; 0: the codec's (its first, of L16).
    OSError ENOMEM: all 4 streams are open, or OPUS_STREAMS of them have Opus.

    RTP is taken from the peer's address and port. The first packet that comes from that address,
    with a payload type that is accepted, may come from another port and takes the stream there,
    both ways (RFC 4961); RTCP likewise. All else is counted as a stranger and dropped.
    """

def tone(segments: Sequence[tuple[int, int, int, int, int]] | None, repeat: bool = True) -> None:
    """Play a tone into the speaker in place of the one that sounds, None: end it.

    segments: at most 16 of (f1_hz, f2_hz, level_dbm0, on_ms, off_ms); a frequency 0..3800, 0 is
    none; the level of each frequency -60..0; times 0..60000, both 0: for ever. Copied. Streams
    do not carry it.
    """

def speaker(
    *, echo: bool = False, noise: bool = False, gain: bool = False, delay_ms: int = 0
) -> None:
    """What is done to the microphone from the next tick on; all is off after start, for a handset.

    echo: take out what the speaker plays (120 ms of it at 8000, 60 ms at 16000), as a telephone on
    a desk needs;
    noise: turn down what is steady; gain: bring speech to -26 dB of full scale, by -12..15 dB.
    delay_ms: 0..100, by which the device plays later than 20 ms after it got a frame. Values that
    are in force already change nothing; others, and another rate, let the room be learned anew.
    Memory comes from the heap: 48 kB for echo, 20 kB for noise alone, none for gain. MemoryError:
    all is as it was.
    """

def counters() -> dict[str, int | bool]:
    """Since start: ticks, late_ticks (begun more than 5 ms after their event), worst_late_us,
    skipped_frames (the device was between two rates), cleaned_frames (by what speaker() asked
    for). Now: rate, running, tone, and pool blocks in use: streams, packets, datagrams, keys
    (contexts of SRTP), opus (streams that have it); echo_return_loss_db: what echo took off the
    microphone lately while the speaker sounded (double talk lowers it; 0: not known), gain_db: of
    gain."""

class Stream:
    """One RTP session with one peer. Pollable for reading while receive_into() or next_event() has
    something."""

    def accept(self, payload_type: int, codec: str, clock: int = 0) -> None:
        """Take packets of a further payload type. OSError ENOMEM after 12 of them, or with Opus if
        OPUS_STREAMS others have it; a stream that took it once has it until close().

        codec: of CODECS; "CN": comfort noise (RFC 3389), the peer's is played, and while the
        stream is not joined ours is sent instead of silence; or "telephone-event" (RFC 4733),
        whose events next_event() gives; send_event() sends with the last such type whose clock is
        that of the codec, else with the
        last one. clock: of RTP, ticks a second; 0: the codec's, for events that of the codec in
        use. ValueError: another clock than the codec's."""

    def send_event(self, event: int, duration_ms: int, volume: int = 10) -> None:
        """Send an event (RFC 4733) in place of voice, after those that wait already.

        event: 0..255, DTMF digits are 0..9, 10 for *, 11 for #, 12..15 for A..D. duration_ms:
        1..60000, sent in steps of 20. volume: 0..63, below 0 dBm0. Its packets, the last three
        times, take duration_ms + 40; 60 ms lie between two events.
        OSError EOPNOTSUPP: accept() has no "telephone-event"; ENOTCONN: set_direction() lets
        nothing leave, which drops waiting events, too; ENOBUFS: 16 wait."""

    def next_event(self) -> tuple[int, int] | None:
        """The oldest event of the peer that has ended: (event, duration_ms), None without any.

        Each is told once, whatever packets are lost, late or repeated; one without an end 400 ms
        after its last packet. 16 wait, further ones are dropped and counted in queue_dropped. The
        stream is readable while one waits."""

    def set_peer(self, peer: Buffer, port: int, rtcp_port: int) -> None:
        """Move to another address or port; what was learned of the ports is forgotten then. The
        values that were given last change nothing."""

    def set_codec(self, codec: str, payload_type: int, clock: int = 0) -> None:
        """Send with another codec from the next packet on, and accept it; errors as accept()."""

    def tune(self, bit_rate: int, loss_percent: int) -> None:
        """How Opus sends; other codecs have no choice.

        bit_rate: 8000..40000 bits a second of payload, 24000 at first. loss_percent: 0..100, what
        the peer's reports say is lost of ours: above 0 each packet repeats the one before it in
        coarser form (in-band FEC), within bit_rate."""

    def set_direction(self, send: bool, receive: bool) -> None:
        """Hold (RFC 3264 section 8.4). Without receive packets are counted and not heard,
        without send only RTCP leaves; RTP time goes on, and the first packet after has the
        marker bit."""

    def set_ssrc(self, ssrc: int) -> None:
        """Send as another source from the next packet on, after a collision (RFC 3550 section
        8.2); sent and sent_octets count from 0 again."""

    def join(self, joined: bool) -> None:
        """Put the stream to the mixing point: microphone and all other joined streams to its
        peer, its sound to the speaker. Off: the peer gets silence."""

    def secure(
        self,
        direction: Literal["send", "receive"],
        profile: str | None,
        key_salt: Buffer = ...,
    ) -> None:
        """Protect RTP and RTCP of one direction from the next packet on; None: no longer.

        profile: of SRTP_PROFILES. key_salt: master key, then master salt (RFC 3711), copied. The
        rollover counter of a new key begins with 0. With a direction that is protected already
        this changes its key without a click: what is sent changes with the next packet; of the
        peer's the old key is taken as well until 0.4 s after the first packet under the new one,
        and for 11 s at most.
        The key that is in use already is kept, with counter and replay windows; a key that was
        used before the present one must not come back (RFC 3711 section 9.1).

        While receiving is protected, a packet changes nothing but a counter unless it is authentic
        and new. The first authentic packet after secure("receive", ...) of a clear stream may come
        from another port of the peer, whatever port clear packets came from.

        ValueError: no such direction or profile, wrong length. OSError ENOMEM: cannot happen
        within the bounds of 4 streams."""

    def require_secure(self, required: bool) -> None:
        """While required, RTP and RTCP neither leave nor come in a direction that has no key: what
        comes counts as srtp_clear, send_rtcp() counts a send error, sound begins with the key.
        send_raw() and what is neither RTP nor RTCP go on."""

    def statistics(self) -> dict[str, int | str | None]:
        """sent, sent_octets (payload), send_errors; received, received_octets, lost (RFC 3550
        appendix A.3: received counts late and duplicate packets too), duplicated, reordered,
        late, discarded; bursts (c11, c13, c14, c22, c23, c33 of RFC 3611 appendix A.2 in frames
        of 20 ms, lost or late); concealed (units of 20 ms), recovered (by the redundancy
        of Opus, the same units), stretched (frames made longer or shorter);
        jitter (RTP units), highest_sequence (extended), base_sequence, ssrc (of the sender;
        None: none yet), restarts; last_sr (middle 32 bits of its NTP time; 0: none), last_sr_us
        (engine time of its arrival); delay_ms and target_ms of the jitter buffer; strangers,
        malformed, unaccepted (payload type), looped (our own SSRC), queue_dropped;
        events_sent (begun), events_received (ended); port,
        rtcp_port (after the latch); srtp_send, srtp_receive (name of the profile or None),
        srtp_received (RTP and RTCP that was authentic), and what was dropped: srtp_failed (not
        authentic), srtp_replayed, srtp_clear (not authentic, and of the length of a clear
        packet)."""

    def receive_into(self, buffer: Buffer) -> tuple[int, bytes, int, str] | None:
        """Read one datagram that is not RTP: (length, addr16, port, kind), None without any.

        kind: "rtcp", or "other" (ZRTP, STUN: RFC 7983). length is the whole length even if
        buffer is shorter; the rest is lost then. At most 1232 octets, 4 wait for a stream."""

    def send_rtcp(self, data: Buffer) -> None:
        """Send a compound RTCP packet to the peer's RTCP port, encrypted if sending is secure: at
        most 1218 octets then (OSError EMSGSIZE)."""

    def send_raw(self, data: Buffer, rtcp: bool = False) -> None:
        """Send a datagram as it is from the RTP (or RTCP) endpoint: ZRTP, STUN."""

    def timestamp_now(self) -> tuple[int, int]:
        """The RTP timestamp of this moment and the engine's time in us, for sender reports."""

    def close(self) -> None:
        """Give the endpoints back; idempotent. Other methods raise OSError EBADF afterwards."""
