# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The ZRTP cache: what it keeps, who leaves, and the file as power cuts and others leave it."""

import os
import unittest

from firmware import log
from firmware.store.zrtp_cache import ZRTPCache
from host_tests.unit.firmware.doubles import Disk, PowerCut
from vox6.crypto import provider as crypto_provider
from vox6.zrtp.cache import FOREVER, Entry

FOLDER = "/settings"
PATH = FOLDER + "/zrtp-cache"
ZIDS = [bytes((65 + i,)) * 12 for i in range(20)]


class Full(Disk):
    """A file system that has no room from some moment on."""

    full = False

    def create(self, path):
        if self.full:
            raise OSError(28, "as the test wants")
        return super().create(path)


def secret(number):
    return bytes((number,)) * 32


class Case(unittest.TestCase):
    def setUp(self):
        log.start(None, None)
        self.disk = Disk()

    def cache(self, **options):
        return ZRTPCache(FOLDER, crypto_provider(), files=self.disk, **options)


class Keeping(Case):
    def test_zid_is_drawn_once(self):
        one = self.cache()
        self.assertEqual(len(one.zid), 12)
        self.assertEqual(one.message, None)
        self.assertEqual(self.cache().zid, one.zid)
        self.disk.files.clear()
        self.assertNotEqual(self.cache().zid, one.zid)

    def test_an_entry_comes_back_whole(self):
        one = self.cache()
        entry = Entry(secret(1), secret(2), secret(3), secret(4), True, "Älice", 3600)
        one.put(ZIDS[0], entry)
        one.put(ZIDS[1], Entry(secret(5)))
        for cache in (one, self.cache()):
            self.assertEqual(len(cache), 2)
            got = cache.get(ZIDS[0])
            self.assertEqual(got.rs1, secret(1))
            self.assertEqual(got.rs2, secret(2))
            self.assertEqual(got.aux, secret(3))
            self.assertEqual(got.pbx, secret(4))
            self.assertEqual((got.verified, got.name), (True, "Älice"))
            self.assertEqual((got.expiration, got.expired), (3600, False))
            got = cache.get(ZIDS[1])
            self.assertEqual((got.rs1, got.rs2, got.aux, got.pbx), (secret(5), None, None, None))
            self.assertEqual((got.verified, got.name, got.expiration), (False, "", FOREVER))
            self.assertEqual(cache.get(ZIDS[2]), None)

    def test_a_change_replaces_and_moves_to_the_end(self):
        one = self.cache()
        for zid in ZIDS[:3]:
            one.put(zid, Entry(secret(1)))
        one.put(ZIDS[0], Entry(secret(9), secret(1)))
        self.assertEqual(one.known(), [ZIDS[0], ZIDS[2], ZIDS[1]])
        self.assertEqual(self.cache().known(), [ZIDS[0], ZIDS[2], ZIDS[1]])
        self.assertEqual(self.cache().get(ZIDS[0]).rs1, secret(9))

    def test_forget(self):
        one = self.cache()
        one.put(ZIDS[0], Entry(secret(1)))
        one.put(ZIDS[1], Entry(secret(2)))
        one.remove(ZIDS[0])
        one.remove(ZIDS[5])
        self.assertEqual(self.cache().known(), [ZIDS[1]])
        self.assertNotIn(secret(1), self.disk.files[PATH])

    def test_the_oldest_unverified_leaves_first_then_the_oldest_verified(self):
        one = self.cache(peers=4)
        one.put(ZIDS[0], Entry(secret(1), verified=True))
        one.put(ZIDS[1], Entry(secret(1)))
        one.put(ZIDS[2], Entry(secret(1)))
        one.put(ZIDS[3], Entry(secret(1), verified=True))
        one.put(ZIDS[4], Entry(secret(1), verified=True))
        self.assertEqual(one.known(), [ZIDS[4], ZIDS[3], ZIDS[2], ZIDS[0]])
        one.put(ZIDS[0], Entry(secret(2), verified=True))  # used: no longer the oldest
        one.put(ZIDS[5], Entry(secret(1), verified=True))
        self.assertEqual(one.known(), [ZIDS[5], ZIDS[0], ZIDS[4], ZIDS[3]])
        one.put(ZIDS[6], Entry(secret(1)))
        self.assertEqual(one.known(), [ZIDS[6], ZIDS[5], ZIDS[0], ZIDS[4]])
        self.assertEqual(self.cache(peers=4).known(), one.known())
        self.assertTrue(len(self.disk.files[PATH]) == 25 + 4 * 216 + 32)

    def test_a_long_name_is_cut_between_characters(self):
        one = self.cache()
        for name, kept in (("x" * 64, "x" * 64), ("é" * 40, "é" * 32), ("x" + "é" * 40, None)):
            one.put(ZIDS[0], Entry(secret(1), name=name))
            self.assertEqual(one.error, None)
            got = self.cache().get(ZIDS[0]).name
            self.assertEqual(got, kept or "x" + "é" * 31)

    def test_expiration_by_the_clock(self):
        time = [None]
        one = self.cache(utc=lambda: time[0])
        one.put(ZIDS[0], Entry(secret(1), expiration=60))
        time[0] = 1000
        self.assertEqual(one.get(ZIDS[0]).expired, False)  # written at an unknown time
        one.put(ZIDS[0], Entry(secret(1), expiration=60))
        one.put(ZIDS[1], Entry(secret(1)))
        time[0] = 1059
        self.assertEqual(one.get(ZIDS[0]).expired, False)
        time[0] = 1060
        self.assertEqual(one.get(ZIDS[0]).expired, True)
        self.assertEqual(one.get(ZIDS[1]).expired, False)
        time[0] = None
        self.assertEqual(one.get(ZIDS[0]).expired, False)

    def test_without_storage_nobody_is_remembered(self):
        one = ZRTPCache(None, crypto_provider())
        one.put(ZIDS[0], Entry(secret(1)))
        self.assertEqual((one.get(ZIDS[0]), one.known(), len(one.zid)), (None, [], 12))


