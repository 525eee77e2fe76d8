# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Unpack pinned Debian packages of tools/binaries.toml into the cache, without installing them.

    python3 -m tools.binaries miredo    # prints the folder; only the standard library is needed

The .deb files come through this machine's own apt (`apt-get download`), are checked against their
sha256 and unpacked by dpkg-deb: no maintainer script runs, no service starts, no root is needed.
Cache, beside what tools/fetch.py keeps: deb/ the files as downloaded; bin/NAME-KEY/ the trees.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from tools.fetch import TOP, FetchError, cache_dir, locked, say, sha256_of

_TIMEOUT_S = 300


def _run(command: list[str], remedy: str, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise FetchError(f"there is no {command[0]}.", "use Debian 12") from None
    except subprocess.TimeoutExpired:
        raise FetchError(f"{command[0]} did not end within {_TIMEOUT_S} s.", remedy) from None
    if done.returncode:
        raise FetchError(f"{' '.join(command)} failed:\n{done.stdout[-800:]}", remedy)
    return done.stdout


def architecture() -> str:
    """Debian's name of this machine's architecture."""
    return _run(["dpkg", "--print-architecture"], "use Debian 12").strip()


class Table:
    """The whole of tools/binaries.toml."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            table = tomllib.load(file)
        self.release = str(table["release"])
        self.programs: dict[str, dict[str, Any]] = table["program"]
        self.packages: dict[str, dict[str, str]] = table["package"]

    def sha256(self, package: str, machine: str) -> str:
        """The pin of one package."""
        try:
            return self.packages[package][machine]
        except KeyError:
            raise FetchError(
                f"tools/binaries.toml pins no {package} for {machine}.",
                f"add the sha256 of Debian {self.release}'s package.",
            ) from None

    def tree_name(self, program: str, machine: str) -> str:
        """Name of a program's folder: it changes when any of its packages does."""
        pins = "".join(self.sha256(one, machine) for one in self.programs[program]["packages"])
        return f"{program}-{hashlib.sha256(pins.encode()).hexdigest()[:8]}"


def _get_deb(table: Table, package: str, machine: str, cache: Path) -> Path:
    """Return a checked .deb in the cache, downloading it if it is not there."""
    pin = table.sha256(package, machine)
    version = table.packages[package]["version"]
    folder = cache / "deb"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{package}_{version}_{machine}.deb"
    if path.is_file() and sha256_of(path) == pin:
        return path
    with tempfile.TemporaryDirectory(prefix="new-", dir=folder) as temporary:
        os.chmod(temporary, 0o755)  # apt downloads as another user when it is root
        _run(
            ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", f"{package}={version}"],
            f"apt-get update; or put {path.name} with sha256 {pin} into {folder}",
            Path(temporary),
        )
        new = next(Path(temporary).glob("*.deb"), None)
        if new is None or sha256_of(new) != pin:
            raise FetchError(
                f"the mirror's {package} {version} is not the one that tools/binaries.toml pins.",
                "do not use this file: the mirror is broken or lies.",
            )
        new.rename(path)
    say(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, sha256 right")
    return path


def get(program: str) -> Path:
    """Return the unpacked tree of a program; made once, atomically. FetchError."""
    table = Table(TOP / "tools" / "binaries.toml")
    machine = architecture()
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    tree = cache / "bin" / table.tree_name(program, machine)
    with locked(cache):
        if not tree.is_dir():
            tree.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix="new-", dir=tree.parent))
            try:
                for package in table.programs[program]["packages"]:
                    deb = _get_deb(table, package, machine, cache)
                    _run(["dpkg-deb", "-x", str(deb), str(temporary)], f"rm {deb}")
                for name in table.programs[program]["has"]:
                    if not (temporary / name).is_file():
                        raise FetchError(f"{program} lacks {name}.", "mend tools/binaries.toml")
                temporary.chmod(0o755)
                temporary.rename(tree)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    return tree


def environment(tree: Path) -> dict[str, str]:
    """Return the environment in which a program of a tree finds its libraries."""
    folders = [*sorted((tree / "usr" / "lib").glob("*-linux-gnu")), tree / "usr" / "lib"]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(str(folder) for folder in folders)}


def main() -> int:
    """Command line entry: 0, or 1 with a message that names the remedy."""
    try:
        for program in sys.argv[1:]:
            print(get(program))
    except (FetchError, OSError, KeyError) as error:
        print(f"binaries: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
