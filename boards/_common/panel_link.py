# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The panel link of the virtual boards, "panel 1": keys, hook, screen, lamps over one stream.

One JSON object a line, UTF-8, LF, at most 1,024 octets a line. The host says {"t":"panel","v":1}
first and is told what the phone has and the whole state; after that each side sends what changes.
README.md of this folder lists the messages.

    link = PanelLink(_board.panel, FACTS)
    keys = link.keys                 # select.poll() and asyncio wait for it
    key = keys.get()                 # ("5", True), ("hook", False) or None
    link.screen.show(["vox6", "ready"])
    link.lamps.set("line1", "flash")
"""

import io
import json
import select

VERSION = 1
COLUMNS = 21
ROWS = 8
LINE_MAX = 1024  # octets with the LF; a longer line is passed over and counted
_KEYS_MAX = 64  # keys that wait; what is pressed beyond is lost and counted
_OUT_MAX = 8192  # octets that wait for a slow host; beyond, it gets the whole state later
_READ = 128
_POLL = 3  # MP_STREAM_POLL
_FILENO = 10  # MP_STREAM_GET_FILENO

STATES = ("off", "on", "flash")

KEY_NAMES = (
    "call",
    "hangup",
    "hold",
    "conference",
    "transfer",
    "line1",
    "line2",
    "ok",
    "back",
    "up",
    "down",
    "left",
    "right",
)


def is_key(name):
    """Say whether name is a key: one printable character, or a name of KEY_NAMES."""
    return isinstance(name, str) and ((len(name) == 1 and name >= " ") or name in KEY_NAMES)


class Keys(io.IOBase):
    """Keys and hook as events, pollable for reading.

    Whoever polls it calls get() until it gives None or polls again; both lose nothing.
    """

    def __init__(self, link):
        self._link = link
        self._events = []

    def get(self):
        """Return the next event (name, down), or None when there is none now.

        name: a key's name, or "hook" with down True when the handset was lifted.
        """
        if not self._events:
            self._link.receive()
        return self._events.pop(0) if self._events else None

    def put(self, name, down):
        """Queue one event."""
        if len(self._events) < _KEYS_MAX:
            self._events.append((name, down))
        else:
            self._link.counters["keys_lost"] += 1

    def ioctl(self, request, arg):
        """Answer the stream protocol: POLL, and GET_FILENO where the stream has a descriptor."""
        if request == _POLL:
            ready = arg & 4
            if arg & 1 and (self._events or self._link.readable()):
                ready |= 1
            return ready
        if request == _FILENO:
            return self._link.fileno()
        return -1


class Screen:
    """A text screen."""

    columns = COLUMNS
    rows = ROWS

    def __init__(self, link):
        self._link = link
        self.text = [""] * ROWS

    def show(self, lines):
        """Show lines, a list of str: at most `rows`, each cut after `columns` characters."""
        text = [str(line)[:COLUMNS] for line in lines[:ROWS]]
        text += [""] * (ROWS - len(text))
        if text != self.text:
            self.text = text
            self._link.send_screen()


class Lamps:
    """Lamps by name; those of FACTS["lamps"] alone."""

    def __init__(self, link, names):
        self._link = link
        self.states = {name: "off" for name in names}

    def set(self, name, state):
        """Switch lamp name to "off", "on" or "flash". ValueError for another name or state."""
        if name not in self.states or state not in STATES:
            raise ValueError("lamp %s %s" % (name, state))
        if self.states[name] != state:
            self.states[name] = state
            self._link.send_lamp(name, state)


class Hook:
    """The handset's switch; its events come through Keys."""

    def __init__(self):
        self.up = False


