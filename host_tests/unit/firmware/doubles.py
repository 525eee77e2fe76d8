# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Doubles of the C modules and the board, and a world in which whole phones meet.

The engines (SIP, SDP, RTCP) and all of the firmware are the real ones; only octets do not leave
the process and time is a number that the test moves.
"""

from firmware import log
from firmware.main import Parts
from firmware.net import streams
from firmware.net.access import Access
from firmware.net.driver import Driver
from firmware.net.network import Network
from firmware.net.signalling import Signalling
from firmware.phone.phone import Phone
from firmware.store.settings import Settings
from firmware.store.zrtp_cache import ZRTPCache
from firmware.ui.console import Console
from host_tests.unit.firmware import net_doubles
from vox6.crypto import provider as crypto_provider
from vox6.sip.agent import Agent

ENETUNREACH = net_doubles.ENETUNREACH
Net6 = net_doubles.Net6
address = net_doubles.address


class Clock:
    """Time that stands still until the test moves it."""

    def __init__(self):
        self.ms = 0

    def now(self):
        return self.ms


class Stream:
    """A stream of Media: remembers what it was told."""

    def __init__(self, media, rtp, rtcp, peer16, port, options):
        self.media = media
        self.rtp = rtp
        self.rtcp = rtcp
        self.peer = (peer16, port, options["rtcp_port"])
        self.codec = options["codec"]
        self.payload_type = options["payload_type"]
        self.ssrc = options["ssrc"]
        self.accepted = []
        self.direction = None
        self.joined = False
        self.closed = False
        self.counts = {
            "sent": 0, "sent_octets": 0, "received": 0, "lost": 0, "jitter": 0, "delay_ms": 40,
            "highest_sequence": 0, "ssrc": 0, "last_sr": 0, "last_sr_us": 0,
            "srtp_received": 0,
        }  # fmt: skip
        self.sent_rtcp = []
        self.sent_events = []  # (event, duration_ms)
        self.events = []  # of the peer, that nobody has taken
        self.event_type = None
        self.keys = {"send": None, "receive": None}  # (profile, key and salt)
        self.keyed = []  # each (direction, profile) that was asked for
        self.only_secure = options.get("require_secure", False)

    def secure(self, direction, profile, key_salt=None):
        self.keys[direction] = None if profile is None else (profile, bytes(key_salt))
        self.keyed.append((direction, profile))

    def require_secure(self, flag):
        self.only_secure = flag

    def speaks_clear(self):
        """Return whether voice would leave or be heard in clear."""
        return not self.only_secure and None in self.keys.values()

    def accept(self, payload_type, codec, clock=0):
        self.accepted.append((payload_type, codec, clock))
        if codec == "telephone-event":
            self.event_type = payload_type

    def send_event(self, event, duration_ms, volume=10):
        if self.event_type is None:
            raise OSError(95, "EOPNOTSUPP")
        if not self.direction[0]:
            raise OSError(107, "ENOTCONN")
        self.sent_events.append((event, duration_ms))

    def next_event(self):
        return self.events.pop(0) if self.events else None

    def tune(self, bit_rate, loss_percent):
        self.tuned = (bit_rate, loss_percent)

    def set_peer(self, addr16, port, rtcp_port):
        self.peer = (addr16, port, rtcp_port)

    def set_codec(self, codec, payload_type, clock=0):
        self.codec = codec
        self.payload_type = payload_type

    def set_direction(self, send, receive):
        self.direction = (send, receive)

    def join(self, joined):
        self.joined = joined

    def statistics(self):
        return dict(self.counts)

    def timestamp_now(self):
        return 1, 1

    def receive_into(self, buffer):
        for endpoint, kind in ((self.rtcp, "rtcp"), (self.rtp, "other")):
            got = endpoint.recv_into(buffer)
            if got is not None:
                return got[0], got[1], got[2], kind
        return None

    def send_raw(self, data):
        self.rtp.send(data, self.peer[0], self.peer[1])

    def send_rtcp(self, data):
        self.sent_rtcp.append(bytes(data))
        self.rtcp.send(data, self.peer[0], self.peer[2])

    def close(self):
        self.closed = True
        self.media.open_streams.remove(self)


class Media:
    """The module media of one phone. fail: errno that open() raises."""

    OPUS_STREAMS = 2

    def __init__(self):
        self.open_streams = []
        self.streams = []
        self.running = False
        self.sounding = None
        self.repeat = None
        self.fail = 0
        self.cleaning = None  # what speaker() was told

    def speaker(self, echo=False, noise=False, gain=False, delay_ms=0):
        if self.cleaning == "no memory":
            raise MemoryError
        self.cleaning = (echo, noise, gain, delay_ms)

    def start(self):
        self.running = True

    def stop(self):
        self.running = False

    def open(self, rtp, rtcp, peer16, port, **options):
        if self.fail:
            raise OSError(self.fail, "as the test wants")
        stream = Stream(self, rtp, rtcp, peer16, port, options)
        self.streams.append(stream)
        self.open_streams.append(stream)
        return stream

    def counters(self):
        with_opus = [one for one in self.open_streams if "opus" in [a[1] for a in one.accepted]]
        return {"opus": len(with_opus)}

    def tone(self, segments, repeat=True):
        self.sounding = segments
        self.repeat = repeat


class TLS:
    """The module tls of a phone. certificate: what its peers show; verdict: what mbedtls says."""

    PROTOCOL_TLS_CLIENT = 0

    def __init__(self):
        self.certificate = b""
        self.verdict = ""
        self.contexts = []

    def SSLContext(self, protocol):
        context = Context(self)
        self.contexts.append(context)
        return context


class Context:
    """A context of TLS: its streams shake hands with the first write and hide nothing."""

    def __init__(self, tls):
        self.tls = tls
        self.verify_mode = 2
        self.verify_callback = None
        self.authorities = None

    def load_verify_locations(self, cadata):
        self.authorities = cadata

    def wrap_socket(self, raw, server_hostname, do_handshake_on_connect):
        return Secured(self, raw, server_hostname)


class Secured:
    """A stream of TLS. Nobody may poll it: firmware/net/README.md says why."""

    def __init__(self, context, raw, name):
        self.context = context
        self.raw = raw
        self.name = name
        self.done = False

    def _shake(self):
        context = self.context
        if not self.done and self.raw.state == "open":
            if context.verify_mode:
                if context.verify_callback(memoryview(context.tls.certificate), 0) not in (0, 1):
                    raise OSError(-0x3000, "MBEDTLS_ERR_X509_FATAL_ERROR")
            if context.verify_mode == 2 and context.tls.verdict:
                raise ValueError(context.tls.verdict)
            self.done = True

    def cipher(self):
        return "TLS-DOUBLE", "TLSv1.2"

    def readinto(self, buffer):
        self._shake()
        return self.raw.readinto(buffer)

    def write(self, data):
        self._shake()
        return self.raw.write(data)

    def close(self):
        pass  # the stream below is another's to close


class Screen:
    """A text screen that keeps what was shown last."""

    columns = 21
    rows = 8

    def __init__(self):
        self.lines = []
        self.shown = 0

    def show(self, lines):
        if len(lines) != self.rows:
            raise ValueError("%d rows" % len(lines))
        for line in lines:
            if len(line) > self.columns:
                raise ValueError("too wide: " + line)
        self.lines = lines
        self.shown += 1


class Lamps:
    """Lamps that keep their state."""

    def __init__(self):
        self.state = {}

    def set(self, name, state):
        self.state[name] = state


class PowerCut(Exception):
    """The power is gone."""


class File:
    """An open file of a Disk."""

    def __init__(self, disk, path, data=None):
        self.disk = disk
        self.path = path
        self.data = data
        self.at = 0

    def read(self, octets):
        out = self.data[self.at : self.at + octets]
        self.at += len(out)
        return out

    def seek(self, offset):
        self.at = offset

    def write(self, data):
        for i in range(len(data)):
            self.disk.spend()
            self.disk.files[self.path] += data[i : i + 1]

    def close(self):
        pass


class Disk:
    """A file system in memory whose power goes after a number of octets written or steps done."""

    def __init__(self, files=None, left=-1):
        self.files = files if files is not None else {}
        self.left = left
        self.broken = None  # path whose reading fails

    def spend(self):
        if self.left == 0:
            raise PowerCut
        self.left -= 1

    def read(self, path, limit):
        return self.open(path).read(limit)

    def write(self, path, data):
        self.create(path).write(data)

    def open(self, path):
        if path == self.broken:
            raise OSError(5, "as the test wants")
        if path not in self.files:
            raise OSError(2, "as the test wants")
        return File(self, path, self.files[path])

    def create(self, path):
        self.spend()
        self.files[path] = b""
        return File(self, path)

    def commit(self, file):
        self.spend()

    def rename(self, old, new):
        self.spend()
        self.files[new] = self.files.pop(old)

    def remove(self, path):
        if path not in self.files:
            raise OSError(2, "as the test wants")
        self.spend()
        del self.files[path]


class TestPhone:
    """A whole phone at one address, with its keys and screen.

    home: of tunnels.py, where it gets IPv4; servers: of tunnels, built in.
    """

    __test__ = False  # not for pytest to collect

    def __init__(self, world, texts, changes=(), disk=None, home=None, servers=()):
        self.world = world
        self.disk = disk or Disk()
        self.clock = world.clock
        self.net6 = Net6(world, [address(text) for text in texts])
        self.tunnel6 = net_doubles.Tunnel6(self.net6)
        if home is not None:
            home.add(self)
        self.media = Media()
        self.settings = Settings(None)
        for name, value in changes:
            self.settings.set(name, value)
        crypto = crypto_provider()
        parts = Parts()
        parts.settings = self.settings
        parts.network = self.network = Network(self.net6)
        parts.clock = self.clock
        parts.random = crypto.random
        parts.net6 = self.net6
        parts.media = self.media
        parts.utc = lambda: 45296
        parts.folder = "/settings"
        parts.files = self.disk
        parts.crypto = crypto
        self.cache = parts.cache = ZRTPCache("/settings", crypto, files=self.disk)
        parts.agent = self.agent = Agent(
            crypto, crypto.random, user_agent="vox6/test", max_transactions=12
        )
        parts.tunnel6 = self.tunnel6
        self.network.start(lambda: None)
        self.signalling = Signalling(
            self.net6,
            self.network,
            self.settings.get("sip.port"),
            self.settings.get("dscp.signalling"),
        )
        self.access = parts.access = Access(parts, self.signalling.buffer, servers)
        self.phone = Phone(parts)
        self.driver = Driver(
            "sip",
            self.agent,
            self.clock,
            self.signalling.send,
            self.phone.events.on_event,
            self.phone.events.on_send_error,
        )
        self.phone.driver = self.driver
        self.flows = []  # (stream, call back, writing)
        self.tls = TLS()
        self.connections = streams.add(parts, self.phone, self.signalling, self.driver, self.tls)
        self.connections.watch = self._watch_flow
        self.connections.unwatch = self._unwatch_flow
        self.connections.listen(self.signalling.port)
        self.screen = Screen()
        self.lamps = Lamps()
        self.console = Console(self.phone, self.screen, self.lamps)
        self.phone.on_incoming = self.console.interrupt
        self.watched = []
        self.polled = []  # of the access, beside the streams
        self.phone.watch = lambda stream, call: self.watched.append((stream, call))
        self.phone.unwatch = self._unwatch
        self.access.start(self._watch_access, self._unwatch_access)
        self.phone.start(self.signalling.port)
        world.phones.append(self)
        self.console.refresh(self.clock.now())

    def _unwatch(self, stream):
        self.watched = [entry for entry in self.watched if entry[0] is not stream]

    def _watch_access(self, one, call, writing=False):
        if hasattr(one, "writable"):
            self._watch_flow(one, call, writing)
        else:
            self.polled.append((one, call))

    def _unwatch_access(self, one, writing=False):
        self._unwatch_flow(one, writing)
        self._unpoll(one)

    def _watch_flow(self, stream, call, writing=False):
        self.flows.append((stream, call, writing))

    def _unwatch_flow(self, stream, writing=False):
        self.flows = [
            entry
            for entry in self.flows
            if entry[0] is not stream or (writing and entry[2] != writing)
        ]

    def _unpoll(self, one):
        self.polled = [entry for entry in self.polled if entry[0] is not one]

    def press(self, *names):
        """Press keys; a text of several characters that is no key's name is typed."""
        for name in names:
            if name in (
                "call", "hangup", "hold", "conference", "transfer", "line1", "line2", "ok", "back",
                "up", "down", "left", "right",
            ):  # fmt: skip
                self.key(name)
            else:
                for char in name:
                    self.key(char)
        self.world.settle()

    def key(self, name):
        self.console.key(name, True)
        self.console.key(name, False)
        self.driver.drain()
        self.console.refresh(self.clock.now())

    def text(self):
        """Return the screen as one text."""
        return "\n".join(self.screen.lines)

    def states(self):
        """Return the states of the lines."""
        return [call.state if call is not None else "idle" for call in self.phone.lines]

    def stream(self):
        """Return the only open stream."""
        if len(self.media.open_streams) != 1:
            raise ValueError("%d streams" % len(self.media.open_streams))
        return self.media.open_streams[0]

    def step(self):
        """Read what waits and do what is due; return whether there was anything."""
        busy = bool(self.signalling.endpoint.waiting)
        self.driver.read(self.signalling, self.signalling.buffer)
        for stream, call in list(self.watched):
            if not stream.closed and (stream.rtcp.waiting or stream.rtp.waiting or stream.events):
                busy = True
                call(self.clock.now())
        for one, call in list(self.polled):
            if one.raised if hasattr(one, "raised") else one.waiting:
                busy = True
                call(self.clock.now())
        for entry in list(self.flows):
            stream, call, writing = entry
            if entry in self.flows and (stream.writable() if writing else stream.readable()):
                busy = True
                call(self.clock.now())
        if self.net6.signal.raised:
            busy = True
            self.net6.signal.raised = False
            self.access.update()
        now = self.clock.now()
        for one in (self.driver, self.phone, self.access, self.connections):
            due = one.get_timer()
            if due is not None and due <= now:
                busy = True
                one.handle_timer(now)
        self.driver.drain()
        self.access.drain()
        self.console.refresh(now)
        return busy

    def get_timer(self):
        """Return when the next thing is due, or None."""
        due = None
        for one in (self.driver, self.phone, self.access, self.connections):
            at = one.get_timer()
            if at is not None and (due is None or at < due):
                due = at
        return due


