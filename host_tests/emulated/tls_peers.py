# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Certificates of all kinds, and TLS servers (Python's ssl) that show them."""

import contextlib
import datetime
import functools
import ipaddress
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from host_tests.emulated.stream_peers import server

NAME = "sip.example"
_DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _general(name):
    """A DNS name, an address, or a SIP URI."""
    if name.startswith("sip:"):
        return x509.UniformResourceIdentifier(name)
    return x509.IPAddress(ipaddress.ip_address(name)) if ":" in name else x509.DNSName(name)


class Authority:
    """A CA of P-256; certificates by issue()."""

    def __init__(self, name="vox6 test CA"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(
            self.name, self.name, self.key.public_key(), 1, now - _DAY, now + 30 * _DAY
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), True)
        self.certificate = builder.sign(self.key, hashes.SHA256())

    def issue(self, names=(NAME,), first=-1, last=30, key=None, own=False):
        """Return (key, certificate) for names (DNS, address, SIP URI), valid from first to last.

        first, last: days from now on; own: signed by itself.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.timezone.utc)
        subject = _name(names[0])
        builder = x509.CertificateBuilder(
            subject if own else self.name,
            subject,
            key.public_key(),
            x509.random_serial_number(),
            now + first * _DAY,
            now + last * _DAY,
        )
        alternative = x509.SubjectAlternativeName([_general(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
        return key, builder.sign(key if own else self.key, hashes.SHA256())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def secret_der(key):
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


@functools.cache
def authority():
    return Authority()


@functools.cache
def pairs():
    """{kind: (key, certificate)} of what a server may show."""
    stranger = Authority("another CA")
    return {
        "right": authority().issue(),
        "rsa": authority().issue(
            key=rsa.generate_private_key(public_exponent=65537, key_size=2048)
        ),
        "URI alone": authority().issue(["sip:" + NAME]),
        "wrong name": authority().issue(["other.example"]),
        "expired": authority().issue(first=-3, last=-1),
        "future": authority().issue(first=1, last=3),
        "self-signed": authority().issue(own=True),
        "another CA": stranger.issue(),
    }


def context(kind, folder):
    """An ssl.SSLContext of a server that shows a certificate of pairs()."""
    return context_of(pairs()[kind], folder / f"{kind.replace(' ', '-')}.pem")


def context_of(pair, path):
    """The same of a (key, certificate); path: where to keep them."""
    key, certificate = pair
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + pem(certificate) + pem(authority().certificate))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made


@contextlib.contextmanager
def tls_server(handle, made, host=None, address="::1"):
    """As stream_peers.server(); handle(connection) gets the TLS connection; failures are told in
    `failures` of the port's list: (port, failures), whole once the server has ended."""
    failures = []
    handshakes = []

    def begin(connection):
        connection.settimeout(30)
        over = threading.Event()
        handshakes.append(over)
        try:
            secure = made.wrap_socket(connection, server_side=True)
        except (ssl.SSLError, OSError) as error:
            failures.append(error)
            connection.close()
            return
        finally:
            over.set()
        with contextlib.suppress(OSError):
            handle(secure)

    with server(begin, host, address) as port:
        yield port, failures
    for over in handshakes:
        over.wait(5)


def client(made, address, port, host=None, name=NAME):
    """A TLS client's connection to a phone."""
    from tools.lab.namespace import inside

    with inside(host.netns) if host else contextlib.nullcontext():
        connection = socket.create_connection((address, port), timeout=20)
    return made.wrap_socket(connection, server_hostname=name)


# Beside stream_peers.guest(): a connection through the handshake, and what became of it.
GUEST = """
import tls

def secure(port, ca, name="sip.example", mode=2, callback=None):
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = mode
    if ca:
        context.load_verify_locations(ca)
    if callback:
        context.verify_callback = callback
    stream = connected(port)
    wrapped = context.wrap_socket(stream, server_hostname=name, do_handshake_on_connect=False)
    return wrapped

def talk(wrapped, data=b"hello"):
    try:
        write_all(wrapped, data)
        got = read_all(wrapped, len(data))
        result = "same" if got == data else "other"
    except (OSError, ValueError) as error:
        result = str(error.args[-1]).strip()
    wrapped.close()
    return result
"""
