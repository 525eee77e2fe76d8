# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The keys of the tag and their periods (pubtsp.md section 4.4).

    pubtspd-keys 1
    master 64 or more hexadecimal digits    a new key each day, UTC; or:
    key 32 hexadecimal digits               one that stays until the file is changed,
    previous 32 hexadecimal digits          and the one before it, still accepted

All servers of one prefix have the same file.
"""

import os
import re
import stat
from pathlib import Path

from vox6 import crypto
from vox6.pubtsp.address import day_key

DAY = 86400  # seconds
_HEADER = "pubtspd-keys"
_VERSION = "1"
_MASTER_OCTETS = 32
_MOST = 4096  # octets of a file


class KeyFileError(Exception):
    """A key file that cannot be used; the text says why and what helps."""


class Period:
    """Which keys count at a time.

    key, previous: 16 octets or None. ends: seconds UTC, None for never. name: for the log.
    """

    def __init__(
        self, key: bytes | None, previous: bytes | None, ends: int | None, name: str
    ) -> None:
        self.key = key
        self.previous = previous
        self.ends = ends
        self.name = name


class Keys:
    """The contents of a key file: a master key, or a key and the one before."""

    def __init__(
        self,
        master: bytes | None = None,
        key: bytes | None = None,
        previous: bytes | None = None,
    ) -> None:
        self.master = master
        self.key = key
        self.previous = previous

    def period(self, utc: int) -> Period:
        """Return what counts at a time, seconds UTC."""
        if self.master is None:
            return Period(self.key, self.previous, None, "of the key file")
        day = utc // DAY
        return Period(self.of_day(day), self.of_day(day - 1), (day + 1) * DAY, _date(day))

    def of_day(self, day: int) -> bytes:
        """Return the key of a day since 1970; only with a master key."""
        if self.master is None:
            raise ValueError("no master key")
        return day_key(crypto.provider().hmac, self.master, max(0, day))


def _date(day: int) -> str:
    from datetime import UTC, datetime

    try:
        return "of " + datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):  # a clock beyond all calendars
        return f"of day {day}"


def parse(text: str) -> Keys:
    """Return the keys of a file's text; KeyFileError with the number of the wrong line."""
    lines = text.splitlines()
    words = lines[0].split() if lines else []
    if len(words) != 2 or words[0] != _HEADER:
        raise KeyFileError(
            f"the first line must be {_HEADER} {_VERSION}; make it by 'pubtspd genkey'"
        )
    if words[1] != _VERSION:
        raise KeyFileError(f"version {words[1]} is not known here, only {_VERSION}")
    found: dict[str, bytes] = {}
    for number, line in enumerate(lines[1:], 2):
        words = line.partition("#")[0].split()
        if not words:
            continue
        name = words[0]
        if name not in ("master", "key", "previous"):
            raise KeyFileError(f"line {number}: {name} must be one of master, key, previous")
        if name in found:
            raise KeyFileError(f"line {number}: {name} for the second time")
        least, most = (64, 256) if name == "master" else (32, 32)
        digits = "".join(words[1:])
        if not re.fullmatch(r"([0-9a-fA-F]{2})+", digits) or not least <= len(digits) <= most:
            count = f"{least}" if least == most else f"{least} to {most}"
            raise KeyFileError(f"line {number}: {name} must be {count} hexadecimal digits")
        found[name] = bytes.fromhex(digits)
    if "master" in found and len(found) > 1:
        raise KeyFileError("master stands alone, or key and previous stand without it")
    if "master" not in found and "key" not in found:
        raise KeyFileError("there is neither a master nor a key line")
    return Keys(found.get("master"), found.get("key"), found.get("previous"))


def load(path: Path) -> Keys:
    """Return the keys of a file; KeyFileError: unreadable, readable by everybody, wrong."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            octets = file.read(_MOST + 1)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    if stat.S_ISREG(mode) and mode & (stat.S_IROTH | stat.S_IWOTH):
        raise KeyFileError(f"{path}: everybody can read it: chmod o= {path}, then make a new key")
    try:
        if len(octets) > _MOST:
            raise KeyFileError(f"longer than {_MOST} octets")
        return parse(octets.decode("ascii"))
    except UnicodeDecodeError:
        raise KeyFileError(f"{path}: it must be ASCII text") from None
    except KeyFileError as error:
        raise KeyFileError(f"{path}: {error}") from None


def generate() -> str:
    """Return the text of a new key file with a master key."""
    master = crypto.provider().random(_MASTER_OCTETS).hex()
    return f"{_HEADER} {_VERSION}\nmaster {master}\n"


def create(path: Path, uid: int | None = None, gid: int | None = None) -> None:
    """Make a key file that its owner alone may read; KeyFileError: it cannot be made."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            if uid is not None or gid is not None:
                os.fchown(fd, -1 if uid is None else uid, -1 if gid is None else gid)
            file.write(generate())
    except OSError as error:
        raise KeyFileError(
            f"{path}: it cannot be made: {error.strerror}; make its folder, or let key-file name "
            'another file, or set tag = "off"'
        ) from None
