# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which certificates count for SIP over TLS (RFC 5922): a set of CAs, or pins.

The chain, its times and signatures are mbedtls's to check; here is what it does not know: for
which SIP domain a certificate is (section 7.1, without wildcards: section 7.2), and the pins of
the owner, SHA-256 of the whole certificate or of its public key (SubjectPublicKeyInfo, as RFC
7469 section 2.4 has it). Of a certificate (RFC 5280 section 4.1) as much is read as that takes:

    Certificate ::= SEQUENCE { tbsCertificate, ... }
    TBSCertificate ::= SEQUENCE { [0] version, serialNumber, signature, issuer, validity, subject,
                                  subjectPublicKeyInfo, [1] [2] uniqueIDs, [3] extensions }
"""

from binascii import unhexlify

from firmware import log
from firmware.ui import wording
from vox6.sip.uri import URI, host_address
from vox6.wire import const
from vox6.wire.errors import FormatError

_CA_OCTETS = const(16384)  # of the file: some eight certificates
_NAME_FITS = const(1)  # ports/cmodules/mbedtls: our word on the name counts, not mbedtls's
_FATAL = const(-0x3000)  # MBEDTLS_ERR_X509_FATAL_ERROR
_CERT_NONE = const(0)
_CERT_OPTIONAL = const(1)
_CERT_REQUIRED = const(2)
_SAN = b"\x55\x1d\x11"  # id-ce-subjectAltName
_CN = b"\x55\x04\x03"  # id-at-commonName
_DNS = const(0x82)  # GeneralName, RFC 5280 section 4.2.1.6
_URI = const(0x86)
_IP = const(0x87)

# What mbedtls says of a chain (x509_crt.h), and our words. The name is looked at first of all.
_CHAIN = (
    ("does not match", wording.CERT_NAME),
    ("has expired", wording.CERT_EXPIRED),
    ("starts in the future", wording.CERT_FUTURE),
    ("not correctly signed", wording.CERT_UNKNOWN_CA),
)


# DER (X.690), as much as certificates need


def _element(data, at, end):
    """Return (tag, where its content begins, where it ends). FormatError: cut off."""
    if at + 2 > end:
        raise FormatError("cut off")
    tag = data[at]
    length = data[at + 1]
    at += 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 3 or at + count > end:
            raise FormatError("bad length")
        length = 0
        for _ in range(count):
            length = length << 8 | data[at]
            at += 1
    if at + length > end:
        raise FormatError("cut off")
    return tag, at, at + length


def _elements(data, at, end):
    """Return the elements between two places: [(tag, where it begins, content, its end), ...]."""
    out = []
    while at < end:
        tag, start, stop = _element(data, at, end)
        out.append((tag, at, start, stop))
        at = stop
    return out


def _to_be_signed(data):
    """Return the elements of the TBSCertificate from serialNumber on."""
    _, start, stop = _element(data, 0, len(data))
    _, start, stop = _element(data, start, stop)
    found = _elements(data, start, stop)
    if found and found[0][0] == 0xA0:
        found = found[1:]
    if len(found) < 6:
        raise FormatError("no certificate")
    return found


def public_key(data):
    """Return the octets of the SubjectPublicKeyInfo. FormatError: no certificate."""
    _, at, _, stop = _to_be_signed(data)[5]
    return data[at:stop]


def _alternative_names(data, found):
    """Return [(tag, octets)] of subjectAltName, None if there is none."""
    for tag, _, start, stop in found[6:]:
        if tag != 0xA3:
            continue
        _, start, stop = _element(data, start, stop)
        for _, _, first, last in _elements(data, start, stop):
            parts = _elements(data, first, last)
            if len(parts) >= 2 and data[parts[0][2] : parts[0][3]] == _SAN:
                _, first, last = _element(data, parts[-1][2], parts[-1][3])
                return [(one[0], data[one[2] : one[3]]) for one in _elements(data, first, last)]
    return None


def _common_names(data, found):
    out = []
    _, _, start, stop = found[4]
    for _, _, first, last in _elements(data, start, stop):  # of RelativeDistinguishedName
        for _, _, begin, end in _elements(data, first, last):
            parts = _elements(data, begin, end)
            if len(parts) == 2 and data[parts[0][2] : parts[0][3]] == _CN:
                out.append(data[parts[1][2] : parts[1][3]])
    return out


def domains(data):
    """Return the lower-case names that a certificate is for (RFC 5922 section 7.1).

    SIP URIs without a user; if there are none, DNS names; the common name where there is no
    subjectAltName at all. Addresses are texts "=" and 32 hexadecimal digits. FormatError: it is no
    certificate.
    """
    found = _to_be_signed(data)
    names = _alternative_names(data, found)
    if names is None:
        return [_text(one) for one in _common_names(data, found)]
    hosts = []
    for tag, value in names:
        if tag == _URI:
            try:
                uri = URI.parse(_text(value))
                if uri.scheme == "sip" and uri.user is None:
                    hosts.append(uri.host.lower())
            except FormatError:
                pass  # another scheme
    if not hosts:
        hosts = [_text(value) for tag, value in names if tag == _DNS]
    return hosts + [_address(value) for tag, value in names if tag == _IP]


def _text(octets):
    try:
        return bytes(octets).decode().lower()
    except (UnicodeError, ValueError):
        return ""


def _address(octets):
    if len(octets) == 4:
        octets = b"\x00" * 10 + b"\xff\xff" + octets
    return "=" + "".join(["%02x" % octet for octet in octets])


def is_for(data, name):
    """Return whether a certificate is for a domain, or for an address as text."""
    try:
        wanted = name.lower()
        try:
            addr16 = host_address(name if ":" not in name else "[" + name.strip("[]") + "]")
            if addr16 is not None:
                wanted = _address(addr16)
        except FormatError:
            pass
        return wanted in domains(data)
    except FormatError:
        return False


class Check:
    """What is checked of one connection. name: whom the certificate must be for; stream: TLS."""

    def __init__(self, trust, name):
        self._trust = trust
        self.name = name
        self.stream = None
        self.refused = ""  # why, in words

    def use(self):
        """Before each call of the stream: the next certificate is that of this connection."""
        self._trust.current = self

    def look(self, certificate):
        """Look at the peer's own certificate: is it pinned, or for whom it should be?

        Returns 0, _NAME_FITS, or the error that ends the handshake.
        """
        if self._trust.pins:
            if self._trust.is_pinned(certificate):
                return 0
            self.refused = wording.CERT_PIN
        elif is_for(certificate, self.name):
            return _NAME_FITS
        else:
            self.refused = wording.CERT_NAME % self.name
        return _FATAL

    def told(self):
        """Return version and suite for the log."""
        suite, version = self.stream.cipher()
        told = "%s %s for %s" % (version, suite, self.name)
        return told if self._trust.knows_time() else told + ", dates not looked at"


class Trust:
    """Whom we believe, by the settings sip.tls_ca, sip.tls_pin, sip.tls_verify.

    files: a store.files.Files; folder: where the file of sip.tls_ca is, None without storage;
    tls: the module of that name, None: imported at the first connection. utc: the board's clock;
    while it knows no time, mbedtls lets all dates pass (ports/cmodules/mbedtls).
    """

    def __init__(self, settings, files, folder, sha256, tls=None, utc=None):
        self._settings = settings
        self._files = files
        self._folder = folder
        self._sha256 = sha256
        self._tls = tls
        self._utc = utc
        self._context = None
        self._version = None
        self.pins = []
        self.current = None

    def knows_time(self):
        """Return whether the dates of certificates can be looked at."""
        return self._utc is None or self._utc() is not None

    def is_set(self):
        """Return whether the owner has said whom to believe."""
        get = self._settings.get
        return bool(get("sip.tls_ca") or get("sip.tls_pin")) or not get("sip.tls_verify")

    def is_pinned(self, certificate):
        """Return whether the owner named a certificate, or its public key."""
        if self._sha256(certificate) in self.pins:
            return True
        try:
            return self._sha256(public_key(certificate)) in self.pins
        except FormatError:
            return False

    def wrap(self, raw, name):
        """Return (TLS stream on a stream of net6, its Check). name: of the peer.

        ValueError: neither CA nor pin; OSError, ImportError.
        """
        context = self._make_context()
        check = Check(self, name)
        check.use()
        check.stream = context.wrap_socket(
            raw, server_hostname=name, do_handshake_on_connect=False
        )
        return check.stream, check

    def _make_context(self):
        if self._context is not None and self._version == self._settings.version:
            return self._context
        if self._tls is None:
            import tls

            self._tls = tls
        get = self._settings.get
        context = self._tls.SSLContext(self._tls.PROTOCOL_TLS_CLIENT)
        pins = [unhexlify(word) for word in get("sip.tls_pin").split()]
        self.pins = pins
        if not get("sip.tls_verify"):
            context.verify_mode = _CERT_NONE
            log.say("sip", "TLS without a look at certificates: sip.tls_verify = no")
        elif pins:
            context.verify_mode = _CERT_OPTIONAL  # the pin stands for the chain
            context.verify_callback = self._verify
        else:
            context.verify_mode = _CERT_REQUIRED
            context.verify_callback = self._verify
            context.load_verify_locations(self._authorities(get("sip.tls_ca")))
        self._context = context
        self._version = self._settings.version
        return context

    def _authorities(self, name):
        if not name or self._folder is None:
            raise ValueError(wording.NEEDS_CA)
        try:
            return self._files.read(self._folder + "/" + name, _CA_OCTETS)
        except OSError:
            raise ValueError(wording.CERT_NO_FILE % name)

    def _verify(self, certificate, depth):
        if depth:
            return 0
        if self.current is None:
            return _FATAL
        return self.current.look(bytes(certificate))

    def words(self, exc, check):
        """Return why a connection failed, for the screen. check: its Check, or None."""
        if check is not None and check.refused:
            return check.refused
        text = str(exc.args[0]) if exc.args else ""
        if isinstance(exc, ValueError):  # what mbedtls found at the chain, or we in the settings
            for part, words in _CHAIN:
                if part in text:
                    return words % check.name if "%" in words and check is not None else words
            return text.replace("\n", " ").strip() or wording.CERT_REFUSED
        if isinstance(exc, ImportError):
            return wording.NO_TLS
        return _network_words(exc)


def _network_words(exc):
    errno = exc.args[0] if exc.args else 0
    if errno in (111, 104):  # ECONNREFUSED, ECONNRESET
        return wording.CONNECTION_REFUSED
    if errno in (101, 113, 118):  # ENETUNREACH, EHOSTUNREACH
        return wording.NO_WAY
    if errno in (110, 116):  # ETIMEDOUT
        return wording.CONNECTION_SILENT
    if isinstance(errno, int) and errno < -256 and len(exc.args) < 2:
        return wording.TLS_FAILED % ("-0x%x" % -errno)
    return str(exc.args[1]) if len(exc.args) > 1 else str(exc)
