# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Settings: the file as people and power cuts leave it."""

import os
import unittest

from firmware.store import settings
from firmware.store.settings import Settings, SettingsError

FOLDER = "/settings"
PATH = FOLDER + "/settings.txt"


class PowerCut(Exception):
    """The power is gone."""


class Disk:
    """A file system in memory whose power goes after a number of octets written or steps done."""

    def __init__(self, files=None, left=-1):
        self.files = files if files is not None else {}
        self.left = left

    def _spend(self):
        if self.left == 0:
            raise PowerCut
        self.left -= 1

    def read(self, path, limit):
        if path not in self.files:
            raise OSError(2, "as the test wants")
        return self.files[path][:limit]

    def write(self, path, data):
        self._spend()
        self.files[path] = b""
        for i in range(len(data)):
            self._spend()
            self.files[path] = data[: i + 1]

    def rename(self, old, new):
        self._spend()
        self.files[new] = self.files.pop(old)

    def remove(self, path):
        if path not in self.files:
            raise OSError(2, "as the test wants")
        del self.files[path]


class Full(Disk):
    """A file system that has no room."""

    def write(self, path, data):
        self.files[path] = data[:10]
        raise OSError(28, "as the test wants")


def loaded(text, disk=None):
    disk = disk or Disk()
    disk.files[PATH] = text if isinstance(text, bytes) else text.encode()
    out = Settings(FOLDER, disk)
    out.load()
    return out