class PowerCuts(Case):
    def change_all(self, change):
        """Cut the power after each octet of a change; return what the next boots found."""
        one = self.cache()
        one.put(ZIDS[0], Entry(secret(1), verified=True, name="Anna"))
        one.put(ZIDS[1], Entry(secret(2)))
        before = dict(self.disk.files)
        zid = one.zid
        seen = []
        for cut in range(2000):
            self.disk.files = dict(before)
            self.disk.left = -1
            one = self.cache()
            self.disk.left = cut
            try:
                change(one)
                done = True
            except PowerCut:
                done = False
            self.disk.left = -1
            two = self.cache()
            self.assertEqual((two.message, two.refused, two.zid), (None, None, zid))
            self.assertEqual(list(self.disk.files), [PATH])
            found = [(z, two.get(z).rs1) for z in two.known()]
            if found not in seen:
                seen.append(found)
            if done:
                self.assertTrue(cut > 200, "the disk was never cut inside the data")
                return seen
        self.fail("the change never ended")

    def test_at_each_octet_of_an_update(self):
        seen = self.change_all(lambda cache: cache.put(ZIDS[0], Entry(secret(3), secret(1))))
        old = [(ZIDS[1], secret(2)), (ZIDS[0], secret(1))]
        self.assertEqual(seen, [old, [(ZIDS[0], secret(3)), (ZIDS[1], secret(2))]])

    def test_at_each_octet_of_a_new_peer(self):
        seen = self.change_all(lambda cache: cache.put(ZIDS[2], Entry(secret(3))))
        self.assertEqual([len(found) for found in seen], [2, 3])

    def test_at_each_octet_of_forgetting(self):
        seen = self.change_all(lambda cache: cache.remove(ZIDS[0]))
        self.assertEqual([len(found) for found in seen], [2, 1])

    def test_at_each_octet_of_the_first_file(self):
        for cut in range(60):
            self.disk = Disk(None, cut)
            self.assertRaises(PowerCut, self.cache)
            self.disk.left = -1
            two = self.cache()
            self.assertEqual((two.message, list(self.disk.files)), (None, [PATH]))

    def test_at_each_step_of_putting_a_damaged_file_aside(self):
        garbage = b"zrtp-cache 1\nthis is no cache of anybody"
        for cut in range(200):
            self.disk = Disk({PATH: garbage}, cut)
            try:
                self.cache()
                done = True
            except PowerCut:
                done = False
            self.disk.left = -1
            two = self.cache()
            self.assertEqual(two.refused, None)
            self.assertIn(garbage, list(self.disk.files.values()))
            if done:
                return
        self.fail("never done")


