# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""liblinphone on ::1, subscriber and notifier as lines of standard input say.

    python3 linphone_peer.py PORT

Its HOME is its own. Lines: "subscribe PACKAGE URI", "leave" (the last one), "accept", "notify TYPE
HEX" (who has subscribed last). It prints "ready", "told PACKAGE HEX", "asked PACKAGE", "state N".
A process of its own, so that its end is not ours.
"""

import ctypes
import os
import pathlib
import select
import sys

_POINTER = ctypes.c_void_p
_TEXT = ctypes.c_char_p
_NOTIFIED = ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _TEXT, _POINTER)
_STATE = ctypes.CFUNCTYPE(None, _POINTER, _POINTER, ctypes.c_int)
_CONFIG = """[sip]
sip_port=%d
sip_tcp_port=0
sip_tls_port=-1
use_ipv6=1
bind_address=::1
default_proxy=-1
contact=sip:peer@[::1]:%d
guess_hostname=0
register_only_when_network_is_up=0
auto_net_state_mon=0
[sound]
echocancellation=0
[video]
enabled=0
"""
library = ctypes.CDLL("liblinphone.so.10")


def call(name, result, *arguments):
    """Call a function of the library; numbers are int, text is bytes, all else is a pointer."""
    function = getattr(library, "linphone_" + name)
    function.restype = result
    kinds = {int: ctypes.c_int, bytes: _TEXT}
    function.argtypes = [
        type(one) if isinstance(one, ctypes._SimpleCData) else kinds.get(type(one), _POINTER)
        for one in arguments
    ]
    return function(*arguments)


def pointer(value):
    return ctypes.c_void_p(value)


def say(text):
    """Print a line at once."""
    os.write(1, text.encode() + b"\n")


class Phone:
    """One core, the subscription of ours and the one of others that came last."""

    def __init__(self, port):
        home = pathlib.Path(os.environ["HOME"])
        for folder in (".local/share/linphone", ".config/linphone"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        (home / "rc").write_text(_CONFIG % (port, port))
        call(
            "logging_service_set_log_level_mask",
            None,
            pointer(call("logging_service_get", _POINTER)),
            0,
        )
        factory = self.factory = pointer(call("factory_get", _POINTER))
        rc = str(home / "rc").encode()
        core = call("factory_create_core_3", _POINTER, factory, rc, pointer(None), pointer(None))
        self.core = pointer(core)
        self.ours = self.theirs = None
        self.callbacks = (
            ("notify_received", _NOTIFIED(self.told)),
            ("subscribe_received", _NOTIFIED(self.asked)),
            (
                "subscription_state_changed",
                _STATE(lambda core, event, state: say("state %d" % state)),
            ),
        )
        table = pointer(call("factory_create_core_cbs", _POINTER, factory))
        for name, function in self.callbacks:
            setter = getattr(library, "linphone_core_cbs_set_" + name)
            setter.restype = None
            setter.argtypes = (_POINTER, type(function))
            setter(table, function)
        call("core_add_callbacks", None, self.core, table)
        if call("core_start", ctypes.c_int, self.core):
            raise SystemExit("liblinphone does not start")

    def told(self, core, event, package, body):
        text = call("content_get_utf8_text", _TEXT, pointer(body)) if body else b""
        say("told %s %s" % (package.decode(), (text or b"").hex()))

    def asked(self, core, event, package, body):
        self.theirs = pointer(call("event_ref", _POINTER, pointer(event)))
        say("asked " + package.decode())

    def obey(self, line):
        what, *words = line.split()
        if what == "subscribe":
            where = call("factory_create_address", _POINTER, self.factory, words[1].encode())
            name = words[0].encode()
            event = call(
                "core_subscribe", _POINTER, self.core, pointer(where), name, 600, pointer(None)
            )
            self.ours = pointer(event)
        elif what == "leave":
            call("event_terminate", None, self.ours)
        elif what == "accept":
            call("event_accept_subscription", ctypes.c_int, self.theirs)
        elif what == "notify":
            content = pointer(call("core_create_content", _POINTER, self.core))
            major, _, minor = words[0].partition("/")
            call("content_set_type", None, content, major.encode())
            call("content_set_subtype", None, content, minor.encode())
            call("content_set_utf8_text", ctypes.c_int, content, bytes.fromhex(words[1]))
            call("event_notify", ctypes.c_int, self.theirs, content)

    def serve(self):
        """Obey until standard input ends."""
        say("ready")
        held = b""
        while True:
            call("core_iterate", None, self.core)
            if select.select([0], [], [], 0.02)[0]:
                new = os.read(0, 65536)
                if not new:
                    return
                *lines, held = (held + new).split(b"\n")
                for line in lines:
                    self.obey(line.decode())


Phone(int(sys.argv[1])).serve()
os._exit(0)  # the library's own end takes seconds
