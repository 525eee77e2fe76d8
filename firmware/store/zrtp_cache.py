# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The ZRTP cache in a file: our ZID, and the retained secrets of each peer (RFC 6189 section 4.9).

    offset  octets
    0       13      "zrtp-cache 1" LF
    13      12      own ZID, drawn once
    25      n*216   records, the one used longest ago first
    end     32      SHA-256 of all before

    record: 0 ZID 12 | 12 flags 1 | 13 length of the name 1 | 14 reserved 2, 0 | 16 expiration 4
            20 rs1 32 | 52 rs2 32 | 84 auxsecret 32 | 116 pbxsecret 32 | 148 name 64, UTF-8
            212 written 4

Flags: 1 rs1, 2 rs2, 4 auxsecret, 8 pbxsecret are there; 16 the SAS was verified. Expiration is the
interval in seconds that both sides agreed on (section 4.9), written the UTC second when it began,
0 where the phone did not know the time. Integers are big-endian.

Only the ZIDs are held in memory. A change copies the file to ".new", octets by octets, and renames
it: after a power cut there is the old file or the new one. A file of a newer version is left in
place and nothing is written; one that is damaged is put aside as ".bad" and a new one begun.
"""

from firmware import log
from firmware.store.files import Files
from vox6.wire import const
from vox6.zrtp.cache import FOREVER, Cache, Entry

FILE = "zrtp-cache"
PEERS = 64  # 14 kB of flash and 800 octets of heap

_MAGIC = b"zrtp-cache "
_HEAD = b"zrtp-cache 1\n"
_ZID = const(12)
_START = const(25)
_RECORD = const(216)
_NAME = const(64)
_SECRET = const(32)
_DIGEST = const(32)
_ASIDE = const(9)  # damaged files kept; then nothing is written any more
_VERIFIED = const(16)
_ENOENT = const(2)


class CacheError(Exception):
    """The file cannot be read or written; text for people."""


class ZRTPCache(Cache):
    """The cache of one phone.

    folder: without a slash at the end; None keeps our ZID in memory and remembers nobody.
    crypto: provider of lib/crypto, for the first ZID and the digest. utc: function that returns
    UTC seconds or None. message: what was wrong with the file, a line for people, or None.
    refused: why nothing is written, or None; the secrets of this run are lost then.

    The engine's calls never fail: error then holds why the last of them did nothing, else None.
    """

    def __init__(self, folder, crypto, utc=None, files=None, peers=PEERS):
        self._path = None if folder is None else folder + "/" + FILE
        self._crypto = crypto
        self._files = files or Files()
        self._peers = peers
        self._utc = utc
        self.error = None
        self._index = bytearray()  # ZIDs in the order of the file
        self.zid = crypto.random(_ZID)
        self.message = None
        self.refused = None
        if self._path is not None:
            self._load()

    def __len__(self):
        return len(self._index) // _ZID

    # Reading

    def _load(self):
        try:
            self._files.remove(self._path + ".new")
        except OSError:
            pass
        problem = None
        try:
            file = self._files.open(self._path)
            try:
                problem = self._read(file)
            finally:
                file.close()
        except OSError as exc:
            if exc.errno != _ENOENT:
                self._refuse("not read: %s" % exc)
                return
            self._begin(None)
        if problem and not self.refused:
            self._begin(problem)

    def _refuse(self, why):
        self.refused = why
        self.message = "%s: %s; left as it is, nobody is remembered" % (FILE, why)

    def _read(self, file):
        """Read the index; return what is wrong with the file, or None."""
        head = file.read(_START)
        if head[: len(_MAGIC)] == _MAGIC:
            try:
                version = int(head[len(_MAGIC) :].split(b"\n")[0].decode())
            except (ValueError, UnicodeError):
                version = 0
            if version > 1:
                self._refuse("version %d is newer than this phone's 1" % version)
                return self.refused
        if head[: len(_HEAD)] != _HEAD or len(head) < _START:
            return "it does not begin with zrtp-cache 1"
        digest = self._crypto.hash("SHA-256")
        digest.update(head)
        index = bytearray()
        while True:
            record = file.read(_RECORD)
            if len(record) < _RECORD:
                break
            if len(index) >= self._peers * _ZID:
                return "it has more than %d peers" % self._peers
            digest.update(record)
            index += record[:_ZID]
        if record != digest.digest():
            return "it is damaged"
        self.zid = bytes(head[len(_HEAD) :])
        self._index = index
        return None

    def _begin(self, problem):
        """Begin a new file; the old one, if there is a problem with it, is put aside."""
        try:
            if problem:
                aside = self._put_aside()
                self.message = "%s: %s; kept as %s, all peers are new" % (FILE, problem, aside)
            self._write(None, b"")
        except (OSError, CacheError) as exc:
            self._refuse(str(exc))

    def _put_aside(self):
        for number in range(1, _ASIDE + 1):
            name = "%s.bad%d" % (FILE, number)
            path = self._path[: -len(FILE)] + name
            try:
                self._files.open(path).close()
            except OSError:
                self._files.rename(self._path, path)
                return name
        raise CacheError("%d damaged files are kept already" % _ASIDE)

    def _find(self, zid):
        index = self._index
        for at in range(0, len(index), _ZID):
            if index[at : at + _ZID] == zid:
                return at // _ZID
        return -1

    def get(self, zid):
        """Return the Entry of a peer, None if there is none or it cannot be read."""
        number = self._find(zid)
        if number < 0:
            return None
        try:
            return self._entry(self._record(number))
        except (OSError, CacheError) as exc:
            self._fail("not read", exc)
            return None

    def _record(self, number):
        file = self._files.open(self._path)
        try:
            file.seek(_START + number * _RECORD)
            record = file.read(_RECORD)
        finally:
            file.close()
        zid = self._index[number * _ZID : number * _ZID + _ZID]
        if len(record) != _RECORD or record[:_ZID] != zid:
            raise CacheError("the file changed under us")
        return record

    def _entry(self, record):
        flags = record[12]
        secrets = []
        for i in range(4):
            at = 20 + i * _SECRET
            secrets.append(record[at : at + _SECRET] if flags & 1 << i else None)
        try:
            name = record[148 : 148 + min(record[13], _NAME)].decode()
        except (ValueError, UnicodeError):
            name = ""
        expiration = int.from_bytes(record[16:20], "big")
        written = int.from_bytes(record[212:216], "big")
        now = self._now()
        expired = expiration != FOREVER and written and now and now - written >= expiration
        return Entry(
            secrets[0],
            secrets[1],
            secrets[2],
            secrets[3],
            bool(flags & _VERIFIED),
            name,
            expiration,
            bool(expired),
        )

    def _now(self):
        utc = self._utc() if self._utc is not None else None
        return 0 if utc is None else int(utc) & 0xFFFFFFFF

    def known(self):
        """Return the ZIDs of all peers, the one used last first."""
        index = self._index
        out = [bytes(index[at : at + _ZID]) for at in range(0, len(index), _ZID)]
        out.reverse()
        return out

    # Writing

    def put(self, zid, entry):
        """Keep an Entry as the one used last; after an error the file is as before.

        When there is no room, the unverified peer used longest ago leaves, then the verified one.
        """
        self._change(zid, entry)

    def remove(self, zid):
        """Forget a peer; nothing happens if it is not known."""
        if self._find(zid) >= 0:
            self._change(zid, None)

    def _change(self, zid, entry):
        self.error = None
        if self._path is None:
            return
        try:
            if self.refused:
                raise CacheError(self.refused)
            record = b"" if entry is None else _octets(zid, entry, self._now())
            self._write(zid, record)
        except (OSError, CacheError) as exc:
            self._fail("not written", exc)

    def _fail(self, what, exc):
        self.error = "%s: %s: %s" % (FILE, what, exc)
        log.say("zrtp", self.error)

    def _write(self, zid, record):
        """Write the file anew without the record of zid and with record as its last."""
        new = self._path + ".new"
        index = bytearray()
        out = self._files.create(new)
        try:
            digest = self._crypto.hash("SHA-256")
            for piece in self._pieces(zid, record):
                digest.update(piece)
                out.write(piece)
                if len(piece) == _RECORD:
                    index += piece[:_ZID]
            out.write(digest.digest())
            self._files.commit(out)
        finally:
            out.close()
        self._files.rename(new, self._path)
        self._index = index

    def _pieces(self, zid, record):
        yield _HEAD + self.zid
        if self._index:
            source = self._files.open(self._path)
            try:
                drop = self._leaves(source, zid) if record else -1
                source.seek(_START)
                for number in range(len(self)):
                    piece = source.read(_RECORD)
                    if len(piece) != _RECORD:
                        raise CacheError("the file changed under us")
                    if number != drop and piece[:_ZID] != zid:
                        yield piece
            finally:
                source.close()
        if record:
            yield record

    def _leaves(self, source, zid):
        """Return the number of the record that makes room for a new peer, -1 if none must."""
        if len(self) < self._peers or self._find(zid) >= 0:
            return -1
        for number in range(len(self)):
            source.seek(_START + number * _RECORD + _ZID)
            if not source.read(1)[0] & _VERIFIED:
                return number
        return 0


def _octets(zid, entry, written):
    """Return the record of a peer."""
    flags = _VERIFIED if entry.verified else 0
    secrets = b""
    bit = 1
    for secret in (entry.rs1, entry.rs2, entry.aux, entry.pbx):
        if secret:
            if len(secret) != _SECRET:
                raise CacheError("a secret of %d octets" % len(secret))
            flags |= bit
        secrets += bytes(secret or _SECRET)
        bit <<= 1
    name = entry.name.encode()[:_NAME]
    while name and not _is_whole(name):
        name = name[:-1]
    head = bytes(zid) + bytes((flags, len(name), 0, 0)) + entry.expiration.to_bytes(4, "big")
    return head + secrets + name + bytes(_NAME - len(name)) + written.to_bytes(4, "big")


def _is_whole(name):
    """Return whether octets are UTF-8 that was not cut within a character."""
    try:
        name.decode()
    except (ValueError, UnicodeError):
        return False
    return True
