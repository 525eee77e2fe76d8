# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Bring the pinned upstream sources of ports/sources.toml into the cache; write build/sources.mk.

    python3 tools/fetch.py            # only the standard library is needed

The tarballs come through apt with a private configuration (own lists, own cache, suite of
sources.toml), from the mirror that this machine's apt uses; the machine's own lists are not
touched and no root is needed. Cache: $VOX6_CACHE, or ~/.cache/vox6:

    dl/       the tarballs as downloaded     apt/     apt's private lists
    src/      NAME-VERSION-KEY/, untouched upstream trees; KEY = 8 hex digits of a sha256
              over the tarballs that fill the tree

MICROPYTHON_DIR=/path in the environment names an upstream checkout to use instead.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

try:
    import tomllib
except ImportError:
    sys.exit(
        "fetch: Python 3.11 is needed, this is %d.%d.\n"
        "  Remedy: use Debian 12 (bookworm) or newer." % sys.version_info[:2]
    )

TOP = Path(__file__).resolve().parent.parent
_FALLBACK_MIRROR = "http://deb.debian.org/debian"
_NEED_OCTETS = 300_000_000  # tarballs 15 MB, apt's index 60 MB, trees 150 MB; rounded up
_APT_TIMEOUT_S = 600


class FetchError(Exception):
    """What went wrong, and the remedy, as text for a person."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}\n  Remedy: {remedy}")


def cache_dir() -> Path:
    """Folder of everything that is costly to make again ($VOX6_CACHE or ~/.cache/vox6)."""
    text = os.environ.get("VOX6_CACHE", "")
    path = Path(text) if text else Path.home() / ".cache" / "vox6"
    if not path.is_absolute() or any(c in str(path) for c in " \t:#$%'\""):
        raise FetchError(
            f"the cache folder {str(path)!r} cannot be used by make.",
            "set VOX6_CACHE to an absolute path without blanks and the signs : # $ % ' \".",
        )
    return path


def say(text: str) -> None:
    """Print one progress line at once."""
    print(f"fetch: {text}", flush=True)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Source:
    """One table of ports/sources.toml."""

    def __init__(self, name: str, table: dict[str, Any]) -> None:
        try:
            self.name = name
            self.package = str(table["package"])
            self.version = str(table["version"])
            self.tarball = str(table["tarball"])
            self.sha256 = str(table["sha256"])
        except KeyError as error:
            raise FetchError(
                f"ports/sources.toml: [source.{name}] has no {error}.", "add it."
            ) from None
        self.variable = str(table.get("variable", ""))
        self.fill: dict[str, str] = dict(table.get("fill", {}))
        self.has: list[str] = list(table.get("has", []))


class Pins:
    """The whole of ports/sources.toml."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            table = tomllib.load(file)
        self.suite = str(table["suite"])
        self.keyring = str(table["keyring"])
        self.sources = {name: Source(name, entry) for name, entry in table["source"].items()}

    def parts_of(self, source: Source) -> list[Source]:
        """The source itself, then those that fill its empty folders."""
        return [source] + [self.sources[name] for name in source.fill.values()]

    def tree_name(self, source: Source) -> str:
        """Name of the unpacked folder: it changes when any tarball in it does."""
        joined = "".join(part.sha256 for part in self.parts_of(source))
        key = hashlib.sha256(joined.encode()).hexdigest()[:8]
        return f"{source.name}-{source.version}-{key}"


def _codename() -> str:
    try:
        for line in Path("/etc/os-release").read_text().splitlines():
            name, _, value = line.partition("=")
            if name == "VERSION_CODENAME":
                return value.strip('"')
    except OSError:
        pass
    return ""


