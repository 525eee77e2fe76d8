# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/zrtp in a process of its own: commands as JSON lines on stdin, results as JSON lines.

Runs under MicroPython (`_crypto` on mbedTLS) and under CPython; micropython.py is the other end.
Time comes with each command.
"""

import json
import sys

from vox6 import crypto, zrtp
from vox6.zrtp.cache import MemoryCache

_PEER = (bytes(16), 7078)


def _plain(value):
    """Return an attribute of an event as JSON has it."""
    if isinstance(value, (bytes, bytearray)):
        return {"hex": "".join(["%02x" % octet for octet in value])}
    return list(value) if isinstance(value, tuple) else value


def _octets(text):
    return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])


class Process:
    def __init__(self):
        self.sessions = []
        self.engines = []
        self.caches = []

    def cache(self, zid):
        self.caches.append(MemoryCache(_octets(zid)))
        return {"cache": len(self.caches) - 1}

    def session(self, cache, policy):
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in policy.items()}
        policy = zrtp.Policy(**values)
        self.sessions.append(zrtp.Session(crypto.provider(), self.caches[cache], policy))
        return {"session": len(self.sessions) - 1}

    def open(self, session, ssrc):
        self.engines.append(self.sessions[session].open(ssrc))
        hello = self.engines[-1].hello_hash
        return {"engine": len(self.engines) - 1, "hello_hash": _plain(bytes(hello))}

    def tell(self, session, command, *arguments):
        getattr(self.sessions[session], command)(*arguments)
        return {}

    def start(self, engine, now):
        self.engines[engine].start(now)
        return self._outputs()

    def do(self, engine, command, *arguments):
        getattr(self.engines[engine], command)(*arguments)
        return self._outputs()

    def tick(self, engine, now):
        self.engines[engine].handle_timer(now)
        return self._outputs()

    def receive(self, engine, now, text):
        self.engines[engine].receive_datagram(_octets(text), _PEER, now)
        return self._outputs()

    def _outputs(self):
        """Return of each engine: packets, events, timer."""
        outputs = []
        for engine in self.engines:
            events = []
            packets = [_plain(bytes(data))["hex"] for data, _ in engine.datagrams_to_send()]
            while True:
                event = engine.next_event()
                if event is None:
                    break
                fields = {key: _plain(value) for key, value in event.__dict__.items()}
                events.append([type(event).__name__, fields])
            outputs.append([packets, events, engine.get_timer()])
        return {"outputs": outputs}


def main():
    process = Process()
    while True:
        line = sys.stdin.readline()
        if not line.strip():
            return
        command, *arguments = json.loads(line)
        try:
            answer = getattr(process, command)(*arguments)
        except Exception as error:  # told to the other end, which fails the test
            answer = {"error": "%s: %r" % (type(error).__name__, error.args)}
        print("=" + json.dumps(answer))
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()


main()
