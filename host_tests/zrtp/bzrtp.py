# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""libbzrtp 5.1.64 (Debian's libbzrtp0) as a party of world.py, by ctypes: no socket, no clock.

The library of linphone; structures as in its bzrtp.h of that version. Its cache is a SQLite
database, here in memory.
"""

import ctypes as C
import ctypes.util

_HASH, _CIPHER, _AUTH_TAG, _KEY_AGREEMENT, _SAS = 1, 2, 4, 8, 16
NAMES = {
    "S256": 0x11,
    "S384": 0x12,
    "AES1": 0x21,
    "AES3": 0x23,
    "HS32": 0x31,
    "HS80": 0x32,
    "DH2k": 0x41,
    "X255": 0x42,
    "DH3k": 0x45,
    "Mult": 0x4F,
    "B32": 0x51,
    "B256": 0x52,
}
_BY_NUMBER = {number: name for name, number in NAMES.items()}
_TICK_MS = 10
EXPORT_LABEL = "vox6 test"

_u8p = C.POINTER(C.c_uint8)


class _Secrets(C.Structure):
    _fields_ = [
        ("self_key", _u8p),
        ("self_key_length", C.c_uint8),
        ("self_salt", _u8p),
        ("self_salt_length", C.c_uint8),
        ("peer_key", _u8p),
        ("peer_key_length", C.c_uint8),
        ("peer_salt", _u8p),
        ("peer_salt_length", C.c_uint8),
        ("cipher", C.c_uint8),
        ("cipher_key_length", C.c_uint8),
        ("auth_tag", C.c_uint8),
        ("sas", C.c_char_p),
        ("sas_length", C.c_uint8),
        ("hash", C.c_uint8),
        ("key_agreement", C.c_uint8),
        ("sas_type", C.c_uint8),
        ("cache_mismatch", C.c_uint8),
        ("aux_mismatch", C.c_uint8),
    ]


_Status = C.CFUNCTYPE(C.c_int, C.c_void_p, C.c_uint8, C.c_uint8, C.c_char_p)
_Send = C.CFUNCTYPE(C.c_int, C.c_void_p, _u8p, C.c_uint16)
_Available = C.CFUNCTYPE(C.c_int, C.c_void_p, C.POINTER(_Secrets), C.c_uint8)
_Start = C.CFUNCTYPE(C.c_int, C.c_void_p, C.POINTER(_Secrets), C.c_int32)
_Export = C.CFUNCTYPE(C.c_int, C.c_void_p, C.c_int, C.c_uint8)


class _Callbacks(C.Structure):
    _fields_ = [
        ("status", _Status),
        ("level", C.c_int),
        ("send", _Send),
        ("available", _Available),
        ("start", _Start),
        ("export", _Export),
    ]


_PROTOTYPES = {
    "bzrtp_createBzrtpContext": (C.c_void_p, []),
    "bzrtp_initBzrtpContext": (C.c_int, [C.c_void_p, C.c_uint32]),
    "bzrtp_destroyBzrtpContext": (C.c_int, [C.c_void_p, C.c_uint32]),
    "bzrtp_setCallbacks": (C.c_int, [C.c_void_p, C.POINTER(_Callbacks)]),
    "bzrtp_setClientData": (C.c_int, [C.c_void_p, C.c_uint32, C.c_void_p]),
    "bzrtp_setZIDCache": (C.c_int, [C.c_void_p, C.c_void_p, C.c_char_p, C.c_char_p]),
    "bzrtp_initCache": (C.c_int, [C.c_void_p]),
    "bzrtp_addChannel": (C.c_int, [C.c_void_p, C.c_uint32]),
    "bzrtp_startChannelEngine": (C.c_int, [C.c_void_p, C.c_uint32]),
    "bzrtp_iterate": (C.c_int, [C.c_void_p, C.c_uint32, C.c_uint64]),
    "bzrtp_processMessage": (C.c_int, [C.c_void_p, C.c_uint32, C.c_char_p, C.c_uint16]),
    "bzrtp_setSupportedCryptoTypes": (None, [C.c_void_p, C.c_uint8, _u8p, C.c_uint8]),
    "bzrtp_getSelfHelloHash": (C.c_int, [C.c_void_p, C.c_uint32, C.c_char_p, C.c_size_t]),
    "bzrtp_setPeerHelloHash": (C.c_int, [C.c_void_p, C.c_uint32, C.c_char_p, C.c_size_t]),
    "bzrtp_getChannelStatus": (C.c_int, [C.c_void_p, C.c_uint32]),
    "bzrtp_SASVerified": (None, [C.c_void_p]),
    "bzrtp_resetSASVerified": (None, [C.c_void_p]),
    "bzrtp_setAuxiliarySharedSecret": (C.c_int, [C.c_void_p, C.c_char_p, C.c_size_t]),
    "bzrtp_exportKey": (
        C.c_int,
        [C.c_void_p, C.c_char_p, C.c_size_t, C.c_char_p, C.POINTER(C.c_size_t)],
    ),
    "bzrtp_base256": (None, [C.c_uint32, C.c_char_p, C.c_int]),
}


def library():
    """Return the loaded library, or None where libbzrtp0 is not installed."""
    global _library
    if _library is None:
        try:
            _library = C.CDLL("libbzrtp.so.0")
        except OSError:
            return None
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(_library, name)
            function.restype, function.argtypes = result, arguments
    return _library


_library = None


def base256(value):
    """Return the library's rendering of sasvalue (an int) as B256."""
    text = C.create_string_buffer(64)
    library().bzrtp_base256(value, text, 64)
    return text.value.decode()