class Reading(unittest.TestCase):
    def test_no_file_means_defaults(self):
        one = Settings(FOLDER, Disk())
        one.load()
        self.assertEqual(one.messages, [])
        self.assertEqual(one.get("sip.port"), 5060)
        self.assertEqual(one.get("media.codecs"), "G722 opus PCMU PCMA")
        self.assertEqual(one.account(1, "uri"), "")

    def test_values_of_each_kind(self):
        one = loaded(
            "vox6-settings 1\n# mine\nsip.port=5070\n  ring.volume =  0 \ncall.waiting = no\n"
            "media.codecs = PCMA  G722\naccount.2.uri = sip:bob@example.org\n"
            "account.2.display_name = Bób = Bo\n\naccount.2.password = a b#c\n"
            "account.2.proxy = sip:[2001:db8::1]:5062"
        )
        self.assertEqual(one.messages, [])
        self.assertEqual(one.get("sip.port"), 5070)
        self.assertEqual(one.get("ring.volume"), 0)
        self.assertEqual(one.get("call.waiting"), False)
        self.assertEqual(one.get("media.codecs"), "PCMA G722")
        self.assertEqual(one.account(2, "display_name"), "Bób = Bo")
        self.assertEqual(one.account(2, "password"), "a b#c")

    def test_bad_values_are_named_and_defaults_used(self):
        for line, word in (
            ("sip.port = 0", "within 1..65535"),
            ("sip.port = 65536", "within"),
            ("sip.port = five", "number"),
            ("sip.port = -1", "number"),
            ("sip.port = 99999999999999999999", "number"),
            ("sip.port =", "number"),
            ("ring.volume = 11", "within 0..10"),
            ("call.waiting = true", "yes or no"),
            ("media.codecs = speex", "no codec speex"),
            ("media.codecs =", "no codec named"),
            ("media.codecs = PCMU PCMU", "twice"),
            ("security.sdes = maybe", "no use maybe"),
            ("security.on_drop =", "no answer"),
            ("security.key_agreements = X255 RSA", "no key agreement RSA"),
            ("security.ciphers = AES1 AES1", "cipher twice"),
            ("account.1.uri = alice@example.org", "begin with sip:"),
            ("account.1.uri = sip:a b", "not a SIP URI"),
            ("account.1.proxy = example.org", "must begin with sip:"),
            ("tunnel.mode = on", "no mode on"),
            ("tunnel.servers = [2001:db8::1]", "no name or IPv4 address"),
            ("tunnel.servers = 192.0.2.300", "no name or IPv4 address"),
            ("tunnel.servers = a.example b_c.example", "no name or IPv4 address: b_c.example"),
            ("tunnel.servers = a b c d e f g h i", "more than 8"),
            ("tunnel.prefixes = 2001:db8:1::/48", "no prefix like"),
            ("tunnel.prefixes = 2001:db8::1/64", "no prefix like"),
            ("tunnel.martians = none", "no policy none"),
            ("account.1.display_name = " + "x" * 65, "0 to 64"),
            ("account.1.display_name = a\tb", "control character"),
            ("nonsense", "no ="),
        ):
            one = loaded("vox6-settings 1\n" + line + "\n")
            self.assertEqual(len(one.messages), 1, line)
            self.assertIn(word, one.messages[0])
            self.assertIn("line 2", one.messages[0])
            self.assertEqual(one.get("sip.port"), 5060)
            one.set("sip.port", 5099)
            one.save()

    def test_a_password_is_never_in_a_message(self):
        one = loaded("vox6-settings 1\naccount.1.password = " + "s3cret" * 30 + "\n")
        self.assertEqual(len(one.messages), 1)
        self.assertNotIn("s3cret", one.messages[0])

    def test_bad_line_stays_until_it_is_set(self):
        disk = Disk()
        one = loaded("vox6-settings 1\nsip.port = x\nring.volume = 3\n", disk)
        one.set("ring.volume", 4)
        one.save()
        self.assertEqual(disk.files[PATH], b"vox6-settings 1\nsip.port = x\nring.volume = 4\n")
        one.set("sip.port", "5061")
        one.save()
        self.assertEqual(disk.files[PATH], b"vox6-settings 1\nsip.port = 5061\nring.volume = 4\n")

    def test_the_last_of_two_lines_counts(self):
        one = loaded("vox6-settings 1\nring.volume = 3\nring.volume = 4\n")
        self.assertEqual(one.get("ring.volume"), 4)
        one = loaded("vox6-settings 1\nring.volume = 3\nring.volume = 44\n")
        self.assertEqual(one.get("ring.volume"), 7)

    def test_unknown_names_and_octets_are_kept(self):
        text = b"vox6-settings 1\nzrtp.later = 1\n# c\r\n\xff\xfe = 1\naccount.9.uri = sip:x@y\n"
        disk = Disk()
        one = loaded(text, disk)
        self.assertEqual(len(one.messages), 1)
        self.assertIn("UTF-8", one.messages[0])
        one.set("dscp.voice", 0)
        one.save()
        self.assertEqual(disk.files[PATH], text + b"dscp.voice = 0\n")

    def test_newer_version_is_refused_and_left(self):
        text = b"vox6-settings 2\nring.volume = 1\n"
        disk = Disk()
        one = loaded(text, disk)
        self.assertIn("newer", one.messages[0])
        self.assertEqual(one.get("ring.volume"), 7)
        one.set("ring.volume", 2)
        self.assertEqual(one.get("ring.volume"), 2)
        self.assertRaises(SettingsError, one.save)
        self.assertEqual(disk.files, {PATH: text})

    def test_something_else_is_refused_and_left(self):
        for text in (b"", b"\n", b"hello", b"vox6-settings", b"vox6-settings x\n", b"\x00" * 100):
            disk = Disk()
            one = loaded(text, disk)
            self.assertEqual(len(one.messages), 1)
            self.assertRaises(SettingsError, one.save)
            self.assertEqual(disk.files, {PATH: text})

    def test_bounds_of_the_file(self):
        self.assertIn("longer", loaded(b"vox6-settings 1\n" + b"#" * 16384).messages[0])
        self.assertIn("lines", loaded(b"vox6-settings 1\n" + b"#\n" * 256).messages[0])
        one = loaded(b"vox6-settings 1\n#" + b"x" * 600 + b"\nring.volume = 1\n")
        self.assertIn("longer", one.messages[0])
        self.assertEqual(one.get("ring.volume"), 1)


