# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""SIPp as a peer in the lab: it plays one scenario file, and checks each message by it."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.lab.errors import LabError
from tools.lab.link import Host, bracketed

_OPEN_S = 10.0  # until its socket is there
_LISTENS = "0A"  # state of a TCP socket in /proc/net/tcp6


class SIPp:
    """One SIPp in a host of the lab, calling or waiting to be called.

    with SIPp(host, address, Path("uas_call.xml"), port=5070) as callee:
        phone.dial(callee.uri)
        ...
        callee.wait()
    """

    def __init__(
        self,
        host: Host,
        address: str,
        scenario: Path,
        *,
        port: int = 5070,
        remote: str = "",
        remote_port: int = 5060,
        user: str = "sipp",
        calls: int = 1,
        transport: str = "u1",
        media_port: int = 0,
        keys: Mapping[str, object] | None = None,
        options: Sequence[str] = (),
        lenient: bool = False,
        trace: bool = True,
    ) -> None:
        """Start SIPp and wait until its socket is open.

        host: where; address: of that host, of either family, which stands in SDP too; scenario:
        XML file; remote, remote_port: who is called (or registered at), none: it waits for calls;
        user: of the URI that is called; calls: how many before it ends; transport: u1 (UDP), t1
        (TCP); media_port: the first of its voice; keys: what [name] in the scenario stands for;
        options: further ones of SIPp; lenient: it does not give up a call for a message that it
        does not expect; trace: it keeps all messages.
        """
        name = f"{host.name}-{scenario.stem}-{port}"
        folder = host.lab.folder
        self.uri = f"sip:sipp@{bracketed(address)}:{port}"
        self.messages = folder / f"sipp-{name}.messages"
        self.errors = folder / f"sipp-{name}.errors"
        self.logs = folder / f"sipp-{name}.logs"
        for path in (self.messages, self.errors, self.logs):
            path.unlink(missing_ok=True)
        media = media_port or 20000 + 100 * (port % 100)
        text = scenario.read_text()
        for key, value in (keys or {}).items():  # SIPp's own keys are not taken everywhere
            text = text.replace(f"[{key}]", str(value))
        if ":" not in address:
            text = text.replace("IN IP6 ", "IN IP4 ")
        played = folder / f"sipp-{name}.xml"
        played.write_text(text)
        argv: list[str | Path] = ["sipp"]
        if remote:
            argv.append(f"{bracketed(remote)}:{remote_port}")
        argv += ["-sf", played, "-i", address, "-mi", address, "-p", str(port), "-s", user]
        argv += ["-mp", str(media), "-m", str(calls), "-t", transport, "-nostdin"]
        argv += ["-cp", str(port + 2000), "-default_behaviors", "none" if lenient else "all"]
        for path, word in ((self.messages, "msg"), (self.errors, "err"), (self.logs, "logs")):
            kind = {"msg": "message", "err": "error", "logs": "log"}[word]
            if trace or word == "err":
                argv += [f"-trace_{word}", f"-{kind}_file", path]
        argv += options
        self._port = port
        self._is_tcp = transport.startswith("t") and not remote
        self._table = ("tcp" if self._is_tcp else "udp") + "6" * (":" in address)
        self.process = host.start(argv, log=f"sipp-{name}.log", cwd=folder)
        if not remote or transport.startswith("u"):
            self._wait_open()

    def _wait_open(self) -> None:
        table = Path(f"/proc/{self.process.pid}/net/{self._table}")
        deadline = time.monotonic() + _OPEN_S
        while time.monotonic() < deadline and self.process.running():
            for line in table.read_text().splitlines()[1:]:
                words = line.split()
                if int(words[1].rpartition(":")[2], 16) == self._port:
                    if not self._is_tcp or words[3] == _LISTENS:
                        return
            time.sleep(0.02)
        if self.process.running() or self.process.popen.returncode:
            raise LabError(f"SIPp does not open its port:\n{self.report()}")

    def wait(self, timeout: float = 20.0) -> None:
        """Wait until all its calls went as the scenario says. LabError: one did not, or time."""
        try:
            status = self.process.wait(timeout)
        except LabError:
            self.process.stop()
            raise LabError(f"SIPp still waits after {timeout:g} s:\n{self.report()}") from None
        if status:
            raise LabError(f"SIPp ended with {status}:\n{self.report()}")

    def running(self) -> bool:
        """Whether it has calls to come or under way."""
        return self.process.running()

    def report(self) -> str:
        """What it complained of, and its last messages."""
        parts = []
        for path, octets in ((self.errors, 3000), (self.messages, 6000)):
            if path.exists():
                parts.append(path.read_text(errors="replace")[-octets:])
        return "\n".join(parts) or self.process.output()[-2000:]

    def wait_notes(self, count: int, timeout: float = 10.0) -> list[str]:
        """Wait for so many lines of the scenario's <log> actions; these. LabError: too few."""
        deadline = time.monotonic() + timeout
        while True:
            lines = self.logs.read_text().splitlines() if self.logs.exists() else []
            if len(lines) >= count:
                return lines
            if time.monotonic() > deadline:
                raise LabError(f"SIPp noted {lines}, not {count} lines:\n{self.report()}")
            time.sleep(0.05)

    def close(self) -> None:
        """End it, calls or not."""
        self.process.stop()

    def __enter__(self) -> "SIPp":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
