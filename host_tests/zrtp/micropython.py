# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/zrtp under the phone's MicroPython as a party of world.py, over pipes, in virtual time."""

import json
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

from host_tests.unit.mp import run
from host_tests.zrtp import ours

SCRIPT = Path(__file__).with_name("engine_process.py")
ANSWER_S = 60


class Child:
    """The process; `python` runs it under CPython instead, to tell the two apart."""

    def __init__(self, python=False):
        run.namespace()
        environment = dict(os.environ)
        path = [str(run.TOP / "build" / "path"), str(run.TOP)]
        environment["PYTHONPATH"] = ":".join(path)
        environment["MICROPYPATH"] = ":".join([*path, ".frozen"])
        program = sys.executable if python else str(run.interpreter())
        self.process = subprocess.Popen(
            [program, str(SCRIPT)],
            env=environment,
            cwd=run.TOP,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.engines = []
        self.noise = []

    def ask(self, *command):
        """Give a command, return its answer; a process that hangs is ended."""
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()
        guard = threading.Timer(ANSWER_S, self.process.kill)
        guard.start()
        try:
            while True:
                line = self.process.stdout.readline().decode()
                assert line, "the process ended: " + "".join(self.noise[-20:])
                if line.startswith("="):
                    break
                self.noise.append(line)
        finally:
            guard.cancel()
        answer = json.loads(line[1:])
        assert "error" not in answer, answer["error"] + "".join(self.noise[-20:])
        for party, output in zip(self.engines, answer.get("outputs", ())):
            party.take_in(*output)
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Context:
    """One call in the child."""

    def __init__(self, child, seed=1, cache=None, **policy):
        self.child = child
        if cache is None:
            cache = new_cache(child, random.Random("zid %s" % seed).randbytes(12))
        self.number = child.ask("session", cache, policy)["session"]

    def open(self, ssrc):
        return Party(self, ssrc)

    def verify(self, same=True):
        self.child.ask("tell", self.number, *(("verify", "Somebody") if same else ("deny",)))


def new_cache(child, zid):
    """Make a cache in the child that outlives its calls; returns its number."""
    return child.ask("cache", zid.hex())["cache"]


class Party(ours.Party):
    """An engine in the child."""

    def __init__(self, context, ssrc):
        self.context, self.child, self.ssrc = context, context.child, ssrc
        answer = self.child.ask("open", context.number, ssrc)
        self.number = answer["engine"]
        self._hello_hash = bytes.fromhex(answer["hello_hash"]["hex"])
        self.child.engines.append(self)
        assert self.child.engines.index(self) == self.number
        self.out, self.events, self.keys, self.key_events = [], [], {}, []
        self.secure_event = None
        self.timer = None

    @property
    def hello_hash(self):
        return self._hello_hash

    def take_in(self, packets, events, timer):
        self.out += [bytes.fromhex(text) for text in packets]
        self.timer = timer
        for name, fields in events:
            fields = {
                key: bytes.fromhex(v["hex"]) if isinstance(v, dict) else v
                for key, v in fields.items()
            }
            self.note(type(name, (SimpleNamespace,), {})(**fields))

    def start(self, now):
        self.child.ask("start", self.number, now)

    def receive(self, data, now):
        self.child.ask("receive", self.number, now, data.hex())

    def tick(self, now):
        self.child.ask("tick", self.number, now)

    def do(self, command, *arguments):
        self.child.ask("do", self.number, command, *arguments)

    def next_time(self):
        return self.timer
