# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""baresip as a peer in the lab: another maker's telephone, driven through its ctrl_tcp module."""

import contextlib
import json
import queue
import socket
import threading
import time
from pathlib import Path
from typing import Any

from tools.lab import wav
from tools.lab.errors import LabError
from tools.lab.link import Host, bracketed

CODECS = {
    "PCMU": "PCMU/8000/1",
    "PCMA": "PCMA/8000/1",
    "G722": "G722/16000/1",
    "L16": "L16/16000/1",
}
_CONTROL_PORT = 4444
_CONFIG = """poll_method epoll
call_local_timeout 120
call_max_calls %(max_calls)d
sip_listen %(address)s:%(port)d
audio_player aubridge,nil
audio_source aufile,%(sound)s
audio_alert aubridge,nil
snd_path %(records)s
audio_level no
rtp_tos 184
rtp_ports 10000-10200
rtcp_mux no
jitter_buffer_delay 1-5
rtp_stats yes
net_prefer_ipv6 %(prefer_ipv6)s
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module l16.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module uuid.so
module_tmp account.so
module_app contact.so
module_app menu.so
module_app debug_cmd.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%(control)d
"""


class Baresip:
    """One baresip in a host of the lab; events are kept in order, commands answer at once."""

    def __init__(
        self,
        host: Host,
        address: str,
        sound: Path,
        *,
        name: str = "peer",
        codec: str = "PCMU",
        port: int = 5060,
        auto_answer: bool = False,
        max_calls: int = 4,
        account: str | None = None,
        mediaenc: str = "",
        transport: str = "udp",
        certificate: Path | None = None,
        ice: bool = False,
    ) -> None:
        """Start baresip and wait until it takes commands.

        host: where; address: of that host, of either family; sound: WAV that it plays in a call
        (rate of the codec); codec: a key of CODECS, the only one it offers; account: a whole
        baresip account line instead of one without registrar; mediaenc: "", or "srtp",
        "srtp-mand" (RFC 4568); ice: with candidates and checks (RFC 8445).
        """
        self.host = host
        self.codec = codec
        self.uri = f"sip:{name}@{bracketed(address)}:{port + (transport == 'tls')}"
        if transport != "udp":
            self.uri += f";transport={transport}"
        self.folder = host.lab.folder / f"baresip-{host.name}-{name}"
        self._records = self.folder / "records"
        self._records.mkdir(parents=True, exist_ok=True)
        for old in self._records.glob("*.wav"):
            old.unlink()
        values = {
            "max_calls": max_calls,
            "address": bracketed(address),
            "prefer_ipv6": "yes" if ":" in address else "no",
            "port": port,
            "sound": sound.resolve(),
            "records": self._records,
            "control": _CONTROL_PORT,
        }
        config = _CONFIG % values
        if ice:
            config += "module ice.so\n"
        if certificate is not None:
            config += f"sip_certificate {certificate.resolve()}\n"
        (self.folder / "config").write_text(config)
        mode = "auto" if auto_answer else "manual"
        common = (
            f"answermode={mode};audio_codecs={CODECS[codec]};mediaenc={mediaenc};"
            f"medianat={'ice' if ice else ''};"
            f"audio_player=aubridge,nil;audio_source=aufile,{sound.resolve()}"
        )
        line = f"{account};{common}" if account else f"<{self.uri}>;regint=0;{common}"
        (self.folder / "accounts").write_text(line + "\n")
        (self.folder / "contacts").write_text("")
        family = "-6" if ":" in address else "-4"
        argv: list[str | Path] = ["baresip", family, "-f", self.folder, "-v", "-s"]
        self.process = host.start(argv, log=f"baresip-{host.name}-{name}.log")
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self.history: list[dict[str, Any]] = []
        self._socket = self._connect()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + 15.0
        while time.monotonic() < deadline and self.process.running():
            channel = self.host.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                channel.connect(("127.0.0.1", _CONTROL_PORT))
                return channel
            except OSError:
                channel.close()
                time.sleep(0.05)
        raise LabError(f"baresip takes no commands:\n{self.process.output()[-2000:]}")

    def _read(self) -> None:
        """Reader thread: netstrings (LENGTH:JSON,) into events and answers."""
        held = b""
        with contextlib.suppress(OSError):
            while True:
                new = self._socket.recv(65536)
                if not new:
                    return
                held += new
                while b":" in held:
                    length, _, rest = held.partition(b":")
                    size = int(length)
                    if len(rest) < size + 1:
                        break
                    message = json.loads(rest[:size].decode("utf-8", "replace"))
                    held = rest[size + 1 :]
                    if message.get("event"):
                        self.history.append(message)
                        self._events.put(message)
                    else:
                        self._answers.put(message)

    def command(self, name: str, parameters: str = "") -> str:
        """Give a command of baresip's menu; its printed answer. LabError: it refused."""
        octets = json.dumps({"command": name, "params": parameters, "token": name}).encode()
        self._socket.sendall(b"%d:%s," % (len(octets), octets))
        try:
            answer = self._answers.get(timeout=5.0)
        except queue.Empty:
            raise LabError(f"baresip did not answer the command {name}") from None
        if not answer.get("ok"):
            raise LabError(f"baresip refused {name} {parameters}: {answer.get('data')}")
        return str(answer.get("data", ""))

    def wait(self, kind: str, timeout: float = 15.0) -> dict[str, Any]:
        """Wait for the next event of a type (CALL_INCOMING, CALL_CLOSED ...); drop others."""
        deadline = time.monotonic() + timeout
        seen: list[str] = []
        while True:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise LabError(f"baresip: no {kind} within {timeout:g} s; saw {seen}") from None
            if event.get("type") == kind:
                return event
            seen.append(str(event.get("type")))

    def wait_registered(self, timeout: float = 15.0) -> None:
        """Wait for the registrar's 200 (it may come before commands are taken: see the log)."""
        self.process.wait_output(r"200 OK .*binding", timeout)

    def forget_events(self) -> None:
        """Drop events that nobody waited for."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._events.get_nowait()

    def dial(self, uri: str) -> None:
        """Call a URI."""
        self.command("dial", uri)

    def answer(self) -> None:
        """Take the call that rings."""
        self.command("accept")

    def hang_up(self) -> None:
        """End the call, refuse it while it rings here, or give it up while it rings there."""
        self.command("hangup")

    def hold(self) -> None:
        """Put the call on hold."""
        self.command("hold")

    def resume(self) -> None:
        """Take the call back."""
        self.command("resume")

    def recordings(self, direction: str = "dec") -> list[tuple[int, wav.Samples]]:
        """What baresip recorded, oldest first; direction: "dec" heard, "enc" sent.

        The file of a running call is complete only after that call. A change by re-INVITE begins
        a new file.
        """
        paths = sorted(self._records.glob(f"*-{direction}.wav"))  # named by the second
        return [wav.read(path) for path in paths]

    def close(self) -> None:
        """End baresip."""
        self.process.stop()
        self._socket.close()
