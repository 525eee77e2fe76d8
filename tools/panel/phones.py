# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Virtual phones as a user gets them: the unix executable, and the firmware in QEMU."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tools.lab.link import Host, Link
from tools.lab.process import Process
from tools.panel import window as window_file
from tools.panel.console import Console
from tools.panel.errors import PanelError
from tools.panel.panel import Panel
from tools.panel.ring import RING_OCTETS

TOP = Path(__file__).resolve().parents[2]
_UNIX_SPEAKER = (RING_OCTETS + 4095) // 4096 * 4096
_BOOT_S = 30.0


class Phone:
    """A phone with a state folder: started, stopped, cut from power, started again."""

    board = ""
    image = Path()

    def __init__(self, state: Path) -> None:
        self.state = state.resolve()
        self.state.mkdir(parents=True, exist_ok=True)
        self.process: Process | None = None
        self._panel: Panel | None = None

    def start(self, timeout: float = _BOOT_S) -> "Phone":
        """Start and wait until the panel answers. PanelError: it did not, with its output."""
        if not self.image.exists():
            raise PanelError(f"{self.image} is missing: run 'make boards BOARD={self.board}'")
        if self.process is not None and self.process.running():
            raise PanelError(f"{self.board} runs already")
        for name in ("panel.sock", "console"):
            (self.state / name).unlink(missing_ok=True)
        self.process = self._launch()
        self._panel = self._make_panel()
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._panel.wait_ready(0.2)
                return self
            except PanelError:
                if self.process.running() and time.monotonic() < deadline:
                    continue
                text = self.process.output()[-3000:] + self.console_log()[-3000:]
                self.kill()
                raise PanelError(f"{self.board} does not come up:\n{text}") from None

    def _launch(self) -> Process:
        raise NotImplementedError

    def _make_panel(self) -> Panel:
        raise NotImplementedError

    @property
    def panel(self) -> Panel:
        """The panel of the running phone."""
        if self._panel is None:
            raise PanelError(f"{self.board} is off")
        return self._panel

    @property
    def console(self) -> Path:
        """The console's device (a link to a pty)."""
        return self.state / "console"

    def console_log(self) -> str:
        """What the phone has printed on its console."""
        return self.process.output() if self.process else ""

    def aside(self) -> Console:
        """The phone's REPL for a with statement; the phone goes on afterwards."""
        return Console(self.console)

    def mpremote(self, *words: str, timeout: float = 60.0) -> str:
        """Run mpremote on the phone's console; its output. PanelError: it failed."""
        argv = [sys.executable, "-m", "mpremote", "connect", str(self.console.resolve()), *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode:
            raise PanelError(f"mpremote {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self) -> None:
        """Switch off."""
        if self.process is not None:
            self.process.stop()
        self._after()

    def kill(self) -> None:
        """Cut the power."""
        if self.process is not None:
            self.process.kill()
        self._after()

    def restart(self) -> None:
        """Switch off and on again; the state folder stays."""
        self.stop()
        self.start()

    def _after(self) -> None:
        if self._panel is not None:
            self._panel.close()
            self._panel = None

    def __enter__(self) -> "Phone":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class UnixPhone(Phone):
    """build/UNIX_HOST/vox6-phone --state DIR, in a host of a lab or on this machine itself."""

    board = "UNIX_HOST"
    image = TOP / "build/UNIX_HOST/vox6-phone"

    def __init__(self, state: Path, host: Host | None = None) -> None:
        """state: folder of the phone; host: where in a lab, None for the machine itself."""
        super().__init__(state)
        self._host = host
        if len(str(self.state / "panel.sock")) > 107:
            raise PanelError(f"the path {self.state} is too long for a local socket")

    @property
    def port(self) -> str:
        """Its port of the lab's bridge (for tools.lab.relay)."""
        if self._host is None:
            raise PanelError("this phone is in no lab")
        return self._host.port

    def _launch(self) -> Process:
        argv: list[str | Path] = [self.image, "--state", self.state]
        if self._host is not None:
            log = os.path.relpath(self.state / "phone.log", self._host.lab.folder)
            return self._host.start(argv, log=log, urgent=True)
        return Process(argv, self.state / "phone.log", urgent=True)

    def _make_panel(self) -> Panel:
        return Panel(self.state / "panel.sock", self.state / "panel.rings", 0, _UNIX_SPEAKER)


class QEMUPhone(Phone):
    """firmware.elf in qemu-system-arm, on a lab's bridge or behind QEMU's own user network."""

    board = "QEMU_MPS2_AN500"
    image = TOP / "build/QEMU_MPS2_AN500/firmware.elf"

    def __init__(self, state: Path, lab: Link | None = None, *, number: int = 1) -> None:
        """state: folder of the phone; lab: None for a phone without root; number: of its MAC."""
        super().__init__(state)
        self._lab = lab
        self._tap = lab.tap() if lab is not None else None
        self.mac = f"52:54:00:76:36:{number:02x}"
        self.window: window_file.Window | None = None

    @property
    def port(self) -> str:
        """Its port of the lab's bridge (for tools.lab.relay)."""
        if self._tap is None:
            raise PanelError("this phone is in no lab")
        return self._tap

    def _launch(self) -> Process:
        if shutil.which("qemu-system-arm") is None:
            raise PanelError("qemu-system-arm is missing: run 'make setup'")
        self._after()
        self.window = window_file.Window(self.state / "ram.bin")
        for name in ("qmp.sock", "console.log"):
            (self.state / name).unlink(missing_ok=True)
        argv = ["qemu-system-arm", "-machine", "mps2-an500,memory-backend=mps.ram"]
        argv += ["-display", "none", "-monitor", "none", "-nodefaults"]
        # Commas in a path would end the option: QEMU wants them doubled.
        folder = str(self.state).replace(",", ",,")
        argv += ["-object", "memory-backend-file,id=mps.ram,size=16M,share=on,"]
        argv[-1] += f"mem-path={folder}/ram.bin"
        argv += ["-kernel", str(self.image)]
        argv += ["-chardev", f"pty,id=console,logfile={folder}/console.log"]
        argv += ["-serial", "chardev:console"]
        argv += ["-chardev", f"socket,id=panel,path={folder}/panel.sock,server=on,wait=off"]
        argv += ["-serial", "chardev:panel"]
        argv += ["-chardev", f"socket,id=qmp,path={folder}/qmp.sock,server=on,wait=off"]
        argv += ["-mon", "chardev=qmp,mode=control"]
        if self._lab is None:
            nic = f"user,ipv6=on,model=lan9118,mac={self.mac}"
            process = Process([*argv, "-nic", nic], self.state / "qemu.log", urgent=True)
        else:
            nic = f"tap,ifname={self._tap},script=no,downscript=no,model=lan9118,mac={self.mac}"
            log = os.path.relpath(self.state / "qemu.log", self._lab.folder)
            process = self._lab.start_in_switch([*argv, "-nic", nic], log, urgent=True)
        found = process.wait_output(r"char device redirected to (\S+) \(label console\)", 10.0)
        self.console.symlink_to(found[1])
        return process

    def _make_panel(self) -> Panel:
        return Panel(
            self.state / "panel.sock",
            self.state / "ram.bin",
            window_file.MICROPHONE,
            window_file.SPEAKER,
        )

    def console_log(self) -> str:
        path = self.state / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def qmp(self, command: str, **arguments: object) -> Any:
        """Give QEMU a command of its machine protocol; what it returns."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(5.0)
            folder = os.open(self.state, os.O_RDONLY)
            try:
                channel.connect(f"/proc/self/fd/{folder}/qmp.sock")
            finally:
                os.close(folder)
            with channel.makefile("rwb") as file:
                file.readline()
                for row in ({"execute": "qmp_capabilities"}, {"execute": command}):
                    if row["execute"] == command and arguments:
                        row["arguments"] = arguments  # type: ignore[assignment]
                    file.write(json.dumps(row).encode() + b"\n")
                    file.flush()
                    while True:
                        answer = json.loads(file.readline())
                        if "error" in answer:
                            raise PanelError(f"QEMU refuses {command}: {answer['error']['desc']}")
                        if "return" in answer:
                            break
        return answer["return"]

    def _after(self) -> None:
        super()._after()
        if self.window is not None:
            self.window.close()
            self.window = None


BOARDS: dict[str, type[UnixPhone] | type[QEMUPhone]] = {
    "UNIX_HOST": UnixPhone,
    "QEMU_MPS2_AN500": QEMUPhone,
}
