# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""tools/pubtspd: key files, periods of keys, and who is behind an address at a time."""

import hashlib
import hmac
import stat

import pytest

from host_tests.servers.test_pubtspd_settings import run
from tools.pubtspd import keys
from tools.pubtspd.decode import parse_time
from tools.pubtspd.keys import DAY, KeyFileError, Keys
from tools.pubtspd.service import KeyRing

MASTER = bytes(range(32))
FIXED = "pubtspd-keys 1\nkey 000102030405060708090a0b0c0d0e0f\n"
NOON = parse_time("2026-11-28T12:00:00Z")
# Vectors of the protocol's text, section 4.4.
VECTORS = (
    ("203.0.113.77", 54321, "2001:db8:3653:1:cb00:714d:d431:e0f0"),
    ("198.51.100.9", 1024, "2001:db8:3653:1:c633:6409:400:75e4"),
    ("192.0.2.135", 40000, "2001:db8:3653:1:c000:287:9c40:119d"),
    ("198.51.100.200", 65535, "2001:db8:3653:1:c633:64c8:ffff:6c09"),
)


def expected(day):
    """key_day = HMAC-SHA-256(master, day number), first 16 octets."""
    return hmac.new(MASTER, day.to_bytes(8, "big"), hashlib.sha256).digest()[:16]


def key_file(tmp_path, text=FIXED, mode=0o600):
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the first line must be pubtspd-keys 1"),
        ("pubtspd-keys 2\nkey 00\n", "version 2"),
        ("pubtspd-keys 1\n", "neither"),
        ("pubtspd-keys 1\nprevious " + "00" * 16, "neither"),
        ("pubtspd-keys 1\nkey " + "00" * 15, "line 2: key must be 32"),
        ("pubtspd-keys 1\nkey " + "0g" * 16, "line 2: key must be 32"),
        ("pubtspd-keys 1\nmaster " + "00" * 31, "line 2: master must be 64"),
        ("pubtspd-keys 1\n\nsecret 00", "line 3: secret must be one of"),
        ("pubtspd-keys 1\nkey " + "00" * 16 + "\nkey " + "00" * 16, "second time"),
        ("pubtspd-keys 1\nkey " + "00" * 16 + "\nmaster " + "00" * 32, "master stands alone"),
        ("pubtspd-keys 1\n# " + "x" * 5000, "longer than"),
        ("pubtspd-keys 1\nkey \xe4", "ASCII"),
    ],
)
def test_wrong_files(tmp_path, text, words):
    with pytest.raises(KeyFileError, match=words):
        keys.load(key_file(tmp_path, text))


def test_absent_and_readable_by_everybody(tmp_path):
    with pytest.raises(KeyFileError, match="No such file"):
        keys.load(tmp_path / "none")
    with pytest.raises(KeyFileError, match="everybody can read it"):
        keys.load(key_file(tmp_path, mode=0o644))
    keys.load(key_file(tmp_path, mode=0o640))


def test_made_at_the_first_start(tmp_path):
    path = tmp_path / "key"
    keys.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = keys.load(path)
    assert len(first.master) == 32
    with pytest.raises(KeyFileError, match="cannot be made"):
        keys.create(path)  # an old key is never overwritten
    assert keys.load(path).master == first.master
    with pytest.raises(KeyFileError, match="make its folder"):
        keys.create(tmp_path / "absent" / "key")


def test_genkey_is_a_key_file():
    status, out, _ = run("genkey")
    assert status == 0 and len(keys.parse(out).master) == 32
    assert run("genkey")[1] != out


def test_a_day_is_a_period():
    """Section 4.4: current and previous; the next one begins at midnight UTC."""
    found = Keys(MASTER)
    day = NOON // DAY
    period = found.period(NOON)
    assert (period.key, period.previous) == (expected(day), expected(day - 1))
    assert period.ends == (day + 1) * DAY and period.name == "of 2026-11-28"
    last = found.period(period.ends - 1)
    following = found.period(period.ends)
    assert last.key == period.key and following.previous == period.key
    assert following.key == expected(day + 1) and following.name == "of 2026-11-29"
    assert found.period(0).key == expected(0)  # a clock that was never set


