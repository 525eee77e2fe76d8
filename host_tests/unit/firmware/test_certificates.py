# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""For whom a certificate is (RFC 5922), pins, and whatever else may stand where one should be."""

import unittest
from binascii import a2b_base64, hexlify

from firmware.net import certificates
from firmware.net.certificates import Trust, domains, is_for, public_key
from firmware.store.settings import Settings, SettingsError
from firmware.ui import wording
from host_tests.unit.firmware import certificate_doubles as doubles
from host_tests.unit.firmware.doubles import TLS, Disk
from vox6.crypto import provider
from vox6.wire.errors import FormatError

# openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=sip.example.net
#   -addext subjectAltName=URI:sip:example.org,URI:https://example.org,DNS:sip.example.org,
#   DNS:*.example.com,IP:2001:db8::53; the hashes by sha256sum of openssl's own output
REAL = a2b_base64(
    "MIIB7zCCAZSgAwIBAgIUf35nnLNJHg8EhuDxOyazpeupuEcwCgYIKoZIzj0EAwIwGjEYMBYGA1UEAwwPc2lwLmV4"
    "YW1wbGUubmV0MB4XDTI2MTEyODA0MzExOVoXDTM2MTEyNTA0MzExOVowGjEYMBYGA1UEAwwPc2lwLmV4YW1wbGUu"
    "bmV0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7/Q+Nkwd7T3ojYyMLx9tmhUqYGoJVGma9sT2KUhvJUs8M5mL"
    "Fmm77bRR4POYnDMpg0j3mVEIHn0CzEJKEqV3p6OBtzCBtDAdBgNVHQ4EFgQUvSK4UKnGQjCKK31E7KxNuOC3zXYw"
    "HwYDVR0jBBgwFoAUvSK4UKnGQjCKK31E7KxNuOC3zXYwDwYDVR0TAQH/BAUwAwEB/zBhBgNVHREEWjBYhg9zaXA6"
    "ZXhhbXBsZS5vcmeGE2h0dHBzOi8vZXhhbXBsZS5vcmeCD3NpcC5leGFtcGxlLm9yZ4INKi5leGFtcGxlLmNvbYcQ"
    "IAENuAAAAAAAAAAAAAAAUzAKBggqhkjOPQQDAgNJADBGAiEA3TBQHbri+RhC78Mz6Pbupl2e2dzVDFMihmcuTJGb"
    "WBgCIQDGdcQSgjtUKZ/PklZQvPVyD/ZqlUpFAByybX/s1//eWw=="
)
REAL_SHA256 = "c86dd17ab228c667785af6e6759897d7f10d23745f17a0326c7264b8f2e9e0f1"
REAL_KEY_SHA256 = "3f7ec17febc9a559f7e1cfb5f8f69eb01afc3ee91a03305be8056a1c838689b5"


def sha256(data):
    return provider().digest("SHA-256", data)


class Names(unittest.TestCase):
    def test_a_certificate_of_openssl(self):
        address = "=" + "20010db8000000000000000000000053"
        self.assertEqual(domains(REAL), ["example.org", address])
        self.assertTrue(is_for(REAL, "example.org"))
        self.assertTrue(is_for(REAL, "EXAMPLE.org"))
        self.assertTrue(is_for(REAL, "2001:db8::53"))
        self.assertTrue(is_for(REAL, "[2001:DB8:0::53]"))
        for name in ("sip.example.org", "sip.example.net", "a.example.com", "2001:db8::54", ""):
            self.assertFalse(is_for(REAL, name), name)
        self.assertEqual(hexlify(sha256(public_key(REAL))).decode(), REAL_KEY_SHA256)

    def test_which_names_count(self):
        """RFC 5922 section 7.1: SIP URIs, else DNS names, else the common name."""
        uri = (0x86, b"sip:One.example")
        table = (
            (None, ["common.example"]),
            ([], []),
            (doubles.dns("a.example", "b.example"), ["a.example", "b.example"]),
            (doubles.dns("a.example") + [uri], ["one.example"]),
            (doubles.dns("a.example") + [(0x86, b"https://x.example")], ["a.example"]),
            (doubles.dns("a.example") + [(0x86, b"sip:user@x.example")], ["a.example"]),
            ([(0x86, b"sips:x.example")], []),
            ([(0x81, b"mail@a.example")], []),
            ([(0x82, b"\xff\xfe")], [""]),
            ([(0x87, b"\xc0\x00\x02\x01")], ["=00000000000000000000ffffc0000201"]),
        )
        for names, expected in table:
            self.assertEqual(domains(doubles.certificate("Common.example", names)), expected)

    def test_wildcards_are_not_taken(self):
        """RFC 5922 section 7.2."""
        made = doubles.certificate("x", doubles.dns("*.example.org"))
        self.assertFalse(is_for(made, "sip.example.org"))
        self.assertFalse(is_for(doubles.certificate("x", doubles.dns("")), "example.org"))

    def test_what_is_no_certificate(self):
        for data in (b"", b"\x30", b"\x30\x80", b"\x30\x84\x01\x01\x01\x01", b"\x30\x02\x30\x05"):
            self.assertRaises(FormatError, domains, data)
            self.assertRaises(FormatError, public_key, data)
            self.assertFalse(is_for(data, "example.org"))

    def test_any_octet_changed_or_cut_raises_nothing_else(self):
        for length in range(len(REAL)):
            is_for(REAL[:length], "example.org")
        for i in range(len(REAL)):
            for value in (0, 0x80, 0xFF, REAL[i] ^ 1):
                data = bytearray(REAL)
                data[i] = value
                is_for(bytes(data), "example.org")
                try:
                    public_key(bytes(data))
                except FormatError:
                    pass


