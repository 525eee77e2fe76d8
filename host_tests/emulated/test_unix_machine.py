# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: runs the unix program
"""The unix phone as a machine: console, mpremote, resume(), panel link, restart, stop."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from tools.panel.phones import UnixPhone

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not UnixPhone.image.exists(), reason="vox6-phone is not built"),
]


@pytest.fixture
def phone(tmp_path):
    with UnixPhone(tmp_path / "state") as running:
        yield running


def wait_log(phone, pattern, timeout=5.0, count=1):
    deadline = time.monotonic() + timeout
    while len(re.findall(pattern, phone.console_log())) < count:
        assert time.monotonic() < deadline, f"no {pattern!r} in\n{phone.console_log()[-2000:]}"
        time.sleep(0.02)


def leave_running(phone, code):
    """Start code on the REPL and close the console."""
    phone.mpremote("resume", "exec", "--no-follow", code)


def test_mpremote_run_and_soft_reset(phone, tmp_path):
    script = tmp_path / "hello.py"
    script.write_text("import sys\nprint('sum', 1 + 1, sys.platform)\n")
    assert phone.mpremote("run", str(script)).strip() == "sum 2 linux"  # with a soft reset
    failing = tmp_path / "fails.py"
    failing.write_text("raise ValueError('seven')\n")
    with pytest.raises(Exception, match="ValueError: seven"):
        phone.mpremote("run", str(failing))


def test_polling_with_and_without_descriptors(tmp_path):
    """MicroPython 1.25 ends here with a segmentation fault: ports/unix/poll_room.h."""
    script = tmp_path / "poll.py"
    script.write_text(_POLLED)
    done = subprocess.run([UnixPhone.image, script], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "1\n1\n"), done


# What has no descriptor comes first; sockets and garbage make the table of descriptors move.
_POLLED = """
import io, net6, select

class Plain(io.IOBase):
    ready = 0
    def ioctl(self, request, argument):
        return argument & self.ready if request == 3 else -1

plain, poll, kept = Plain(), select.poll(), []
poll.register(plain, select.POLLIN)
for kind in [net6.Endpoint] * 10 + [net6.Listener] * 2:
    kept.append((kind(None, 0), [bytearray(48) for _ in range(50)]))
    poll.register(kept[-1][0], select.POLLIN)
for wanted in (select.POLLIN | select.POLLOUT, select.POLLOUT):
    plain.ready = wanted
    poll.modify(plain, wanted)
    print(len(poll.poll(0)))