class Writing(unittest.TestCase):
    def test_refused_values_change_nothing(self):
        one = Settings(FOLDER, Disk())
        one.load()
        version = one.version
        for name, value in (
            ("sip.port", 70000),
            ("sip.port", "x"),
            ("no.such", "1"),
            ("account.5.uri", "sip:a@b"),
            ("account.1.nothing", "x"),
            ("account.1.display_name", "two\nlines"),
        ):
            self.assertRaises(SettingsError, one.set, name, value)
        self.assertEqual(one.version, version)
        self.assertRaises(KeyError, one.get, "no.such")

    def test_survives_a_reboot(self):
        disk = Disk()
        one = Settings(FOLDER, disk)
        one.load()
        one.set("account.1.uri", "sip:alice@example.org")
        one.set("call.waiting", False)
        one.set("account.1.display_name", "Älice")
        one.save()
        two = Settings(FOLDER, disk)
        two.load()
        self.assertEqual(two.messages, [])
        self.assertEqual(two.account(1, "uri"), "sip:alice@example.org")
        self.assertEqual(two.account(1, "display_name"), "Älice")
        self.assertEqual(two.get("call.waiting"), False)

    def test_power_cut_at_each_octet(self):
        """Whatever octet is the last, the next boot finds the old values or the new ones."""
        seen = []
        for cut in range(1000):
            disk = Disk({PATH: b"vox6-settings 1\nring.volume = 1\nkept = 1\n"}, cut)
            one = Settings(FOLDER, disk)
            one.load()
            one.set("ring.volume", 2)
            one.set("sip.port", 5099)
            try:
                one.save()
                done = True
            except PowerCut:
                done = False
            disk.left = -1
            two = Settings(FOLDER, disk)
            two.load()
            self.assertEqual(two.messages, [])
            found = (two.get("ring.volume"), two.get("sip.port"))
            self.assertIn(found, ((1, 5060), (2, 5099)))
            self.assertEqual(list(disk.files), [PATH])
            if found not in seen:
                seen.append(found)
            if done:
                break
        self.assertEqual(seen, [(1, 5060), (2, 5099)])
        self.assertTrue(cut > 50, "the disk was never cut inside the data")

    def test_power_cut_at_the_first_save(self):
        for cut in range(30):
            disk = Disk({}, cut)
            one = Settings(FOLDER, disk)
            one.load()
            one.set("ring.volume", 2)
            self.assertRaises(PowerCut, one.save)
            disk.left = -1
            two = Settings(FOLDER, disk)
            two.load()
            self.assertEqual((two.get("ring.volume"), two.messages), (7, []))

    def test_full_disk_is_told_and_the_old_file_stays(self):
        text = b"vox6-settings 1\nring.volume = 1\n"
        one = loaded(text, Full())
        one.set("ring.volume", 2)
        self.assertRaises(SettingsError, one.save)
        self.assertEqual(one._files.files[PATH], text)

    def test_no_storage(self):
        one = Settings(None)
        one.load()
        one.set("ring.volume", 2)
        self.assertEqual(one.get("ring.volume"), 2)
        self.assertRaises(SettingsError, one.save)

    def test_file_bound_when_writing(self):
        one = loaded(b"vox6-settings 1\n" + b"#\n" * 255)
        self.assertEqual(one.messages, [])
        self.assertRaises(SettingsError, one.set, "ring.volume", 2)

    def test_on_the_real_file_system(self):
        folder = "build/test-settings-%s" % ("mp" if not hasattr(os, "getpid") else os.getpid())
        try:
            os.mkdir(folder)
        except OSError:
            pass
        try:
            one = Settings(folder)
            one.load()
            one.set("ring.volume", 2)
            one.save()
            with open(folder + "/settings.txt.new", "wb") as file:
                file.write(b"vox6-sett")  # a power cut of another day
            two = Settings(folder)
            two.load()
            self.assertEqual((two.get("ring.volume"), two.messages), (2, []))
            self.assertEqual(os.listdir(folder), ["settings.txt"])
            two.set("ring.volume", 3)
            two.save()
            two.load()
            self.assertEqual(two.get("ring.volume"), 3)
        finally:
            for name in os.listdir(folder):
                os.remove(folder + "/" + name)
            os.rmdir(folder)


class Table(unittest.TestCase):
    def test_each_default_is_a_valid_value(self):
        for name in settings.names():
            entry = settings.row(name)
            text = settings.format_value(entry, entry[2])
            if text:
                self.assertEqual(settings.parse_value(entry, text), entry[2])

    def test_secrets_are_not_shown(self):
        entry = settings.row("account.1.password")
        self.assertEqual(settings.shown(entry, "x"), "***")
        self.assertEqual(settings.shown(entry, ""), "")
