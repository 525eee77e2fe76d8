# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A test in a network namespace of its own, which ends with the test."""

import ctypes
import functools
import os
import subprocess
import threading

_CLONE_NEWNET = 0x40000000


def alone(test):
    """Run a test in a thread with a namespace of its own, which ends with the thread."""

    @functools.wraps(test)
    def run(*arguments, **named):
        failed = []

        def inner():
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                assert libc.unshare(_CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
                subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
                test(*arguments, **named)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=inner)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]

    return run
