# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Runs on the unix phone: one side of a call. Arguments: our port, the peer's, the codec, profile.

The VM does nothing but spin for 5 s; then the sound must have gone on in both directions. With a
profile of SRTP the keys of both directions change in between, the receiving one first.
"""

import gc
import sys
import time

import media
import net6

port, peer, codec = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
profile = sys.argv[4] if len(sys.argv) > 4 else None
here = net6.parse("::1")
rtp, rtcp = net6.Endpoint(here, port), net6.Endpoint(here, port + 1)
type_ = {"PCMU": 0, "PCMA": 8, "G722": 9, "opus": 96, "L16": 97}[codec]
stream = media.open(
    rtp, rtcp, here, peer, codec=codec, payload_type=type_, ssrc=0xF0000000 + port, sequence=65500,
    timestamp=0xFFFFFF00,
)  # fmt: skip
try:
    media.open(rtp, rtcp, here, peer, ssrc=1, sequence=65536, timestamp=0)
    raise AssertionError("a sequence number of 17 bits")
except ValueError:
    pass


def key(sender, number):
    """Known to both sides."""
    return bytes([(sender + number + i * i) & 255 for i in range(30 if "128" in profile else 46)])


try:
    stream.send_event(5, 100)
    raise AssertionError("no payload type of events yet")
except OSError:
    pass
stream.accept(101, "telephone-event")
changes = []  # ms, direction, key
if profile:
    stream.require_secure(True)
    stream.secure("receive", profile, key(peer, 0))
    stream.secure("send", profile, key(port, 0))
    changes = [(1000, "receive", key(peer, 1)), (3000, "send", key(port, 1))]
stream.join(True)
for _ in range(200):  # the other process comes up
    if stream.statistics()["received"] > 10:
        break
    time.sleep_ms(50)
changed = start = heap = 0  # no new name while the heap is watched
before = stream.statistics()
late = media.counters()["late_ticks"]
gc.collect()
gc.disable()
heap = gc.mem_alloc()
start = time.ticks_ms()
while time.ticks_diff(time.ticks_ms(), start) < 5000:
    if changed < len(changes) and time.ticks_diff(time.ticks_ms(), start) >= changes[changed][0]:
        stream.secure(changes[changed][1], profile, changes[changed][2])
        changed += 1
heap = gc.mem_alloc() - heap
gc.enable()
after = stream.statistics()
for name in ("sent", "received", "lost", "late", "concealed", "strangers", "discarded",
             "srtp_failed", "srtp_replayed", "srtp_clear"):  # fmt: skip
    print(name, after[name] - before[name])
print("heap", heap)
print("late_ticks", media.counters()["late_ticks"] - late)
assert stream.next_event() is None
for event in (5, 11):
    stream.send_event(event, 100)
events = []
for _ in range(200):
    time.sleep_ms(50)
    got = stream.next_event()
    if got:
        events.append(got)
    if len(events) == 2:
        break
assert events == [(5, 100), (11, 100)], events
stream.send_rtcp(b"\x80\xc9\x00\x01" + bytes(4))
buffer = bytearray(100)
got = None
for _ in range(200):
    got = stream.receive_into(buffer)
    if got:
        break
    time.sleep_ms(50)
assert got and got[0] == 8 and got[1] == here and got[2] == peer + 1 and got[3] == "rtcp", got
time.sleep_ms(500)  # the other side reads ours
stream.close()
stream.close()
try:
    stream.statistics()
    raise AssertionError("closed")
except OSError:
    pass
rtp.close()
rtcp.close()
time.sleep_ms(50)
counters = media.counters()
assert counters["streams"] == counters["packets"] == counters["datagrams"] == 0, counters
media.stop()
print("all good")
