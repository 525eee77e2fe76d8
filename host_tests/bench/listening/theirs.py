# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What baresip plays of the same streams: many instances in one namespace, in real time.

Its player and its source are two ends of one bridge (module aubridge), so that what it plays
becomes what it would send, and its recorder of that direction writes what a listener would hear:
after the jitter buffer, with its concealment (module plc), with the gaps of its playout buffer.
"""

import contextlib
import heapq
import itertools
import re
import select
import shutil
import socket
import time
from pathlib import Path

from host_tests.bench.listening.streams import Cell, Codec, Packet
from tools.lab import wav
from tools.lab.errors import LabError
from tools.lab.link import Host

_CONFIG = """poll_method epoll
call_local_timeout 120
call_max_calls 2
sip_listen [%(address)s]:%(port)d
audio_player aubridge,%(name)s
audio_source aubridge,%(name)s
audio_alert aubridge,%(name)salert
snd_path %(records)s
audio_level no
rtp_ports %(rtp)d-%(rtp_last)d
rtcp_mux no
jitter_buffer_delay %(delay)s
rtp_stats yes
net_prefer_ipv6 yes
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module l16.so
module opus.so
%(plc)smodule aubridge.so
module sndfile.so
module uuid.so
module_tmp account.so
module_app menu.so
"""
_JITTER_BUFFER = "5-10"  # packets, baresip's own example configuration
_SPARE_MS = 1500  # that it is listened to after the last packet
_ANSWER_S = 10.0


class _Telephone:
    """One baresip that answers at once, and the socket pair of its caller."""

    def __init__(self, host: Host, caller: Host, codec: Codec, number: int) -> None:
        self.number = number
        self.codec = codec
        self._address, self._own = host.wait_address(), caller.wait_address()
        self._port = 5060 + 2 * number
        name = f"b{number}"
        self.folder = host.lab.folder / f"listening-{number}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self._records = self.folder / "records"
        self._records.mkdir(parents=True)
        values = {
            "address": self._address,
            "port": self._port,
            "name": name,
            "records": self._records,
            "rtp": 20000 + 20 * number,
            "rtp_last": 20018 + 20 * number,
            "delay": _JITTER_BUFFER,
            # It knows one channel alone, and Opus conceals by itself.
            "plc": "" if codec.name == "opus" else "module plc.so\n",
        }
        (self.folder / "config").write_text(_CONFIG % values)
        (self.folder / "accounts").write_text(
            f"<sip:{name}@[{self._address}]:{self._port}>;regint=0;answermode=auto;"
            f"audio_codecs={codec.baresip}\n"
        )
        (self.folder / "contacts").write_text("")
        argv: list[str | Path] = ["baresip", "-6", "-f", self.folder, "-s"]
        self.process = host.start(argv, log=f"listening-{number}.log", urgent=True)
        self._uri = f"sip:{name}@[{self._address}]:{self._port}"
        self._sip, self.rtp = caller.socket(), caller.socket()
        for channel in (self._sip, self.rtp):
            channel.bind((self._own, 0))
        self.rtp.setblocking(False)
        self._calls = itertools.count(1)
        self.target = ("", 0)

    def _request(self, method: str, call: int, to_tag: str, body: str = "") -> bytes:
        port = self._sip.getsockname()[1]
        lines = [
            f"{method} {self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP [{self._own}]:{port};branch=z9hG4bK{method}{call};rport",
            "Max-Forwards: 70",
            f"From: <sip:listener@[{self._own}]:{port}>;tag=from{call}",
            f"To: <{self._uri}>{to_tag}",
            f"Call-ID: listening{call}.{self.number}",
            f"CSeq: {2 if method == 'BYE' else 1} {method}",
            f"Contact: <sip:listener@[{self._own}]:{port}>",
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        lines += [f"Content-Length: {len(body)}", "", body]
        return "\r\n".join(lines).encode()

    def call(self) -> None:
        """Set a call up; the packets may go to `target` then."""
        self._number = next(self._calls)
        port = self.rtp.getsockname()[1]
        sdp = (
            f"v=0\r\no=- 1 1 IN IP6 {self._own}\r\ns=-\r\nc=IN IP6 {self._own}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {self.codec.payload_type}\r\na=rtpmap:{self.codec.rtpmap}\r\n"
            "a=ptime:20\r\n"
        )
        invite = self._request("INVITE", self._number, "", sdp)
        deadline = time.monotonic() + _ANSWER_S
        self._sip.settimeout(0.5)
        answer = ""
        while not answer.startswith("SIP/2.0 200"):
            if time.monotonic() > deadline or not self.process.running():
                raise LabError(f"baresip does not answer: {answer!r} {self.process.output()}")
            if not answer:
                self._sip.sendto(invite, (self._address, self._port))
            with contextlib.suppress(TimeoutError):
                answer = self._sip.recv(4096).decode()
        found = re.search(r"(?mi)^To:.*(;tag=[^\s;]+)", answer)
        place = re.search(r"(?m)^m=audio (\d+) ", answer)
        if found is None or place is None:
            raise LabError(f"baresip's answer: {answer!r}")
        self._tag = found[1]
        self.target = (self._address, int(place[1]))
        ack = self._request("ACK", self._number, self._tag)
        self._sip.sendto(ack, (self._address, self._port))

    def hang_up(self) -> None:
        """End the call; its recording is complete a little later."""
        self._sip.sendto(
            self._request("BYE", self._number, self._tag), (self._address, self._port)
        )
        deadline = time.monotonic() + _ANSWER_S
        answer = ""
        while "BYE" not in answer:
            if time.monotonic() > deadline:
                raise LabError("baresip answers no BYE")
            with contextlib.suppress(TimeoutError):
                answer = self._sip.recv(4096).decode()

    def recording(self) -> wav.Samples:
        """What was played in the last call."""
        files = sorted(self._records.glob("*-enc.wav"))
        if not files:
            raise LabError(f"baresip recorded nothing: {self.process.output()}")
        rate, samples = wav.read(files[-1])
        for file in self._records.glob("*.wav"):
            file.unlink()
        return wav.resample(samples, rate, self.codec.rate)

    def drain(self) -> None:
        """Read what baresip sends."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.rtp.recv(2048)

    def close(self) -> None:
        """End baresip."""
        self.process.stop()
        self._sip.close()
        self.rtp.close()


