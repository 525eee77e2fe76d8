# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""linphone as a peer in the lab: another maker's telephone with ZRTP (libbzrtp), driven by JSON.

linphone_program.py runs liblinphone in the host's namespace; here is its one client.
"""

import contextlib
import json
import queue
import re
import shutil
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.lab import wav
from tools.lab.errors import LabError
from tools.lab.link import Host, bracketed

KEY_AGREEMENTS = ("X255", "DH3k", "DH2k")  # that RFC 6189 or we have too
CIPHERS = ("AES1", "AES3")
HASHES = ("S256", "S384")
AUTH_TAGS = ("HS32", "HS80")
SAS_TYPES = ("B32", "B256")
_PROGRAM = Path(__file__).with_name("linphone_program.py")
_CONTROL_PORT = 4445
_CODECS = (
    *("opus/48000/2", "SILK/16000/1", "speex/16000/1", "speex/8000/1", "PCMU/8000/1"),
    *("PCMA/8000/1", "GSM/8000/1", "G722/8000/1", "iLBC/8000/1", "G729/8000/1"),
    *("speex/32000/1", "L16/44100/1", "L16/44100/2", "BV16/8000/1"),
)  # what it knows: one that is not named is on
_CONFIG = """[sip]
sip_port=%(port)d
sip_tcp_port=%(port)d
sip_tls_port=-1
use_ipv6=%(use_ipv6)d
bind_address=%(address)s
default_proxy=%(proxy)d
contact=%(uri)s
guess_hostname=0
media_encryption=%(encryption)s
media_encryption_mandatory=%(mandatory)d
zrtp_cache_migration_done=1
register_only_when_network_is_up=0
use_rfc2833=1
use_info=0
sdp_200_ack=%(late_offer)d
auto_net_state_mon=0
inc_timeout=60
%(suites)s
[rtp]
audio_rtp_port=%(rtp_port)d
audio_jitt_comp=60
nortp_timeout=30
rtcp_xr_enabled=0
[sound]
echocancellation=0
[video]
enabled=0
capture=0
display=0
[net]
mtu=1300
[misc]
uuid=%(uuid)s
"""
_ACCOUNT = """[proxy_0]
reg_proxy=<%(registrar)s>
reg_route=<%(registrar)s;lr>
reg_identity=sip:%(user)s@%(domain)s
reg_expires=60
reg_sendregister=1
[auth_info_0]
username=%(user)s
passwd=%(password)s
realm=%(domain)s
"""
# What the log says of a handshake, and the names of RFC 6189 for it.
_ALGORITHMS = re.compile(
    r"ZRTP algo used during negotiation: Cipher: (\S+) - KeyAgreement: (\S+)"
    r" - Hash: (\S+) - AuthTag: (\S+) - Sas Rendering: (.+)"
)
_RFC_NAMES = {
    "AES-128": "AES1",
    "AES-256": "AES3",
    "DHM-3072": "DH3k",
    "DHM-2048": "DH2k",
    "ECDH-255": "X255",
    "ECDH-448": "X448",
    "Multistream": "Mult",
    "SHA-256": "S256",
    "SHA-384": "S384",
    "HMAC-SHA1-32": "HS32",
    "HMAC-SHA1-80": "HS80",
    "Base32": "B32",
    "PGP-WordList": "B256",
}


class Linphone:
    """One linphone in a host of the lab, with its cache of retained secrets in its folder."""

    def __init__(
        self,
        host: Host,
        sound: Path,
        *,
        name: str = "linphone",
        codec: str = "PCMU",
        encryption: str = "zrtp",
        mandatory: bool = False,
        suites: dict[str, Sequence[str]] | None = None,
        auto_answer: bool = False,
        port: int = 5060,
        rtp_port: int = 7070,
        keep: bool = False,
        address: str | None = None,
        transport: str = "udp",
        late_offer: bool = False,
        account: Mapping[str, str] | None = None,
    ) -> None:
        """Start linphone and wait until it takes commands.

        host: where; its address comes by SLAAC, and linphone needs the default route as well;
        sound: 16-bit WAV that it plays in a call; codec: the one it offers (PCMU, PCMA, G722);
        encryption: none, srtp, zrtp, dtls; mandatory: no voice in clear; suites: by the words
        key_agreements, cipher, hash, auth, sas, lists of RFC 6189 names in order of preference;
        what is not named stays linphone's own choice; keep: the cache that a linphone of this name
        has left is used; address: of the host instead of that by SLAAC, of either family;
        transport: udp or tcp, in its own URI (it takes calls by both); late_offer: its INVITEs
        have no description; account: user, domain, password, registrar (a URI).
        """
        self.host = host
        self.codec = codec
        address = address or host.wait_address()
        self.uri = f"sip:{name}@{bracketed(address)}:{port}"
        if transport != "udp":
            self.uri += f";transport={transport}"
        self.folder = host.lab.folder / f"linphone-{host.name}-{name}"
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / ".local/share/linphone").mkdir(parents=True, exist_ok=True)
        self._record = self.folder / "heard.wav"
        lines = [
            f"zrtp_{word}_suites={', '.join(_setting(word, value) for value in values)}"
            for word, values in (suites or {}).items()
        ]
        values = {
            "address": address,
            "uri": self.uri,
            "late_offer": late_offer,
            "proxy": 0 if account else -1,
            "use_ipv6": ":" in address,
            "port": port,
            "rtp_port": rtp_port,
            "encryption": encryption,
            "mandatory": mandatory,
            "suites": "\n".join(lines),
            "uuid": uuid.uuid5(uuid.NAMESPACE_URL, self.uri),
        }
        config = _CONFIG % values
        for number, codec_name in enumerate(_CODECS):
            mime, rate, channels = codec_name.split("/")
            config += f"[audio_codec_{number}]\nmime={mime}\nrate={rate}\nchannels={channels}\n"
            config += f"enabled={int(mime == codec)}\n"
        self._config = config + (_ACCOUNT % account if account else "")
        self._sound = sound.resolve()
        self._mode = "auto" if auto_answer else "manual"
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self.history: list[tuple[float, dict[str, Any]]] = []  # time.monotonic(), what it showed
        self.start()

    def start(self) -> None:
        """Start it (again, after close()); the cache stays."""
        (self.folder / "rc").write_text(self._config)
        self._record.unlink(missing_ok=True)  # linphone appends to a file that is there
        argv: list[str | Path] = [sys.executable, "-u", _PROGRAM, self.folder / "rc", self._sound]
        argv += [self._record, str(_CONTROL_PORT), self._mode]
        env = {"HOME": str(self.folder), "PULSE_RUNTIME_PATH": str(self.folder / "pulse")}
        log = f"linphone-{self.host.name}-{self.folder.name.rpartition('-')[2]}.log"
        self.process = self.host.start(argv, log=log, env=env, urgent=True)
        self.process.wait_output(r"^ready", 20.0)
        self._socket = self.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.connect(("127.0.0.1", _CONTROL_PORT))
        threading.Thread(target=self._read, args=(self._socket,), daemon=True).start()

    def _read(self, channel: socket.socket) -> None:
        """Reader thread: JSON lines into events and answers."""
        with contextlib.suppress(OSError), channel.makefile("rb") as file:
            for line in file:
                row = json.loads(line)
                if "event" in row:
                    self.history.append((row["t"], row["event"]))
                    self._events.put(row["event"])
                else:
                    self._answers.put(row["answer"])

    def _do(self, what: str, **more: object) -> dict[str, Any]:
        self._socket.sendall(json.dumps({"do": what, **more}).encode() + b"\n")
        try:
            answer = self._answers.get(timeout=5.0)
        except queue.Empty:
            raise LabError(f"linphone did not answer {what}") from None
        if not answer["ok"]:
            raise LabError(f"linphone refused {what}: {answer}")
        return answer

    def look(self) -> dict[str, Any]:
        """What it shows now: state, sas, verified, encryption, codec, figures of its voice."""
        return self._do("state")

    def wait(
        self, done: Callable[[dict[str, Any]], bool], timeout: float = 15.0
    ) -> dict[str, Any]:
        """Wait until what it shows satisfies a function; what it showed."""
        deadline = time.monotonic() + timeout
        while True:
            seen = self.look()
            if done(seen):
                return seen
            if time.monotonic() > deadline:
                tail = "\n".join(str(row) for row in self.history[-8:])
                raise LabError(f"linphone did not come to it within {timeout:g} s:\n{tail}")
            time.sleep(0.02)

    def wait_state(self, *states: str, timeout: float = 15.0) -> dict[str, Any]:
        """Wait until the call is in one of the states (running, incoming, ended ...)."""
        return self.wait(lambda seen: seen["state"] in states, timeout)

    def wait_sas(self, timeout: float = 15.0) -> dict[str, Any]:
        """Wait until a call is encrypted and has a SAS."""
        return self.wait(lambda seen: bool(seen["sas"]) and seen["encryption"] == "zrtp", timeout)

    def wait_registered(self) -> None:
        """Wait for the registrar's 200."""
        self.process.wait_output("RegistrationOk", 15.0)

    def wait_over(self, timeout: float = 15.0) -> None:
        """Wait until the call is over."""
        self.wait_state("idle", "ended", "error", "released", timeout=timeout)

    def dial(self, uri: str) -> None:
        """Call a URI."""
        self._do("dial", uri=uri)

    def answer(self) -> None:
        """Take the call that rings."""
        self._do("answer")

    def answer_early(self) -> None:
        """Give the caller sound before the call is taken."""
        self._do("answer_early")

    def hang_up(self) -> None:
        """End or refuse the call."""
        self._do("hang_up")

    def hold(self) -> None:
        """Put the call on hold."""
        self._do("hold")

    def resume(self) -> None:
        """Take the call back."""
        self._do("resume")

    def transfer(self, uri: str) -> None:
        """Ask the peer of the call to call a URI instead (REFER)."""
        self._do("transfer", uri=uri)

    def press(self, digits: str) -> None:
        """Send digits, one after the other; those that came are look()["digits"]."""
        self._do("press", digits=digits)

    def verify(self, same: bool = True) -> None:
        """The person has compared the SAS: it is the same, or it is not."""
        self._do("verify" if same else "unverify")

    def algorithms(self) -> list[dict[str, str]]:
        """RFC 6189 names of what each handshake so far agreed on, from its log, oldest first."""
        found = []
        for match in _ALGORITHMS.finditer(self.process.output()):
            names = [_RFC_NAMES.get(text.strip(), text.strip()) for text in match.groups()]
            words = ("cipher", "key_agreement", "hash", "auth_tag", "sas")
            found.append(dict(zip(words, names, strict=True)))
        return found

    def previously_verified(self) -> list[bool]:
        """For each SAS so far whether linphone took it as verified by its cache."""
        said = re.findall(r"SAS is \S+ previously verified (yes|no)", self.process.output())
        return [word == "yes" for word in said]

    def recording(self) -> tuple[int, wav.Samples]:
        """What it has heard since its start; complete after the call."""
        return wav.read(self._record)

    def forget(self) -> None:
        """Lose the cache of retained secrets; linphone is started anew."""
        self.close()
        shutil.rmtree(self.folder / ".local")
        (self.folder / ".local/share/linphone").mkdir(parents=True)
        self.start()

    def close(self) -> None:
        """End linphone; a call is hung up."""
        with contextlib.suppress(OSError):
            self._socket.sendall(b'{"do": "quit"}\n')
            with contextlib.suppress(LabError):
                self.process.wait(3.0)
        self._socket.close()
        self.process.stop()


def _setting(word: str, name: str) -> str:
    """linphone's name of a suite."""
    prefix = {"key_agreements": "KEY_AGREEMENT", "auth": "AUTHTAG"}.get(word, word.upper())
    return f"MS_ZRTP_{prefix}_{name.upper()}"
