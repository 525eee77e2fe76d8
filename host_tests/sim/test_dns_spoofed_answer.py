# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Somebody who does not see the questions answers them (RFC 5452): nothing of his is believed.

Each way to be wrong is tried beside the right answer, which is taken afterwards; so each test
shows that it was the one difference that counted.
"""

import pytest

from host_tests.unit.dns.helpers import (
    SECOND,
    SERVER,
    aaaa,
    cname,
    events,
    octets,
    one,
    reply,
    resolver,
)
from vox6 import dns
from vox6.dns import message, rdata
from vox6.dns.events import Resolved, ResolveFailed

NAME = "sip.example"
EVIL = b"\x66" * 16
MALLORY = (b"\x20\x01\x0d\xb8" + b"\x66" * 12, 53)


def asked(**how):
    made = resolver((SERVER, SECOND), **how)
    made.resolve(NAME, dns.AAAA, 0)
    return made, one(made)


def forged(data):
    return reply(data, [aaaa(NAME, 86400, EVIL)])


def with_id(answer):
    answer.id ^= 1
    return answer


def with_question(name=NAME, rtype=dns.AAAA, rclass=1):
    def change(answer):
        answer.questions = [dns.Question(name, rtype, rclass)]
        return answer

    return change


def without_question(answer):
    answer.questions = []
    return answer


def with_two_questions(answer):
    answer.questions = answer.questions * 2
    return answer


def as_query(answer):
    answer.flags &= ~message.QR
    return answer


def with_opcode(answer):
    answer.flags |= 5 << 11  # UPDATE
    return answer


def same(answer):
    return answer


@pytest.mark.parametrize(
    "change, peer, port_offset",
    [
        (with_id, SERVER, 0),
        (same, MALLORY, 0),
        (same, (SERVER[0], 5353), 0),
        (same, SECOND, 0),  # a server of ours, not asked yet
        (same, SERVER, 1),
        (same, SERVER, None),  # as if by TCP
        (with_question("sip.exampl"), SERVER, 0),
        (with_question(rtype=dns.A), SERVER, 0),
        (with_question(rclass=3), SERVER, 0),
        (without_question, SERVER, 0),
        (with_two_questions, SERVER, 0),
        (as_query, SERVER, 0),
        (with_opcode, SERVER, 0),
    ],
)
def test_one_thing_wrong(change, peer, port_offset):
    made, (data, _, _, port) = asked()
    at = 0 if port_offset is None else port + port_offset
    made.receive_datagram(octets(change(forged(data))), peer, 5, at)
    assert events(made) == []
    assert made.counters["strangers"] == 1
    assert len(made.cache) == 0
    made.receive_datagram(octets(reply(data, [aaaa(NAME)])), SERVER, 6, port)
    (event,) = events(made)
    assert isinstance(event, Resolved)
    assert event.records[0].address != EVIL
    # and nothing comes behind the end
    made.receive_datagram(octets(forged(data)), SERVER, 7, port)
    assert events(made) == []


def test_the_answer_alone_would_be_taken():
    """The forgeries above are good ones but for the one thing."""
    made, (data, peer, _, port) = asked()
    made.receive_datagram(octets(forged(data)), peer, 5, port)
    assert events(made)[0].records[0].address == EVIL


def test_records_of_other_names_are_not_believed():
    """Kaminsky's way: a true answer with more in it than was asked for."""
    made, (data, peer, _, port) = asked()
    answer = reply(data, [aaaa("bank.example", 86400, EVIL), aaaa(NAME)])
    answer.additional = [aaaa("bank.example", 86400, EVIL)]
    answer.authority = [dns.Record("example", 9, rdata.NameData(rdata.NS, "bank.example"))]
    made.receive_datagram(octets(answer), peer, 5, port)
    (event,) = events(made)
    assert [record.address for record in event.records] != [EVIL]
    assert len(event.records) == 1
    made.resolve("bank.example", dns.AAAA, 6)
    assert len(made.datagrams_to_send()) == 1  # asked, not known


def test_a_cname_does_not_give_the_target_in_another_answer():
    """Records of a target count for the name that was asked for, and are not kept for others."""
    made, (data, peer, _, port) = asked()
    answer = reply(data, [cname(NAME, "bank.example"), aaaa("bank.example", 99, EVIL)])
    made.receive_datagram(octets(answer), peer, 5, port)
    assert events(made)[0].canonical_name == "bank.example"
    made.resolve("bank.example", dns.AAAA, 6)
    assert len(made.datagrams_to_send()) == 1


