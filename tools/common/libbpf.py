# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""As much of libbpf.so.1 as a data plane needs, by ctypes: objects, maps, XDP links.

libbpf is looked for when the first object is opened; BPFError tells that it is absent. All calls
are made under the caller's lock: libbpf is asked for one thing at a time.
"""

import ctypes
import errno
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

_SONAME = "libbpf.so.1"
_ATTACH_XDP = 37  # BPF_XDP of enum bpf_attach_type
_ANY = 0  # BPF_ANY
_MAX_LOG = 40  # lines of libbpf's complaints kept for an error
_LOG_OCTETS = 1 << 26  # of the verifier's protocol, of which the end matters
# what the verifier did, not what it complains of
_NOISE = re.compile(
    r"\d+: |;|processed |verification time|stack depth|-- |libbpf: |from |\s*$| R\d"
)

GENERIC = 1 << 1  # XDP_FLAGS_SKB_MODE
NATIVE = 1 << 2  # XDP_FLAGS_DRV_MODE


class BPFError(OSError):
    """errno, and what libbpf or the kernel said last."""


class _LinkCreateOptions(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("flags", ctypes.c_uint32),
        ("iter_info", ctypes.c_void_p),
        ("iter_info_length", ctypes.c_uint32),
        ("target_btf_id", ctypes.c_uint32),
        ("more", ctypes.c_uint8 * 64),
    ]


_Printer = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


class _Library:
    """The functions with their types."""

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL(_SONAME, use_errno=True)
        except OSError:
            raise BPFError(
                errno.ENOENT, f"there is no {_SONAME} (Debian's package libbpf1)"
            ) from None
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
        octets, unsigned = ctypes.c_char_p, ctypes.c_uint32
        for name, result, arguments in (
            ("bpf_object__open_file", pointer, [text, pointer]),
            ("bpf_object__load", number, [pointer]),
            ("bpf_object__close", None, [pointer]),
            ("bpf_object__find_program_by_name", pointer, [pointer, text]),
            ("bpf_program__fd", number, [pointer]),
            ("bpf_object__find_map_by_name", pointer, [pointer, text]),
            ("bpf_map__set_max_entries", number, [pointer, unsigned]),
            ("bpf_object__next_map", pointer, [pointer, pointer]),
            ("bpf_map__name", text, [pointer]),
            ("bpf_map__fd", number, [pointer]),
            ("bpf_map__type", number, [pointer]),
            ("bpf_map__key_size", unsigned, [pointer]),
            ("bpf_map__value_size", unsigned, [pointer]),
            ("bpf_map_lookup_elem", number, [number, octets, octets]),
            ("bpf_map_update_elem", number, [number, octets, octets, ctypes.c_uint64]),
            ("bpf_map_delete_elem", number, [number, octets]),
            ("bpf_map_get_next_key", number, [number, octets, octets]),
            ("bpf_link_create", number, [number, number, number, pointer]),
            ("bpf_link_update", number, [number, number, pointer]),
            ("bpf_obj_pin", number, [number, text]),
            ("bpf_obj_get", number, [text]),
            ("bpf_prog_test_run_opts", number, [number, pointer]),
            ("libbpf_num_possible_cpus", number, []),
        ):
            function = getattr(library, name)
            function.restype = result
            function.argtypes = arguments
        self.functions = library
        self.log: list[str] = []
        self._vsnprintf = ctypes.CDLL(None).vsnprintf
        self._vsnprintf.argtypes = [pointer, ctypes.c_size_t, text, pointer]
        self._printer = _Printer(self._print)  # kept as long as libbpf may call it
        library.libbpf_set_print.argtypes = [_Printer]
        library.libbpf_set_print(self._printer)

    def _print(self, level: int, form: bytes, arguments: int) -> int:
        if level == 0:  # LIBBPF_WARN
            buffer = ctypes.create_string_buffer(_LOG_OCTETS)
            self._vsnprintf(buffer, len(buffer), form, arguments)
            self.log += buffer.value.decode(errors="replace").strip().splitlines()
            del self.log[:-_MAX_LOG]
        return 0

    def check(self, result: int, what: str) -> int:
        """Return a result that is no error."""
        if result < 0:
            raise BPFError(-result, f"{what}: {os.strerror(-result)}")
        return result


_library: "_Library | None" = None


def library() -> _Library:
    """Return libbpf, loaded at the first call; BPFError."""
    global _library
    if _library is None:
        _library = _Library()
    return _library


class Map:
    """One map of an object. Keys and values are octets of its own sizes."""

    _PER_CPU = (5, 6)  # hash and array

    def __init__(self, pointer: int) -> None:
        functions = library().functions
        self.name: str = functions.bpf_map__name(pointer).decode()
        self.fd: int = functions.bpf_map__fd(pointer)
        self.key_size: int = functions.bpf_map__key_size(pointer)
        self.value_size: int = functions.bpf_map__value_size(pointer)
        self.cpus = 1
        if functions.bpf_map__type(pointer) in self._PER_CPU:
            self.cpus = functions.libbpf_num_possible_cpus()
            self.value_size = (self.value_size + 7) & ~7

    def get(self, key: bytes) -> bytes | None:
        """Return a value (of a per-CPU map one behind the other), or None."""
        value = ctypes.create_string_buffer(self.value_size * self.cpus)
        result = library().functions.bpf_map_lookup_elem(self.fd, key, value)
        if result == -errno.ENOENT:
            return None
        library().check(result, self.name)
        return value.raw

    def set(self, key: bytes, value: bytes) -> None:
        """Write a value; BPFError, ENOSPC when the map is full."""
        if len(key) != self.key_size or len(value) != self.value_size * self.cpus:
            raise BPFError(errno.EINVAL, f"{self.name}: a key or value of another size")
        result = library().functions.bpf_map_update_elem(self.fd, key, value, _ANY)
        library().check(result, self.name)

    def delete(self, key: bytes) -> None:
        """Remove a key, if it is there."""
        result = library().functions.bpf_map_delete_elem(self.fd, key)
        if result != -errno.ENOENT:
            library().check(result, self.name)

    def keys(self) -> Iterator[bytes]:
        """Yield all keys; do not change the map meanwhile."""
        key = None
        following = ctypes.create_string_buffer(self.key_size)
        while library().functions.bpf_map_get_next_key(self.fd, key, following) == 0:
            key = following.raw
            yield key


class Object:
    """A compiled object, loaded and verified: its program's descriptor and its maps."""

    def __init__(
        self, path: Path, program: str, entries: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        """entries: of maps by their names, where the object is not to decide.

        BPFError: with the last line of the verifier.
        """
        self._pointer = None
        lib = library()
        functions = lib.functions
        lib.log.clear()
        self._pointer = functions.bpf_object__open_file(str(path).encode(), None)
        if not self._pointer:
            raise BPFError(ctypes.get_errno() or errno.EINVAL, f"{path} cannot be opened")
        for name, most in entries.items():
            found = functions.bpf_object__find_map_by_name(self._pointer, name.encode())
            lib.check(functions.bpf_map__set_max_entries(found, most), name)
        result = functions.bpf_object__load(self._pointer)
        if result < 0:
            self.close()
            complaints = [line for line in lib.log if not _NOISE.match(line)]
            raise BPFError(-result, ": ".join([os.strerror(-result), *complaints[-1:]]))
        self.program_fd: int = functions.bpf_program__fd(
            functions.bpf_object__find_program_by_name(self._pointer, program.encode())
        )
        self.maps: dict[str, Map] = {}
        pointer = functions.bpf_object__next_map(self._pointer, None)
        while pointer:
            one = Map(pointer)
            self.maps[one.name] = one
            pointer = functions.bpf_object__next_map(self._pointer, pointer)

    def close(self) -> None:
        """Give program and maps back; what is attached stays as long as its link."""
        if self._pointer:
            library().functions.bpf_object__close(self._pointer)
            self._pointer = None


class Link:
    """An XDP program on an interface. It is gone with its descriptor, however the process ends."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def create(cls, program_fd: int, interface: int, mode: int) -> "Link":
        """Attach a program; mode: NATIVE or GENERIC. BPFError."""
        options = _LinkCreateOptions(size=ctypes.sizeof(_LinkCreateOptions), flags=mode)
        result = library().functions.bpf_link_create(
            program_fd, interface, _ATTACH_XDP, ctypes.byref(options)
        )
        return cls(library().check(result, "bpf_link_create"))

    @classmethod
    def pinned(cls, path: Path) -> "Link":
        """Take up a link that another process has pinned; BPFError, ENOENT when there is none."""
        return cls(library().check(library().functions.bpf_obj_get(str(path).encode()), str(path)))

    def pin(self, path: Path) -> None:
        """Let the link live on under a name in a file system of type bpf."""
        library().check(library().functions.bpf_obj_pin(self._fd, str(path).encode()), str(path))

    def update(self, program_fd: int) -> None:
        """Put another program in the place of this one; no packet passes between."""
        result = library().functions.bpf_link_update(self._fd, program_fd, None)
        library().check(result, "bpf_link_update")

    def close(self) -> None:
        """Detach, unless the link is pinned."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
