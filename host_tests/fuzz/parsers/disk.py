# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A file system in memory, as firmware.store.files.Files."""

import errno
import io


class _Written(io.BytesIO):
    def __init__(self, disk, path):
        super().__init__()
        self._disk, self._path = disk, path

    def close(self):
        if not self.closed:
            self._disk.files[self._path] = self.getvalue()
        super().close()


class Disk:
    """files: {path: octets}."""

    def __init__(self, files):
        self.files = files

    def _get(self, path):
        if path not in self.files:
            raise OSError(errno.ENOENT, "no such file")
        return self.files[path]

    def read(self, path, limit):
        return self._get(path)[:limit]

    def write(self, path, data):
        self.files[path] = bytes(data)

    def open(self, path):
        return io.BytesIO(self._get(path))

    def create(self, path):
        return _Written(self, path)

    def commit(self, file):
        file.flush()

    def rename(self, old, new):
        self.files[new] = self.files.pop(old)

    def remove(self, path):
        self._get(path)
        del self.files[path]