class Listeners:
    """So many telephones for one codec; each takes one stream at a time."""

    def __init__(self, host: Host, caller: Host, codec: Codec, count: int) -> None:
        """Start them."""
        self.count = count
        self._telephones = [_Telephone(host, caller, codec, number) for number in range(count)]
        self.late_ms: list[float] = []  # of each packet: by which it left later than planned

    def listen(self, streams: list[tuple[Cell, list[Packet]]]) -> list[tuple[Cell, wav.Samples]]:
        """What is played of at most `count` streams, side by side."""
        used = self._telephones[: len(streams)]
        for telephone in used:
            telephone.call()
        start = time.monotonic() + 0.3
        plan: list[tuple[float, int, int]] = []
        last = 0.0
        for number, (_, stream) in enumerate(streams):
            # Shifted against each other, so that one machine can send them all in time.
            shift = number * 0.020 / len(streams)
            for index, packet in enumerate(stream):
                plan.append((start + shift + packet.arrival_us / 1e6, number, index))
            last = max(last, start + shift + stream[-1].arrival_us / 1e6)
        heapq.heapify(plan)
        quiet: list[socket.socket] = [telephone.rtp for telephone in used]
        while plan:
            now = time.monotonic()
            if plan[0][0] <= now:
                due, number, index = heapq.heappop(plan)
                self.late_ms.append((now - due) * 1e3)
                telephone = used[number]
                telephone.rtp.sendto(streams[number][1][index].octets, telephone.target)
                continue
            wait = plan[0][0] - now
            if wait > 0.002:
                ready, _, _ = select.select(quiet, [], [], wait - 0.001)
                for telephone in used:
                    if telephone.rtp in ready:
                        telephone.drain()
        time.sleep(max(0.0, last - time.monotonic()) + _SPARE_MS / 1000)
        for telephone in used:
            telephone.hang_up()
        time.sleep(0.3)
        return [
            (cell, telephone.recording())
            for (cell, _), telephone in zip(streams, used, strict=True)
        ]

    def close(self) -> None:
        """End all."""
        for telephone in self._telephones:
            telephone.close()
