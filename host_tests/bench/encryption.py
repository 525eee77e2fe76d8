# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Instructions of the emulated Cortex-M7: key agreements, a ZRTP handshake, SRTP of one packet.

    python host_tests/bench/encryption.py [agreements|handshake|phone|srtp]  # or all

Pure computing under `-icount shift=0,sleep=off` (qemu_instructions.py); SRTP by a program of its
own between two marks, linked with the objects of the image. Each figure stands beside a target or
a named peer of the same run.
"""

import os
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from host_tests.bench.qemu_instructions import BENCH, Counted, Marks, fresh  # noqa: E402
from tools.panel.phones import QEMUPhone, UnixPhone  # noqa: E402
from vox6.crypto.host import PRIMES  # noqa: E402

KINDS = (("DH3k", 256), ("DH3k", 512), ("DH2k", 256), ("EC25", 256), ("EC38", 256), ("X255", 256))
TARGETS = {"DH3k": 90e6, "EC25": 30e6}  # a whole handshake after media start (AES-128)
SRTP_TARGET = 20e3  # one packet
LATE = 150e6 * 0.005  # instructions of a processor of 150 MHz until a tick counts as late

_AGREEMENTS = """
import gc, time, _crypto
_crypto.random(1)

def clocked(function, *arguments):
    gc.collect()
    start = time.ticks_us()
    function(*arguments)
    return time.ticks_diff(time.ticks_us(), start)

for name, bits in %r:
    one, two = _crypto.KeyPair(name, bits), _crypto.KeyPair(name, bits)
    print(name, bits, clocked(_crypto.KeyPair, name, bits), clocked(one.agree, two.public))
prime = %d
base = int.from_bytes(_crypto.random(383), "big")
exponent = int.from_bytes(_crypto.random(32), "big")
print("pow", 256, 0, clocked(pow, base, exponent, prime))
"""

_SECONDS = """
import time, _crypto
_crypto.random(1)
for name, bits in %r:
    one, two = _crypto.KeyPair(name, bits), _crypto.KeyPair(name, bits)
    best = 10**9
    for _ in range(%d):
        start = time.ticks_us()
        one.agree(two.public)
        best = min(best, time.ticks_diff(time.ticks_us(), start))
    print(name, bits, best)
"""


# Both ends in one VM; each call of an engine is clocked for its side. In a second turn the module
# _crypto is clocked instead. A side's Python is its whole less its C.
_HANDSHAKE = """
import gc, time
import _crypto as real
from vox6 import crypto, zrtp
from vox6.crypto import native
from vox6.zrtp.cache import MemoryCache

provider = crypto.provider()
provider.random(1)
in_c = 0

def clocked(function):
    def call(*arguments):
        global in_c
        start = time.ticks_us()
        try:
            return function(*arguments)
        finally:
            in_c += time.ticks_diff(time.ticks_us(), start)
    return call

class Watched:  # the module, or an object of it
    def __init__(self, one):
        self.one = one
    def __getattr__(self, name):
        value = getattr(self.one, name)
        if name in ("Hash", "AES", "KeyPair"):
            return lambda *arguments: Watched(clocked(value)(*arguments))
        return clocked(value) if callable(value) else value

def handshake(agreement, cipher, bits, prepared, caches):
    global in_c
    policy = zrtp.Policy(key_agreements=(agreement,), ciphers=(cipher,), hashes=("S256",))
    sessions = [zrtp.Session(provider, cache, policy) for cache in caches]
    # The end that commits must not be the one whose turn it is first, or both would.
    pairs = [[provider.key_pair(agreement, bits)] if prepared else [] for _ in sessions]
    def giver(i):
        def give(name, wanted):
            assert (name, wanted) == (agreement, bits), (name, wanted)
            return pairs[i].pop() if pairs[i] else provider.key_pair(name, wanted)
        return give
    engines = [sessions[i].open(i + 1, giver(i)) for i in (0, 1)]
    total, part, secured = [0, 0], [0, 0], [None, None]
    gc.collect()
    before = gc.mem_alloc()
    def do(i, name, *arguments):
        global in_c
        in_c = 0
        start = time.ticks_us()
        result = getattr(engines[i], name)(*arguments)
        total[i] += time.ticks_diff(time.ticks_us(), start)
        part[i] += in_c
        return result
    now = 0
    for i in (0, 1):
        do(i, "start", now)
    while None in secured and now < 20000:
        moved = True
        while moved:
            moved = False
            for i in (0, 1):
                for data, _ in do(i, "datagrams_to_send"):
                    moved = True
                    do(1 - i, "receive_datagram", data, None, now)
                event = do(i, "next_event")
                while event is not None:
                    if isinstance(event, zrtp.events.Secured):
                        secured[i] = event
                    elif isinstance(event, zrtp.events.Failed):
                        raise RuntimeError((agreement, event.code, event.text))
                    event = do(i, "next_event")
                when = engines[i].get_timer()
                if when is not None and when <= now:
                    moved = True
                    do(i, "handle_timer", now)
        whens = [engine.get_timer() for engine in engines]
        now = max(now, min([when for when in whens if when is not None], default=now))
    assert secured[0].sas_text == secured[1].sas_text
    heap = gc.mem_alloc() - before
    gc.collect()
    kept = gc.mem_alloc() - before
    for session in sessions:
        session.close(now)
    return total, part, [event.initiator for event in secured], heap, kept

