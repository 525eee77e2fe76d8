# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Runs on the unix phone: one encrypted stream.

Arguments: our port, the peer's, profile, two keys.

The peer is test_bindings.py. It sends RTP and RTCP and ends with a datagram of ZRTP's kind; then
this prints what came.
"""

import sys
import time

import media
import net6

port, peer, profile = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
send_key, receive_key = [bytes.fromhex(text) for text in sys.argv[4:6]]
here = net6.parse("::1")
rtp, rtcp = net6.Endpoint(here, port), net6.Endpoint(here, port + 1)
stream = media.open(
    rtp, rtcp, here, peer, codec="PCMU", payload_type=0, ssrc=0xF0000000 + port, sequence=65530,
    timestamp=0,
)  # fmt: skip


def raises(error, *arguments):
    try:
        stream.secure(*arguments)
    except error:
        return
    raise AssertionError("no " + error.__name__)


assert profile in media.SRTP_PROFILES
raises(ValueError, "sideways", profile, send_key)
raises(ValueError, "send", "AES_CM_128_NULL", send_key)
raises(ValueError, "send", profile, send_key[1:])
raises(TypeError, "send", profile)
assert stream.statistics()["srtp_send"] is None
stream.require_secure(True)
time.sleep_ms(100)
assert stream.statistics()["sent"] == 0
stream.secure("send", profile, send_key)
stream.secure("receive", profile, bytes(len(receive_key)))  # and changed at once
stream.secure("receive", profile, receive_key)
stream.join(True)
assert media.counters()["keys"] == 3
assert stream.statistics()["srtp_send"] == stream.statistics()["srtp_receive"] == profile
report = b"\x80\xc9\x00\x01" + (0xF0000000 + port).to_bytes(4, "big")
stream.send_rtcp(report)
stream.send_rtcp(report)
print("open")
buffer = bytearray(200)
kind = None
reports = 0
for _ in range(600):
    got = stream.receive_into(buffer)
    if got is None:
        time.sleep_ms(20)
        continue
    kind = got[3]
    if kind == "other":
        break
    assert bytes(memoryview(buffer)[: got[0]]) == b"\x80\xc9\x00\x01\x11\x22\x33\x44", buffer
    reports += 1
statistics = stream.statistics()
for name in ("received", "srtp_received", "srtp_failed", "srtp_replayed", "srtp_clear", "lost"):
    print(name, statistics[name])
print("reports", reports)
stream.secure("send", None)
stream.close()
assert media.counters()["keys"] == 0
rtp.close()
rtcp.close()
media.stop()
print("all good")
