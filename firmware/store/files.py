# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The file system: what the files of this folder need of it. Tests cut the power here."""

import os


class Files:
    """Files by path. Each method raises OSError as the system does."""

    def read(self, path, limit):
        """Return at most limit octets of a file."""
        with open(path, "rb") as file:
            return file.read(limit)

    def write(self, path, data):
        """Write a whole file and bring it to the medium."""
        file = self.create(path)
        try:
            file.write(data)
            self.commit(file)
        finally:
            file.close()

    def open(self, path):
        """Return a file to read: read(octets), seek(offset), close()."""
        return open(path, "rb")

    def create(self, path):
        """Return a new file that nobody else may read: write(octets), close()."""
        if hasattr(os, "open"):  # CPython; elsewhere the port sees to it
            return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        return open(path, "wb")

    def commit(self, file):
        """Bring what was written to the medium; close() follows."""
        file.flush()  # MicroPython's VfsPosix does fsync here, littlefs commits at close
        if hasattr(os, "fsync"):
            os.fsync(file.fileno())

    def rename(self, old, new):
        """Put old in the place of new in one step."""
        os.rename(old, new)
        if hasattr(os, "sync"):
            os.sync()

    def remove(self, path):
        """Remove a file."""
        os.remove(path)
