# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""derive.py on recorded handshakes: what it computes is what libbzrtp said (vectors/zrtp)."""

import json
from pathlib import Path

import pytest

from host_tests.zrtp import bzrtp, derive

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "zrtp"
ENTRIES = json.loads((FOLDER / "handshakes.json").read_text())


def words():
    """Return (even words, odd words) of the PGP word list, by octet."""
    rows = [line.split() for line in (FOLDER / "pgp_words.txt").read_text().splitlines()]
    rows = [row for row in rows if row[0] != "#"]
    assert [int(row[0], 16) for row in rows] == list(range(256))
    return [row[1] for row in rows], [row[2] for row in rows]


def derived(entry):
    """Return ({message type: message of the initiator}, the same of the responder, Keys)."""
    sent = {"I": {}, "R": {}}
    for side, octets in entry["packets"]:
        body, _, _ = derive.unpack(bytes.fromhex(octets))
        kind = derive.kind_of(body)
        assert sent[side].setdefault(kind, body) == body, "a repeated %s differs" % kind
    i, r = sent["I"], sent["R"]
    if entry["mode"] == "Mult":
        keys = derive.multistream_keys(r["Hello"], i["Commit"], bytes.fromhex(entry["session"]))
    else:
        keys = derive.dh_keys(
            r["Hello"],
            i["Commit"],
            r["DHPart1"],
            i["DHPart2"],
            *[bytes.fromhex(entry[name]) for name in ("dh_result", "s1", "s2")],
        )
    return i, r, keys


@pytest.mark.parametrize("number", range(len(ENTRIES)))
def test_keys(number):
    entry = ENTRIES[number]
    i, r, keys = derived(entry)
    assert keys.key_salt_i.hex() == entry["initiator_key_salt"]
    assert keys.key_salt_r.hex() == entry["responder_key_salt"]
    first, second = derive.check_handshake(
        i["Hello"],
        r["Hello"],
        i["Commit"],
        r.get("DHPart1", b""),
        i.get("DHPart2", b""),
        r["Confirm1"],
        i["Confirm2"],
        keys,
    )
    assert not first.enrollment and not second.enrollment
    if entry["mode"] == "DH":
        text = keys.sas_text
        if entry["algorithms"][4] == "B256":
            even, odd = words()
            text = even[keys.sas_hash[0]] + ":" + odd[keys.sas_hash[1]]
        assert text == entry["sas"]
    if "exported" in entry:
        key = derive.kdf(keys.hash, keys.exported, entry["export_label"], keys.context, 256)
        assert key.hex() == entry["exported"]


@pytest.mark.parametrize("field", ("dh_result", "s1", "s2"))
def test_each_input_matters(field):
    """One bit of an input turned: other keys, and the Confirm does not open."""
    entry = dict(next(e for e in ENTRIES if e["mode"] == "DH" and e["s1"] and e["s2"]))
    octets = bytearray.fromhex(entry[field])
    octets[-1] ^= 1
    entry[field] = octets.hex()
    i, r, keys = derived(entry)
    assert keys.key_salt_i.hex() != entry["initiator_key_salt"]
    with pytest.raises(derive.Wrong, match="confirm_mac"):
        derive.Confirm(r["Confirm1"], keys.mac_key_r, keys.zrtp_key_r, keys.hash)


@pytest.mark.skipif(bzrtp.library() is None, reason="libbzrtp0 is not installed")
def test_words_are_those_of_bzrtp():
    even, odd = words()
    for octet in range(256):
        value = octet << 24 | (255 - octet) << 16
        assert bzrtp.base256(value) == even[octet] + ":" + odd[255 - octet]


def test_words_are_those_of_lib_zrtp():
    from vox6.zrtp import sas

    even, odd = words()
    for octet in range(256):
        value = bytes((octet, octet ^ 0xFF, 0, 0))
        assert sas.base256(value) == even[octet] + " " + odd[octet ^ 0xFF]


@pytest.mark.parametrize("value", (0, 0xFFFFFFFF, 0x12345678, 0x80000000, 0x00000FFF, 0x9ABCDEF0))
def test_base32_is_that_of_lib_zrtp(value):
    from vox6.zrtp import sas

    octets = value.to_bytes(4, "big")
    assert sas.base32(octets) == derive.sas_text("B32", octets)


def test_there_are_enough():
    """Each mode, hash, cipher and key agreement, each role of the other side."""
    for name in ("S256", "S384", "AES1", "AES3", "X255", "DH2k", "DH3k", "EC25", "EC38"):
        for role in ("Initiator", "Responder"):
            assert [e for e in ENTRIES if name in e["algorithms"] and e["its_role"] == role], name
    assert {e["mode"] for e in ENTRIES} == {"DH", "Mult"}
    assert len([e for e in ENTRIES if e["with"].startswith("libbzrtp")]) >= 24
