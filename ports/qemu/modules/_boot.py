# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Before anything else: the file system of the settings, and `resume()` for the REPL."""

import builtins
import os

import _board
import vfs


def _mount():
    """Mount littlefs at /; format only a flash that never held one.

    A flash with littlefs' mark that does not mount is left as it is: the phone then runs on its
    defaults and says so, and nothing that might be saved is lost.
    """
    sizes = {"readsize": 64, "progsize": 256, "lookahead": 32}
    try:
        vfs.mount(vfs.VfsLfs2(_board.flash, **sizes), "/")
    except OSError as error:
        block = bytearray(16)
        for number in (0, 1):
            _board.flash.readblocks(number, block, 0)
            if block[8:] == b"littlefs":
                print("vox6: the flash does not mount (%s); it is left as it is" % error)
                return
        print("vox6: new flash, formatting")
        vfs.VfsLfs2.mkfs(_board.flash, **sizes)
        vfs.mount(vfs.VfsLfs2(_board.flash, **sizes), "/")


def _resume():
    """Go back to the phone; it kept its state while the REPL was in use."""
    import _start

    _start.phone()


_mount()
try:
    os.mkdir("/settings")
except OSError:
    pass  # it is there, or the flash does not mount
builtins.resume = _resume
