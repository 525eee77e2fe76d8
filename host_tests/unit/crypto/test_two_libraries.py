# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: it starts the phone's MicroPython beside itself.
"""lib/crypto on CPython (OpenSSL) against the phone's MicroPython (mbedTLS), random keys."""

import json
import subprocess

import pytest

from host_tests.unit.mp.run import TOP, interpreter, namespace
from vox6 import crypto

PROVIDER = crypto.provider()

pytestmark = pytest.mark.skipif(not interpreter().exists(), reason="UNIX_HOST is not built")

# Reads [[name, bits, public in hex], ...], answers with [[public, DHResult], ...].
GUEST = """
import binascii, json, sys
from vox6 import crypto
answer = []
for name, bits, public in json.loads(sys.stdin.readline()):
    pair = crypto.provider().key_pair(name, bits)
    result = pair.agree(binascii.unhexlify(public))
    answer.append([binascii.hexlify(pair.public).decode(), binascii.hexlify(result).decode()])
print(json.dumps(answer))
"""

CFB = """
import binascii, json, sys
from vox6 import crypto
answer = []
for key, iv, data in json.loads(sys.stdin.readline()):
    out = crypto.provider().cfb_encrypt(*[binascii.unhexlify(x) for x in (key, iv, data)])
    answer.append(binascii.hexlify(out).decode())
print(json.dumps(answer))
"""


def phone(tmp_path, program, question):
    namespace()
    path = tmp_path / "guest.py"
    path.write_text(program)
    done = subprocess.run(
        [str(interpreter()), str(path)],
        env={"MICROPYPATH": f"{TOP / 'build' / 'path'}:.frozen"},
        input=json.dumps(question) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def test_key_agreements(tmp_path):
    pairs = [
        PROVIDER.key_pair(name, bits)
        for name in PROVIDER.key_agreements
        for bits in ((256, 512) if name.startswith("DH") else (256,))
        for _ in range(4)
    ]
    question = [
        (pair.name, 512 if i // 4 in (1, 3) else 256, pair.public.hex())
        for i, pair in enumerate(pairs)
    ]
    answer = phone(tmp_path, GUEST, question)
    assert len(answer) == len(pairs) == 28
    for pair, (public, result) in zip(pairs, answer, strict=True):
        assert pair.agree(bytes.fromhex(public)).hex() == result, pair.name


def test_cfb(tmp_path):
    random = PROVIDER.random
    question = [
        (random(key).hex(), random(16).hex(), random(length).hex())
        for key in (16, 24, 32)
        for length in (1, 16, 24, 40, 100)
    ]
    answer = phone(tmp_path, CFB, question)
    for (key, iv, data), out in zip(question, answer, strict=True):
        plain = PROVIDER.cfb_decrypt(bytes.fromhex(key), bytes.fromhex(iv), bytes.fromhex(out))
        assert plain.hex() == data
