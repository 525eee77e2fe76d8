# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Names that never end, chains that never end, records without number: each is bounded."""

import time

import pytest

from host_tests.unit.dns.helpers import SERVER, aaaa, cname, events, octets, one, reply, resolver
from vox6 import dns
from vox6.wire import FormatError

NAME = "sip.example"
HEAD = b"\0\1\x81\x80\0\1\0\0\0\0\0\0"


@pytest.mark.parametrize(
    "name",
    [
        b"\xc0\x0c",  # itself
        b"\xc0\x0e\xc0\x0c",  # each other
        b"\1a\xc0\x0c",  # grows for ever
        b"\1a\xc0\x0e",  # the pointer itself
        b"\xc0\x20",  # behind it
        b"\xff\xff",  # outside
    ],
)
def test_pointers_that_do_not_end(name):
    with pytest.raises(FormatError):
        dns.Message.parse(HEAD + name + b"\0\x1c\0\1" + bytes(32))


def test_many_pointers_cost_little():
    """Each name of a full message goes through a ladder of 64 pointers: milliseconds."""
    body = HEAD[:4] + b"\0\0\0\x80\0\0\0\0"
    ladder = b"\0"
    at = 12 + 11  # behind a record whose data are the ladder
    rungs = b"\0"
    for i in range(200):
        target = at + (0 if i == 0 else 1 + 2 * (i - 1))
        rungs += bytes((0xC0 | target >> 8, target & 255))
    body += ladder + b"\xff\0\0\1\0\0\0\0" + len(rungs).to_bytes(2, "big") + rungs
    last = at + 1 + 2 * 62  # 63 more steps to the root
    over = at + 1 + 2 * 199
    record = b"\xff\0\0\1\0\0\0\0\0\0"
    good = body + (bytes((0xC0 | last >> 8, last & 255)) + record) * 127
    begin = time.perf_counter()
    assert len(dns.Message.parse(good).answers) == 128
    assert time.perf_counter() - begin < 1
    with pytest.raises(FormatError):
        dns.Message.parse(body + (bytes((0xC0 | over >> 8, over & 255)) + record) * 127)


def test_a_name_that_grows_by_pointers_is_cut_at_255():
    body = HEAD + b"\x3f" + b"a" * 63 + b"\0" + b"\0\x1c\0\1"
    answers = b""
    at = 12
    for _ in range(3):
        here = len(body + answers)
        answers += b"\x3f" + b"b" * 63 + bytes((0xC0 | at >> 8, at & 255))
        answers += b"\0\x10\0\1\0\0\0\0\0\1\0"
        at = here
    # 64 + 64 + 64 + 64 + 1 = 257
    whole = body[:6] + b"\0\3" + body[8:] + answers
    with pytest.raises(FormatError, match="too long"):
        dns.Message.parse(whole)
    two = body[:6] + b"\0\2" + body[8:] + answers
    assert len(dns.Message.parse(two).answers) == 2


def chase(made, answer_of):
    """Answer each question by a CNAME; return how many questions there were."""
    made.resolve("n0.example", dns.AAAA, 0)
    count = 0
    for _ in range(100):
        out = made.datagrams_to_send()
        if not out:
            break
        count += 1
        data, peer, _, port = out[0]
        name = dns.Message.parse(data).questions[0].name
        made.receive_datagram(octets(reply(data, answer_of(name))), peer, count, port)
    return count


def test_a_chain_of_cnames_without_end():
    made = resolver()
    count = chase(made, lambda name: [cname(name, "n%d.example" % (int(name[1:-8]) + 1))])
    assert count == 9
    assert events(made)[0].reason == "too long a chain of CNAMEs"
    assert made.get_timer() is None


def test_cnames_in_a_circle():
    for answers in (
        [cname("n0.example", "n0.example")],
        [cname("n0.example", "n1.example"), cname("n1.example", "n0.example")],
    ):
        made = resolver()
        assert chase(made, lambda name, answers=answers: answers) == 1
        assert events(made)[0].reason == "too long a chain of CNAMEs"


def test_a_circle_over_several_answers():
    made = resolver()
    other = {"n0.example": "n1.example", "n1.example": "n0.example"}
    assert chase(made, lambda name: [cname(name, other[name])]) == 9
    assert events(made)[0].reason == "too long a chain of CNAMEs"


def test_a_malformed_answer_does_not_end_a_lookup():
    """Who can forge one datagram cannot end the lookup by nonsense; the true answer still can."""
    made = resolver()
    made.resolve(NAME, dns.AAAA, 0)
    data, peer, _, port = one(made)
    good = octets(reply(data, [aaaa(NAME)]))
    for length in (2, 11, 12, 20, len(good) - 1):
        made.receive_datagram(good[:length], SERVER, 1, port)
    assert events(made) == []
    assert made.counters["malformed"] == 5
    made.receive_datagram(good, SERVER, 1, port)
    assert len(events(made)) == 1
