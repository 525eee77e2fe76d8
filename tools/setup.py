# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Bring what a make verb needs: Debian packages, Python environment, sources, toolchain.

    python3 -m tools.setup call       # what `make call` needs
    python3 -m tools.setup test       # the peers and test tools as well

Every step looks first at what is there, so that a second run only looks. Downloads and what is
built from them stay in the cache (see tools/fetch.py), keyed by checksum:

    wheels/   as downloaded from PyPI        venv/KEY/    one environment for each lock file
    tools/    mpy-cross                      ccache/      object files
    deb/, bin/ Debian packages that are unpacked, not installed (tools/binaries.py)

The names: packages-call.txt, packages-test.txt (Debian); requirements-*.lock (Python, with
hashes); ports/sources.toml (upstream sources); binaries.toml (unpacked programs).
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools import binaries, fetch
from tools.fetch import TOP, FetchError, cache_dir

_TOOLS = TOP / "tools"
_RELEASE = ("debian", "12")  # what the package lists and the pinned wheels are tried on
_NEED_OCTETS = 1_500_000_000  # of the cache: measured 1.0 GB after setup-test, objects besides
_STEP_TIMEOUT_S = 1800
_SDIST_LOCK = "requirements-sdist.lock"  # no wheels: built with the tools of the test lock
_LOCKS = {
    "call": ["requirements-call.lock"],
    "test": ["requirements-test.lock", _SDIST_LOCK],
}


class Clock:
    """Seconds spent in downloads and in everything else."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.downloads = 0.0

    def total(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.start


def say(text: str) -> None:
    """Print one progress line at once."""
    print(f"setup: {text}", flush=True)


def run(what: str, command: list[str], remedy: str, env: dict[str, str] | None = None) -> float:
    """Run one long command quietly; return its seconds. Its last lines go into the error."""
    start = time.monotonic()
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_STEP_TIMEOUT_S,
            env=env,
        )
    except FileNotFoundError:
        raise FetchError(f"{what}: there is no program {command[0]}.", remedy) from None
    except subprocess.TimeoutExpired:
        raise FetchError(f"{what}: not done within {_STEP_TIMEOUT_S} s.", remedy) from None
    if done.returncode != 0:
        if "No space left" in done.stdout or "enough free space" in done.stdout:
            remedy = "the disk is full: free some space (packages need 2.3 GB, the cache 1.5 GB)"
        tail = "\n    ".join(done.stdout.strip().splitlines()[-15:])
        raise FetchError(f"{what} failed ({shlex.join(command[:4])} ...):\n    {tail}", remedy)
    return time.monotonic() - start


def read_list(path: Path) -> list[str]:
    """Names of a list file: one a line, # begins a comment."""
    names = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    return [name for name in names if name]


def wanted_packages(verb: str) -> list[str]:
    """Debian packages of a verb; those of test include those of call."""
    names = read_list(_TOOLS / "packages-call.txt")
    if verb == "test":
        names += read_list(_TOOLS / "packages-test.txt")
    return sorted(set(names))


def missing_packages(names: list[str]) -> list[str]:
    """Those of `names` that dpkg does not call installed."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${binary:Package} ${db:Status-Status}\n", *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    installed = set()
    for line in done.stdout.splitlines():
        name, _, status = line.partition(" ")
        if status == "installed":
            installed.add(name.partition(":")[0])
    return [name for name in names if name not in installed]


def release() -> tuple[str, str]:
    """(ID, VERSION_ID) of os-release, for instance ("debian", "12")."""
    fields = {}
    try:
        for line in Path("/etc/os-release").read_text().splitlines():
            name, _, value = line.partition("=")
            fields[name] = value.strip('"')
    except OSError:
        pass
    return fields.get("ID", "unknown"), fields.get("VERSION_ID", "unknown")


def bring_packages(verb: str, clock: Clock) -> None:
    """Install the Debian packages that are missing."""
    names = wanted_packages(verb)
    if os.environ.get("VOX6_ANY_RELEASE"):
        say("VOX6_ANY_RELEASE is set: Debian packages are not looked at")
        return
    if release() != _RELEASE:
        raise FetchError(
            "this is %s %s; vox6 is built and tried on Debian 12 (bookworm)." % release(),
            "use Debian 12 (a container or virtual machine will do); or install what "
            f"tools/packages-{verb}.txt names by hand and set VOX6_ANY_RELEASE=1.",
        )
    missing = missing_packages(names)
    if not missing:
        return
    install = ["apt-get", "install", "-q", "-y", "--no-install-recommends"]
    by_hand = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if os.geteuid() != 0:
        raise FetchError(
            f"{len(missing)} Debian packages are missing and this user is not root.",
            f"as root: {by_hand}",
        )
    say(f"Debian packages, {len(missing)} missing: {' '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    network = "check the network and the mirror in /etc/apt; then run this again"
    try:
        seconds = run("apt-get download", [*install, "--download-only", *missing], network, env)
    except FetchError:
        # The lists of packages are absent or older than the mirror: read them once.
        seconds = run("apt-get update", ["apt-get", "update", "-q"], network, env)
        seconds += run("apt-get download", [*install, "--download-only", *missing], network, env)
    clock.downloads += seconds
    busy = run("apt-get install", [*install, "--no-download", *missing], by_hand, env)
    say(f"Debian packages: downloads {seconds:.1f} s, installing {busy:.1f} s")


def _venv_of(verb: str, cache: Path) -> Path:
    """Folder of a verb's environment: it changes with a lock file or the interpreter."""
    digest = hashlib.sha256(sys.base_prefix.encode())
    for name in _LOCKS[verb]:
        digest.update((_TOOLS / name).read_bytes())
    return (
        cache / "venv" / f"py{sys.version_info[0]}.{sys.version_info[1]}-{digest.hexdigest()[:8]}"
    )