class Cache:
    """A ZID cache of bzrtp: one SQLite database in memory for all calls of one phone."""

    def __init__(self):
        self.sqlite = C.CDLL("libsqlite3.so.0")
        self.sqlite.sqlite3_exec.argtypes = [C.c_void_p, C.c_char_p] + [C.c_void_p] * 3
        self.sqlite.sqlite3_close.argtypes = [C.c_void_p]
        self.database = C.c_void_p()
        assert self.sqlite.sqlite3_open(b":memory:", C.byref(self.database)) == 0
        library().bzrtp_initCache(self.database)

    def execute(self, statement):
        assert self.sqlite.sqlite3_exec(self.database, statement.encode(), None, None, None) == 0

    def query(self, statement):
        """Return all rows of a statement that yields blobs."""
        rows = []
        take = C.CFUNCTYPE(
            C.c_int, C.c_void_p, C.c_int, C.POINTER(C.c_char_p), C.POINTER(C.c_char_p)
        )

        def row(_, count, values, names):
            rows.append([values[i] for i in range(count)])
            return 0

        callback = take(row)
        pointer = C.cast(callback, C.c_void_p)
        assert (
            self.sqlite.sqlite3_exec(self.database, statement.encode(), pointer, None, None) == 0
        )
        return rows

    def forget(self):
        """Lose all retained secrets; the ZID stays."""
        self.execute("DELETE FROM zrtp")
        self.execute("DELETE FROM ziduri WHERE peeruri <> 'self'")

    def secrets(self):
        """Return [(rs1, rs2, verified)] as octets."""
        rows = self.query("SELECT hex(rs1), hex(rs2), hex(pvs) FROM zrtp")
        return [
            (bytes.fromhex(a.decode()), bytes.fromhex((b or b"").decode()), c == b"01")
            for a, b, c in rows
        ]


