# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What packages of distributions take of siproxy64: unit, scripts, manuals, the example."""

import re
import subprocess
import sys

import pytest

from host_tests.servers.mirror_house import PROGRAM
from host_tests.servers.wire import TOP
from tools.siproxy64 import configuration

PACKAGING = TOP / "tools" / "siproxy64" / "packaging"
DEBIAN = TOP / "tools" / "pubtspd" / "packaging" / "debian"
_MOST_EXPOSED = 2.5  # of systemd's 0 to 10


def run(*words, **more):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, **more)


@pytest.mark.parametrize("name", ["siproxy64.service", "siproxy64@a.service"])
def test_unit(tmp_path, name):
    """Every word is known to systemd, as a unit and as an instance, and it gives away little."""
    text = (PACKAGING / "siproxy64.service").read_text()
    unit = tmp_path / name
    unit.write_text(text.replace("/usr/bin/siproxy64", "/bin/true"))
    said = run("systemd-analyze", "--man=no", "verify", unit)
    assert said.returncode == 0 and f"{name}:" not in said.stderr, said.stderr
    out = run("systemd-analyze", "security", "--offline=true", unit).stdout
    assert float(re.search(r"exposure level for \S+: ([0-9.]+)", out)[1]) <= _MOST_EXPOSED, out
    assert "%i" not in text and "\nExecReload=/usr/bin/siproxy64 --config" in text


def test_scripts_are_shell():
    for path in (
        PACKAGING / "openwrt" / "files" / "siproxy64.init",
        DEBIAN / "siproxy64.postinst",
    ):
        assert run("sh", "-n", path).returncode == 0, path


def init_script(folder, program, config, command):
    """Run a command of the init script, with functions of OpenWrt's that print what they are told.

    program: which one is installed; what it says is the script's own.
    """
    source = (PACKAGING / "openwrt" / "files" / "siproxy64.init").read_text()
    source = source.replace("CONFIG=/etc/siproxy64.conf", f"CONFIG={config}")
    script = folder / "run"
    script.write_text(
        "mkdir() { :; }\nprocd_open_instance() { echo instance $1; }\n"
        'procd_close_instance() { :; }\nprocd_set_param() { echo "$@"; }\n'
        "procd_send_signal() { echo signal $3; }\nstart() { echo start; }\n"
        + source.replace("/usr/bin/siproxy64", str(program.with_name("siproxy64")))
        + f"\n{command}\n"
    )
    return run(
        "sh", script, env={"PYTHONPATH": f"{TOP}/build/path:{TOP}", "PATH": "/usr/bin:/bin"}
    )


@pytest.fixture(params=("siproxy64", "siproxy64-router"))
def installed(request, tmp_path):
    """Either program in a folder."""
    program = tmp_path / request.param
    if request.param == "siproxy64":
        words = f'cd {TOP}; exec {sys.executable} -m tools.siproxy64 "$@"'
        program.write_text(f"#!/bin/sh\n{words}\n")
        program.chmod(0o755)
    else:
        assert PROGRAM.is_file(), "run 'make siproxy64-router' first"
        program.symlink_to(PROGRAM)
    return program


@pytest.mark.parametrize(
    ("text", "started"),
    [("map 10.0.0.11 = 2001:db8::b:11\n", True), ("# map a = b\n", False), ("map x\n", False)],
)
def test_openwrt_starts_it(tmp_path, installed, text, started):
    """The first instance comes back when it dies; one that follows another does not."""
    config = tmp_path / "siproxy64.conf"
    config.write_text(text)
    first = init_script(tmp_path, installed, config, "start_service")
    assert (f"command {installed} --config {config}" in first.stdout) == started, first
    if started:
        assert "instance main" in first.stdout and "respawn" in first.stdout
        second = init_script(tmp_path, installed, config, "start_service taken1").stdout
        assert "instance taken1" in second and "respawn" not in second


def test_openwrt_reload(tmp_path, installed):
    """The program is asked, and started if it does not run."""
    config = tmp_path / "siproxy64.conf"
    config.write_text(f"map 10.0.0.11 = 2001:db8::b:11\ncontrol {tmp_path}/none\n")
    done = init_script(tmp_path, installed, config, "reload_service")
    assert f"{tmp_path}/none" in done.stderr and done.stdout.split() == ["start"]


@pytest.mark.parametrize("name", ["siproxy64.8", "siproxy64.conf.5"])
def test_manuals_are_clean(name):
    done = run("groff", "-man", "-Tutf8", "-ww", PACKAGING / name)
    assert done.returncode == 0 and done.stderr == "" and len(done.stdout) > 2000


def test_manual_and_example_know_every_setting():
    reader = configuration._Reader()
    names = {*reader._kinds, *reader._choices, *reader._switches, *reader._texts}
    manual = (PACKAGING / "siproxy64.conf.5").read_text().replace("\\", "")
    for name in names:
        assert re.search(rf'^\.BI "?{name}\b|" {name} "', manual, re.MULTILINE), name
    for name in reader.settings.limits:
        assert f"\n.B {name}\n" in manual, name
    example = (PACKAGING / "siproxy64.conf").read_text()
    lines = [line[2:] for line in example.splitlines() if re.match(r"# [a-z-]+ [^ ]", line)]
    lines = [line for line in lines if line.split()[0] in names]
    found = configuration.parse("\n".join(lines))
    assert len(found.table.local_nets()) == 8 and found.metrics is not None
    assert configuration.parse(example).table.local_nets() == []


def test_debian_has_it_all():
    rules = (DEBIAN / "rules").read_text()
    files = rules + (DEBIAN / "siproxy64.install").read_text()
    for path in re.findall(r"tools/siproxy64/\S+", files):
        assert (TOP / path).is_file(), path
    assert "\nPackage: siproxy64\n" in (DEBIAN / "control").read_text()