class PanelLink:
    """The phone's end of the link over one stream that never blocks.

    stream: readinto(buffer) -> octets or None, write(octets) -> octets or None, pollable.
    facts: what the board has (FACTS of board.py); facts["lamps"] names the lamps.
    """

    def __init__(self, stream, facts):
        self.stream = stream
        self.facts = facts
        self.keys = Keys(self)
        self.screen = Screen(self)
        self.lamps = Lamps(self, facts.get("lamps", ()))
        self.hook = Hook()
        self.refused = None  # version of a host that is newer than this phone
        self.counters = {"lines": 0, "long": 0, "malformed": 0, "keys_lost": 0, "overflow": 0}
        self._line = bytearray()
        self._too_long = False
        self._buffer = bytearray(_READ)
        self._out = bytearray()
        self._whole = False  # the host missed something: send all when there is room
        self._open = False  # a host has said its version
        self._poll = select.poll()
        self._poll.register(stream, select.POLLIN)

    def fileno(self):
        """Return the stream's descriptor, -1 on a board without such things."""
        return self.stream.fileno() if hasattr(self.stream, "fileno") else -1

    def readable(self):
        """Say whether the stream has something to read."""
        for _ in self._poll.ipoll(0):
            return True
        return False

    def receive(self):
        """Read until a key has come or nothing is left; send what waits."""
        self.flush()
        while not self.keys._events:
            count = self.stream.readinto(self._buffer)
            if not count:
                return
            start = 0
            while start < count:
                end = self._buffer.find(b"\n", start, count)
                stop = count if end < 0 else end
                if len(self._line) + stop - start >= LINE_MAX:
                    self._too_long = True
                    self._line = bytearray()
                if not self._too_long:
                    self._line += memoryview(self._buffer)[start:stop]
                if end < 0:
                    break
                self._end_line()
                start = end + 1

    def _end_line(self):
        line, self._line = self._line, bytearray()
        if self._too_long:
            self._too_long = False
            self.counters["long"] += 1
            return
        if not line.strip():
            return
        self.counters["lines"] += 1
        try:
            message = json.loads(bytes(line).decode())
            self._message(message)
        except (ValueError, KeyError, TypeError, AttributeError, UnicodeError):
            self.counters["malformed"] += 1

    def _message(self, message):
        kind = message["t"]
        if kind == "panel":
            self._hello(message["v"])
        elif self.refused is not None:
            return
        elif kind == "key":
            if not is_key(message["k"]):
                raise ValueError
            self.keys.put(message["k"], bool(message["down"]))
        elif kind == "hook":
            up = bool(message["up"])
            if up != self.hook.up:
                self.hook.up = up
                self.keys.put("hook", up)

    def _hello(self, version):
        """Answer a host. A newer one is refused: it must speak this version instead."""
        if not isinstance(version, int):
            raise TypeError
        if version > VERSION:
            self.refused = version
            self._open = False
            text = "panel %d is newer than this phone's panel %d" % (version, VERSION)
            self._put({"t": "refused", "v": VERSION, "m": text})
            return
        self.refused = None
        self._open = True
        if self._out:  # a line may be half sent: it ends first
            self._whole = True
            self.flush()
        else:
            self._send_all()

    def _send_all(self):
        self._whole = False
        self._put({"t": "panel", "v": VERSION, "facts": self.facts})
        self.send_screen()
        for name in self.lamps.states:
            self.send_lamp(name, self.lamps.states[name])

    def send_screen(self):
        """Send the whole screen, if a host is there."""
        if self._open:
            self._put({"t": "screen", "text": self.screen.text})

    def send_lamp(self, name, state):
        """Send one lamp, if a host is there."""
        if self._open:
            self._put({"t": "lamp", "n": name, "s": state})

    def log(self, text):
        """Send one line of the log, if a host is there; it may be lost."""
        if self._open and not self._out:
            self._put({"t": "log", "m": text[: LINE_MAX // 4]})

    def _put(self, message):
        octets = json.dumps(message).encode()
        if len(octets) >= LINE_MAX:
            raise ValueError("line too long")
        if len(self._out) + len(octets) >= _OUT_MAX:
            self.counters["overflow"] += 1
            self._whole = True
        elif not self._whole:
            self._out += octets
            self._out += b"\n"
        self.flush()

    def flush(self):
        """Write what waits, as far as the stream takes it now.

        receive() calls it; a driver that shows something while the host is slow calls it again.
        """
        while self._out:
            count = self.stream.write(self._out)
            if not count:
                return
            self._out = self._out[count:]
        if self._whole:
            self._send_all()
