# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Rights after the set-up: another user, another root, the capabilities that are still used.

CAP_NET_ADMIN stays where a TUN device is taken down and up, CAP_BPF where the kernel's plane is
used.
No program that this process might start gets more (no_new_privs). Capabilities belong to threads:
drop() comes before the first thread is started.
"""

import ctypes
import grp
import os
import pwd

NET_ADMIN = 12
BPF = 39
_LAST = 63
_VERSION_3 = 0x20080522
_PR_SET_KEEPCAPS = 8
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4


class PrivilegesError(Exception):
    """The user, group or root folder cannot be had; the text says why."""


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Data(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


_libc = ctypes.CDLL(None, use_errno=True)


def find(user: str, group: str) -> tuple[int | None, int | None]:
    """Return (uid, gid), None where nothing is set; PrivilegesError: there is no such one.

    user, group: names or numbers. A user alone brings its own group.
    """
    uid = gid = None
    if user:
        try:
            entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
            uid, gid = entry.pw_uid, entry.pw_gid
        except KeyError:
            if not user.isdigit():
                raise PrivilegesError(f"user = {user}: there is no such user") from None
            uid = int(user)
    if group:
        try:
            gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
        except KeyError:
            raise PrivilegesError(f"group = {group}: there is no such group") from None
    return uid, gid


def make_folder(path: str, uid: int | None, gid: int | None) -> None:
    """Make the folder of a file, for a user, if that alone is missing; else leave it as it is."""
    folder = os.path.dirname(path)
    try:
        os.mkdir(folder, 0o750)
        os.chown(folder, -1 if uid is None else uid, -1 if gid is None else gid)
    except OSError:
        pass  # it is there; or what needs it will say what is missing


def drop(uid: int | None, gid: int | None, chroot: str, keep: set[int]) -> None:
    """Give up all rights but those of a user, a group and some capabilities.

    keep: numbers of capabilities; those that the process does not have stay absent.
    PrivilegesError: something was refused; the process should end.
    """
    _prctl(_PR_SET_KEEPCAPS, 1)
    for number in range(_LAST + 1):
        if number not in keep:
            # Needs CAP_SETPCAP: who is without lacks the others too.
            _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    try:
        if chroot:
            os.chroot(chroot)
            os.chdir("/")
        if gid is not None:
            os.setgroups([])
            os.setresgid(gid, gid, gid)
        if uid is not None:
            os.setresuid(uid, uid, uid)
    except OSError as error:
        what = f"chroot = {chroot}" if chroot else "user and group"
        raise PrivilegesError(f"{what}: {error.strerror}; start as root") from None
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _set_capabilities(keep)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0):
        raise PrivilegesError(f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _set_capabilities(keep: set[int]) -> None:
    header = _Header(_VERSION_3, 0)
    data = (_Data * 2)()
    if _libc.capget(ctypes.byref(header), data):
        raise PrivilegesError(f"capget: {os.strerror(ctypes.get_errno())}")
    for half in range(2):
        mask = sum(1 << number % 32 for number in keep if number // 32 == half)
        data[half].permitted &= mask
        data[half].effective = data[half].permitted
        data[half].inheritable = 0
    if _libc.capset(ctypes.byref(header), data):
        raise PrivilegesError(f"capset: {os.strerror(ctypes.get_errno())}")