class Context:
    """What all channels of one call share: bzrtpContext_t."""

    def __init__(self, cache=None, name="a", peer="b", aux=b"", **algorithms):
        lib = library()
        self.pointer = lib.bzrtp_createBzrtpContext()
        self.channels = {}
        self.callbacks = _Callbacks(
            _Status(self._status),
            3,
            _Send(self._send),
            _Available(self._available),
            _Start(self._start),
            _Export(self._export),
        )
        lib.bzrtp_setCallbacks(self.pointer, C.byref(self.callbacks))
        if cache is not None:
            lib.bzrtp_setZIDCache(
                self.pointer,
                cache.database,
                ("sip:%s@example.com" % name).encode(),
                ("sip:%s@example.com" % peer).encode(),
            )
        self.cache = cache
        kinds = {
            "hashes": _HASH,
            "ciphers": _CIPHER,
            "auth_tags": _AUTH_TAG,
            "key_agreements": _KEY_AGREEMENT,
            "sas_types": _SAS,
        }
        for key, names in algorithms.items():
            numbers = (C.c_uint8 * 7)(*[NAMES[one] for one in names])
            lib.bzrtp_setSupportedCryptoTypes(self.pointer, kinds[key], numbers, len(names))
        self.aux = aux
        if aux:
            assert lib.bzrtp_setAuxiliarySharedSecret(self.pointer, aux, len(aux)) == 0
        self.started = False

    def _channel(self, data):
        return self.channels[data]

    def _status(self, data, level, number, text):
        if data in self.channels:
            self.channels[data].messages.append((level, number, text))
        return 0

    def _send(self, data, octets, length):
        self._channel(data).out.append(bytes(octets[:length]))
        return 0

    def _available(self, data, secrets, part):
        one, keys = secrets[0], self._channel(data).keys
        if part & 1:
            key = bytes(one.self_key[: one.self_key_length])
            keys["send"] = key + bytes(one.self_salt[: one.self_salt_length])
        if part & 2:
            key = bytes(one.peer_key[: one.peer_key_length])
            keys["receive"] = key + bytes(one.peer_salt[: one.peer_salt_length])
        return 0

    def _start(self, data, secrets, verified):
        one, channel = secrets[0], self._channel(data)
        channel.sas = (one.sas or b"").decode()
        channel.secured = True
        channel.verified = bool(verified)
        channel.mismatch = bool(one.cache_mismatch)
        channel.aux_mismatch = one.aux_mismatch
        channel.algorithms = tuple(
            _BY_NUMBER.get(number)
            for number in (one.hash, one.cipher, one.auth_tag, one.key_agreement, one.sas_type)
        )
        return 0

    def _export(self, data, zuid, role):
        channel = self._channel(data)
        channel.role = ("Initiator", "Responder")[role]
        channel.exported = channel._export(EXPORT_LABEL)  # afterwards s0 is gone
        return 0

    def verify(self, same=True):
        """Tell the library that the user compared the SAS."""
        if same:
            library().bzrtp_SASVerified(self.pointer)
        else:
            library().bzrtp_resetSASVerified(self.pointer)

    def open(self, ssrc):
        """Return the Party of a further channel (the first one starts the context)."""
        return Party(ssrc=ssrc, context=self)

    def close(self):
        for ssrc in list(self.channels):
            library().bzrtp_destroyBzrtpContext(self.pointer, ssrc)
        self.channels.clear()


class Party:
    """One channel."""

    def __init__(self, ssrc=0x11111111, context=None, **arguments):
        lib = library()
        self.context = context or Context(**arguments)
        self.ssrc = ssrc
        self.out = []
        self.keys = {}
        self.sas = None
        self.secured = self.verified = self.mismatch = False
        self.aux_mismatch = None
        self.algorithms = None
        self.role = self.exported = None
        self.messages = []
        self.results = []
        self.at = None
        if self.context.started:
            assert lib.bzrtp_addChannel(self.context.pointer, ssrc) == 0
        else:
            assert lib.bzrtp_initBzrtpContext(self.context.pointer, ssrc) == 0
            self.context.started = True
        lib.bzrtp_setClientData(self.context.pointer, ssrc, ssrc)
        self.context.channels[ssrc] = self

    @property
    def failed(self):
        return library().bzrtp_getChannelStatus(self.context.pointer, self.ssrc) == 0x1008

    @property
    def hello_hash(self):
        text = C.create_string_buffer(80)
        assert library().bzrtp_getSelfHelloHash(self.context.pointer, self.ssrc, text, 80) == 0
        return bytes.fromhex(text.value.decode().split()[-1])

    def set_peer_hello_hash(self, octets):
        text = ("1.10 " + octets.hex()).encode()
        return library().bzrtp_setPeerHelloHash(
            self.context.pointer, self.ssrc, text, len(text) + 1
        )

    def _export(self, label):
        size = C.c_size_t(32)
        octets = C.create_string_buffer(64)
        result = library().bzrtp_exportKey(
            self.context.pointer, label.encode(), len(label), octets, C.byref(size)
        )
        assert result == 0, hex(result)
        return octets.raw[: size.value]

    def start(self, now):
        lib = library()
        lib.bzrtp_iterate(self.context.pointer, self.ssrc, now)
        assert lib.bzrtp_startChannelEngine(self.context.pointer, self.ssrc) == 0
        lib.bzrtp_iterate(self.context.pointer, self.ssrc, now)
        self.at = now + _TICK_MS

    def receive(self, data, now):
        lib = library()
        lib.bzrtp_iterate(self.context.pointer, self.ssrc, now)
        self.results.append(
            lib.bzrtp_processMessage(self.context.pointer, self.ssrc, data, len(data))
        )

    def tick(self, now):
        library().bzrtp_iterate(self.context.pointer, self.ssrc, now)
        self.at = now + _TICK_MS

    def next_time(self):
        return self.at

    def take(self):
        out, self.out = self.out, []
        return out