class Trusted(unittest.TestCase):
    def setUp(self):
        self.settings = Settings(None)
        self.tls = TLS()
        self.disk = Disk({"/settings/ca.pem": b"-----BEGIN CERTIFICATE-----"})
        self.trust = Trust(self.settings, self.disk, "/settings", sha256, self.tls)

    def look(self, certificate, name):
        _, check = self.trust.wrap(None, name)
        return self.trust._context.verify_callback(memoryview(certificate), 0), check.refused

    def test_a_set_of_authorities(self):
        self.assertFalse(self.trust.is_set())
        self.assertRaises(ValueError, self.trust.wrap, None, "example.org")
        self.settings.set("sip.tls_ca", "ca.pem")
        self.assertTrue(self.trust.is_set())
        self.assertEqual(self.look(REAL, "example.org"), (1, ""))
        refused = self.look(REAL, "example.net")
        self.assertEqual(refused, (-0x3000, "Certificate is not for example.net"))
        context = self.tls.contexts[-1]
        self.assertEqual(context.verify_mode, 2)
        self.assertEqual(context.authorities, b"-----BEGIN CERTIFICATE-----")
        self.assertEqual(context.verify_callback(memoryview(REAL), 1), 0)  # the CA's own
        self.assertEqual(len(self.tls.contexts), 2)  # the one that could not be, and one for all
        self.settings.set("sip.tls_ca", "gone.pem")
        self.assertRaises(ValueError, self.trust.wrap, None, "example.org")

    def test_the_domain_stands_in_a_uri_alone(self):
        self.settings.set("sip.tls_ca", "ca.pem")
        made = doubles.certificate("common.example", [(0x86, b"sip:one.example")])
        self.assertEqual(self.look(made, "one.example"), (1, ""))
        self.assertEqual(self.look(made, "common.example")[0], -0x3000)

    def test_pins(self):
        for pin in (REAL_SHA256, REAL_KEY_SHA256.upper()):
            self.settings.set("sip.tls_pin", "00" * 32 + " " + pin)
            self.assertEqual(self.look(REAL, "anything.example"), (0, ""))
            self.assertEqual(self.tls.contexts[-1].verify_mode, 1)
        other = doubles.certificate("example.org", doubles.dns("example.org"))
        self.assertEqual(self.look(other, "example.org"), (-0x3000, wording.CERT_PIN))
        self.assertEqual(self.look(b"none", "example.org")[0], -0x3000)
        for bad in ("00", "0g" * 32, " ".join(["00" * 32] * 5)):
            self.assertRaises(SettingsError, self.settings.set, "sip.tls_pin", bad)

    def test_without_a_look(self):
        self.settings.set("sip.tls_verify", False)
        self.assertTrue(self.trust.is_set())
        self.trust.wrap(None, "example.org")
        self.assertEqual(self.tls.contexts[-1].verify_mode, 0)

    def test_the_file_is_beside_the_settings(self):
        for bad in ("../ca.pem", "/ca.pem", ".ca", "x" * 33):
            self.assertRaises(SettingsError, self.settings.set, "sip.tls_ca", bad)

    def test_words(self):
        check = certificates.Check(self.trust, "example.org")
        table = (
            (
                ValueError("The certificate Common Name (CN) does not match with the expected CN"),
                "Certificate is not for example.org",
            ),
            (ValueError("The certificate validity has expired\n"), wording.CERT_EXPIRED),
            (
                ValueError("The certificate validity starts in the future\n"),
                wording.CERT_FUTURE,
            ),
            (
                ValueError("The certificate is not correctly signed by the trusted CA\n"),
                wording.CERT_UNKNOWN_CA,
            ),
            (ValueError(""), wording.CERT_REFUSED),
            (ImportError("no module named tls"), wording.NO_TLS),
            (OSError(111), wording.CONNECTION_REFUSED),
            (OSError(101, "x"), wording.NO_WAY),
            (OSError(110), wording.CONNECTION_SILENT),
            (OSError(-0x7780), "TLS failed: -0x7780"),
            (OSError(-0x7780, "FATAL_ALERT_MESSAGE"), "FATAL_ALERT_MESSAGE"),
        )
        for exc, words in table:
            self.assertEqual(self.trust.words(exc, check), words)
        check.refused = "as it was found"
        self.assertEqual(self.trust.words(OSError(-0x3000), check), "as it was found")
