# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""What a person types: `make call` and `make phone`, as the Makefile runs them."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tools.lab import network
from tools.lab.errors import LabError
from tools.panel.phones import TOP

_ENV = {**os.environ, "PYTHONPATH": f"{TOP / 'build/path'}:{TOP}"}


def namespaces_of(pid):
    """Names of the namespaces that a process has made."""
    return [name for name in os.listdir("/run/netns") if name.startswith(f"vox6-{pid}-")]


def _as_at_a_terminal():
    """What a shell has put into the background inherits an ignored SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_call(folder):
    argv = [sys.executable, "-m", "tools.lab.call", "--folder", str(folder)]
    return subprocess.Popen(
        argv,
        cwd=TOP,
        env=_ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_as_at_a_terminal,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_make_call_tells_what_happened(tmp_path):
    process = start_call(tmp_path)
    output, _ = process.communicate(timeout=90)
    print(output)
    assert process.returncode == 0
    words_of_a_call = ("rings", "answers", "shows the SAS", "speak", "hangs up", "G722")
    of_the_tunnel = ("DHCPv4 gave it 192.0.2.", "IPv6 by tunnel", "the NAT maps", "server carried")
    for words in (*words_of_a_call, *of_the_tunnel, "(agree)", "keys by ZRTP", "The call worked."):
        assert words in output
    assert output.count("a stranger, home") == output.count("a stranger, office") == 2
    for name in ("heard-by-host.wav", "heard-by-board.wav", "home/call.pcap", "office/call.pcap"):
        assert (tmp_path / name).stat().st_size > 10000
    assert not namespaces_of(process.pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_make_call_leaves_nothing_behind_when_stopped(tmp_path, number):
    process = start_call(tmp_path)
    deadline = time.monotonic() + 20
    while not (tmp_path / "board/qmp.sock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert namespaces_of(process.pid)
    process.send_signal(number)
    process.communicate(timeout=20)
    # Python dies of SIGINT itself where nobody has caught KeyboardInterrupt, as a shell expects.
    assert process.returncode in (130, 143, -signal.SIGINT)
    assert not namespaces_of(process.pid)
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in running.stdout


def test_no_root_is_said_with_a_remedy(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="root.*make phone"):
        network.check_able()


class Screen:
    """A terminal of tmux with one program."""

    def __init__(self, argv):
        self._socket = f"vox6-{os.getpid()}"
        words = ["new-session", "-d", "-x", "100", "-y", "30", "-c", str(TOP), *argv]
        self._tmux(*words)

    def _tmux(self, *words):
        argv = ["tmux", "-L", self._socket, "-f", "/dev/null", *words]
        return subprocess.run(argv, env=_ENV, capture_output=True, text=True, timeout=10).stdout

    def text(self):
        return self._tmux("capture-pane", "-p")

    def keys(self, *keys):
        self._tmux("send-keys", *keys)

    def wait(self, pattern, timeout=20):
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.text(), re.IGNORECASE):
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{self.text()}"
            time.sleep(0.1)

    def close(self):
        self._tmux("kill-server")


@pytest.mark.parametrize("board", ["UNIX_HOST", "QEMU_MPS2_AN500"])
def test_make_phone_is_a_phone_on_a_terminal(tmp_path, board):
    argv = [sys.executable, "-m", "tools.panel", "--board", board, "--state", str(tmp_path / "p")]
    screen = Screen(argv)
    try:
        screen.wait(r"\| vox6")
        screen.wait("Enter call")
        screen.wait("line1.*line2.*message")
        screen.keys("-l", "sip:x@[2001:db8::1]")
        screen.wait(r"Call:")
        screen.wait(r"sip:x@\[2001:db8::1\]")
        screen.keys("BSpace")
        screen.wait(r"sip:x@\[2001:db8::1_")
        screen.keys("Escape")
        screen.wait(r"\| vox6")
        screen.keys("Down")
        screen.wait("Menu")
        screen.keys("C-q")
        deadline = time.monotonic() + 10
        while screen.text():
            assert time.monotonic() < deadline, "Ctrl-Q does not end it"
            time.sleep(0.1)
    finally:
        screen.close()
