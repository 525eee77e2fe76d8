# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Record the handshakes of host_tests/vectors/zrtp: python -m host_tests.zrtp.record.

The party by hand (peer.py) knows DHResult; libbzrtp, or lib/zrtp where that lacks the algorithm,
is the other side, and what *it* says of keys and SAS is written down.
"""

import json
from pathlib import Path

from host_tests.zrtp import bzrtp, ours, peer, world

FILE = Path(__file__).resolve().parents[1] / "vectors" / "zrtp" / "handshakes.json"

_BZRTP = [
    ("S256", "AES1", "HS32", "X255", "B32"),
    ("S384", "AES3", "HS80", "X255", "B256"),
    ("S256", "AES1", "HS80", "DH3k", "B32"),
    ("S384", "AES3", "HS32", "DH3k", "B256"),
    ("S256", "AES3", "HS32", "DH2k", "B32"),
]
_OURS = [
    ("S256", "AES1", "HS32", "EC25", "B32"),
    ("S384", "AES3", "HS80", "EC38", "B256"),
]


def _entry(who, hand, other, one, **more):
    keys = [other.keys["send"].hex(), other.keys["receive"].hex()]
    initiator = hand.role == "Responder"  # is the other side
    i, r = keys if initiator else keys[::-1]
    entry = {
        "with": who,
        "its_role": "Initiator" if initiator else "Responder",
        "mode": hand.mode if hand.mode in ("Mult", "Prsh") else "DH",
        "algorithms": list(hand.algorithms),
        "packets": [
            ["IR"[side ^ (hand.role == "Responder")], data.hex()] for _, side, data, _ in one.log
        ],
        "initiator_key_salt": i,
        "responder_key_salt": r,
        "sas": other.sas or "",
    }
    if entry["mode"] == "DH":
        entry["dh_result"] = hand.dh_result.hex()
        entry["s1"], entry["s2"] = hand.s1.hex(), hand.s2.hex()
    entry.update(more)
    return entry


def _call(hand, other):
    one = world.World(hand, other)
    one.run_until_secure(settle=100)
    assert other.keys["send"] == hand.keys["receive"], one.story()
    assert other.keys["receive"] == hand.keys["send"], one.story()
    return one


def _couple(who, context, algorithms, role, seed, entries, **secrets):
    hand = peer.Peer(role, seed=seed, algorithms=algorithms, **secrets)
    other = context.open(0x11111111)
    first = _call(hand, other)
    exported = getattr(other, "exported", None)
    more = {"exported": exported.hex(), "export_label": bzrtp.EXPORT_LABEL} if exported else {}
    entries.append(_entry(who, hand, other, first, **more))
    further = peer.Peer(role, 0x44444444, seed + 1, first=hand, mode="Mult", algorithms=algorithms)
    second = context.open(0x22222222)
    session = hand.derived.session.hex()
    one = _call(further, second)
    entries.append(_entry(who, further, second, one, session=session))
    return hand


def main():
    entries = []
    seed = 100
    for algorithms in _BZRTP:
        for role in peer.ROLES:
            arguments = {k: [n] for k, n in zip(_KINDS, algorithms)}
            arguments["key_agreements"] = [algorithms[3], "Mult"]
            context = bzrtp.Context(**arguments)
            _couple("libbzrtp 5.1.64", context, algorithms, role, seed, entries)
            seed += 2
    # retained secret and auxsecret take part
    cache = bzrtp.Cache()
    aux = b"an auxsecret of some length"
    algorithms = ("S256", "AES1", "HS32", "X255", "B32")
    rs1 = b""
    for role in (*peer.ROLES, *peer.ROLES):
        context = bzrtp.Context(cache, aux=aux, key_agreements=["X255", "Mult"])
        hand = _couple(
            "libbzrtp 5.1.64",
            context,
            algorithms,
            role,
            seed,
            entries,
            rs1=rs1,
            aux=aux,
            zid=bytes(range(12)),
        )
        rs1 = hand.derived.rs1
        seed += 2
    for algorithms in _OURS:
        for role in peer.ROLES:
            arguments = {k: (n,) for k, n in zip(_KINDS, algorithms)}
            arguments["key_agreements"] = (algorithms[3], "Mult")
            context = ours.Context(seed=seed, **arguments)
            _couple("lib/zrtp", context, algorithms, role, seed, entries)
            seed += 2
    text = ",\n".join(json.dumps(entry, indent=0).replace("\n", " ") for entry in entries)
    FILE.write_text("[\n" + text + "\n]\n")
    print("%d handshakes in %s" % (len(entries), FILE))


_KINDS = ("hashes", "ciphers", "auth_tags", "key_agreements", "sas_types")

if __name__ == "__main__":
    main()
