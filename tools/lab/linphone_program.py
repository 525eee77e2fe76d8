# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""liblinphone 5.1 as a program that obeys JSON lines: started by linphone.py in a namespace.

    python3 linphone_program.py RC PLAY RECORD PORT auto|manual

It listens on 127.0.0.1:PORT. In: {"do": "dial", "uri": ...}, "answer", "answer_early" (183 with
media), "hang_up", "verify", "unverify", "hold", "resume", "transfer" (its "uri"), "press" (its
"digits"), "state", "quit". Out: {"t": monotonic
seconds, "event": ...} when something about the call has changed, and {"answer": ...} once for
each line.
The log of the library goes to standard output.
"""

import contextlib
import ctypes
import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

_POINTER = ctypes.c_void_p
_TEXT = ctypes.c_char_p
_LOG_MESSAGES = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5  # message, warning, error, fatal
_STATES = (
    "idle",
    "incoming",
    "push",
    "starting",
    "progress",
    "ringing",
    "early-media",
    "connected",
    "running",
    "pausing",
    "paused",
    "resuming",
    "referred",
    "error",
    "ended",
    "paused-by-remote",
    "updated-by-remote",
    "incoming-early-media",
    "updating",
    "released",
    "early-updated-by-remote",
    "early-updating",
)
_ENCRYPTIONS = ("none", "srtp", "zrtp", "dtls")
_OVER = ("error", "ended", "released")
_HEARD_DIGIT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_STEP_S = 0.01

library = ctypes.CDLL("liblinphone.so.10")


def function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """A function of the library with its types."""
    found = getattr(library, "linphone_" + name)
    found.restype = result
    found.argtypes = arguments
    return found  # type: ignore[no-any-return]


class Telephone:
    """One linphone core and its one call."""

    def __init__(self, rc: str, play: str, record: str, auto: bool) -> None:
        logging = function("logging_service_get", _POINTER)()
        function("logging_service_set_log_level_mask", None, _POINTER, ctypes.c_uint)(
            logging, _LOG_MESSAGES
        )
        factory = function("factory_get", _POINTER)()
        create = function("factory_create_core_3", _POINTER, _POINTER, _TEXT, _TEXT, _POINTER)
        self.core = create(factory, rc.encode(), None, None)
        if not self.core:
            raise SystemExit("liblinphone made no core")
        function("core_set_use_files", None, _POINTER, ctypes.c_int)(self.core, 1)
        function("core_set_play_file", None, _POINTER, _TEXT)(self.core, play.encode())
        function("core_set_record_file", None, _POINTER, _TEXT)(self.core, record.encode())
        for tone in ("ring", "ringback"):
            function("core_set_" + tone, None, _POINTER, _TEXT)(self.core, None)
        self._start = function("core_start", ctypes.c_int, _POINTER)
        self._iterate = function("core_iterate", None, _POINTER)
        self._current = function("core_get_current_call", _POINTER, _POINTER)
        self._ref = function("call_ref", _POINTER, _POINTER)
        self._unref = function("call_unref", None, _POINTER)
        self._state = function("call_get_state", ctypes.c_int, _POINTER)
        self._token = function("call_get_authentication_token", _TEXT, _POINTER)
        self._verified = function("call_get_authentication_token_verified", ctypes.c_int, _POINTER)
        self._set_verified = function(
            "call_set_authentication_token_verified", None, _POINTER, ctypes.c_int
        )
        self._params = function("call_get_current_params", _POINTER, _POINTER)
        self._encryption = function("call_params_get_media_encryption", ctypes.c_int, _POINTER)
        self._payload = function("call_params_get_used_audio_payload_type", _POINTER, _POINTER)
        self._mime = function("payload_type_get_mime_type", _TEXT, _POINTER)
        self._stats = function("call_get_audio_stats", _POINTER, _POINTER)
        self._stats_unref = function("call_stats_unref", None, _POINTER)
        self._figures = {
            name: function("call_stats_get_" + name, kind, _POINTER)
            for name, kind in (
                ("round_trip_delay", ctypes.c_float),
                ("local_loss_rate", ctypes.c_float),
                ("local_late_rate", ctypes.c_float),
                ("download_bandwidth", ctypes.c_float),
                ("upload_bandwidth", ctypes.c_float),
            )
        }
        self._invite = function("core_invite", _POINTER, _POINTER, _TEXT)
        self._accept = function("call_accept", ctypes.c_int, _POINTER)
        self._terminate = function("call_terminate", ctypes.c_int, _POINTER)
        self._pause = function("call_pause", ctypes.c_int, _POINTER)
        self._resume = function("call_resume", ctypes.c_int, _POINTER)
        self._transfer = function("call_transfer", ctypes.c_int, _POINTER, _TEXT)
        self._early = function("call_accept_early_media", ctypes.c_int, _POINTER)
        self._press = function("call_send_dtmfs", ctypes.c_int, _POINTER, _TEXT)
        self.digits = ""  # that were pressed at the other end, since the start
        self._heard_digit = _HEARD_DIGIT(self._take_digit)  # the library keeps no reference
        callbacks = function("factory_create_core_cbs", _POINTER, _POINTER)(factory)
        function("core_cbs_set_dtmf_received", None, _POINTER, _HEARD_DIGIT)(
            callbacks, self._heard_digit
        )
        function("core_add_callbacks", None, _POINTER, _POINTER)(self.core, callbacks)
        self.call: int | None = None
        self.auto = auto
        if self._start(self.core):
            raise SystemExit("liblinphone does not start")

    def step(self) -> None:
        """Let the library work; follow its call."""
        self._iterate(self.core)
        current = self._current(self.core)
        if current and current != self.call:
            self._take(current)
        if self.auto and self.call and _STATES[self._state(self.call)] == "incoming":
            self._accept(self.call)

    def _take(self, call: int | None) -> None:
        if self.call:
            self._unref(self.call)
        self.call = self._ref(call) if call else None

    def _take_digit(self, _core: int, _call: int, digit: int) -> None:
        self.digits += chr(digit)

    def look(self) -> dict[str, Any]:
        """What is known of the call."""
        call = self.call
        found: dict[str, Any] = {"sas": "", "verified": False, "encryption": "none"}
        found |= {"state": "idle", "digits": self.digits}
        if not call:
            return found
        state = _STATES[self._state(call)]
        found["state"] = state
        found["sas"] = (self._token(call) or b"").decode()
        found["verified"] = bool(self._verified(call))
        if state not in _OVER:
            found["encryption"] = _ENCRYPTIONS[self._encryption(self._params(call))]
        return found

    def figures(self) -> dict[str, Any]:
        """Codec and statistics of the call."""
        call = self.call
        if not call or _STATES[self._state(call)] in _OVER:
            return {}
        found: dict[str, Any] = {}
        payload = self._payload(self._params(call))
        if payload:
            found["codec"] = (self._mime(payload) or b"").decode()
        stats = self._stats(call)
        if stats:
            for name, read in self._figures.items():
                found[name] = round(float(read(stats)), 4)
            self._stats_unref(stats)
        return found

    def obey(self, line: dict[str, Any]) -> dict[str, Any]:
        """Do what a line asks."""
        what = line.get("do")
        call = self.call
        if what == "dial":
            call = self._invite(self.core, str(line["uri"]).encode())
            self._take(call)
            return {"ok": bool(call)}
        if what == "state":
            return {"ok": True, **self.look(), **self.figures()}
        if not call:
            return {"ok": False, "why": "no call"}
        if what in ("verify", "unverify"):
            self._set_verified(call, int(what == "verify"))
            return {"ok": True}
        if what == "transfer":
            return {"ok": self._transfer(call, str(line["uri"]).encode()) == 0}
        if what == "press":
            return {"ok": self._press(call, str(line["digits"]).encode()) == 0}
        verbs = {
            "answer": self._accept,
            "answer_early": self._early,
            "hang_up": self._terminate,
            "hold": self._pause,
            "resume": self._resume,
        }
        if what not in verbs:
            return {"ok": False, "why": "no such word"}
        return {"ok": verbs[what](call) == 0}


def serve(telephone: Telephone, channel: socket.socket) -> None:
    """Obey one client until it goes or says quit."""
    held = b""
    last: dict[str, Any] = {}

    def say(row: dict[str, Any]) -> None:
        channel.sendall(json.dumps({"t": time.monotonic(), **row}).encode() + b"\n")

    while True:
        telephone.step()
        seen = telephone.look()
        if seen != last:
            last = seen
            say({"event": seen})
        if not select.select([channel], [], [], _STEP_S)[0]:
            continue
        new = channel.recv(65536)
        if not new:
            return
        held += new
        while b"\n" in held:
            text, _, held = held.partition(b"\n")
            line = json.loads(text)
            if line.get("do") == "quit":
                return
            say({"answer": telephone.obey(line)})


def main() -> None:
    """Start, serve one client, leave."""
    rc, play, record, port, mode = sys.argv[1:6]
    telephone = Telephone(rc, play, record, mode == "auto")
    with socket.create_server(("127.0.0.1", int(port))) as server:
        print("ready", flush=True)
        channel, _ = server.accept()
    with channel, contextlib.suppress(OSError):
        serve(telephone, channel)
    # A call is ended in order, so that the recording has its header.
    if telephone.call and telephone.look()["state"] not in _OVER:
        telephone.obey({"do": "hang_up"})
    for _ in range(30):
        telephone.step()
        time.sleep(_STEP_S)
    sys.stdout.flush()
    os._exit(0)  # the library's own end takes seconds


if __name__ == "__main__":
    main()