"""


def test_mpremote_files(phone, tmp_path):
    octets = os.urandom(100_000)
    (tmp_path / "big").write_bytes(octets)
    phone.mpremote("resume", "fs", "cp", str(tmp_path / "big"), ":settings/big")
    assert (phone.state / "fs/settings/big").read_bytes() == octets
    assert hashlib.sha256(octets).hexdigest() in phone.mpremote(
        "resume", "fs", "sha256sum", "settings/big"
    )
    phone.mpremote("resume", "fs", "cp", ":settings/big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == octets
    phone.mpremote("resume", "fs", "mkdir", ":new")
    assert "new/" in phone.mpremote("resume", "fs", "ls")
    phone.mpremote("resume", "fs", "rm", ":settings/big")
    assert not (phone.state / "fs/settings/big").exists()


def test_files_are_renamed_below_the_root(phone):
    print(
        phone.mpremote(
            "resume",
            "exec",
            "import os\nopen('/settings/a.new', 'w').write('1')\n"
            "os.rename('/settings/a.new', '/settings/a')\n"
            "os.chdir('/settings')\nos.rename('a', '/b')\nos.chdir('/')\nos.rename('/b', 'c')\n",
        )
    )
    assert (phone.state / "fs/c").read_text() == "1"
    assert not (phone.state / "fs/b").exists() and not (phone.state / "fs/settings/a").exists()
    save = "import firmware.main as m; m.phone().settings.save(); print('saved')"
    assert "saved" in phone.mpremote("resume", "exec", save)
    assert list((phone.state / "fs/settings").iterdir())


def test_romfs_deploy_survives_a_restart(phone, tmp_path):
    folder = tmp_path / "rom"
    folder.mkdir()
    (folder / "in_rom.py").write_text("answer = 42\n")
    phone.mpremote("resume", "romfs", "deploy", str(folder))
    assert phone.mpremote("exec", "import in_rom; print(in_rom.answer)").strip() == "42"
    phone.restart()
    assert "42" in phone.mpremote("exec", "import in_rom; print(in_rom.answer, in_rom.__file__)")


def test_resume_goes_on_with_the_same_phone(phone):
    phone.panel.dial("123")
    phone.panel.wait_text("123_")
    start = time.monotonic()
    with phone.aside() as console:
        left = time.monotonic() - start
        # the phone that runs, not a new one
        assert (
            console.run("import firmware.main as m; print(m.phone() is not None)").strip()
            == "True"
        )
    phone.panel.press("4")
    phone.panel.wait_text("1234_")
    print(f"aside after {left * 1000:.0f} ms")
    assert left < 0.5  # by request, not by interrupt
    assert "KeyboardInterrupt" not in phone.console_log()


def test_soft_reset_starts_the_phone_anew(phone):
    phone.panel.dial("12")
    phone.panel.wait_text("12_")
    console = os.open(phone.console, os.O_RDWR | os.O_NOCTTY)
    os.write(console, b"\x03")
    time.sleep(0.3)
    os.write(console, b"\x04")
    wait_log(phone, "soft reboot")
    wait_log(phone, "phone: vox6", count=2)
    os.close(console)
    phone.panel.wait_text(r"menu", 5)
    assert "12_" not in phone.panel.screen_text()


def test_ctrl_c_interrupts_what_does_not_leave(phone):
    with phone.aside() as console:
        console.start("while True: pass")
        time.sleep(0.2)
        tty = os.open(phone.console, os.O_RDWR | os.O_NOCTTY)
        os.write(tty, b"\x03")  # not a phone: at once
        os.close(tty)
        with pytest.raises(Exception, match="KeyboardInterrupt"):
            console.finish(2)
        console.start(
            "import firmware.main as m\n"
            "def deaf():\n while True: pass\n"
            "run, m.run = m.run, deaf\n"
            "try:\n resume()\nexcept KeyboardInterrupt:\n print('interrupted')\n"
            "finally:\n m.run = run\n"
        )
        time.sleep(0.2)
        tty = os.open(phone.console, os.O_RDWR | os.O_NOCTTY)
        start = time.monotonic()
        os.write(tty, b"\x03")  # a phone that does not listen: after 500 ms
        os.close(tty)
        assert console.finish(5).strip() == "interrupted"
        assert 0.4 < time.monotonic() - start < 1.0
    phone.panel.press("5")
    phone.panel.wait_text("5_")


def test_console_that_nobody_reads_holds_nothing_up(phone):
    # more than a pty holds, printed after the reader has gone
    leave_running(
        phone, "import time\ntime.sleep(1)\nfor n in range(20000):\n print('line', n)\nresume()"
    )
    phone.panel.press("7")
    phone.panel.wait_text("7_", 15)
    assert phone.mpremote("resume", "exec", "print('still here')").strip() == "still here"


def test_sigterm_stops_cleanly(phone):
    process = phone.process
    start = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(3) == 0
    assert time.monotonic() - start < 0.5
    assert "MPY: stopped" in process.output()
    assert not (phone.state / "console").is_symlink()


@pytest.mark.parametrize("code", ["while True: pass", "import time\ntime.sleep(100)"])
def test_sigterm_stops_whatever_runs(phone, code):
    process = phone.process
    leave_running(phone, code)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(3) == 0


def test_one_phone_for_each_state_folder(phone):
    second = subprocess.run(
        [UnixPhone.image, "--state", phone.state], capture_output=True, text=True, timeout=5
    )
    assert second.returncode == 1
    assert "another phone runs" in second.stderr
    phone.panel.press("1")
    phone.panel.wait_text("1_")


def test_reset_and_watchdog_boot_again(phone):
    process = phone.process
    leave_running(phone, "import time, _board\ntime.sleep(0.5)\n_board.reset()")
    wait_log(phone, "phone: vox6", count=2)
    phone.panel.wait_text("menu")
    leave_running(
        phone, "import time, _board\ntime.sleep(0.5)\n_board.watchdog(300)\nwhile True: pass"
    )
    wait_log(phone, "watchdog: restart")
    wait_log(phone, "phone: vox6", count=3)
    phone.panel.wait_text("menu")
    assert process.running()
    assert phone.mpremote("resume", "exec", "print(6 * 7)").strip() == "42"


# --- the panel link ---------------------------------------------------------------------------


class Host:
    """The host's end of a panel link, to send what a panel would not."""

    def __init__(self, phone):
        self.socket = socket.socket(socket.AF_UNIX)
        folder = os.open(phone.state, os.O_RDONLY)
        self.socket.connect(f"/proc/self/fd/{folder}/panel.sock")
        os.close(folder)
        self.socket.settimeout(3)
        self.held = b""

    def send(self, octets):
        self.socket.sendall(octets)

    def receive(self):
        while b"\n" not in self.held:
            octets = self.socket.recv(65536)
            if not octets:
                raise EOFError
            self.held += octets
        line, _, self.held = self.held.partition(b"\n")
        assert len(line) < 1024
        return json.loads(line)

    def receive_screen(self, pattern):
        while True:
            message = self.receive()
            if message["t"] == "screen" and re.search(pattern, "\n".join(message["text"])):
                return message["text"]


