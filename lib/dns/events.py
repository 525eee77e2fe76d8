# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a Resolver, a Locator and a NumberFinder tell.

name: as `canonical()` writes what was asked for.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .locate import Candidate, Location
    from .number import NumberQuery
    from .rdata import Data


class Resolved:
    """There are records.

    records: list of data (rdata.py) in the order of the answer. ttl: seconds for which they hold.
    canonical_name: whose records they are, behind all CNAMEs; the name itself without any.
    """

    def __init__(
        self, name: str, rtype: int, records: "list[Data]", ttl: int, canonical_name: str
    ) -> None:
        self.name = name
        self.rtype = rtype
        self.records = records
        self.ttl = ttl
        self.canonical_name = canonical_name


class NotFound:
    """There is no such record, as a server says.

    exists: the name has records of other types. ttl: seconds for which it holds, 0: not known.
    """

    def __init__(self, name: str, rtype: int, exists: bool, ttl: int) -> None:
        self.name = name
        self.rtype = rtype
        self.exists = exists
        self.ttl = ttl


class ResolveFailed:
    """Nobody knows. reason: "timeout", "no servers", "bad answer", "too long a chain of CNAMEs",
    "truncated", or the RCODE's name: "SERVFAIL", "REFUSED" ..."""

    def __init__(self, name: str, rtype: int, reason: str) -> None:
        self.name = name
        self.rtype = rtype
        self.reason = reason


class Located:
    """A Locator knows where a URI leads: candidates (locate.py) in the order to try."""

    def __init__(self, location: "Location", candidates: "list[Candidate]") -> None:
        self.location = location
        self.candidates = candidates


class LocateFailed:
    """reason: "no addresses", "no such service", "too many lookups", "name too long", or what
    the resolver said."""

    def __init__(self, location: "Location", reason: str) -> None:
        self.location = location
        self.reason = reason


class NumberFound:
    """A NumberFinder knows the SIP URIs of a number, best first, as text."""

    def __init__(self, query: "NumberQuery", uris: "list[str]") -> None:
        self.query = query
        self.uris = uris


class NumberNotFound:
    """reason: "not in the directory", or what the resolver said."""

    def __init__(self, query: "NumberQuery", reason: str) -> None:
        self.query = query
        self.reason = reason
