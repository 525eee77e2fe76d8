# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: a program for hosts
"""What `vox6 tunnel` can be told, and what it says of wrong settings."""

import pytest
from click.testing import CliRunner

from tools.common.tunnel import options as settings
from tools.common.tunnel.options import OptionError, Options
from tools.vox6.main import main
from vox6.pubtsp.address import mapped

SERVER = (mapped(bytes((192, 0, 2, 115))), 3653)

GOOD = (
    ("server", "192.0.2.115", (SERVER,)),
    ("server", "tsp.example.net. 192.0.2.115", ("tsp.example.net", SERVER)),
    ("domain", "example.net", "example.net"),
    ("interface", "ipv6", "ipv6"),
    ("default-route", "Yes", "yes"),
    ("metric", "512", 512),
    ("direct", "no", False),
    ("direct", "on", True),
    ("direct-prefix", "2001:db8:3653:1::/64 2001:db8:3653:2::",
     (bytes.fromhex("20010db836530001"), bytes.fromhex("20010db836530002"))),
    ("martians", "lab", "lab"),
    ("keepalive", "20", 20),
    ("keepalive", "3600", 3600),
    ("cheap-keepalive", "0", 0),
    ("cheap-hop-limit", "255", 255),
    ("linger", "0", 0),
)  # fmt: skip

# (name, value, what the error says)
BAD = (
    ("server", "192.0.2", "not an IPv4 address"),
    ("server", "192.0.2.256", "not an IPv4 address"),
    ("server", "224.0.0.1", "no server can have this address"),
    ("server", "0.0.0.0", "no server can have this address"),
    ("server", "2001:db8::1", "by IPv4, at port 3653"),
    ("server", "tsp.example.net:3653", "by IPv4, at port 3653"),
    ("server", "tsp..net", "not a domain name"),
    ("server", "a" * 64 + ".net", "not a domain name"),
    ("server", " ".join(f"s{i}.net" for i in range(33)), "at most 32"),
    ("domain", "exam ple", "not a domain name"),
    ("interface", " ", "a name is wanted"),
    ("default-route", "maybe", "one of auto, yes, no"),
    ("metric", "0", "1 to 2147483647"),
    ("metric", "low", "not a number"),
    ("direct", "perhaps", "one of yes, on, no, off"),
    ("direct-prefix", "2001:db8::/48", "64 bits"),
    ("direct-prefix", "2001:db8::1", "behind the first 64 bits"),
    ("direct-prefix", "hello", "not an IPv6 prefix"),
    ("martians", "loose", "one of strict, private, lab"),
    ("keepalive", "19", "20 to 3600"),
    ("keepalive", "3601", "20 to 3600"),
    ("cheap-hop-limit", "0", "1 to 255"),
    ("colour", "red", "there is no setting 'colour'; there are: server, domain"),
)


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_good(name, text, value):
    options = Options()
    settings.set_option(options, name, text)
    assert getattr(options, name.replace("-", "_")) == value


@pytest.mark.parametrize(("name", "text", "said"), BAD)
def test_bad(name, text, said):
    with pytest.raises(OptionError) as error:
        settings.set_option(Options(), name, text)
    assert said in str(error.value) and name in str(error.value)


def test_every_setting_is_an_attribute_with_a_flag():
    usage = CliRunner().invoke(main, ["tunnel", "--help"]).output
    for name, _, _ in settings.names():
        assert hasattr(Options(), name.replace("-", "_"))
        assert f"--{name} " in usage
    assert {name.replace("-", "_") for name, _, _ in settings.names()} == set(vars(Options()))


def test_file(tmp_path):
    path = tmp_path / "tunnel.conf"
    path.write_text(
        '# a comment\nserver = ["tsp.example.net", "192.0.2.115"]\n'
        "direct = false\nkeepalive = 60\n"
    )
    options = Options()
    settings.read_file(options, path)
    assert options.server == ("tsp.example.net", SERVER)
    assert options.direct is False and options.keepalive == 60
    assert options.default_route == "auto"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keepalive = 5\n", "tunnel.conf: keepalive = '5': 20 to 3600"),
        ("keepalive\n", "tunnel.conf: .*line 1"),
        ("[tunnel]\nkeepalive = 30\n", "no setting 'tunnel'"),
        ("colour = 1\n", "no setting 'colour'"),
        (None, "tunnel.conf: No such file"),
    ],
)
def test_wrong_file(tmp_path, text, said):
    path = tmp_path / "tunnel.conf"
    if text is not None:
        path.write_text(text)
    with pytest.raises(OptionError, match=said):
        settings.read_file(Options(), path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tunnel", "--keepalive", "5"], "keepalive = '5': 20 to 3600"),
        (["tunnel", "--server", "2001:db8::1"], "by IPv4"),
        (["tunnel", "--config", "/none"], "/none: No such file"),
        (["tunnel", "--colour", "red"], "No such option"),
        (["tunel"], "No such command"),
    ],
)
def test_wrong_settings_end_with_status_2(arguments, said):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2 and said in result.output, result.output


def test_a_flag_goes_before_the_file(tmp_path, monkeypatch):
    """The device is never made: what reaches the driver is looked at."""
    from tools.vox6 import tunnel as command

    seen = []
    monkeypatch.setattr(command, "Tunnel", lambda options: seen.append(options) or _Nothing())
    path = tmp_path / "tunnel.conf"
    path.write_text('keepalive = 60\nmartians = "lab"\n')
    result = CliRunner().invoke(
        main,
        ["tunnel", "--config", str(path), "--keepalive", "90", "--server", "192.0.2.115"]
        + ["--server", "tsp.example.net"],
    )
    assert result.exit_code == 0, result.output
    assert (seen[0].keepalive, seen[0].martians) == (90, "lab")
    assert seen[0].server == (SERVER, "tsp.example.net")


class _Nothing:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def on_signals(self):
        pass

    def run(self):
        pass
