# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""tools/pubtspd: every setting wrong once, as file and as flag; what the manual says of it."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.servers.wire import PYTHON, TOP, environment
from tools.pubtspd import keys, settings
from tools.pubtspd.settings import SettingsError

GOOD = 'listen = "198.51.100.1"\nprefix = "2001:db8:3653:1::/64"\n'

# (name, value as TOML, words that the message must have besides name and value)
WRONG = (
    ("listen", '"198.51.100.300"', "IPv4 address, as"),
    ("listen", '"198.51.100.1:3654"', "the port is 3653"),
    ("listen", '"224.0.0.1"', "unicast"),
    ("listen", '"127.0.0.1"', "unicast"),
    ("listen", "17", "a list of texts"),
    ("listen", "[]", "listen is empty"),
    ("listen", '["198.51.100.1", "198.51.100.2"]', "2 addresses and prefix has 1"),
    ("listen", '["198.51.100.1", "198.51.100.1"]', "twice"),
    ("prefix", '"2001:db8:3653::/48"', "this one has 48"),
    ("prefix", '"2001:db8:3653:1::1/64"', "last 64 bits are zero"),
    ("prefix", '"ff02::/64"', "global unicast"),
    ("prefix", '"fd00::/64"', 'ula = "allow"'),
    ("prefix", '"all"', "as 2001:db8:3653:1::/64"),
    ("tun", '"a name that is too long"', "at most 15 characters"),
    ("tun", '"fd:x"', "as fd:3"),
    ("tun", "3", "a text"),
    ("service-on-tun", '"perhaps"', "true or false"),
    ("tag", '"none"', "off, mac, lan"),
    ("key-file", '"key"', "from / on"),
    ("lifetime", "0", "1 to 525600"),
    ("lifetime", "1.5", "whole number"),
    ("lifetime", "true", "whole number"),
    ("keepalive-min", "0", "1 to 3600"),
    ("keepalive-min", "40", "at least the one before"),
    ("keepalive-default", '"often"', "whole number"),
    ("keepalive-max", "25", "at least the one before"),
    ("martians", '"loose"', "strict, private, lab"),
    ("ports-min", "65536", "1 to 65535"),
    ("deny", '"203.0.113.0/33"', "a network"),
    ("deny", '"203.0.113.1/24"', "without bits behind its length"),
    ("allow", '"2001:db8::/32"', "IPv4 networks"),
    ("allow", '"everyone"', "a network"),
    ("peers", '"2001:db8::1"', "IPv4 address"),
    ("peers", '"198.51.100.1"', "other servers"),
    ("hairpin", "2", "true or false"),
    ("nat64", '"maybe"', "deny, allow"),
    ("ula", "true", "deny, allow"),
    ("hop-by-hop", '"drop"', "deny, allow"),
    ("packet-rate", "-1", "whole number"),
    ("icmp-errors", '"few"', "true or false"),
    ("error-rate", "0", "1 to 100000"),
    ("foreign-hint", "[]", "true or false"),
    ("dns-server", '"9.9.9.9"', "IPv6 address"),
    ("dns-server", '"::1"', "that others can reach"),
    ("dscp", '"copy"', "true or false"),
    ("domain", '"tsp..example"', "domain name"),
    ("plane", '"bpf"', "auto, xdp, portable"),
    ("interface-ipv4", '"eth/0"', "an interface"),
    ("interface-ipv6", '"an interface of more"', "at most 15"),
    ("next-hops", "1", "true or false"),
    ("memo", "-1", "0 to 1000000"),
    ("pin", '"bpf"', "from / on"),
    ("self-test", "-5", "0 to 3600"),
    ("control", '"control"', "from / on"),
    ("metrics", '"9653"', "as 127.0.0.1:9653"),
    ("metrics", '"127.0.0.1:80"', "1024 to 65535"),
    ("user", "5", "a text"),
    ("group", "5", "a text"),
    ("chroot", '"jail"', "from / on"),
    ("chroot", '"/var/empty"', "user must be set"),
    ("lisen", '"198.51.100.1"', "is listen meant?"),
    ("keepalive_min", "20", "is keepalive-min meant?"),
    ("colour", '"blue"', "no such setting"),
)


def write(tmp_path, text):
    path = tmp_path / "pubtspd.conf"
    path.write_text(text)
    return path


def with_row(name, value):
    """The good settings with one of them changed."""
    rows = [line for line in GOOD.splitlines() if not line.startswith(name + " ")]
    return "\n".join([*rows, f"{name} = {value}"]) + "\n"


def mistakes(path, flags=None):
    with pytest.raises(SettingsError) as caught:
        settings.load(path, flags or {})
    return caught.value.lines


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_wrong(tmp_path, name, value, words):
    lines = mistakes(write(tmp_path, with_row(name, value)))
    told = [line for line in lines if name in line and words in line]
    assert told, lines
    if "it must be" in told[0]:
        assert value.split(",")[0].strip('[]"') in told[0]


def test_each_setting_is_wrong_once():
    assert {name for name, _, _ in WRONG} >= set(settings.ROWS)


