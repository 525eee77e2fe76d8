# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The Python side of the C modules on the unix phone: known values, two processes that talk."""

import pathlib
import random
import socket
import struct
import subprocess

import pylibsrtp
import pytest

from host_tests.cmodules.srtp_reference import KEY_OCTETS, TAG_OCTETS, Reference

HERE = pathlib.Path(__file__).resolve().parent
PHONE = HERE.parents[1] / "build" / "UNIX_HOST" / "vox6-phone"


def start(*words: str) -> "subprocess.Popen[str]":
    assert PHONE.exists(), "build/UNIX_HOST/vox6-phone is missing: run make boards"
    command = [str(PHONE), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: "subprocess.Popen[str]") -> str:
    try:
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert output.endswith("all good\n"), output
    return output


def test_modules() -> None:
    finish(start(str(HERE / "guest_modules.py")))


@pytest.mark.parametrize(
    "words",
    [
        ["PCMU"],
        ["G722"],
        ["L16"],
        ["opus"],
        ["PCMA", "AES_CM_128_HMAC_SHA1_32"],
        ["G722", "AES_256_CM_HMAC_SHA1_80"],
        ["opus", "AES_256_CM_HMAC_SHA1_32"],
    ],
)
def test_two_processes(words: "list[str]") -> None:
    """5 s of a blocked VM on both sides: no gap in either direction, no heap, no late tick.

    With a profile of SRTP all keys change on the way.
    """
    script = str(HERE / "guest_stream.py")
    port = random.randrange(20000, 30000, 4)
    sides = [
        start(script, str(port), str(port + 2), *words),
        start(script, str(port + 2), str(port), *words),
    ]
    for output in [finish(side) for side in sides]:
        values = {
            name: int(value) for name, value in (line.split() for line in output.splitlines()[:-1])
        }
        assert 248 <= values["sent"] <= 252, output
        assert 247 <= values["received"] <= 253, output
        for name in ("lost", "late", "concealed", "strangers", "discarded"):
            assert values[name] == 0, output
        for name in ("srtp_failed", "srtp_replayed", "srtp_clear"):
            assert values[name] == 0, output
        assert values["late_ticks"] <= 2, output  # the host itself may be busy
        assert values["heap"] == 0, output


class LibSRTP:
    """pylibsrtp (libsrtp with OpenSSL's cipher) in the form of Reference."""

    PROFILES = {
        "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
        "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    }

    def __init__(self, profile: str, key: bytes, inbound: bool) -> None:
        kind = pylibsrtp.Policy.SSRC_ANY_INBOUND if inbound else pylibsrtp.Policy.SSRC_ANY_OUTBOUND
        policy = pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=self.PROFILES[profile])
        self.session = pylibsrtp.Session(policy)


@pytest.mark.parametrize("profile", sorted(TAG_OCTETS))
def test_srtp_with_other_implementations(profile: str) -> None:
    """The phone's stream against RFC 3711 in Python, and where it has the profile pylibsrtp.

    Both directions, RTP and RTCP; our sequence number wraps, so that the rollover counter counts.
    """
    length = KEY_OCTETS[profile] + 14
    rng = random.Random(profile)
    theirs, ours = rng.randbytes(length), rng.randbytes(length)  # what the phone sends, receives
    port = random.randrange(30000, 40000, 4)
    rtp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    rtcp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with rtp, rtcp:
        rtp.bind(("::1", port + 2))
        rtcp.bind(("::1", port + 3))
        rtp.settimeout(5)
        rtcp.settimeout(5)
        words = [str(port), str(port + 2), profile, theirs.hex(), ours.hex()]
        phone = start(str(HERE / "guest_srtp.py"), *words)
        reference = Reference(profile, theirs)
        second = LibSRTP(profile, theirs, True).session if profile in LibSRTP.PROFILES else None
        report = struct.pack(">HHI", 0x80C9, 1, 0xF0000000 + port)
        for index in (1, 2):
            data = rtcp.recv(2000)
            assert reference.unprotect_rtcp(data) == (report, index)
            if second is not None:
                assert second.unprotect_rtcp(data) == report
        sequence = None
        for _ in range(30):
            data = rtp.recv(2000)
            assert len(data) == 172 + TAG_OCTETS[profile]
            sequence = struct.unpack_from(">H", data, 2)[0]
            clear = reference.unprotect(data, 0 if sequence > 30000 else 1)
            assert clear[:12] == data[:12] and len(clear) == 172
            assert len(set(clear[12:])) == 1  # the microphone is silent, and so no cipher text
            if second is not None:
                assert second.unprotect(data) == clear
        assert sequence is not None and sequence < 30000
        sender = Reference(profile, ours)
        outbound = LibSRTP(profile, ours, False).session if second is not None else None
        for n in range(50):
            sequence = (65520 + n) & 0xFFFF
            packet = struct.pack(">BBHII", 0x80, 0, sequence, 160 * n, 0x11223344)
            packet += rng.randbytes(160)
            data = sender.protect(packet, (65520 + n) >> 16)
            if outbound is not None:
                assert outbound.protect(packet) == data
            rtp.sendto(data, ("::1", port))
            if n == 25:
                rtp.sendto(data, ("::1", port))  # replayed
                rtp.sendto(data[:50] + bytes([data[50] ^ 1]) + data[51:], ("::1", port))
                forged = bytearray(sender.protect(packet[:2] + b"\x01\x00" + packet[4:], 1))
                forged[-1] ^= 1
                rtp.sendto(bytes(forged), ("::1", port))
                rtp.sendto(packet[:2] + b"\x01\x01" + packet[4:], ("::1", port))  # in clear
        report = b"\x80\xc9\x00\x01\x11\x22\x33\x44"
        data = sender.protect_rtcp(report, 1)
        if outbound is not None:
            assert outbound.protect_rtcp(report) == data
        rtcp.sendto(data, ("::1", port + 1))
        rtcp.sendto(data, ("::1", port + 1))  # replayed
        rtcp.sendto(report, ("::1", port + 1))  # in clear
        rtp.sendto(b"\x10\x00ZRTP", ("::1", port))
        output = finish(phone)
    assert "\nreceived 50\n" in output
    assert "\nsrtp_received 51\n" in output
    assert "\nsrtp_failed 1\n" in output
    assert "\nsrtp_replayed 3\n" in output
    assert "\nsrtp_clear 2\n" in output
    assert "\nlost 0\n" in output
    assert "\nreports 1\n" in output
