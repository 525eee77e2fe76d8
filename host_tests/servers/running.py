# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What tests of pubtspd as a process share: programs beside it, its status, its settings."""

import json
import os
import signal
import socket
import subprocess

from host_tests.servers.wire import PYTHON, TOP, environment
from vox6.pubtsp.messages import TunnelRequest, parse_reply

ALICE = ("203.0.113.77", 54321)
BOB = ("192.0.2.135", 40000)


def inside(server, *words):
    """Run a program beside a server; (status, output)."""
    done = subprocess.run(
        ["ip", "netns", "exec", server.netns, *map(str, words)],
        capture_output=True, text=True, cwd=TOP, env={**os.environ, **environment()},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def command(server, *words):
    """`pubtspd --control ... WORDS`."""
    return inside(
        server, PYTHON, "-m", "tools.pubtspd", "--control", server.folder / "control", *words
    )


def status(server):
    code, out = command(server, "status", "--json")
    assert code == 0, out
    return json.loads(out)


def counters(server):
    return status(server)["members"][0]["counters"]["portable"]


def configured(wire, text="", **more):
    """A server whose settings stand in a file, for reload; (server, path)."""
    path = wire.folder / "pubtspd.conf"
    path.write_text(text)
    return wire.server(config=str(path), **more), path


def hangup(server, words):
    """SIGHUP, and wait for what the log says."""
    os.kill(server.process.pid, signal.SIGHUP)
    server.process.wait_output(words, 5)


def ask_create(peer, server):
    request = TunnelRequest("create", "v6udpv4", socket.inet_aton("192.0.2.20"), 30)
    return parse_reply(peer.ask(request.emit(192), server))