class Damage(Case):
    def test_each_damaged_octet_is_seen_and_the_file_kept(self):
        one = self.cache()
        one.put(ZIDS[0], Entry(secret(1), name="Anna"))
        good = self.disk.files[PATH]
        for at in range(len(good)):
            bad = bytearray(good)
            bad[at] ^= 0x40
            self.disk.files = {PATH: bytes(bad)}
            two = self.cache()
            self.assertEqual(len(two), 0)
            self.assertNotEqual(two.message, None)
            self.assertIn(bytes(bad), list(self.disk.files.values()))
            self.assertIn("zrtp-cache", two.message)

    def test_lengths(self):
        one = self.cache()
        one.put(ZIDS[0], Entry(secret(1)))
        good = self.disk.files[PATH]
        for bad in (b"", good[:-1], good[:24], good + b"x", good + bytes(216), b"hello"):
            self.disk.files = {PATH: bad}
            two = self.cache()
            self.assertEqual((len(two), two.refused), (0, None))
            self.assertEqual(self.disk.files[PATH + ".bad1"], bad)
            two.put(ZIDS[3], Entry(secret(3)))
            self.assertEqual(self.cache().known(), [ZIDS[3]])

    def test_damaged_files_are_never_lost(self):
        for i in range(12):
            self.disk.files[PATH] = b"garbage %d" % i
            one = self.cache()
        self.assertEqual(self.disk.files[PATH + ".bad9"], b"garbage 8")
        self.assertEqual(self.disk.files[PATH], b"garbage 11")
        self.assertIn("9 damaged files", one.message)
        one.put(ZIDS[0], Entry(secret(1)))
        self.assertEqual(self.disk.files[PATH], b"garbage 11")
        self.assertIn("9 damaged files", one.error)

    def test_a_newer_version_is_refused_and_left_in_place(self):
        for head in (b"zrtp-cache 2\n", b"zrtp-cache 10\nwhat ever"):
            self.disk.files = {PATH: head}
            one = self.cache()
            self.assertIn("newer", one.message)
            one.put(ZIDS[0], Entry(secret(1)))
            self.assertIn("newer", one.error)
            self.assertEqual(one.get(ZIDS[0]), None)
            self.assertEqual(self.disk.files, {PATH: head})

    def test_too_many_peers(self):
        one = self.cache()
        for zid in ZIDS[:3]:
            one.put(zid, Entry(secret(1)))
        self.assertIn("more than 2", self.cache(peers=2).message)

    def test_a_medium_that_cannot_be_read(self):
        one = self.cache()
        one.put(ZIDS[0], Entry(secret(1)))
        self.disk.broken = PATH
        self.assertEqual(one.get(ZIDS[0]), None)
        self.assertIn("not read", one.error)
        one.put(ZIDS[1], Entry(secret(1)))
        self.assertIn("not written", one.error)
        two = self.cache()
        self.assertIn("not read", two.refused)
        self.disk.broken = None
        self.assertEqual(self.cache().known(), [ZIDS[0]])

    def test_a_full_medium_is_told_and_the_old_file_stays(self):
        self.disk = Full()
        one = self.cache()
        one.put(ZIDS[0], Entry(secret(1)))
        self.disk.full = True
        one.put(ZIDS[0], Entry(secret(2)))
        self.assertIn("not written", one.error)
        self.assertEqual(one.get(ZIDS[0]).rs1, secret(1))
        self.disk.full = False
        one.put(ZIDS[0], Entry(secret(2)))
        self.assertEqual((one.error, one.get(ZIDS[0]).rs1), (None, secret(2)))

    def test_a_secret_of_another_length_is_not_written(self):
        one = self.cache()
        one.put(ZIDS[0], Entry(b"short"))
        self.assertIn("5 octets", one.error)
        self.assertEqual(len(one), 0)


class RealFiles(unittest.TestCase):
    def test_on_the_real_file_system(self):
        folder = "build/test-cache-%s" % ("mp" if not hasattr(os, "getpid") else os.getpid())
        try:
            os.mkdir(folder)
        except OSError:
            pass
        try:
            one = ZRTPCache(folder, crypto_provider())
            for i in range(3):
                for zid in ZIDS:
                    one.put(zid, Entry(secret(i), verified=True, name="Anna"))
            self.assertEqual(one.error, None)
            two = ZRTPCache(folder, crypto_provider())
            self.assertEqual((two.zid, len(two)), (one.zid, len(ZIDS)))
            self.assertEqual(two.get(ZIDS[7]).rs1, secret(2))
            self.assertEqual(os.listdir(folder), ["zrtp-cache"])
            if hasattr(os, "getuid"):
                self.assertEqual(os.stat(folder + "/zrtp-cache")[0] & 0o777, 0o600)
        finally:
            for name in os.listdir(folder):
                os.remove(folder + "/" + name)
            os.rmdir(folder)
