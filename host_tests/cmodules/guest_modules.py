# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Runs on the unix phone: the modules _crypto and voicecodecs against published values.

RFC 1321, FIPS 180-4, RFC 2202, RFC 4231, FIPS 197 appendix C.1, NIST SP 800-38A F.3.13 and F.5.1.
"""

import array
import gc
import time

import _crypto
import media
import voicecodecs


def h(octets):
    return "".join(["%02x" % octet for octet in octets])


def raises(error, function):
    try:
        function()
    except error:
        return
    raise AssertionError("no " + error.__name__)


assert h(_crypto.md5(b"abc")) == "900150983cd24fb0d6963f7d28e17f72"
assert h(_crypto.sha1(b"abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d"
SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
assert h(_crypto.sha256(b"abc")) == SHA256
SHA384 = (
    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
    "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
)
assert h(_crypto.sha384(b"abc")) == SHA384
state = _crypto.Hash("SHA-384", b"a")
state.digest()
state.update(b"bc")
assert state.digest() == state.digest() == _crypto.sha384(b"abc")

WANT = b"what do ya want for nothing?"
assert h(_crypto.hmac("MD5", b"Jefe", WANT)) == "750c783e6ab0b503eaa86e310a5db738"
assert h(_crypto.hmac("SHA-1", b"Jefe", WANT)) == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
LONG = b"Test Using Larger Than Block-Size Key - Hash Key First"
assert h(_crypto.hmac("SHA-256", b"\xaa" * 131, LONG)) == (
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
)
assert h(_crypto.hmac("SHA-384", b"Jefe", WANT)) == (
    "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"
)

KEY = bytes(range(16))
BLOCK = bytes.fromhex("00112233445566778899aabbccddeeff")
assert h(_crypto.AES(KEY).encrypt_block(BLOCK)) == "69c4e0d86a7b0430d8cdb78070b4c55a"
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
PLAIN = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
COUNTER = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
CTR = "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
assert h(_crypto.ctr(KEY, COUNTER, PLAIN)) == CTR
IV = bytes(range(16))
CFB = "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"
assert h(_crypto.cfb_encrypt(KEY, IV, PLAIN)) == CFB
assert _crypto.cfb_decrypt(KEY, IV, bytes.fromhex(CFB)) == PLAIN
assert _crypto.ctr(KEY, IV, b"") == b""

for size in (0, 1, 16, 1024):
    assert len(_crypto.random(size)) == size
assert _crypto.random(32) != _crypto.random(32)
raises(ValueError, lambda: _crypto.random(1025))
raises(ValueError, lambda: _crypto.random(-1))
assert _crypto.eq(b"ab", b"ab") and not _crypto.eq(b"ab", b"ac") and not _crypto.eq(b"a", b"")
raises(ValueError, lambda: _crypto.Hash("sha512"))
raises(ValueError, lambda: _crypto.AES(bytes(15)))
raises(ValueError, lambda: _crypto.AES(bytes(64)))
raises(ValueError, lambda: _crypto.AES(KEY).encrypt_block(b""))
raises(ValueError, lambda: _crypto.ctr(KEY, b"", b""))
raises(TypeError, lambda: _crypto.sha1(5))

for name in voicecodecs.CODECS:
    codec = voicecodecs.Codec(name)
    samples = array.array("h", [0] * (codec.rate // 50))
    octets = bytearray(640 if name == "L16" else 160)
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(100):
        assert codec.encode_into(samples, octets) == len(octets)
        assert codec.decode_into(octets, samples) == len(samples)
    assert gc.mem_alloc() - before < 256
    assert codec.clock == (16000 if name == "L16" else 8000) and codec.name == name
    size = len(octets)
    raises(ValueError, lambda c=codec, s=samples, n=size: c.encode_into(s, bytearray(n - 1)))
    raises(ValueError, lambda c=codec, s=samples, n=size: c.decode_into(bytearray(n + 1), s))
assert voicecodecs.Codec("g722").payload_type == 9
assert voicecodecs.Codec("L16").payload_type is None
for name in ("G729", "opus"):
    raises(ValueError, lambda n=name: voicecodecs.Codec(n))
# The speaker path: its memory is the heap's, and the collector leaves it alone while it is in use.
free = gc.mem_free()
media.speaker(echo=True, noise=True, gain=True, delay_ms=20)
assert free - gc.mem_free() >= 48 * 1024
raises(ValueError, lambda: media.speaker(echo=True, delay_ms=101))
media.start()
frames = media.counters()["cleaned_frames"]
for _ in range(20):
    gc.collect()
    litter = [bytearray(4096) for _ in range(20)]
    time.sleep_ms(20)
counters = media.counters()
assert counters["cleaned_frames"] > frames and counters["echo_return_loss_db"] == 0, counters
media.speaker()
litter = None
gc.collect()
frames = media.counters()["cleaned_frames"]
time.sleep_ms(60)
assert media.counters()["cleaned_frames"] == frames
assert gc.mem_free() > free - 24 * 1024
media.stop()

print("all good")
