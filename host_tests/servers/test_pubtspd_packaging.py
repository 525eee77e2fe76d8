# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What packages of distributions take: systemd unit, scripts of OpenWrt and Debian, manuals."""

import re
import shutil
import subprocess

import pytest

from host_tests.servers.wire import TOP
from tools.pubtspd import settings

PACKAGING = TOP / "tools" / "pubtspd" / "packaging"
_MOST_EXPOSED = 2.5  # of systemd's 0 to 10; 2.1 measured by systemd 252


def run(*words, **more):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, **more)


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is missing")


@needs("systemd-analyze")
def test_unit(tmp_path):
    """Every word is known to systemd, and it gives away little."""
    text = (PACKAGING / "pubtspd.service").read_text()
    unit = tmp_path / "pubtspd.service"
    unit.write_text(text.replace("/usr/bin/pubtspd", "/bin/true"))
    said = run("systemd-analyze", "--man=no", "verify", unit)
    assert said.returncode == 0 and "pubtspd.service:" not in said.stderr, said.stderr
    out = run("systemd-analyze", "security", "--offline=true", unit).stdout
    exposure = float(re.search(r"exposure level for pubtspd.service: ([0-9.]+)", out)[1])
    assert exposure <= _MOST_EXPOSED, out
    for word in ("Type=notify", "DynamicUser=yes", "AmbientCapabilities=CAP_NET_ADMIN CAP_BPF"):
        assert f"\n{word}\n" in text


def test_scripts_are_shell():
    for path in ("openwrt/files/pubtspd.init", "openwrt/files/pubtspd.defaults",
                 "debian/pubtspd.postinst"):  # fmt: skip
        assert run("sh", "-n", PACKAGING / path).returncode == 0, path


def test_openwrt_knows_every_setting():
    text = (PACKAGING / "openwrt" / "files" / "pubtspd.init").read_text()
    words = re.search(r'^OPTIONS="(.*?)"$', text, re.MULTILINE | re.DOTALL)[1].split()
    words += re.search(r'^LISTS="(.*?)"$', text, re.MULTILINE)[1].split()
    names = {word.replace("_", "-") for word in words} | {"control"}  # which it sets itself
    assert names == set(settings.ROWS)
    config = (PACKAGING / "openwrt" / "files" / "pubtspd.config").read_text()
    used = set(re.findall(r"^\t(?:option|list) (\w+)", config, re.MULTILINE)) - {"enabled"}
    assert used <= set(words)


def test_openwrt_starts_it(tmp_path):
    """The init script, with functions of OpenWrt's that print what they are told."""
    script = tmp_path / "run"
    script.write_text(
        """
config_load() { :; }
config_get() {
    case $3 in
        listen) eval "$1=198.51.100.1";;
        prefix) eval "$1=2001:db8:3653:1::/64";;
        deny) eval "$1='203.0.113.0/24 192.0.2.0/24'";;
        dscp) eval "$1=0";;
        *) eval "$1=";;
    esac
}
config_get_bool() { eval "$1=1"; }
mkdir() { :; }
chmod() { :; }
sysctl() { :; }
procd_open_instance() { :; }
procd_close_instance() { :; }
procd_set_param() { [ "$1" = command ] && shift && printf '%s\\n' "$@"; true; }
procd_append_param() { shift; printf '%s\\n' "$@"; }
"""
        + (PACKAGING / "openwrt" / "files" / "pubtspd.init").read_text()
        + "\nstart_service\n"
    )
    done = run("sh", script)
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()
    assert words[:3] == ["/usr/bin/pubtspd", "--config", "/dev/null"]
    flags = {name[2:]: value for name, value in zip(words[1::2], words[2::2], strict=True)}
    del flags["config"]
    flags["deny"] = flags["deny"].split()
    found = settings.load(None, flags)
    assert len(found.deny) == 2 and found.dscp is False


@needs("groff")
@pytest.mark.parametrize("name", ["pubtspd.8", "pubtspd.conf.5"])
def test_manuals_are_clean(name):
    done = run("groff", "-man", "-Tutf8", "-ww", PACKAGING / name)
    assert done.returncode == 0 and done.stderr == "" and len(done.stdout) > 2000
