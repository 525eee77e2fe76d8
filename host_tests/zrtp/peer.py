# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A ZRTP party by hand (a Party of world.py) on derive.py alone: the judge, and the attacker.

Its role is given, it repeats nothing, and at the end it checks every message of the other side
(derive.check_handshake raises Wrong). `change` makes it misbehave: {message type: function}, where
the function takes the message and returns what is sent instead: octets, a list, or None. So do the
arguments `public`, `dh_result` and the attributes, which may be set before start().
"""

import random
import struct

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519

from host_tests.zrtp import derive

ROLES = ("Initiator", "Responder")

# RFC 3526 sections 3 and 4, generator 2:
# p = 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) pi) + c)


def _pi_times_power(bits):
    """Return floor(pi * 2^bits), by Machin's formula."""
    one = 1 << (bits + 64)

    def arctan_inverse(x):
        total = term = one // x
        n, sign = 1, 1
        while term:
            term //= x * x
            n, sign = n + 2, -sign
            total += sign * (term // n)
        return total

    return (4 * (4 * arctan_inverse(5) - arctan_inverse(239))) >> 64


def _prime(n, c):
    return 2**n - 2 ** (n - 64) - 1 + 2**64 * (_pi_times_power(n - 130) + c)


PRIMES = {"DH2k": _prime(2048, 124476), "DH3k": _prime(3072, 1690314)}
_CURVES = {"EC25": ec.SECP256R1, "EC38": ec.SECP384R1}


class Pair:
    """A key pair of one key agreement type (section 5.1.5)."""

    def __init__(self, name, rng=random):
        self.name = name
        if name in PRIMES:
            self.secret = rng.getrandbits(512) | 1 << 255
            size = derive.KEY_AGREEMENTS[name][0]
            self.public = pow(2, self.secret, PRIMES[name]).to_bytes(size, "big")
        elif name in _CURVES:
            size = derive.KEY_AGREEMENTS[name][1]
            number = rng.getrandbits(8 * size - 8) + 1
            self.secret = ec.derive_private_key(number, _CURVES[name]())
            point = self.secret.public_key().public_numbers()
            self.public = point.x.to_bytes(size, "big") + point.y.to_bytes(size, "big")
        else:
            self.secret = x25519.X25519PrivateKey.from_private_bytes(rng.randbytes(32))
            self.public = self.secret.public_key().public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw
            )

    def agree(self, public):
        """Return DHResult with the other side's public value, unchecked where it can be."""
        if self.name in PRIMES:
            size = derive.KEY_AGREEMENTS[self.name][1]
            result = pow(int.from_bytes(public, "big"), self.secret, PRIMES[self.name])
            return result.to_bytes(size, "big")
        if self.name in _CURVES:
            size = len(public) // 2
            x, y = (int.from_bytes(part, "big") for part in (public[:size], public[size:]))
            point = ec.EllipticCurvePublicNumbers(x, y, _CURVES[self.name]()).public_key()
            return self.secret.exchange(ec.ECDH(), point)
        return self.secret.exchange(x25519.X25519PublicKey.from_public_bytes(public))