def test_good_is_good(tmp_path):
    found = settings.load(write(tmp_path, GOOD), {})
    assert found.pairs == [(bytes((198, 51, 100, 1)), bytes.fromhex("20010db836530001"))]
    assert found.tag == "mac" and found.ports_min == 1024 and found.lifetime == 1440
    assert (found.keepalive_min, found.keepalive_default, found.keepalive_max) == (20, 30, 3600)


def test_all_mistakes_at_once(tmp_path):
    path = write(tmp_path, 'tag = "none"\nlifetime = 0\n')
    assert len(mistakes(path, {"martians": "no"})) == 5


def test_flags_go_before_the_file(tmp_path):
    path = write(tmp_path, GOOD + 'lifetime = 5\ndeny = ["203.0.113.0/24"]\n')
    found = settings.load(path, {"lifetime": "7", "hairpin": "off", "deny": []})
    assert (found.lifetime, found.hairpin, found.deny) == (7, False, [])
    (line,) = mistakes(path, {"lifetime": "x"})
    assert line.startswith('--lifetime "x": it must be')


@pytest.mark.parametrize(
    "text", ["listen = ", "listen 5", "\0", "[[[", 'listen = "a"\nlisten = "b"']
)
def test_no_toml(tmp_path, text):
    (line,) = mistakes(write(tmp_path, text))
    assert "pubtspd.conf" in line


def test_no_file(tmp_path):
    assert mistakes(tmp_path / "absent") == [f"{tmp_path / 'absent'}: No such file or directory"]
    (tmp_path / "latin").write_bytes(b'domain = "\xe4.example"\n')
    assert "UTF-8" in mistakes(tmp_path / "latin")[0]


def run(*words, text=None):
    done = subprocess.run(
        [PYTHON, "-m", "tools.pubtspd", *map(str, words)],
        input=text, capture_output=True, text=True, cwd=TOP,
        env={**environment(), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_the_command_tells(tmp_path):
    """Exit status 2, one line for each mistake, no traceback."""
    path = write(tmp_path, GOOD + "lifetime = 0\n")
    for words in (["check", path], ["--config", path], ["--config", path, "--tag=no"]):
        status, out, err = run(*words)
        assert (status, out) == (2, "")
        assert all(line.startswith("pubtspd: ") for line in err.splitlines()), err
        assert "lifetime = 0: it must be a whole number" in err
    assert run("check", write(tmp_path, GOOD))[0] == 0
    assert run("--listen")[0] == 2 and run("--no-such-flag")[0] == 2


def test_check_looks_at_the_key_file(tmp_path):
    key = tmp_path / "key"
    path = write(tmp_path, GOOD + f'key-file = "{key}"\n')
    assert run("check", path)[0] == 0  # it is made at the start
    key.write_text("pubtspd-keys 1\nkey 12\n")
    key.chmod(0o600)
    status, _, err = run("check", path)
    assert status == 2 and "line 2: key must be 32 hexadecimal digits" in err


PACKAGING = TOP / "tools" / "pubtspd" / "packaging"


def test_help_names_every_setting():
    status, out, _ = run("--help")
    assert status == 0
    assert [name for name in settings.ROWS if f"--{name}" not in out] == []
    for command in ("check", "status", "drain", "undrain", "detach", "decode", "genkey"):
        assert command in out and run(command, "--help")[0] == 0


def test_manual_names_every_setting_and_its_default():
    text = (PACKAGING / "pubtspd.conf.5").read_text().replace("\\-", "-")
    found = dict(re.findall(r"^\.TP\n\.BI? \"?([a-z0-9-]+)(.*)$", text, re.MULTILINE))
    assert sorted(found) == sorted(settings.ROWS)


def test_example_is_right(tmp_path):
    """The example as it is, and with every line that is commented out."""
    text = (PACKAGING / "pubtspd.conf").read_text()
    assert settings.load(write(tmp_path, text), {}).plane == "auto"
    everything = re.sub(r"^#([a-z0-9-]+ = )", r"\1", text, flags=re.MULTILINE)
    found = settings.load(write(tmp_path, everything), {})
    names = re.findall(r"^([a-z0-9-]+) = ", everything, re.MULTILINE)
    assert sorted(names) == sorted(settings.ROWS)
    assert Path(found.control).is_absolute()


# What tomllib can give, and a few texts near what is right.
_SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.datetimes(),
    st.from_regex(r"[0-9a-f:.]{0,40}(/[0-9]{1,3})?", fullmatch=True),
    st.ip_addresses().map(str),
    st.ip_addresses().map(lambda one: f"{one}/64"),
    st.sampled_from(["", "off", "fd:3", "[::1]:9653", "eth0", "²", "1" * 5000, "a" * 5000]),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@given(row=st.sampled_from(settings.TABLE), value=_VALUES)
def test_any_value_is_taken_or_told(row, value):
    """Nothing but ValueError leaves a parser; what it takes, it takes again as it was."""
    try:
        first = row.parser(value)
    except ValueError as error:
        assert str(error)
        return
    assert row.parser(value) == first


@given(text=st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_any_key_file_is_taken_or_told(text):
    for one in (text, "pubtspd-keys 1\n" + text, "pubtspd-keys 1\nkey " + text):
        try:
            found = keys.parse(one)
        except keys.KeyFileError as error:
            assert str(error)
        else:
            assert found.master or found.key