class World:
    """Phones and the octets between them. drop: function (data, source, destination) or None."""

    def __init__(self):
        self.clock = Clock()
        self.hosts = []
        self.phones = []
        self.sent = []  # (data, source, destination) of all datagrams
        self.streamed = []  # the same of what was written to streams
        self.connecting = []  # streams that no host has taken yet
        self.drop = None
        self.hooks = []  # functions (data, source, destination) -> source, destination; or None
        log.start(self.clock, None)

    def deliver(self, data, source, destination):
        self.sent.append((data, source, destination))
        if self.drop is not None and self.drop(data, source, destination):
            return
        for hook in self.hooks:
            passed = hook(data, source, destination)
            if passed is None:
                return
            source, destination = passed
        for host in self.hosts:
            if host.has(destination[0]):
                host.take(data, source, destination)

    def connect(self):
        """Connect the streams whose host is there; return whether there was one."""
        busy = False
        for stream in list(self.connecting):
            addr16, port = stream.peer()
            hosts = [host for host in self.hosts if host.has(addr16)]
            if stream.state == "connecting" and not hosts:
                continue  # silence
            self.connecting.remove(stream)
            busy = True
            found = [
                one for host in hosts for one in getattr(host, "listeners", ()) if one.port == port
            ]
            if stream.state != "connecting":
                continue  # closed meanwhile
            if not found:
                stream.state = "refused"
                continue
            end = net_doubles.Stream(found[0].net6, stream.peer(), stream.local())
            end.other = stream
            stream.other = end
            stream.state = end.state = "open"
            found[0].waiting.append(end)
        return busy

    def settle(self):
        """Let all phones work until nothing waits."""
        for _ in range(1000):
            busy = self.connect()
            for phone in self.phones:
                busy = phone.step() or busy
            if not busy:
                return
        raise ValueError("the world does not come to rest")

    def run(self, ms):
        """Let time pass, timer by timer."""
        end = self.clock.ms + ms
        while True:
            self.settle()
            due = end
            for phone in self.phones:
                at = phone.get_timer()
                if at is not None and at < due:
                    due = at
            self.clock.ms = max(self.clock.ms, due)
            if due >= end:
                self.settle()
                return

    def requests(self, method, sent=None):
        """Return the datagrams, or what else was sent, that carry a request of a method."""
        start = method.encode() + b" sip:"
        sent = self.sent if sent is None else sent
        return [data for data, _, _ in sent if data.startswith(start)]

    def responses(self, status):
        """Return the datagrams that carry a response of a status."""
        start = ("SIP/2.0 %d " % status).encode()
        return [data for data, _, _ in self.sent if data.startswith(start)]
