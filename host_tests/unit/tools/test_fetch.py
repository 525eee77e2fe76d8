# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: a tool of the host
"""tools/fetch.py and tools/setup.py: mirrors, checksums, whole trees, lists. No network."""

import hashlib
import io
import os
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools import fetch, setup

TOP = Path(__file__).resolve().parents[3]


def make_tarball(path, files):
    """Write a tarball with one top folder; return its sha256."""
    with tarfile.open(path, "w:xz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"top-1.0/{name}")
            data = text.encode()
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return hashlib.sha256(path.read_bytes()).hexdigest()


class NoApt:
    """Fails the test when a download is asked for."""

    def download(self, source, folder):
        raise AssertionError(f"{source.name} would be downloaded")


class WrongApt:
    """A mirror that serves something else."""

    def download(self, source, folder):
        path = folder / source.tarball
        path.write_text("not the source\n")
        return path


class Folder(unittest.TestCase):
    def setUp(self):
        self._temporary = tempfile.TemporaryDirectory()
        self.top = Path(self._temporary.name)

    def tearDown(self):
        self._temporary.cleanup()


class Mirror(Folder):
    def apt(self, name, text):
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return fetch.find_mirror(self.top, "bookworm")

    def test_one_line_style(self):
        text = (
            "# deb http://off.example/debian bookworm main\n"
            "deb http://sec.example/debian-security bookworm-security main\n"
            "deb [arch=amd64 signed-by=/x y.gpg] http://m.example/debian bookworm main # here\n"
        )
        self.assertEqual(self.apt("sources.list", text), "http://m.example/debian")

    def test_deb822(self):
        text = (
            "Types: deb deb-src\n# comment\nURIs:\n http://m.example/debian/\n"
            "Suites: bookworm bookworm-updates\nComponents: main\n\n"
            "Types: deb\nURIs: http://s.example/debian-security\nSuites: bookworm-security\n"
        )
        found = self.apt("sources.list.d/debian.sources", text)
        self.assertEqual(found, "http://m.example/debian/")

    def test_disabled_and_foreign(self):
        text = (
            "Enabled: no\nTypes: deb\nURIs: http://m.example/debian\nSuites: bookworm\n\n"
            "Types: deb\nURIs: http://node.example/node\nSuites: bookworm\n"
        )
        found = self.apt("sources.list.d/a.sources", text)
        self.assertEqual(found, "http://deb.debian.org/debian")

    def test_none(self):
        self.assertEqual(fetch.find_mirror(self.top, "bookworm"), "http://deb.debian.org/debian")


class Trees(Folder):
    def setUp(self):
        super().setUp()
        dl = self.top / "dl"
        dl.mkdir()
        self.sums = {
            "big": make_tarball(dl / "big.tar.xz", {"py.mk": "x", "lib/part/.keep": ""}),
            "part": make_tarball(dl / "part.tar.xz", {"src/part.c": "int x;\n"}),
        }

    def pins(self, has='["py.mk", "lib/part/src/part.c"]', **sums):
        sums = {**self.sums, **sums}
        path = self.top / "sources.toml"
        path.write_text(
            'suite = "trixie"\nkeyring = "/nowhere"\n'
            '[source.big]\npackage = "big"\nversion = "1.0"\ntarball = "big.tar.xz"\n'
            f'sha256 = "{sums["big"]}"\nvariable = "BIG_DIR"\n'
            f'fill = {{ "lib/part" = "part" }}\nhas = {has}\n'
            '[source.part]\npackage = "part"\nversion = "2.0"\ntarball = "part.tar.xz"\n'
            f'sha256 = "{sums["part"]}"\n'
        )
        return fetch.Pins(path)

    def tree(self, pins, apt=None):
        return fetch.get_tree(pins.sources["big"], pins, self.top, apt or NoApt())

    def test_parts_are_filled_in(self):
        tree = self.tree(self.pins())
        self.assertEqual((tree / "lib/part/src/part.c").read_text(), "int x;\n")
        self.assertRegex(tree.name, r"^big-1\.0-[0-9a-f]{8}$")

    def test_second_time_reads_nothing(self):
        tree = self.tree(self.pins())
        (self.top / "dl/big.tar.xz").unlink()
        self.assertEqual(self.tree(self.pins()), tree)

    def test_wrong_checksum_in_cache(self):
        with self.assertRaisesRegex(fetch.FetchError, "another sha256(?s:.*)Remedy: rm "):
            self.tree(self.pins(part="0" * 64))
        self.assertEqual(os.listdir(self.top / "src") if (self.top / "src").exists() else [], [])

    def test_wrong_checksum_from_mirror(self):
        (self.top / "dl/part.tar.xz").unlink()
        with self.assertRaisesRegex(fetch.FetchError, "do not use this file"):
            self.tree(self.pins(), WrongApt())
        self.assertEqual(sorted(os.listdir(self.top / "dl")), ["big.tar.xz"])

    def test_broken_tree_leaves_nothing(self):
        with self.assertRaisesRegex(fetch.FetchError, "lacks absent.c"):
            self.tree(self.pins(has='["absent.c"]'))
        self.assertEqual(os.listdir(self.top / "src"), [])

    def test_another_part_is_another_tree(self):
        first = self.tree(self.pins())
        part = make_tarball(self.top / "dl/part.tar.xz", {"src/part.c": "int y;\n"})
        second = self.tree(self.pins(part=part))
        self.assertNotEqual(first, second)
        self.assertEqual((first / "lib/part/src/part.c").read_text(), "int x;\n")


class Cache(unittest.TestCase):
    def test_paths_that_make_cannot_use(self):
        for path in ("/tmp/a b", "relative", "/tmp/a:b", "/tmp/$x"):
            with self.subTest(path=path), mock.patch.dict(os.environ, {"VOX6_CACHE": path}):
                with self.assertRaises(fetch.FetchError):
                    fetch.cache_dir()


class Lists(unittest.TestCase):
    def test_pins_of_this_tree(self):
        pins = fetch.Pins(TOP / "ports" / "sources.toml")
        for source in pins.sources.values():
            self.assertRegex(source.sha256, "^[0-9a-f]{64}$")
            for name in source.fill.values():
                self.assertIn(name, pins.sources)

    def test_locks_name_no_host_and_pin_all(self):
        for path in sorted((TOP / "tools").glob("requirements-*.lock")):
            wanted = [
                line
                for line in path.read_text().splitlines()
                if line and not line.startswith((" ", "#"))
            ]
            for line in wanted:
                with self.subTest(lock=path.name, line=line):
                    self.assertRegex(line, r"^[a-z0-9._-]+==[0-9A-Za-z.]+ \\$")

    def test_test_lock_holds_call_lock(self):
        def pins(name):
            return {
                line.split()[0]
                for line in (TOP / "tools" / name).read_text().splitlines()
                if "==" in line
            }

        self.assertLessEqual(pins("requirements-call.lock"), pins("requirements-test.lock"))

    def test_missing_packages(self):
        missing = setup.missing_packages(["dpkg", "no-such-package-vox6"])
        self.assertEqual(missing, ["no-such-package-vox6"])

    def test_packages_of_test_include_those_of_call(self):
        call, test = setup.wanted_packages("call"), setup.wanted_packages("test")
        self.assertLess(set(call), set(test))


class Release(unittest.TestCase):
    def test_other_release_is_refused_with_the_remedy(self):
        with mock.patch.object(setup, "release", return_value=("ubuntu", "24.04")):
            with mock.patch.dict(os.environ, {"VOX6_ANY_RELEASE": ""}):
                with self.assertRaisesRegex(fetch.FetchError, "VOX6_ANY_RELEASE=1"):
                    setup.bring_packages("call", setup.Clock())

    def test_no_root_names_the_command(self):
        with (
            mock.patch.object(setup, "release", return_value=("debian", "12")),
            mock.patch.object(setup, "missing_packages", return_value=["radvd"]),
            mock.patch.object(os, "geteuid", return_value=1000),
            mock.patch.dict(os.environ, {"VOX6_ANY_RELEASE": ""}),
        ):
            with self.assertRaisesRegex(fetch.FetchError, "as root: apt-get install .* radvd"):
                setup.bring_packages("call", setup.Clock())


if __name__ == "__main__":
    unittest.main()