def _install(pip: list[str], wheels: Path, lock: Path, how: list[str]) -> float:
    """Install a lock file from the cache, filling it first; return the seconds of downloads."""
    pinned = [*how, "--require-hashes", "-r", str(lock)]
    install = [*pip, "install", "--no-index", "--find-links", str(wheels), *pinned]
    remedy = f"rm -r {wheels} and run again"
    try:
        run("pip install", install, remedy)
    except FetchError:
        # Not all of it is in the cache.
        online = "check that pip reaches its index (pip config list, PIP_INDEX_URL)"
        seconds = run("pip download", [*pip, "download", "-d", str(wheels), *pinned], online)
        run("pip install", install, remedy)
        return seconds
    return 0.0


def bring_python(verb: str, cache: Path, clock: Clock) -> Path:
    """Return the environment of a verb's lock files, made once in the cache."""
    venv = _venv_of(verb, cache)
    mark = venv / "complete"
    if mark.is_file():
        return venv
    shutil.rmtree(venv, ignore_errors=True)
    wheels = cache / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    say(f"Python environment {venv.name}, for {' and '.join(_LOCKS[verb])}")
    run(
        "python3 -m venv",
        [sys.executable, "-m", "venv", str(venv)],
        "apt-get install python3-venv",
    )
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    downloads = 0.0
    for name in _LOCKS[verb]:
        how = ["--only-binary", ":all:"]
        if name == _SDIST_LOCK:
            how = ["--no-binary", ":all:", "--no-deps", "--no-build-isolation"]
        downloads += _install(pip, wheels, _TOOLS / name, how)
    mark.write_text("made by tools/setup.py\n")
    clock.downloads += downloads
    busy = time.monotonic() - start - downloads
    say(f"Python environment: downloads {downloads:.1f} s, installing {busy:.1f} s")
    return venv


def link_python(verb: str, cache: Path, clock: Clock) -> None:
    """Point build/venv at the environment of a verb; that of test also serves call."""
    link = TOP / "build" / "venv"
    if verb == "call" and link.is_symlink() and (link / "complete").is_file():
        if link.readlink() == _venv_of("test", cache):
            return
    venv = bring_python(verb, cache, clock)
    if link.is_symlink() and link.readlink() == venv:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f"venv.{os.getpid()}")
    temporary.symlink_to(venv)
    temporary.rename(link)


def bring_mpy_cross() -> None:
    """Build the cross compiler of the pinned MicroPython, once for each version of it."""
    made = {}
    for line in (TOP / "build" / "sources.mk").read_text().splitlines():
        name, _, value = line.partition(" := ")
        made[name] = value
    target = Path(made["MICROPY_MPYCROSS"])
    if target.is_file():
        return
    say("mpy-cross")
    folder = target.parent.with_name(f"{target.parent.name}.new")
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    make = ["make", "-C", f"{made['MICROPYTHON_DIR']}/mpy-cross", f"-j{os.cpu_count() or 1}"]
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    seconds = run("mpy-cross", [*make, f"BUILD={folder}"], "see the compiler's message", env)
    folder.rename(target.parent)
    say(f"mpy-cross built ({seconds:.1f} s)")


def bring_binaries(clock: Clock) -> None:
    """Unpack the programs that are not installed since their packages start services."""
    start = time.monotonic()
    for name in binaries.Table(_TOOLS / "binaries.toml").programs:
        binaries.get(name)
    clock.downloads += time.monotonic() - start


def setup(verb: str, quiet: bool = False) -> None:
    """Bring everything that a verb needs; print one line for each thing that was not there.

    quiet: the last line, with the times, is left out unless something took long.
    """
    clock = Clock()
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "setup.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        first = not (cache / "venv").is_dir()
        free = shutil.disk_usage(cache).free
        if first and free < _NEED_OCTETS:
            raise FetchError(
                f"{cache} has {free // 1_000_000} MB free; {_NEED_OCTETS // 1_000_000} MB are "
                "needed.",
                "free some space, or set VOX6_CACHE to a folder on a larger disk.",
            )
        bring_packages(verb, clock)
        clock.downloads += fetch.fetch()
        link_python(verb, cache, clock)
        bring_mpy_cross()
        if verb == "test":
            bring_binaries(clock)
    total = clock.total()
    if not quiet or total > 10.0:
        say(f"{verb}: ready in {total:.1f} s, of which downloads {clock.downloads:.1f} s")


def main() -> int:
    """Command line entry: 0, or 1 with a message that names the remedy."""
    words = [word for word in sys.argv[1:] if word != "--quiet"]
    if words not in (["call"], ["test"]):
        print("usage: python3 -m tools.setup [--quiet] call|test", file=sys.stderr)
        return 2
    try:
        setup(words[0], quiet="--quiet" in sys.argv[1:])
    except FetchError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        remedy = "free some space, or set VOX6_CACHE" if error.errno == 28 else "see the message"
        print(f"setup: {error}\n  Remedy: {remedy}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
