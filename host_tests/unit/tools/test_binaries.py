# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: a tool of the host
"""tools/binaries.py: pinned packages are unpacked and not installed; another file is refused."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools import binaries, fetch

TABLE = """release = "bookworm"
[program.hello]
packages = ["hello-vox6"]
has = ["usr/bin/hello"]
[package.hello-vox6]
version = "1"
{machine} = "{pin}"
"""


class Binaries(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(binaries, "TOP", self.folder))
        self.enterContext(mock.patch.dict(os.environ, {"VOX6_CACHE": str(self.folder / "cache")}))
        self.machine = binaries.architecture()
        self.deb = self.make_deb()
        (self.folder / "tools").mkdir()
        self.pin(fetch.sha256_of(self.deb))

    def make_deb(self):
        """A package whose installation would leave a mark."""
        root = self.folder / "root"
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN" / "control").write_text(
            f"Package: hello-vox6\nVersion: 1\nArchitecture: {self.machine}\n"
            "Maintainer: nobody <nobody@example.com>\nDescription: a test\n"
        )
        script = root / "DEBIAN" / "postinst"
        script.write_text(f"#!/bin/sh\ntouch {self.folder}/installed\n")
        script.chmod(0o755)
        (root / "usr" / "bin").mkdir(parents=True)
        (root / "usr" / "bin" / "hello").write_text("#!/bin/sh\necho hello\n")
        deb = self.folder / "cache" / "deb" / f"hello-vox6_1_{self.machine}.deb"
        deb.parent.mkdir(parents=True)
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-b", str(root), str(deb)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return deb

    def pin(self, sha256):
        (self.folder / "tools" / "binaries.toml").write_text(
            TABLE.format(machine=self.machine, pin=sha256)
        )

    def test_unpacked_and_not_installed(self):
        tree = binaries.get("hello")
        self.assertTrue((tree / "usr" / "bin" / "hello").is_file())
        self.assertFalse((self.folder / "installed").exists())
        self.assertEqual(binaries.get("hello"), tree)

    def test_another_file_is_refused(self):
        """The file in the cache is not the pinned one, and no mirror has that package."""
        self.pin("0" * 64)
        with self.assertRaises(fetch.FetchError):
            binaries.get("hello")
        self.assertEqual(list((self.folder / "cache" / "bin").iterdir()), [])

    def test_another_machine(self):
        with mock.patch.object(binaries, "architecture", lambda: "vax"):
            with self.assertRaisesRegex(fetch.FetchError, "no hello-vox6 for vax"):
                binaries.get("hello")
