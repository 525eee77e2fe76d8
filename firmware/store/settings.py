# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Settings: one typed table, one UTF-8 file (design.md section 7).

    vox6-settings 1
    # a comment, kept
    account.1.uri = sip:alice@example.org
    ring.volume = 7

    file     =  "vox6-settings 1" LF *( line LF )
    line     =  [ "#" any ] / name "=" value       ; spaces around name and value mean nothing
    name     =  1*( ALPHA / DIGIT / "." / "_" )

Lines that we do not know, cannot read or must not use stay in the file as they are, octet for
octet; only the line of a setting that is set changes. The file is written to ".new" and renamed,
so after a power cut there is either the old file or the new one. A file of a newer version is
refused and left in place. Later work adds rows to the table, nothing else.
"""

from firmware.store.files import Files
from firmware.store.kinds import SettingsError, format_value, parse_value, shown
from vox6.wire import const

FILE = "settings.txt"
ACCOUNTS = 4
WATCHED = 4  # others whose state is shown
CODECS = ("G722", "opus", "PCMU", "PCMA", "L16")
KEY_AGREEMENTS = ("X255", "EC25", "DH3k", "EC38", "DH2k")

_MAGIC = b"vox6-settings "
_VERSION = const(1)
_FILE_OCTETS = const(16384)  # ten times what a full table needs; held in memory while reading
_LINE_OCTETS = const(512)  # a value of 255 characters with its name
_LINES = const(256)

# Rows: name, kind, default, low, high; kinds.py says what low and high are.
TABLE = (
    ("sip.port", "int", 5060, 1, 65535),
    ("sip.tls_ca", "file", "", 0, 32),  # PEM or DER, beside the settings
    ("sip.tls_pin", "pins", "", 0, 4),  # SHA-256 of a certificate or its key; in place of the CAs
    ("sip.tls_verify", "bool", True, 0, 0),
    ("sip.session_expires_s", "int", 1800, 0, 86400),  # RFC 4028; 0: none asked for
    ("sip.reliable", "choice", "supported", ("supported", "required", "off"), "use"),  # RFC 3262
    ("rtp.port_low", "int", 16384, 1024, 65530),
    ("rtp.port_high", "int", 16447, 1025, 65535),
    # G.722 sounds better than 24 kbit/s and costs less; Opus is for networks that lose packets
    ("media.codecs", "words", "G722 opus PCMU PCMA", CODECS, "codec"),
    # what a loudspeaker needs (media.speaker()); auto: if the board has one
    ("audio.echo", "choice", "auto", ("auto", "on", "off"), "use"),
    ("audio.noise", "choice", "auto", ("auto", "on", "off"), "use"),
    ("audio.gain", "choice", "auto", ("auto", "on", "off"), "use"),
    ("dtmf.mode", "choice", "auto", ("auto", "rtp", "info"), "mode"),  # auto: rtp if agreed
    ("dscp.signalling", "int", 24, 0, 63),  # CS3, RFC 4594 section 2.3
    ("dscp.voice", "int", 46, 0, 63),  # EF
    ("tunnel.mode", "choice", "auto", ("auto", "off"), "mode"),
    ("tunnel.servers", "servers", "", 0, 8),  # empty: found by itself
    ("tunnel.direct", "bool", True, 0, 0),  # paths straight to other phones behind a tunnel
    ("tunnel.prefixes", "prefixes", "", 0, 8),  # of other operators, for these paths
    ("tunnel.martians", "choice", "strict", ("strict", "private", "lab"), "policy"),
    ("dial.account", "int", 1, 1, ACCOUNTS),
    ("dial.enum", "text", "", 0, 128),  # trees of ENUM (RFC 6116), as e164.arpa
    ("dial.isn", "text", "", 0, 128),  # trees of ISN, as freenum.org
    ("call.answer_s", "int", 120, 10, 600),  # how long a call rings, either way
    ("call.silence_s", "int", 60, 5, 3600),
    # what a peer wants by REFER: the person is asked, or it is done, or refused (Replaces, too)
    ("call.transfer", "choice", "ask", ("ask", "yes", "no"), "answer"),
    ("call.redirects", "bool", True, 0, 0),  # 3xx is followed
    ("call.waiting", "bool", True, 0, 0),  # a second call rings; no: it gets 486
    ("blf.1", "uri", "", 0, 255),  # others whose calls are shown (RFC 4235)
    ("blf.2", "uri", "", 0, 255),
    ("blf.3", "uri", "", 0, 255),
    ("blf.4", "uri", "", 0, 255),
    ("ring.volume", "int", 7, 0, 10),
    ("screen.ended_s", "int", 5, 1, 60),
    ("security.zrtp", "bool", True, 0, 0),
    ("security.required", "bool", False, 0, 0),  # only encrypted; a call without ends
    ("security.on_drop", "choice", "refuse", ("refuse", "announce"), "answer"),
    ("security.sdes", "choice", "off", ("off", "answer", "offer"), "use"),
    ("security.clear", "bool", False, 0, 0),  # whether a peer may end encryption (GoClear)
    # RFC 6189 sections 5.1.2 to 5.1.6, in order of preference
    ("security.key_agreements", "words", "X255 EC25 DH3k EC38", KEY_AGREEMENTS, "key agreement"),
    ("security.hashes", "words", "S256 S384", ("S256", "S384"), "hash"),
    ("security.ciphers", "words", "AES1 AES3", ("AES1", "AES3"), "cipher"),
    ("security.auth_tags", "words", "HS80 HS32", ("HS80", "HS32"), "auth tag"),
    ("security.sas", "words", "B32 B256", ("B32", "B256"), "SAS type"),
)
# Each account has these rows under "account.<number>."
ACCOUNT_TABLE = (
    ("uri", "uri", "", 0, 255),
    ("display_name", "text", "", 0, 64),
    ("auth_user", "text", "", 0, 64),
    ("password", "secret", "", 0, 128),
    ("registrar", "uri", "", 0, 255),
    ("proxy", "uri", "", 0, 255),
    ("mailbox", "uri", "", 0, 255),  # whose message-summary is asked for (RFC 3842)
    ("outbound", "bool", True, 0, 0),  # RFC 5626, where the registrar agrees
    ("keepalive_s", "int", 0, 0, 3600),  # empty lines, where it does not; 0: none
    ("transport", "choice", "auto", ("auto", "udp", "tcp", "tls"), "transport"),
    ("expires_s", "int", 300, 60, 3600),
)


def row(name):
    """Return the row of a setting, or None for a name that is not in the table."""
    if name.startswith("account."):
        number, _, rest = name[8:].partition(".")
        if len(number) == 1 and "1" <= number <= str(ACCOUNTS):
            for entry in ACCOUNT_TABLE:
                if entry[0] == rest:
                    return entry
        return None
    for entry in TABLE:
        if entry[0] == name:
            return entry
    return None


def names():
    """Return the names of all settings in the order of the tables."""
    out = []
    for i in range(1, ACCOUNTS + 1):
        for entry in ACCOUNT_TABLE:
            out.append("account.%d.%s" % (i, entry[0]))
    for entry in TABLE:
        out.append(entry[0])
    return out


class Settings:
    """The settings of one phone.

    path: folder of the file, without a slash at the end; None keeps all in memory.
    messages: what was wrong with the file, lines for people. refused: why save() will not write.
    version: grows with each change, for those who look again.
    """

    def __init__(self, path, files=None):
        self._folder = path
        self._files = files or Files()
        self._lines = []  # bytes without LF, behind the first line
        self._values = {}  # those that differ from their default or were given
        self.messages = []
        self.refused = None
        self.version = 0

    def load(self):
        """Read the file. Whatever is wrong with it, the phone has settings afterwards."""
        self._lines = []
        self._values = {}
        self.messages = []
        self.refused = None
        self.version += 1
        if self._folder is None:
            return
        path = self._folder + "/" + FILE
        try:
            # Left behind by a power cut in the middle of a write; the file itself is whole.
            self._files.remove(path + ".new")
        except OSError:
            pass
        try:
            data = self._files.read(path, _FILE_OCTETS + 1)
        except OSError:
            return  # no file yet: all defaults
        if len(data) > _FILE_OCTETS:
            self._refuse("longer than %d octets" % _FILE_OCTETS)
            return
        lines = data.split(b"\n")
        if not self._check_version(lines[0]):
            return
        if lines and not lines[-1]:
            lines.pop()  # behind the last LF
        if len(lines) > _LINES:
            self._refuse("more than %d lines" % _LINES)
            return
        self._lines = lines[1:]
        for i in range(len(self._lines)):
            self._read_line(i + 2, self._lines[i])

    def _check_version(self, line):
        line = line.strip()
        if line.startswith(_MAGIC):
            try:
                version = int(line[len(_MAGIC) :].decode())
            except (ValueError, UnicodeError):
                version = -1
            if version == _VERSION:
                return True
            if version > _VERSION:
                self._refuse("version %d is newer than this phone's %d" % (version, _VERSION))
                return False
        self._refuse("it does not begin with vox6-settings %d" % _VERSION)
        return False

    def _refuse(self, why):
        self.refused = why
        self.messages.append("%s: %s; left as it is, defaults used" % (FILE, why))

    def _read_line(self, number, line):
        if len(line) > _LINE_OCTETS:
            self.messages.append("line %d: longer than %d octets" % (number, _LINE_OCTETS))
            return
        try:
            text = line.decode().strip()
        except (ValueError, UnicodeError):
            self.messages.append("line %d: not UTF-8" % number)
            return
        if not text or text[0] == "#":
            return
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            self.messages.append("line %d: no = in it" % number)
            return
        entry = row(name)
        if entry is None:
            return  # of another version: kept
        try:
            value = parse_value(entry, value.strip())
        except SettingsError as exc:
            self.messages.append(
                "line %d: %s: %s; %s used"
                % (number, name, exc, shown(entry, entry[2]) or "nothing")
            )
            self._values.pop(name, None)  # the last line counts, also when it is bad
            return
        self._values[name] = value

    def get(self, name):
        """Return the value of a setting. KeyError: no such row, a mistake in the program."""
        value = self._values.get(name)
        if value is not None:
            return value
        entry = row(name)
        if entry is None:
            raise KeyError(name)
        return entry[2]

    def account(self, number, name):
        """Return a value of the account of a number."""
        return self.get("account.%d.%s" % (number, name))

    def set(self, name, value):
        """Give a setting a new value, in memory; save() writes it.

        value: of the type of the row, or its text as in the file.
        SettingsError: refused, the old value stays.
        """
        entry = row(name)
        if entry is None:
            raise SettingsError("no setting " + name)
        text = value if isinstance(value, str) else format_value(entry, value)
        value = parse_value(entry, text.strip())
        line = ("%s = %s" % (name, format_value(entry, value))).encode()
        if len(line) > _LINE_OCTETS:
            raise SettingsError("longer than %d octets" % _LINE_OCTETS)
        at = self._line_of(name)
        if at >= 0:
            self._lines[at] = line
        else:
            if len(self._lines) >= _LINES - 1:
                raise SettingsError("more than %d lines in the file" % _LINES)
            self._lines.append(line)
        self._values[name] = value
        self.version += 1

    def _line_of(self, name):
        for i in range(len(self._lines) - 1, -1, -1):
            line = self._lines[i]
            if line.partition(b"=")[0].strip() == name.encode():
                return i
        return -1

    def save(self):
        """Write the file in one step: after a power cut it is the old one or the new one.

        SettingsError: not written, with the reason; the file is as before.
        """
        if self.refused:
            raise SettingsError("%s is left as it is: %s" % (FILE, self.refused))
        if self._folder is None:
            raise SettingsError("this phone has no storage")
        lines = [_MAGIC + str(_VERSION).encode()] + self._lines + [b""]
        data = b"\n".join(lines)
        if len(data) > _FILE_OCTETS:
            raise SettingsError("more than %d octets" % _FILE_OCTETS)
        path = self._folder + "/" + FILE
        try:
            self._files.write(path + ".new", data)
            self._files.rename(path + ".new", path)
        except OSError as exc:
            raise SettingsError("not written: %s" % exc)
