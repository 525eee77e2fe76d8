# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The program of baresip_python.py: baresip-python, driven by lines of JSON (driven.py)."""

import asyncio
import json
import sys
from typing import Any

from baresip import Account, Config
from baresip.call import Call
from baresip.runtime import Runtime
from baresip.ua import UserAgent


class Program:
    """Calls by number, commands by name."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.calls: list[Call] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.kept: list[dict[str, Any]] = []
        self.tasks: set[asyncio.Task[Any]] = set()
        self.done = asyncio.Event()

    async def run(self) -> None:
        """Serve until told to quit."""
        own = self.settings
        address, port = own["address"], own["port"]
        listen, family = f"{address}:{port}", "ipv4"
        if ":" in address:
            listen, family = f"[{address}]:{port}", "ipv6"
        extra = f"sip_listen {listen}\nnet_af {family}\n" + own["extra"]
        self.runtime = Runtime()
        await self.runtime.start(
            Config(
                net_interface=address,
                audio_source=f"aufile,{own['sound']}",
                audio_player=f"aufile,{own['folder']}/heard.wav",
                max_concurrent_calls=own["calls"],
                native_log_level="info",
                extra_config_text=extra,
            )
        )
        account = Account(
            own["name"],
            listen,
            "",
            reg_interval=0,
            transport=own["transport"],
            audio_codecs=(own["codec"],),
            dtmf_mode=own["dtmf"],
        )
        self.agent = await UserAgent.create(self.runtime, account)
        self.agent.on_incoming(self.incoming)
        server = await asyncio.start_server(self.serve, "127.0.0.1", own["control"])
        print("ready", flush=True)
        await self.done.wait()
        server.close()
        await self.runtime.close()

    def tell(self, kind: str, **more: Any) -> None:
        """Send an event to whoever listens."""
        event = {"type": kind, **more}
        print(event, flush=True)
        for writer in self.writers:
            writer.write(json.dumps({"event": event}).encode() + b"\n")

    def adopt(self, call: Call) -> int:
        """Give a call its number and listen to it."""
        number = len(self.calls)
        self.calls.append(call)
        call.on_dtmf(lambda event: self.tell("digit", call=number, digit=event.digit))
        call.on_transfer_request(
            lambda request: self.tell(
                "refer", call=number, target=request.target, replaces=request.replaces
            )
        )
        call.on(
            lambda event: self.tell(event.event.name.lower(), call=number, text=event.text or "")
        )
        return number

    def incoming(self, call: Call) -> None:
        """A call came."""
        number = self.adopt(call)
        self.tell("incoming", call=number, peer=call.peer)
        if self.settings["auto"]:
            self.spawn(call.answer())

    def spawn(self, work: Any) -> None:
        """Run something beside the commands."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def outcome(self, work: Any, number: int) -> None:
        """Tell how a transfer went."""
        try:
            await work
        except Exception as error:
            self.tell("transferred", call=number, ok=False, why=str(error))
        else:
            self.tell("transferred", call=number, ok=True)

    async def command(self, row: dict[str, Any]) -> dict[str, Any]:
        """Do what one line says."""
        what = row["do"]
        number = row.get("call", 0)
        if what == "dial":
            return {"call": self.adopt(await self.agent.dial(row["uri"]))}
        if what == "quit":
            self.done.set()
            return {}
        call = self.calls[number]
        if what == "answer":
            await call.answer()
        elif what == "hang_up":
            await call.hangup()
        elif what == "hold":
            await call.hold()
        elif what == "resume":
            await call.resume()
        elif what == "press":
            await call.send_dtmf(row["digits"])
        elif what == "transfer":
            self.spawn(self.outcome(call.transfer(row["uri"]), number))
        elif what == "attended_transfer":
            consulted = self.calls[row["consulted"]]
            self.spawn(self.outcome(call.attended_transfer(consulted), number))
        elif what == "accept_transfer":
            return {"call": self.adopt(await call.accept_transfer())}
        else:
            raise ValueError("no such command")
        return {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take lines of one connection."""
        self.writers.append(writer)
        while line := await reader.readline():
            row = json.loads(line)
            try:
                answer = {"ok": True, **await self.command(row)}
            except Exception as error:
                answer = {"ok": False, "why": repr(error)}
            writer.write(json.dumps({"answer": answer}).encode() + b"\n")


asyncio.run(Program(json.loads(sys.argv[1])).run())