def test_a_fixed_key_stays():
    period = Keys(key=bytes(16), previous=bytes(range(16))).period(NOON)
    assert (period.key, period.previous, period.ends) == (bytes(16), bytes(range(16)), None)


def test_the_ring_tells_changes_alone():
    ring = KeyRing(Keys(MASTER))
    assert ring.look(NOON) is not None and ring.is_news()
    assert ring.look(NOON + 60) is None
    midnight = (NOON // DAY + 1) * DAY
    assert ring.look(midnight - 1) is None
    changed = ring.look(midnight)
    assert changed.previous == expected(midnight // DAY - 1) and ring.is_news()
    assert ring.look(NOON).key == expected(NOON // DAY)  # the clock was set back
    ring.replace(Keys(MASTER))
    assert ring.look(NOON) is not None  # other engines have no keys yet
    ring.is_news()
    ring.replace(Keys(MASTER))
    ring.look(NOON)
    assert not ring.is_news()
    assert KeyRing(None).look(NOON) is None


# -- decode --------------------------------------------------------------------------------------


def test_vectors(tmp_path):
    path = key_file(tmp_path)
    for ipv4, port, address in VECTORS:
        status, out, err = run(
            "--key-file", path, "--domain", "tsp.example", "decode", address, "--at", str(NOON)
        )
        assert status == 0, err
        rows = dict(line.split(None, 1) for line in out.splitlines()[1:])
        assert (rows["ipv4"], rows["port"]) == (ipv4, str(port))
        assert rows["tag"] == address.rpartition(":")[2] + ", valid (key of the key file)"
        assert rows["name"] == ipv4.replace(".", "-") + f".p{port}.tsp.example"


def test_a_list_with_times(tmp_path):
    """Each line with the key of its own time; a day later it is the previous one, then none."""
    path = key_file(tmp_path, "pubtspd-keys 1\nmaster " + MASTER.hex() + "\n")
    from vox6.pubtsp import AddressFormat

    made = AddressFormat(bytes.fromhex("20010db836530001"), "mac", expected(NOON // DAY))
    octets = made.make(bytes((203, 0, 113, 77)), 54321).hex()
    address = ":".join(octets[i : i + 4] for i in range(0, 32, 4))
    lines = [
        f"{address} 2026-11-28T00:00:00Z",
        f"{address} 2026-11-29T23:59:59Z",
        f"{address} 2026-11-30T00:00:00Z",
        f"{address} 2026-11-27T23:59:59Z",
        "",
        f"{address} {NOON}",
    ]
    status, out, _ = run("--key-file", path, "decode", "-", text="\n".join(lines) + "\n")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[3] for row in rows] == ["valid", "valid", "not-valid", "not-valid", "valid"]
    assert "key of 2026-11-28)" in rows[0][5] and "the previous one" in rows[1][5]
    assert {(row[1], row[2]) for row in rows} == {("203.0.113.77", "54321")}
    assert status == 1


def test_what_is_no_client(tmp_path):
    path = key_file(tmp_path)
    common = ["--key-file", path, "--prefix", "2001:db8:3653:1::/64", "decode"]
    status, out, _ = run(*common, "2001:db8:3653:1::1")
    assert status == 1 and "the operator's" in out
    status, out, _ = run(*common, "2001:db8:3653:2:cb00:714d:d431:e0f0")
    assert status == 1 and "not of this server's prefix" in out
    status, out, _ = run(*common, "2001:db8:3653:1:cb00:714d:d431:e0f1")
    assert status == 1 and "not valid" in out
    status, _, err = run(*common, "203.0.113.77")
    assert status == 2 and "no IPv6 address" in err
    status, _, err = run(*common, VECTORS[0][2], "--at", "yesterday")
    assert status == 2 and "it must be as" in err


def test_without_keys(tmp_path):
    status, out, _ = run("--key-file", tmp_path / "none", "decode", VECTORS[0][2])
    assert status == 0 and "cannot be judged" in out and "203.0.113.77" in out
    status, out, _ = run("--tag", "off", "decode", "2001:db8:3653:1:cb00:714d:d431:0")
    assert status == 0 and "tags are off" in out
    status, out, _ = run("--tag", "lan", "decode", "2001:db8:3653:1:cb00:714d:d431:7")
    assert status == 0 and "valid (lan)" in out