def flood(made, data, port, count, start=0):
    """Forgeries with every ID but the right one."""
    right = data[0] << 8 | data[1]
    sent = []
    for guess in range(start, start + count):
        if guess & 0xFFFF == right:
            continue
        answer = forged(data)
        answer.id = guess & 0xFFFF
        made.receive_datagram(octets(answer), SERVER, 5, port)
        sent += made.datagrams_to_send()
    return sent


def test_who_found_the_port_and_guesses_ids_is_left_with_it():
    made, (data, _, _, port) = asked()
    sent = flood(made, data, port, 60000)
    assert [(entry[1], entry[2]) for entry in sent] == [(SERVER, "TCP")]
    assert made.ports() == []
    assert events(made) == []
    made.receive_datagram(octets(reply(sent[0][0], [aaaa(NAME)])), SERVER, 6, 0)
    assert events(made)[0].records[0].address != EVIL


def test_a_guesser_cannot_end_a_lookup_whose_server_has_no_tcp():
    """Back to UDP, from another port with another ID."""
    made, (data, _, _, port) = asked()
    flood(made, data, port, 20)
    made.server_failed(SERVER, "TCP", 6)
    (again,) = made.datagrams_to_send()
    assert again[1:3] == (SERVER, "UDP")
    assert again[3] != port
    assert again[0][:2] != data[:2]
    made.receive_datagram(octets(reply(again[0], [aaaa(NAME)])), SERVER, 7, again[3])
    assert events(made)[0].records[0].address != EVIL


def test_without_tcp_he_has_to_find_a_new_port_for_every_eight_tries():
    made, (data, _, _, port) = asked(stream=False)
    ports = {port}
    for _ in range(10):
        sent = flood(made, data, port, 8, 1)
        if not sent:
            break
        data, _, _, port = sent[-1]
        assert port not in ports
        ports.add(port)
    assert len(ports) == 5  # and then he may guess on: our answers would be a flood of their own
    assert events(made) == []


def test_ids_and_ports_are_spread():
    """Over 2^31 pairs no two alike in 200 questions, each half of the range used."""
    import random

    chance = random.Random(1)
    made = dns.Resolver(lambda length: chance.randbytes(length))
    made.set_servers([SERVER], 0)
    pairs = set()
    for i in range(200):
        made.resolve("h%d.example" % i, dns.AAAA, 0)
        data, _, _, port = one(made)
        pairs.add((data[0] << 8 | data[1], port))
        made.cancel("h%d.example" % i, dns.AAAA)
    assert len(pairs) == 200
    assert len({port for _, port in pairs}) > 190
    assert sum(ident < 32768 for ident, _ in pairs) in range(70, 130)
    assert sum(port < 49152 for _, port in pairs) in range(70, 130)


def test_the_case_of_letters_must_fit_too():
    made = resolver((SERVER,), mix_case=True)
    made.resolve("abcdefghijklmnop.example", dns.AAAA, 0)
    data, _, _, port = one(made)
    answer = reply(data, [aaaa("abcdefghijklmnop.example", 9, EVIL)])
    answer.questions = [dns.Question("abcdefghijklmnop.example", dns.AAAA)]
    made.receive_datagram(octets(answer), SERVER, 5, port)
    assert events(made) == []
    assert one(made)[2] == "TCP"


def test_a_stranger_cannot_refuse_for_a_server():
    made, (data, _, _, port) = asked()
    for rcode in (1, 2, 3, 5):
        made.receive_datagram(octets(reply(data, rcode=rcode)), MALLORY, 5, port)
    assert events(made) == []
    assert made.datagrams_to_send() == []
    made.receive_datagram(octets(reply(data, [aaaa(NAME)])), SERVER, 6, port)
    assert isinstance(events(made)[0], Resolved)


def test_the_failure_of_all_is_told_in_time_under_fire():
    """A flood from strangers neither shortens nor prolongs a lookup for ever."""
    made, (data, _, _, port) = asked(stream=False)
    now = 0
    while made.get_timer() is not None and now < 60000:
        for current in made.ports():
            made.receive_datagram(b"\0" * 12, MALLORY, now, current)
        made.datagrams_to_send()
        now += 100
        made.handle_timer(now)
    (event,) = events(made)
    assert isinstance(event, ResolveFailed)
    assert 14000 <= now <= 20000
