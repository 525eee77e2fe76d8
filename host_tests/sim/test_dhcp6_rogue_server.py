# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Somebody on the link who is no server, or somebody off it: what he can do and what he cannot.

DHCPv6 has no authentication in use (RFC 8415 section 22): who sees our messages can answer
them. Who does not see them has to guess 24 bits; and nobody can make the client loud, keep wrong
data for ever, or end it.
"""

import random

from host_tests.unit.dhcp6 import helpers
from vox6 import dhcp6
from vox6.dhcp6 import message, options, state

EVIL = b"\x20\x01\x0d\xb8" + b"\x66" * 12
EVIL_DUID = b"\x00\x04" + b"\x66" * 16


def engine(seed=1):
    return dhcp6.Client(helpers.DUID, helpers.IAID, random.Random(seed).randbytes)


def evil():
    made = helpers.Server(EVIL_DUID, (EVIL,))
    made.more = [(options.DNS_SERVERS, EVIL)]
    return made


def bound():
    made = engine()
    server = helpers.Server()
    made.set_router_flags(True, True, 0)
    now = helpers.serve(made, server, 0)
    helpers.events(made)
    return made, server, now


def test_guesses_from_off_the_link_change_nothing():
    """All kinds with 20,000 transaction IDs at a client that solicits, waits, renews."""
    made, _, now = bound()
    renewing, at = helpers.sent(made, now)
    right = int.from_bytes(renewing[1:4], "big")
    for guess in range(20_000):
        if guess == right:
            continue
        forged = dhcp6.Message(message.REPLY if guess & 1 else message.ADVERTISE, guess)
        forged.options = [
            (options.CLIENTID, helpers.DUID),
            (options.SERVERID, helpers.SERVER_DUID),
            helpers.association([(EVIL, 9, 9)]),
        ]
        made.receive_datagram(helpers.octets(forged), helpers.ROUTER, at)
    assert made.state == state.RENEWING
    assert made.addresses == [helpers.FIRST]
    assert helpers.events(made) == []
    assert made.datagrams_to_send() == []


def test_nothing_is_taken_that_was_not_asked_for():
    """Replies to a client that has what it wants, even with the ID of its last message."""
    made, server, now = bound()
    last = server.seen[-1]
    for kind in (message.REPLY, message.ADVERTISE, message.RECONFIGURE):
        forged = evil().reply(last, kind, [helpers.association([(EVIL, 9, 9)])])
        made.receive_datagram(helpers.octets(forged), helpers.ROUTER, now)
    assert made.addresses == [helpers.FIRST]
    assert helpers.events(made) == []
    assert made.datagrams_to_send() == []


def test_reconfigure_is_ignored():
    """Section 18.2.11: we never said Reconfigure Accept, and it cannot be authentic."""
    made, server, now = bound()
    for kind in (message.RENEW, message.REBIND, message.INFORMATION_REQUEST):
        forged = server.reply(server.seen[-1], message.RECONFIGURE, [(19, bytes((kind,)))])
        for _ in range(100):
            made.receive_datagram(helpers.octets(forged), helpers.ROUTER, now)
    assert made.datagrams_to_send() == []
    assert made.counters["reconfigures"] == 300
    assert made.state == state.BOUND


def test_another_server_cannot_answer_a_renew():
    """It goes to one server; who does not know its DUID is not heard."""
    made, server, now = bound()
    renewing, at = helpers.sent(made, now)
    asked = dhcp6.Message.parse(renewing)
    for more in (
        [helpers.association([(helpers.FIRST, 0, 0)])],
        [helpers.association([(EVIL, 9, 9)])],
        [helpers.status(options.NO_BINDING)],
        [helpers.status(options.NOT_ON_LINK)],
    ):
        forged = evil().reply(asked, message.REPLY, more)
        made.receive_datagram(helpers.octets(forged), helpers.ROUTER, at)
    assert made.addresses == [helpers.FIRST]
    assert helpers.events(made) == []
    made.receive_datagram(server.answer(renewing), helpers.ROUTER, at)
    assert made.state == state.BOUND


def test_wrong_configuration_lasts_a_day_at_most():
    made = engine()
    server = evil()
    server.more.append((options.INFORMATION_REFRESH_TIME, b"\xff\xff\xff\xff"))
    made.set_router_flags(False, True, 0)
    now = helpers.serve(made, server, 0)
    assert made.configuration.dns_servers == [EVIL]
    made.handle_timer(made.get_timer())
    later = helpers.serve(made, helpers.Server(), made.get_timer())
    assert later - now <= 86_400_000 + 1000
    assert made.configuration.dns_servers == [helpers.DNS]


def test_nobody_can_make_us_silent_for_more_than_a_day():
    """SOL_MAX_RT and INF_MAX_RT are bounded."""
    made = engine()
    made.set_router_flags(True, True, 0)
    data, now = helpers.sent(made, 0)
    for seconds in (0, 1, 59, 86401, 0x7FFFFFFF, 0xFFFFFFFF):
        more = [
            (options.SOL_MAX_RT, helpers.u32(seconds)),
            (options.INF_MAX_RT, helpers.u32(seconds)),
        ]
        forged = evil().reply(dhcp6.Message.parse(data), message.ADVERTISE, more)
        made.receive_datagram(helpers.octets(forged), helpers.ROUTER, now)
    assert (made.sol_max_rt, made.inf_max_rt) == (3_600_000, 3_600_000)


def test_nobody_can_make_us_loud():
    """A server that plays every trick at once: T1 of a second, refusals, NoBinding, NotOnLink."""
    made = engine()
    chance = random.Random(9)
    made.set_router_flags(True, True, 0)
    now = 0
    sent = []
    while now < 300_000:
        for data, _ in made.datagrams_to_send():
            sent.append(now)
            asked = dhcp6.Message.parse(data)
            for _ in range(3):
                code = chance.choice([0, 0, 0, 1, 2, 3, 4, 5])
                kind = chance.choice([message.REPLY, message.ADVERTISE])
                more = [helpers.association([(EVIL, 1, 2)], 1, 1), (options.RAPID_COMMIT, b"")]
                if code:
                    more.append(helpers.status(code))
                more.append((options.PREFERENCE, b"\xff"))
                forged = helpers.Server().reply(asked, kind, more)
                made.receive_datagram(helpers.octets(forged), helpers.ROUTER, now)
        if chance.random() < 0.2:
            made.link_changed(now)
        if made.addresses and chance.random() < 0.2 and made._association.allows("decline"):
            made.decline(made.addresses, now)
        helpers.events(made)
        now += 20
        if made.get_timer() is not None and made.get_timer() <= now:
            made.handle_timer(now)
    assert len(sent) <= 20 + 300
    for i in range(len(sent)):
        window = [at for at in sent[i:] if at < sent[i] + 20_000]
        assert len(window) <= 41  # a full bucket and what 20 s earn


def test_a_flood_of_advertises_takes_bounded_room():
    made = engine()
    made.set_router_flags(True, False, 0)
    data, now = helpers.sent(made, 0)
    for i in range(1000):
        server = helpers.Server(b"\x00\x04" + i.to_bytes(16, "big"), rapid=False)
        made.receive_datagram(server.answer(data), helpers.ROUTER, now)
    assert len(made._association._advertised) == 8
    assert made.counters["dropped_advertises"] == 992


def test_a_flood_of_refusals_takes_bounded_room():
    made = engine()
    made.set_router_flags(True, False, 0)
    data, now = helpers.sent(made, 0)
    server = helpers.Server(addresses=())
    for _ in range(1000):
        made.receive_datagram(server.answer(data), helpers.ROUTER, now)
    assert len(helpers.events(made)) == 32
    assert made.counters["dropped_events"] > 900
    made.receive_datagram(helpers.Server(rapid=True).answer(data), helpers.ROUTER, now)
    assert made.state == state.BOUND


def test_words_of_a_server_are_shown_without_control_characters():
    made = engine()
    made.set_router_flags(True, False, 0)
    data, now = helpers.sent(made, 0)
    words = b"\x1b[2J\n\x00\xff" + b"a" * 2000
    forged = evil().reply(dhcp6.Message.parse(data), message.ADVERTISE, [helpers.status(2, words)])
    made.receive_datagram(helpers.octets(forged), helpers.ROUTER, now)
    (event,) = helpers.events(made)
    assert event.text == "?[2J???" + "a" * 505
