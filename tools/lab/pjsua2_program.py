# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The program of pjproject.py: pjsua2 (pjsua2-pybind11), driven by lines of JSON (driven.py).

It sends back what it hears. The library works in the main thread alone, between commands: in a
thread of its own it would wait for Python while holding the call that a command waits for.
"""

import ctypes
import json
import os
import select
import socket
import struct
import sys
from pathlib import Path
from typing import Any

import pjsua2

_UNHOLD = 1  # PJSUA_CALL_UNHOLD
# Where pjsua_acc_config of the pinned version (2.14) has ipv6_sip_use and ipv6_media_use: the
# binding sets the first, and has no name for the second.
_IPV6_AT = 2212
_CONFIG_OCTETS = 20000
_MEDIA_DEFAULT = 2  # PJSUA_IPV6_ENABLED_PREFER_IPV4
_PREFER_IPV6 = 3
_STEP_MS = 10


def _library(name: str) -> Any:
    """A library that came with the binding, the one that it has loaded."""
    folder = Path(pjsua2.__file__).with_name("pjsua2_pybind11.libs")
    return ctypes.CDLL(str(next(folder.glob(f"lib{name}-*.so*"))))


def media_by_ipv6(number: int) -> None:
    """Have the media of an account use IPv6. SystemExit: the configuration is another one."""
    library = _library("pjsua")
    library.pjsua_pool_create.restype = ctypes.c_void_p
    pool = ctypes.c_void_p(library.pjsua_pool_create(b"ipv6", 4000, 4000))
    config = ctypes.create_string_buffer(_CONFIG_OCTETS)
    if library.pjsua_acc_get_config(number, pool, config):
        raise SystemExit("no such account")
    if struct.unpack_from("<2i", config, _IPV6_AT) != (_PREFER_IPV6, _MEDIA_DEFAULT):
        raise SystemExit("another pjsua_acc_config")
    struct.pack_into("<i", config, _IPV6_AT + 4, _PREFER_IPV6)
    if library.pjsua_acc_modify(number, config):
        raise SystemExit("the account cannot be changed")


class Program:
    """Calls by number, commands by name."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.calls: list[Call] = []
        self.channel: socket.socket | None = None
        self.library = _library("pjsua")
        self.endpoint = pjsua2.Endpoint()
        self.endpoint.libCreate()
        config = pjsua2.EpConfig()
        config.logConfig.level = config.logConfig.consoleLevel = 4
        config.medConfig.noVad = True
        config.uaConfig.threadCnt = 0
        self.endpoint.libInit(config)
        transport = pjsua2.TransportConfig()
        transport.port = settings["port"]
        transport.boundAddress = settings["address"]
        number = self.endpoint.transportCreate(pjsua2.TransportType.UDP6, transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager.setNullDev()
        account = pjsua2.AccountConfig()
        account.idUri = f"sip:{settings['name']}@[{settings['address']}]:{settings['port']}"
        account.sipConfig.transportId = number
        account.sipConfig.ipv6Use = pjsua2.Ipv6Use.ENABLED_PREFER_IPV6
        self.account = Account(self)
        self.account.create(account)
        media_by_ipv6(0)

    def write(self, row: dict[str, Any]) -> None:
        """Send a line."""
        if self.channel is not None:
            self.channel.sendall(json.dumps(row).encode() + b"\n")

    def tell(self, kind: str, **more: Any) -> None:
        """Send an event."""
        self.write({"event": {"type": kind, **more}})

    def adopt(self, call: "Call") -> int:
        """Give a call its number."""
        call.number = len(self.calls)
        self.calls.append(call)
        return call.number

    def command(self, row: dict[str, Any]) -> dict[str, Any]:
        """Do what one line says."""
        what = row["do"]
        options = pjsua2.CallOpParam(True)
        if what == "dial":
            call = Call(self, self.account)
            number = self.adopt(call)
            call.makeCall(row["uri"], options)
            return {"call": number}
        call = self.calls[row.get("call", -1)]
        if what == "answer":
            options = pjsua2.CallOpParam()
            options.statusCode = pjsua2.StatusCode(row["status"])
            call.answer(options)
        elif what == "resume":
            options.opt.flag = _UNHOLD
            call.reinvite(options)
        else:
            {"hang_up": call.hangup, "hold": call.setHold, "update": call.update}[what](options)
        return {}

    def serve(self) -> None:
        """Obey one client until it goes or says quit."""
        with socket.create_server(("127.0.0.1", self.settings["control"])) as server:
            print("ready", flush=True)
            channel, _ = server.accept()
        self.channel = channel
        held = b""
        while True:
            self.library.pjsua_handle_events(_STEP_MS)
            if not select.select([channel], [], [], 0)[0]:
                continue
            new = channel.recv(65536)
            if not new:
                return
            *lines, held = (held + new).split(b"\n")
            for line in lines:
                row = json.loads(line)
                if row["do"] == "quit":
                    return
                try:
                    answer = {"ok": True, **self.command(row)}
                except Exception as error:
                    answer = {"ok": False, "why": repr(error)}
                self.write({"answer": answer})


class Call(pjsua2.Call):
    """Tells its states; its sound goes back to where it came from."""

    def __init__(self, program: Program, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.program = program
        self.number = -1

    def onCallState(self, _parameters: Any) -> None:
        """Its state is another one."""
        info = self.info() if callable(self.info) else self.info
        status = int(info.lastStatusCode)
        self.program.tell("state", call=self.number, state=info.stateText, status=status)

    def onCallMediaState(self, _parameters: Any) -> None:
        """Its media are other ones."""
        info = self.info() if callable(self.info) else self.info
        status = info.media[0].status
        if status == pjsua2.CallMediaStatus.ACTIVE:
            sound = self.getAudioMedia(0)
            sound.startTransmit(sound)
        self.program.tell("media", call=self.number, status=status.name.lower())


class Account(pjsua2.Account):
    """Takes calls, and answers none by itself."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program

    def onIncomingCall(self, parameters: Any) -> None:
        """A call came."""
        number = self.program.adopt(Call(self.program, self, parameters.callId))
        self.program.tell("incoming", call=number)


Program(json.loads(sys.argv[1])).serve()
sys.stdout.flush()
os._exit(0)  # the library's own end waits for threads
