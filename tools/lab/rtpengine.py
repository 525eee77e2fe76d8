# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""rtpengine, in user space: the media relay that others put between IPv4 and IPv6.

Its Debian package is unpacked and not installed (tools/binaries.py), as it starts a service.
"""

import os
import re
import socket
import time
from typing import Any

from tools import binaries
from tools.fetch import FetchError
from tools.lab.errors import LabError
from tools.lab.link import Host

_PORT = 2223  # of its control protocol "ng", on 127.0.0.1
_ANSWER_S = 2.0
_START_S = 10.0


class RTPengine:
    """One rtpengine in a host of the lab, with an address of each family.

    relay = RTPengine(host, "192.0.2.1", "2001:db8:1::64")
    relay.ask(command="ping")
    """

    def __init__(
        self,
        host: Host,
        ipv4: str,
        ipv6: str,
        *,
        threads: int = 1,
        ports: tuple[int, int] = (20000, 60000),
    ) -> None:
        """Start it and wait until it answers. threads: that carry media; ports: first and last."""
        try:
            tree = binaries.get("rtpengine")
        except FetchError as error:
            raise LabError(str(error)) from None
        self.control = f"udp:127.0.0.1:{_PORT}"
        self._host = host
        argv: list[str] = [str(tree / "usr/bin/rtpengine"), "--foreground", "--log-stderr"]
        argv += ["--log-level=4", "--table=-1", f"--listen-ng=127.0.0.1:{_PORT}"]
        argv += [f"--interface=v4/{ipv4}", f"--interface=v6/{ipv6}", f"--num-threads={threads}"]
        argv += [f"--port-min={ports[0]}", f"--port-max={ports[1]}", "--timeout=60"]
        argv += ["--delete-delay=0"]  # else ports stay taken for 30 s
        environment = binaries.environment(tree)
        self.process = host.start(argv, log=f"rtpengine-{host.name}.log", env=environment)
        self._socket = host.socket(socket.AF_INET)
        self._socket.settimeout(_ANSWER_S)
        self._socket.connect(("127.0.0.1", _PORT))
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self.process.running():
            try:
                self.ask(command="ping")
                return
            except OSError:  # nobody is there yet
                time.sleep(0.05)
        raise LabError(f"rtpengine does not answer:\n{self.process.output()[-2000:]}")

    def ask(self, **request: Any) -> str:
        """Send a request of the ng protocol (keys with _ for -); the answer as it came, bencoded.

        LabError: it says that it cannot.
        """
        cookie = os.urandom(6).hex()
        named = {key.replace("_", "-"): value for key, value in request.items()}
        self._socket.send(f"{cookie} {_bencode(named)}".encode())
        answer = ""
        while not answer.startswith(cookie):  # one that came late may lie before it
            answer = self._socket.recv(65535).decode()
        if re.search(r"6:result5:error", answer):
            raise LabError(f"rtpengine: {request} gave {answer}")
        return answer

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self.process.stop()


def _bencode(value: Any) -> str:
    if isinstance(value, dict):
        return "d" + "".join(_bencode(key) + _bencode(value[key]) for key in sorted(value)) + "e"
    if isinstance(value, list):
        return "l" + "".join(map(_bencode, value)) + "e"
    if isinstance(value, int):
        return f"i{value}e"
    return f"{len(value.encode())}:{value}"