for agreement, cipher, bits, prepared in %r:
    for watched in (False, True):
        native._crypto = Watched(real) if watched else real
        caches = [MemoryCache(bytes([i + 1]) * 12) for i in (0, 1)]
        total, part, initiator, heap, kept = handshake(agreement, cipher, bits, prepared, caches)
        order = (0, 1) if initiator[0] else (1, 0)
        print(agreement, cipher, int(prepared), int(watched), *[total[i] for i in order],
            *[part[i] for i in order], heap, kept)
"""


def on_board(name, program, timeout=300):
    """What a program printed on the emulated board, one instruction a nanosecond."""
    board = Counted(fresh(name))
    board.options = ["-icount", "shift=0,sleep=off"]
    board.boot()
    try:
        return board.mpremote("exec", program, timeout=timeout)
    finally:
        board.kill()


def openssl_us(name, bits, turns):
    """Microseconds of OpenSSL (package cryptography) for one agreement."""
    from cryptography.hazmat.primitives.asymmetric import dh, ec, x25519

    def call():
        raise NotImplementedError

    if name.startswith("DH"):
        prime = PRIMES[name]
        exponent = int.from_bytes(bytes(range(1, bits // 8 + 1)), "big")
        with warnings.catch_warnings():  # deprecated there, and a fair measure all the same
            warnings.simplefilter("ignore")
            numbers = dh.DHParameterNumbers(prime, 2)
            public = dh.DHPublicNumbers(pow(2, exponent, prime), numbers)
            private = dh.DHPrivateNumbers(exponent, public).private_key()
            peer = dh.DHPublicNumbers(pow(2, exponent + 4, prime), numbers).public_key()
        call = lambda: private.exchange(peer)  # noqa: E731
    elif name == "X255":
        private = x25519.X25519PrivateKey.generate()
        peer = x25519.X25519PrivateKey.generate().public_key()
        call = lambda: private.exchange(peer)  # noqa: E731
    else:
        curve = ec.SECP256R1() if name == "EC25" else ec.SECP384R1()
        private, peer = (
            ec.generate_private_key(curve),
            ec.generate_private_key(curve).public_key(),
        )
        call = lambda: private.exchange(ec.ECDH(), peer)  # noqa: E731
    best = 1e9
    for _ in range(turns):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best * 1e6


def agreements():
    """Key pairs and DHResults: mbedTLS on the board beside MicroPython's pow(), on the host beside
    OpenSSL."""
    print("key agreements on the emulated Cortex-M7, million instructions:")
    text = on_board("agreements", _AGREEMENTS % (KINDS, PRIMES["DH3k"]))
    rows = [line.split() for line in text.splitlines() if line.strip()]
    plain = next(int(row[3]) for row in rows if row[0] == "pow")
    for name, bits, generate, agree in rows:
        if name == "pow":
            continue
        label = f"{name} {bits}" if name.startswith("DH") else name
        line = f"  {label:9} generate {int(generate) / 1e3:6.1f}  finish {int(agree) / 1e3:6.1f}"
        if bits == "256" and name in TARGETS:
            share = int(agree) * 1e3 / TARGETS[name]
            line += f"  ({share:.2f} of the handshake's target {TARGETS[name] / 1e6:.0f})"
        if (name, bits) == ("DH3k", "256"):
            line += f"; MicroPython's pow() {plain / 1e3:.0f}, ratio {plain / int(agree):.1f}"
        print(line)
    turns = 20
    done = subprocess.run(
        [str(UnixPhone.image), "-c", _SECONDS % (KINDS, turns)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    print("finish on the host, microseconds: mbedTLS of the unix phone, OpenSSL, ratio:")
    for line in done.stdout.splitlines():
        name, bits, ours = line.split()
        theirs = openssl_us(name, int(bits), turns)
        print(f"  {name} {bits}: {int(ours):,} {theirs:,.0f} {int(ours) / theirs:.1f}")


def handshake():
    """A whole ZRTP handshake from start() to Secured, each end for itself."""
    cases = [
        ("DH3k", "AES1", 256, True),
        ("DH3k", "AES1", 256, False),
        ("DH3k", "AES3", 512, True),
        ("EC25", "AES1", 256, True),
        ("EC25", "AES1", 256, False),
        ("X255", "AES1", 256, True),
        ("X255", "AES1", 256, False),
    ]
    print("a whole ZRTP handshake after media start, million instructions (C = _crypto alone):")
    rows = {}
    for line in on_board("handshake", _HANDSHAKE % (cases,)).splitlines():
        name, cipher, prepared, watched, *numbers = line.split()
        rows[name, cipher, prepared == "1", watched == "1"] = [int(number) for number in numbers]
    for name, cipher, _, prepared in cases:
        whole = rows[name, cipher, prepared, False]
        in_c = rows[name, cipher, prepared, True][2:4]
        line = f"  {name} {cipher} {'prepared' if prepared else 'at once '}"
        for end, total, part in zip(("initiator", "responder"), whole, in_c, strict=False):
            line += f"  {end} {total / 1e3:5.1f} (C {part / 1e3:5.1f}"
            line += f", Python {(total - part) / 1e3:4.1f})"
        if name in TARGETS and cipher == "AES1":
            worst = max(whole[:2]) * 1e3
            line += f"; {worst / TARGETS[name]:.2f} of the target {TARGETS[name] / 1e6:.0f}"
        print(line)
        if (name, prepared) == ("DH3k", True) and cipher == "AES1":
            print(f"    heap for both ends: {whole[4]:,} octets taken, {whole[5]:,} kept")


def phone():
    """The same on whole phones in a lab: all that the board executes from the opening of its media
    until both directions have keys, its driver, screen and the voice meanwhile included."""
    if os.geteuid() != 0:
        print("a handshake between whole phones needs root (a lab); left out")
        return
    from host_tests.interop.fixtures import Telephone
    from tools.lab.network import Lab

    print("the emulated board answers a call: million instructions from media start to both keys")
    names = {"open": "media_open", "keys": "media_secure", "tick": "mark_tick_begin"}
    names |= {"tock": "mark_tick_end", "made": "key_agreement_generate"}
    names |= {"event": "systick_handler", "engine": "pendsv_handler"}
    with Lab(BENCH / "lab") as lab:
        out = BENCH / "marks.txt"
        board = Counted(fresh("board"), lab)
        board.options = Marks.options(out, names)
        marks = Marks(out)
        qemu = Telephone(board, board.state)
        state = fresh("unix")
        unix = Telephone(UnixPhone(state, lab.host("unix")), state)
        try:
            for one in (qemu, unix):
                one.start()
            for agreement in ("DH3k", "EC25", "X255"):
                for one in (qemu, unix):
                    one.configure(security__key_agreements=agreement)
                counts, waits = [], []
                for _ in range(4):  # the first one warms up
                    qemu.wait_idle()
                    time.sleep(8.0)  # the pairs for the next call are prepared
                    marks.begin()
                    unix.dial(qemu.uri)
                    qemu.answer()
                    unix.wait_talking()
                    time.sleep(2.0)
                    lines = marks.lines()
                    screen = qemu.panel.screen_text()
                    unix.hang_up()
                    first = next(count for name, count in lines if name == "open")
                    keys = [count for name, count in lines if name == "keys"]
                    if len(keys) < 2:
                        raise RuntimeError(f"no keys: {screen!r}")
                    made = sum(first < count < keys[1] for name, count in lines if name == "made")
                    begun, ticks = first, 0
                    for name, count in lines:
                        if first <= count <= keys[1] and name == "tick":
                            begun = count
                        elif first <= count <= keys[1] and name == "tock":
                            ticks += count - begun
                    counts.append((keys[1] - first, ticks, made))
                    asked = None
                    for name, count in lines:
                        if name == "event" and asked is None and first <= count <= keys[1]:
                            asked = count
                        elif name == "engine" and asked is not None:
                            waits.append(count - asked)
                            asked = None
                whole, ticks, made = sorted(counts[1:])[1]
                line = f"  {agreement} {whole / 1e6:5.1f} (media ticks {ticks / 1e6:4.1f})"
                line += f", key pairs made in the call: {made}"
                if agreement in TARGETS:
                    line += f"; {whole / TARGETS[agreement]:.2f} of the target "
                    line += f"{TARGETS[agreement] / 1e6:.0f}"
                print(line)
                print(
                    f"    the engine waited {max(waits):,} instructions at worst "
                    f"({max(waits) / LATE:.2f} of a late tick at 150 MHz)"
                )
        finally:
            unix.phone.stop()
            board.kill()


def sources():
    """build/sources.mk as a dictionary."""
    text = (TOP / "build" / "sources.mk").read_text()
    return dict(re.findall(r"(?m)^(\w+) := (.*)$", text))


def bare_command(program, source):
    """The compiler's words for a program without an operating system, as the board's makefile."""
    here = Path(__file__).parent
    flags = (TOP / "boards" / QEMUPhone.board / "mpconfigboard.mk").read_text()
    flags = re.search(r"(?m)^BOARD_CFLAGS = (.*)$", flags)[1].split()
    command = ["arm-none-eabi-gcc", *flags, "-O2", "-std=gnu11"]
    command += ["-ffunction-sections", "-fdata-sections"]
    command += ["-T", here / "bare_m7.ld", "-nostartfiles", "--specs=nosys.specs"]
    return [*command, "-Wl,--gc-sections", "-o", program, here / source]


def bare_counts(program):
    """Instructions between each pair of marks of a program of bare_m7.h, in order."""
    plugin, out = BENCH / "marks.so", program.with_suffix(".txt")
    source = Path(__file__).with_name("marks.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", plugin, source], check=True)
    names = subprocess.run(
        ["arm-none-eabi-nm", program], capture_output=True, text=True, check=True
    ).stdout
    begin, end = (re.search(rf"(\w+) T mark_{name}\n", names)[1] for name in ("begin", "end"))
    out.unlink(missing_ok=True)
    subprocess.run(
        ["qemu-system-arm", "-M", "mps2-an500", "-nographic", "-monitor", "none",
         "-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel", program,
         "-plugin", f"{plugin},out={out},begin=0x{begin},end=0x{end}"],
        timeout=120, check=True,
    )  # fmt: skip
    counts, begun = [], 0
    for line in out.read_text().splitlines():
        name, count = line.split()
        if name == "begin":
            begun = int(count)
        else:
            counts.append(int(count) - begun)
    return counts


def srtp_instructions(upstream):
    """[(protect, unprotect)] of each profile: median of the packets."""
    folder = BENCH / "srtp"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / ("upstream.elf" if upstream else "ours.elf")
    command = bare_command(program, "srtp_packet.c")
    objects = TOP / "build" / QEMUPhone.board / "cmodules" / "srtp"
    cmodules = TOP / "ports" / "cmodules"
    if upstream:
        libsrtp = Path(sources()["LIBSRTP_DIR"])
        config = cmodules / "srtp" / "config" / "config.h"
        (folder / "config.h").write_text(f'#include "{config}"\n#undef SRTP_NO_STREAM_LIST\n')
        parts = "crypto/include crypto/cipher crypto/hash include srtp".split()
        command += ["-w", "-DUPSTREAM", "-DHAVE_CONFIG_H", '-DPRIx64="llx"', f"-I{folder}"]
        command += [f"-I{config.parent}", *[f"-I{libsrtp / part}" for part in parts]]
        command += [libsrtp / "srtp" / "srtp.c"]
        for part, names in (
            ("cipher", "aes aes_icm cipher null_cipher cipher_test_cases"),
            ("hash", "auth hmac null_auth sha1 auth_test_cases"),
            ("kernel", "alloc crypto_kernel err key"),
            ("math", "datatypes"),
            ("replay", "rdb rdbx"),
        ):
            command += [libsrtp / "crypto" / part / f"{name}.c" for name in names.split()]
    else:
        command += [f"-I{cmodules}", *sorted(objects.glob("*.o"))]
    subprocess.run(command, check=True)
    counts = bare_counts(program)
    half = len(counts) // 4  # four profiles, protect and unprotect in turn
    return [
        tuple(sorted(counts[at + i : at + half : 2])[half // 4] for i in range(2))
        for at in range(0, len(counts), half)
    ]


def srtp():
    """SRTP of 172 octets beside libsrtp2 without our HMAC."""
    print(f"SRTP of a packet of 172 octets, instructions (target {SRTP_TARGET:,.0f}):")
    ours, theirs = srtp_instructions(False), srtp_instructions(True)
    names = [f"AES_{bits}_CM_HMAC_SHA1_{tag}" for bits in (128, 256) for tag in (80, 32)]
    for name, mine, other in zip(names, ours, theirs, strict=True):
        for what, a, b in zip(("protect", "unprotect"), mine, other, strict=True):
            print(
                f"  {name} {what:9} {a:,} ({a / SRTP_TARGET:.2f} of the target); "
                f"libsrtp2 as it comes {b:,}, ratio {b / a:.2f}"
            )


if __name__ == "__main__":
    BENCH.mkdir(parents=True, exist_ok=True)
    for part in (agreements, handshake, phone, srtp):
        if len(sys.argv) == 1 or part.__name__ in sys.argv[1:]:
            part()
