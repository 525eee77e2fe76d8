# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Big numbers on the emulated board: mbedTLS takes its memory from the Python heap there."""

import pytest

from host_tests.emulated.test_qemu_machine import Machine
from tools.panel.phones import QEMUPhone

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(not QEMUPhone.image.exists(), reason="firmware.elf is not built"),
]

GUEST = """
import gc, _crypto
KINDS = (("DH3k", 256), ("DH3k", 512), ("DH2k", 256), ("EC25", 256), ("EC38", 256), ("X255", 256))

def used():
    gc.collect()
    return gc.mem_alloc()

def fill():
    blocks, size = [], 1024
    while size >= 16:
        try:
            blocks.append(bytearray(size))
        except MemoryError:
            size //= 2
    return blocks

def turn(name, bits):
    one, two = _crypto.KeyPair(name, bits), _crypto.KeyPair(name, bits)
    assert one.agree(two.public) == two.agree(one.public)
    try:
        one.agree(bytes(len(one.public)))
        raise RuntimeError("not refused")
    except ValueError:
        pass

def crowded(pair, public, want, free):
    # agree() with so many kB free, in one piece: True, False or None for MemoryError
    gc.collect()
    piece = bytearray(free * 1024)
    blocks = fill()
    piece = None
    try:
        return pair.agree(public) == want
    except MemoryError:
        return None
    finally:
        blocks.clear()
        gc.collect()
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    board = Machine(tmp_path_factory.mktemp("board")).boot()
    try:
        board.interrupt()
        board.repl(GUEST)
        yield board
    finally:
        board.kill()


def test_memory_is_given_back(machine):
    text = machine.repl("""
for _ in range(6):
    for name, bits in KINDS:
        turn(name, bits)
    print(used())
""")
    counts = [int(word) for word in text.split()]
    assert counts[-1] - counts[1] <= 64, counts  # a number of mbedTLS has more than 32 octets


def test_collection_during_an_exponentiation(machine):
    text = machine.repl("""
gc.threshold(512)
for name, bits in KINDS:
    turn(name, bits)
gc.threshold(-1)
print("agreed")
""")
    assert text == "agreed"


def test_no_memory(machine):
    """A full heap is a MemoryError, nothing is lost by it; with 12 kB in a piece all is well."""
    text = machine.repl("""
for turns in range(4):
    for name, bits in KINDS:
        pair, public = _crypto.KeyPair(name, bits), _crypto.KeyPair(name, bits).public
        want = pair.agree(public)
        print(*[crowded(pair, public, want, free) for free in (0, 1, 12)])
    print(used())
""")
    lines = text.splitlines()
    counts = [int(lines.pop(place)) for place in (27, 20, 13, 6)]
    assert lines == ["None None True"] * 24
    assert counts[0] - counts[2] <= 1024, (
        counts
    )  # the collector may take a few words for addresses