def _apt_entries(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield (URI, suites) of each enabled binary source of this machine's apt."""
    lists = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.list"))]
    for path in lists:
        if not path.is_file():
            continue
        for line in path.read_text(errors="replace").splitlines():
            words = line.partition("#")[0].split()
            if not words or words[0] != "deb":
                continue
            words = words[1:]
            if words and words[0].startswith("["):
                while words and not words[0].endswith("]"):
                    words.pop(0)
                words = words[1:]
            if len(words) >= 2:
                yield words[0], [words[1]]
    for path in sorted((folder / "sources.list.d").glob("*.sources")):
        for stanza in path.read_text(errors="replace").split("\n\n"):
            fields: dict[str, str] = {}
            name = ""
            for line in stanza.splitlines():
                if line.startswith("#") or not line.strip():
                    continue
                if line[0] in " \t":
                    fields[name] = fields.get(name, "") + " " + line.strip()
                else:
                    name, _, value = line.partition(":")
                    name = name.lower()
                    fields[name] = value.strip()
            if (
                fields.get("enabled", "yes") == "no"
                or "deb" not in fields.get("types", "").split()
            ):
                continue
            for uri in fields.get("uris", "").split():
                yield uri, fields.get("suites", "").split()


def find_mirror(folder: Path = Path("/etc/apt"), codename: str = "") -> str:
    """URI of the Debian archive that this machine's own apt reads; Debian's own if none."""
    codename = codename or _codename()
    for uri, suites in _apt_entries(folder):
        # The security archive has suites like bookworm-security and holds no other suite.
        if codename in suites or "stable" in suites:
            if "debian" in urlsplit(uri).path or "debian" in (urlsplit(uri).hostname or ""):
                return uri
    return _FALLBACK_MIRROR


class Apt:
    """apt with a private configuration below the cache."""

    def __init__(self, cache: Path, pins: Pins) -> None:
        self.folder = cache / "apt"
        self.pins = pins
        self.updated = False
        self.seconds = 0.0

    def _set_up(self) -> None:
        if shutil.which("apt-get") is None:
            raise FetchError(
                "there is no apt-get here.",
                "use Debian 12 or newer; or put the tarballs named in ports/sources.toml "
                "into the dl/ folder of the cache by hand.",
            )
        if not Path(self.pins.keyring).is_file():
            raise FetchError(
                f"{self.pins.keyring} is missing.", "apt-get install debian-archive-keyring"
            )
        for name in ("lists/partial", "cache/archives/partial", "parts"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        mirror = find_mirror()
        (self.folder / "sources.list").write_text(
            f"deb-src [signed-by={self.pins.keyring}] {mirror} {self.pins.suite} main\n"
        )
        (self.folder / "apt.conf").write_text(
            "#clear APT::Update::Post-Invoke;\n"
            "#clear APT::Update::Post-Invoke-Success;\n"
            f'Dir::Etc::sourcelist "{self.folder}/sources.list";\n'
            f'Dir::Etc::sourceparts "{self.folder}/parts";\n'
            f'Dir::State::lists "{self.folder}/lists";\n'
            f'Dir::Cache "{self.folder}/cache";\n'
            'Dir::Cache::pkgcache "";\n'
            'Dir::Cache::srcpkgcache "";\n'
            'Acquire::Check-Valid-Until "false";\n'
            'Acquire::Languages "none";\n'
            'Acquire::Retries "2";\n'
            'APT::Sandbox::User "root";\n'
        )

    def _run(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run apt-get; return what it printed. apt's own words go into the error."""
        command = ["apt-get", "-q", "-c", str(self.folder / "apt.conf"), *arguments]
        try:
            done = subprocess.run(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_APT_TIMEOUT_S,
                env={**os.environ, "LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            raise FetchError(
                f"apt-get {arguments[0]} did not end within {_APT_TIMEOUT_S} s.",
                "check the network and the mirror in /etc/apt, then run this again.",
            ) from None
        failed = done.returncode != 0 or "\nW: Failed to fetch" in done.stdout
        if failed:
            if "No space left" in done.stdout:
                raise FetchError("the disk is full.", "free some space or set VOX6_CACHE.")
            tail = "\n    ".join(
                line for line in done.stdout.splitlines() if line[:2] in ("E:", "W:")
            )
            raise FetchError(
                f"apt-get {arguments[0]} failed:\n    {tail or done.stdout[-500:]}",
                "check that this machine reaches the mirror that /etc/apt names "
                f"(used here: {(self.folder / 'sources.list').read_text().split()[2]}).",
            )
        return done.stdout

    def download(self, source: Source, folder: Path) -> Path:
        """Download one upstream tarball into `folder`; return its path, unchecked."""
        start = time.monotonic()
        try:
            return self._download(source, folder)
        finally:
            self.seconds += time.monotonic() - start

    def _download(self, source: Source, folder: Path) -> Path:
        if not self.updated:
            self._set_up()
            start = time.monotonic()
            self._run("update")
            self.updated = True
            say(f"source index of {self.pins.suite} read ({time.monotonic() - start:.1f} s)")
        self._run("source", "--download-only", "--tar-only", source.package, cwd=folder)
        path = folder / source.tarball
        if not path.is_file():
            have = ", ".join(sorted(p.name for p in folder.iterdir())) or "nothing"
            raise FetchError(
                f"Debian {self.pins.suite} no longer holds {source.tarball} (it holds {have}).",
                f"put a copy with sha256 {source.sha256} into the dl/ folder of the cache, "
                "or raise the pin in ports/sources.toml.",
            )
        return path


def get_tarball(source: Source, cache: Path, apt: Apt) -> Path:
    """Return the checked tarball of a source in the cache, downloading it if it is not there."""
    folder = cache / "dl"
    path = folder / source.tarball
    if path.is_file():
        if sha256_of(path) == source.sha256:
            return path
        raise FetchError(
            f"{path} has another sha256 than ports/sources.toml says.",
            f"rm {path}; it will be downloaded again.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="new-", dir=folder) as temporary:
        new = apt.download(source, Path(temporary))
        found = sha256_of(new)
        if found != source.sha256:
            raise FetchError(
                f"the mirror's {source.tarball} has sha256\n    {found}, ports/sources.toml "
                f"says\n    {source.sha256}.",
                "do not use this file: the mirror is broken or lies. Use another mirror; "
                "the pin changes only by a reviewed commit.",
            )
        size = new.stat().st_size
        new.rename(path)
    say(f"{source.tarball}: {size / 1e6:.1f} MB, sha256 right ({time.monotonic() - start:.1f} s)")
    return path


def _unpack(tarball: Path, folder: Path) -> None:
    """Unpack a checked tarball into `folder` without its first path component."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(tarball) as archive:
        for member in archive:
            _, _, member.name = member.name.partition("/")
            if not member.name:
                continue
            if member.islnk():
                _, _, member.linkname = member.linkname.partition("/")
            archive.extract(member, folder, set_attrs=not member.issym())


def get_tree(source: Source, pins: Pins, cache: Path, apt: Apt) -> Path:
    """Return the unpacked tree of a source, its empty folders filled; made once, atomically."""
    tree = cache / "src" / pins.tree_name(source)
    if not tree.is_dir():
        tarballs = {part.name: get_tarball(part, cache, apt) for part in pins.parts_of(source)}
        start = time.monotonic()
        tree.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix="new-", dir=tree.parent))
        try:
            _unpack(tarballs[source.name], temporary)
            for where, name in source.fill.items():
                _unpack(tarballs[name], temporary / where)
            _check_tree(source, temporary)
            temporary.chmod(0o755)
            temporary.rename(tree)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        say(f"{tree.name} unpacked ({time.monotonic() - start:.1f} s)")
    return tree


def _check_tree(source: Source, tree: Path) -> None:
    for name in source.has:
        if not (tree / name).is_file():
            raise FetchError(
                f"{tree} lacks {name}.",
                f"name a whole tree of {source.name} {source.version}, submodules included.",
            )


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Let one process at a time fill the cache."""
    with (cache / "fetch.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _check_room(cache: Path) -> None:
    free = shutil.disk_usage(cache).free
    if free < _NEED_OCTETS:
        raise FetchError(
            f"{cache} has {free // 1_000_000} MB free, {_NEED_OCTETS // 1_000_000} MB are needed.",
            "free some space, or set VOX6_CACHE to a folder on a larger disk.",
        )


def write_if_changed(path: Path, text: str) -> None:
    """Write a made file only when its text differs, so that make does not build again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text() != text:
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.write_text(text)
        temporary.rename(path)


def fetch(top: Path = TOP) -> float:
    """Bring every source; write build/sources.mk and the link build/path/vox6.

    Returns the seconds that downloads took.
    """
    cache = cache_dir()
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FetchError(
            f"{cache}: {error.strerror}.", "set VOX6_CACHE to a folder you own."
        ) from None
    pins = Pins(top / "ports" / "sources.toml")
    apt = Apt(cache, pins)
    lines = ["# Made by tools/fetch.py from ports/sources.toml.", f"VOX6_CACHE := {cache}"]
    with locked(cache):
        trees = {s.name: cache / "src" / pins.tree_name(s) for s in pins.sources.values()}
        wanted = [s for s in pins.sources.values() if s.variable]
        if not all(trees[s.name].is_dir() for s in wanted):
            _check_room(cache)
        for source in wanted:
            override = os.environ.get(source.variable, "")
            if override and source.name == "micropython":
                tree = Path(override).resolve()
                _check_tree(source, tree)
                key = hashlib.sha256(str(tree).encode()).hexdigest()[:8]
                say(f"{source.variable}={tree} is used instead of {source.tarball}")
            else:
                tree = get_tree(source, pins, cache, apt)
                key = tree.name[-8:]
            lines.append(f"{source.variable} := {tree}")
            if source.name == "micropython":
                # A built mpy-cross is kept beside the trees; the Makefile builds it.
                mpy_cross = cache / "tools" / f"mpy-cross-{key}" / "mpy-cross"
                lines.append(f"MICROPY_MPYCROSS := {mpy_cross}")
        # py/mkrules.mk wants a micropython-lib folder; nothing is taken from it.
        library = cache / "src" / "no-micropython-lib"
        write_if_changed(library / "README.md", "Empty on purpose: see ports/README.md of vox6.\n")
        lines.append(f"MPY_LIB_DIR := {library}")
    write_if_changed(top / "build" / "sources.mk", "\n".join(lines) + "\n")
    link = top / "build" / "path" / "vox6"
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path("..") / ".." / "lib")
    return apt.seconds


def main() -> int:
    """Command line entry: 0, or 1 with a message that names the remedy."""
    try:
        fetch()
    except FetchError as error:
        print(f"fetch: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        remedy = "free some space" if error.errno == 28 else "see the message"
        print(f"fetch: {error}\n  Remedy: {remedy}, or set VOX6_CACHE.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