class Peer:
    """One ZRTP stream by hand; see the module."""

    def __init__(
        self,
        role,
        ssrc=0x33333333,
        seed=1,
        zid=None,
        algorithms=("S256", "AES1", "HS32", "DH3k", "B32"),
        mode=None,
        offered=None,
        rs1=b"",
        rs2=b"",
        aux=b"",
        pbx=b"",
        session=b"",
        first=None,
        verified=False,
        allow_clear=False,
        enrollment=False,
        disclosure=False,
        cache_expiry=0xFFFFFFFF,
        flags=0,
        version=b"1.10",
        client_id=b"by hand",
        pair=None,
    ):
        """role: of ROLES; algorithms: (hash, cipher, auth tag, key agreement, SAS).

        mode: "Mult" or "Prsh" to commit to that; offered: five lists for Hello; first: the Peer of
        the first stream, for Multistream; flags: bits of Hello, S = 4, M = 2, P = 1.
        """
        self.role, self.ssrc = role, ssrc
        self.random = random.Random(seed)
        self.zid = zid or (first.zid if first else self.random.randbytes(12))
        self.algorithms = algorithms
        self.mode = mode or algorithms[3]
        self.rs1, self.rs2, self.aux, self.pbx = rs1, rs2, aux, pbx
        self.session = session or (first.derived.session if first else b"")
        self.confirm_flags = enrollment << 3 | verified << 2 | allow_clear << 1 | disclosure
        self.cache_expiry = cache_expiry
        self.chain = derive.hash_chain(self.random.randbytes(32))
        self.sequence = self.random.randrange(65536)
        self.pair = pair
        if self.mode in derive.KEY_AGREEMENTS and pair is None:
            self.pair = Pair(self.mode, self.random)
        self.public = self.pair.public if self.pair else b""
        self.dh_result = None
        self.nonce = self.random.randbytes(16)
        self.ids = None
        self.out = []
        self.change = {}
        self.hold = set()  # types of the other side that are not answered
        self.got = {}  # type -> messages
        self.sent = {}  # type -> message
        self.keys, self.sas, self.secured, self.failed = {}, None, False, None
        self.derived = None
        self.errors = []
        self.deaf = True
        self.cleared = False
        if offered is None:
            offered = [[name] for name in algorithms]
            offered[3] = [algorithms[3], "Mult", "Prsh"]
        self.hello = self.make_hello(offered, flags, version, client_id)

    # ---- messages ----

    def finish(self, message, key):
        """Return a message with its MAC over all before it (section 5.1.2.2)."""
        return message[:-8] + derive.implicit_mac(key, message[:-8])

    def make_hello(self, offered, flags, version, client_id):
        word = flags << 28
        for names, shift in zip(offered, (16, 12, 8, 4, 0)):
            word |= len(names) << shift
        body = version + client_id.ljust(16) + self.chain[3] + self.zid + struct.pack(">I", word)
        for names in offered:
            body += b"".join(name.ljust(4).encode() for name in names)
        return self.finish(derive.message("Hello", body + bytes(8)), self.chain[2])

    def make_commit(self):
        hash_name = self.algorithms[0]
        names = list(self.algorithms)
        names[3] = self.mode
        body = self.chain[2] + self.zid
        body += b"".join(name.ljust(4).encode() for name in names)
        if self.mode == "Mult":
            body += self.nonce
        elif self.mode == "Prsh":
            key = derive.preshared_key(hash_name, self.rs1, self.aux, self.pbx)
            body += self.nonce + derive.preshared_key_id(hash_name, key)
        else:
            self.sent["DHPart2"] = part2 = self.make_part("DHPart2")
            body += derive.hash_of(hash_name, part2 + self.peer_hello)[:32]
        return self.finish(derive.message("Commit", body + bytes(8)), self.chain[1])

    def make_part(self, kind):
        if self.ids is None:
            self.ids = derive.secret_ids(
                self.algorithms[0],
                self.role,
                self.rs1,
                self.rs2,
                self.aux,
                self.pbx,
                self.chain[3],
            )
            self.ids = [one or self.random.randbytes(8) for one in self.ids]
        body = self.chain[1] + b"".join(self.ids) + self.public
        return self.finish(derive.message(kind, body + bytes(8)), self.chain[0])

    def make_confirm(self, kind):
        initiator = kind == "Confirm2"
        keys = self.derived
        mac = keys.mac_key_i if initiator else keys.mac_key_r
        key = keys.zrtp_key_i if initiator else keys.zrtp_key_r
        plain = self.chain[0] + struct.pack(">II", self.confirm_flags, self.cache_expiry)
        iv = self.random.randbytes(16)
        hidden = derive.cfb(key, iv, plain)
        return derive.message(kind, derive.hmac_of(keys.hash, mac, hidden)[:8] + iv + hidden)

    def make_go_clear(self, role=None):
        return derive.message("GoClear", self.derived.clear_mac(role or self.role))

    def make_error(self, code):
        return derive.message("Error", struct.pack(">I", code))

    # ---- sending and receiving ----

    def packet(self, message):
        """Return the packet of a message, with the next sequence number."""
        self.sequence += 1
        return derive.packet(message, self.ssrc, self.sequence)

    def say(self, message):
        """Send a message, as `change` wants it."""
        kind = derive.kind_of(message)
        if kind in self.change:
            message = self.change[kind](message)
            if message is None:
                return
        for one in message if isinstance(message, list) else [message]:
            self.sent[kind] = one
            self.out.append(self.packet(one))

    def acknowledge(self, kind):
        self.say(derive.message(kind, b""))

    @property
    def peer_hello(self):
        return self.got["Hello"][-1]

    def start(self, now):
        self.deaf = False
        self.say(self.hello)

    def tick(self, now):
        pass

    def next_time(self):
        return None

    def take(self):
        out, self.out = self.out, []
        return out

    def receive(self, data, now):
        if self.deaf:
            return  # it has not begun
        message, ssrc, _ = derive.unpack(data)
        kind = derive.kind_of(message)
        repeated = kind in self.got
        self.got.setdefault(kind, []).append(message)
        if kind in self.hold:
            return
        if repeated and kind in ("Commit", "DHPart1", "DHPart2", "Confirm1", "Confirm2"):
            # section 6: the same answer again; it may be lost
            assert self.got[kind][-2] == message, "a repeated %s differs" % kind
            answer = {"DHPart2": "Confirm1", "Confirm2": "Conf2ACK"}.get(kind)
            if kind == "Commit":
                answer = "DHPart1" if "DHPart1" in self.sent else "Confirm1"
            if answer in self.sent:
                self.out.append(self.packet(self.sent[answer]))
            return
        getattr(self, "on_" + kind.lower(), lambda message: None)(message)

    def on_hello(self, message):
        if self.role == "Responder":
            self.acknowledge("HelloACK")
        elif "HelloACK" in self.got:
            self.commit()

    def on_helloack(self, message):
        if self.role == "Initiator" and "Hello" in self.got:
            self.commit()

    def commit(self):
        if "Commit" not in self.sent:
            self.say(self.make_commit())

    def on_commit(self, message):
        if self.role == "Initiator":
            return
        commit = derive.Commit(message)
        self.algorithms = (
            commit.hash,
            commit.cipher,
            commit.auth_tag,
            commit.key_agreement,
            commit.sas_type,
        )
        self.mode = commit.key_agreement
        if self.mode in derive.KEY_AGREEMENTS:
            if self.pair is None or self.pair.name != self.mode:
                self.pair = Pair(self.mode, self.random)
                self.public = self.pair.public
            self.say(self.make_part("DHPart1"))
        else:
            self.derive()
            self.say(self.make_confirm("Confirm1"))

    def on_dhpart1(self, message):
        part2 = self.sent["DHPart2"]
        self.say(part2)
        if derive.kind_of(self.sent["DHPart2"]) != "DHPart2":
            self.sent["DHPart2"] = part2  # `change` said more than that
        self.derive()

    def on_dhpart2(self, message):
        self.derive()
        self.say(self.make_confirm("Confirm1"))

    def on_confirm1(self, message):
        if self.derived is None:
            self.derive()
        self.say(self.make_confirm("Confirm2"))
        if "Confirm2" in self.sent:
            self.secure()

    def on_confirm2(self, message):
        self.secure()
        self.acknowledge("Conf2ACK")

    def on_error(self, message):
        self.errors.append(struct.unpack(">I", message[12:16])[0])
        self.acknowledge("ErrorACK")

    def on_goclear(self, message):
        other = ROLES[self.role == "Initiator"]
        if message[12:20] != self.derived.clear_mac(other):
            raise derive.Wrong("clear_mac")
        self.cleared = True
        self.acknowledge("ClearACK")

    # ---- keys ----

    def _ours_theirs(self, ours, theirs):
        """Return the messages of these types as (of the initiator, of the responder)."""
        mine, other = self.sent.get(ours, b""), self.got.get(theirs, [b""])[-1]
        return mine, other

    def derive(self):
        """Compute all keys from what was sent and received."""
        initiator = self.role == "Initiator"
        hello_r = self.peer_hello if initiator else self.hello
        commit = self.sent["Commit"] if initiator else self.got["Commit"][0]
        if self.mode == "Mult":
            self.derived = derive.multistream_keys(hello_r, commit, self.session)
        elif self.mode == "Prsh":
            key = derive.preshared_key(self.algorithms[0], self.rs1, self.aux, self.pbx)
            self.derived = derive.preshared_keys(hello_r, commit, key)
        else:
            part1 = self.got["DHPart1"][0] if initiator else self.sent["DHPart1"]
            part2 = self.sent["DHPart2"] if initiator else self.got["DHPart2"][0]
            one, two = derive.DHPart(part1), derive.DHPart(part2)
            if self.dh_result is None:
                self.dh_result = self.pair.agree(one.public if initiator else two.public)
            self.s1 = derive.match_s1(self.algorithms[0], one, two, [self.rs1, self.rs2])
            hi, hr = (self.hello, hello_r) if initiator else (self.peer_hello, hello_r)
            name, label = self.algorithms[0], ROLES[initiator].encode()
            theirs = one if initiator else two
            h3 = derive.Hello(hr if initiator else hi).h3
            self.s2 = self.s3 = b""
            if self.aux and derive.hmac_of(name, self.aux, h3)[:8] == theirs.aux_id:
                self.s2 = self.aux
            if self.pbx and derive.hmac_of(name, self.pbx, label)[:8] == theirs.pbx_id:
                self.s3 = self.pbx
            self.derived = derive.dh_keys(
                hello_r, commit, part1, part2, self.dh_result, self.s1, self.s2, self.s3
            )

    def secure(self):
        """Check the whole handshake, then give out the keys."""
        initiator = self.role == "Initiator"

        def of(kind, sent):
            return self.sent.get(kind, b"") if sent else self.got.get(kind, [b""])[0]

        hellos = [self.hello, self.peer_hello]
        hello_i, hello_r = hellos if initiator else hellos[::-1]
        confirms = derive.check_handshake(
            hello_i,
            hello_r,
            of("Commit", initiator),
            of("DHPart1", not initiator),
            of("DHPart2", initiator),
            of("Confirm1", not initiator),
            of("Confirm2", initiator),
            self.derived,
        )
        self.peer_confirm = confirms[0] if initiator else confirms[1]
        sides = [self.derived.key_salt_i, self.derived.key_salt_r]
        self.keys["send"], self.keys["receive"] = sides if initiator else sides[::-1]
        self.sas = self.derived.sas_text
        self.secured = True