HELLO = b'{"t":"panel","v":1}\n'


@pytest.fixture
def bare(phone):
    phone.panel.close()  # its own panel would connect again and again
    yield phone
    phone._panel = None


def test_a_new_host_is_told_everything_and_replaces_the_old_one(bare):
    old = Host(bare)
    old.send(HELLO)
    first = old.receive()
    assert (first["t"], first["v"], first["facts"]["name"]) == ("panel", 1, "UNIX_HOST")
    screen = old.receive_screen("")
    assert len(screen) == 8 and all(len(line) <= 21 for line in screen)
    old.send(b'{"t":"key","k":"5","dow')  # half a line of a host that goes
    new = Host(bare)
    new.send(HELLO)
    while new.receive()["t"] != "panel":
        pass  # a line that was on its way to the old one
    with pytest.raises((EOFError, OSError)):
        while True:
            old.receive()
    new.send(b'{"t":"key","k":"6","down":true}\n')
    new.receive_screen("^.*\n6_")


def test_bad_lines_are_passed_over(bare):
    host = Host(bare)
    host.send(HELLO)
    host.receive_screen("menu")
    for line in (
        b"not json", b"[]", b"{}", b'{"t":"key"}', b'{"t":"key","k":"nope","down":true}',
        b"\xff\xfe",
        b'{"t":"key","k":5,"down":true}', b'{"t":"panel","v":"x"}', b'{"t":"hook"}', b"null",
        b'{"t":"key","k":"7","down":true,"x":"' + b"y" * 2000 + b'"}', b"[" * 900,
        b'{"t":"other","z":1}', b"",
    ):  # fmt: skip
        host.send(line + b"\n")
    host.send(b'{"t":"key","k":"8","down":true}\n')
    host.receive_screen("^.*\n8_")


def test_a_burst_of_keys_is_taken_whole(bare):
    host = Host(bare)
    host.send(HELLO)
    digits = "12345678901234567890" * 2
    lines = b""
    for digit in digits:
        for down in ("true", "false"):
            lines += b'{"t":"key","k":"%s","down":%s}\n' % (digit.encode(), down.encode())
    host.send(lines)
    host.receive_screen(digits[-15:] + "_")


def test_a_newer_host_is_refused(bare):
    host = Host(bare)
    host.send(b'{"t":"panel","v":2}\n')
    message = host.receive()
    assert (message["t"], message["v"]) == ("refused", 1)
    assert "newer" in message["m"]
    host.send(b'{"t":"key","k":"5","down":true}\n')
    host.send(HELLO)  # it can do without
    host.receive_screen("menu")
