# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/dhcp6/client.py: each exchange of RFC 8415 section 18.2, its messages, times and ends."""

import unittest

from host_tests.unit.dhcp6.helpers import (
    DNS,
    DUID,
    FIRST,
    IAID,
    OTHER_DUID,
    ROUTER,
    SECOND,
    SERVER_DUID,
    SIP,
    Server,
    association,
    client,
    events,
    names,
    octets,
    one,
    option,
    sent,
    serve,
    status,
    u32,
)
from vox6 import dhcp6
from vox6.dhcp6 import message, options, state
from vox6.dhcp6.client import ALL_SERVERS
from vox6.wire import LocalProtocolError


def codes(made):
    return [code for code, _ in made.options]


def requested(made):
    data = made.get(options.ORO)
    return [data[i] << 8 | data[i + 1] for i in range(0, len(data), 2)]


def bound(server=None, now=0, **how):
    made = client(**how)
    server = server or Server()
    made.set_router_flags(True, True, now)
    now = serve(made, server, now)
    assert made.state == state.BOUND, made.debug()
    return made, server, now


class StatelessTest(unittest.TestCase):
    def test_information_request(self):
        made = client()
        made.set_router_flags(False, True, 0)
        self.assertEqual(made.datagrams_to_send(), [])  # INF_MAX_DELAY
        self.assertLess(made.get_timer(), 1000)
        now = made.get_timer()
        made.handle_timer(now)
        (data, peer) = made.datagrams_to_send()[0]
        self.assertEqual(peer, ALL_SERVERS)
        self.assertEqual(peer[0][:2] + peer[0][-3:], b"\xff\x02\x01\x00\x02")
        asked = dhcp6.Message.parse(data)
        self.assertEqual(asked.msg_type, message.INFORMATION_REQUEST)
        self.assertEqual(codes(asked), [options.CLIENTID, options.ELAPSED_TIME, options.ORO])
        self.assertEqual(requested(asked), [21, 22, 23, 24, 59, 32, 83])
        made.receive_datagram(Server().answer(data), ROUTER, now)
        (event,) = events(made)
        got = event.configuration
        self.assertEqual((got.dns_servers, got.sip_servers), ([DNS], [SIP]))
        self.assertEqual(
            (got.sip_domains, got.domain_list[1]), (["sip.example"], "office.example")
        )
        self.assertEqual(got.boot_file_url, "https://[2001:db8::50]/phone")
        self.assertEqual(got.server, SERVER_DUID)
        self.assertIs(made.configuration, got)
        self.assertEqual(made.state, state.IDLE)
        self.assertEqual(made.get_timer(), now + 86400000)  # IRT_DEFAULT

    def test_refresh(self):
        for seconds, waits in ((7200, 7200), (10, 600), (0xFFFFFFFF, 86400)):
            made = client()
            server = Server()
            server.more.append((options.INFORMATION_REFRESH_TIME, u32(seconds)))
            made.set_router_flags(False, True, 0)
            now = serve(made, server, 0)
            self.assertEqual(made.get_timer(), now + 1000 * waits)
            events(made)
            made.handle_timer(made.get_timer())
            server.more = []
            serve(made, server, made.get_timer())
            (event,) = events(made)  # what is not said any more is gone
            self.assertEqual(event.configuration.dns_servers, [])

    def test_the_same_again_is_no_event(self):
        made = client()
        server = Server()
        made.set_router_flags(False, True, 0)
        now = serve(made, server, 0)
        events(made)
        made.link_changed(now)
        serve(made, server, now)
        self.assertEqual(len(server.seen), 2)
        self.assertEqual(events(made), [])

    def test_retransmission(self):
        """Section 15: doubled up to INF_MAX_RT, each within a tenth."""
        made = client()
        made.set_router_flags(False, True, 0)
        times = []
        elapsed = []
        identifiers = set()
        while len(times) < 20:
            data, now = sent(made, made.get_timer())
            got = dhcp6.Message.parse(data)
            times.append(now)
            octets_of = got.get(options.ELAPSED_TIME)
            elapsed.append(octets_of[0] << 8 | octets_of[1])
            identifiers.add(got.transaction_id)
        waits = [times[i + 1] - times[i] for i in range(19)]
        self.assertTrue(900 <= waits[0] <= 1100, waits)
        for i in range(1, 19):
            if waits[i] < 3200000:
                self.assertTrue(
                    1.9 * waits[i - 1] - 2 <= waits[i] <= 2.1 * waits[i - 1] + 2, waits
                )
            else:
                self.assertTrue(3240000 <= waits[i] <= 3960000, waits)
        self.assertEqual(elapsed[0], 0)
        self.assertEqual(elapsed[3], (times[3] - times[0]) // 10)
        self.assertEqual(elapsed[-1], 0xFFFF)
        self.assertEqual(len(identifiers), 1)

    def test_a_refusal_is_waited_out(self):
        made = client()
        made.set_router_flags(False, True, 0)
        data, now = sent(made, 0)
        asked = dhcp6.Message.parse(data)
        answer = Server().reply(asked, message.REPLY, [status(1, b"busy"), (83, u32(120))])
        made.receive_datagram(octets(answer), ROUTER, now)
        (event,) = events(made)
        self.assertEqual((event.code, event.text), (1, "busy"))
        self.assertEqual(made.inf_max_rt, 120000)
        again, _ = sent(made, now)
        self.assertEqual(dhcp6.Message.parse(again).transaction_id, asked.transaction_id)


class StatefulTest(unittest.TestCase):
    def test_four_messages(self):
        made = client()
        server = Server(rapid=False)
        made.set_router_flags(True, False, 0)
        self.assertLess(made.get_timer(), 1000)
        data, now = sent(made, 0)
        solicit = dhcp6.Message.parse(data)
        self.assertEqual(solicit.msg_type, message.SOLICIT)
        self.assertEqual(codes(solicit), [1, 8, 6, 3, 14])
        self.assertEqual(requested(solicit), [21, 22, 23, 24, 59, 82])
        self.assertEqual(solicit.get(options.IA_NA), u32(IAID) + bytes(8))
        made.receive_datagram(server.answer(data), ROUTER, now)
        self.assertEqual(made.datagrams_to_send(), [])  # collects for the first RT
        wait = made.get_timer() - now
        self.assertTrue(1000 < wait <= 1100, wait)  # RAND above 0
        data, now = sent(made, made.get_timer())
        request = dhcp6.Message.parse(data)
        self.assertEqual(request.msg_type, message.REQUEST)
        self.assertEqual(codes(request), [1, 2, 8, 6, 3])
        self.assertEqual(request.get(options.SERVERID), SERVER_DUID)
        self.assertNotEqual(request.transaction_id, solicit.transaction_id)
        held = options.IANA.parse(request.get(options.IA_NA))
        self.assertEqual((held.addresses[0].addr16, held.addresses[0].valid), (FIRST, 0))
        made.receive_datagram(server.answer(data), ROUTER, now)
        configuration, assigned = events(made)
        self.assertEqual(configuration.configuration.dns_servers, [DNS])
        self.assertEqual(assigned.addresses, [(FIRST, 1800, 3600)])
        self.assertEqual((made.state, made.addresses), (state.BOUND, [FIRST]))
        self.assertEqual(made.get_timer(), now + 900000)

    def test_two_messages(self):
        made, server, _ = bound()
        self.assertEqual([one.name for one in server.seen], ["Solicit"])
        self.assertEqual(names(events(made)), ["ConfigurationReceived", "AddressesAssigned"])

    def test_without_rapid_commit(self):
        made, server, _ = bound(rapid_commit=False)
        self.assertEqual([one.name for one in server.seen], ["Solicit", "Request"])
        self.assertIsNone(server.seen[0].get(options.RAPID_COMMIT))

    def test_a_rapid_reply_that_was_not_asked_for(self):
        made = client(rapid_commit=False)
        made.set_router_flags(True, False, 0)
        data, now = sent(made, 0)
        server = Server()
        answer = server.reply(
            dhcp6.Message.parse(data), message.REPLY, [server.lease(), (14, b"")]
        )
        made.receive_datagram(octets(answer), ROUTER, now)
        self.assertEqual((made.state, events(made)), (state.SOLICITING, []))

    def test_preference(self):
        for preferences, chosen in (((None, 7), 1), ((7, None), 0), ((0, None), 0), ((5, 5), 0)):
            made = client()
            made.set_router_flags(True, False, 0)
            data, now = sent(made, 0)
            for i in range(2):
                server = Server(
                    (SERVER_DUID, OTHER_DUID)[i], rapid=False, preference=preferences[i]
                )
                made.receive_datagram(server.answer(data), ROUTER, now)
            data, now = sent(made, now)
            got = dhcp6.Message.parse(data).get(options.SERVERID)
            self.assertEqual(got, (SERVER_DUID, OTHER_DUID)[chosen])

    def test_preference_255_is_taken_at_once(self):
        made = client()
        made.set_router_flags(True, False, 0)
        data, now = sent(made, 0)
        made.receive_datagram(Server(rapid=False, preference=255).answer(data), ROUTER, now)
        self.assertEqual(one(made).msg_type, message.REQUEST)

    def test_after_the_first_rt_the_first_advertise_is_taken(self):
        made = client()
        made.set_router_flags(True, False, 0)
        sent(made, 0)
        data, now = sent(made, made.get_timer())
        made.receive_datagram(Server(rapid=False).answer(data), ROUTER, now + 5)
        self.assertEqual(one(made).msg_type, message.REQUEST)

    def test_a_silent_server_makes_place_for_the_next(self):
        made = client()
        made.set_router_flags(True, False, 0)
        data, now = sent(made, 0)
        for identifier in (SERVER_DUID, OTHER_DUID):
            made.receive_datagram(Server(identifier, rapid=False).answer(data), ROUTER, now)
        asked = []
        for _ in range(12):
            data, now = sent(made, now)
            asked.append(dhcp6.Message.parse(data).get(options.SERVERID))
        self.assertEqual(asked, [SERVER_DUID] * 10 + [OTHER_DUID] * 2)  # REQ_MAX_RC
        for _ in range(9):
            data, now = sent(made, now)
        self.assertEqual(dhcp6.Message.parse(data).msg_type, message.SOLICIT)

    def test_no_addresses(self):
        """The rest of the configuration is asked for without them; Solicit goes on."""
        made = client()
        server = Server(addresses=())
        made.set_router_flags(True, False, 0)
        serve(made, server, 0, 8)
        self.assertIn("Information-request", [one.name for one in server.seen])
        self.assertIn("ConfigurationReceived", names(events(made)))
        self.assertEqual(made.state, state.SOLICITING)

    def test_no_addresses_for_a_request_backs_off(self):
        made = client()
        server = Server(rapid=False, preference=255)
        made.set_router_flags(True, False, 0)
        solicits = []
        now = 0
        while len(solicits) < 8:
            data, now = sent(made, now)
            if dhcp6.Message.parse(data).msg_type == message.SOLICIT:
                solicits.append(now)
            server.addresses = [FIRST]
            answer = server.answer(data)
            if dhcp6.Message.parse(data).msg_type == message.REQUEST:
                server.addresses = []
                answer = server.answer(data)
            made.receive_datagram(answer, ROUTER, now)
        waits = [solicits[i + 1] - solicits[i] for i in range(7)]
        for i in range(7):
            self.assertGreaterEqual(waits[i], 1000 << i)

    def test_renew(self):
        made, server, now = bound()
        events(made)
        data, at = sent(made, now)
        self.assertEqual(at, now + 900000)
        renew = dhcp6.Message.parse(data)
        self.assertEqual((renew.msg_type, codes(renew)), (message.RENEW, [1, 2, 8, 6, 3]))
        self.assertEqual(made.state, state.RENEWING)
        made.receive_datagram(server.answer(data), ROUTER, at)
        (event,) = events(made)
        self.assertEqual(event.addresses, [(FIRST, 1800, 3600)])
        self.assertEqual((made.state, made.get_timer()), (state.BOUND, at + 900000))

    def test_rebind_and_expiry(self):
        made, _, start = bound()
        events(made)
        seen = []
        now = start
        while made.state != state.SOLICITING:
            data, now = sent(made, now)
            seen.append((dhcp6.Message.parse(data), now - start))
        renews = [at for one, at in seen if one.msg_type == message.RENEW]
        rebinds = [one for one, at in seen if one.msg_type == message.REBIND]
        self.assertEqual(renews[0], 900000)
        self.assertTrue(9000 <= renews[1] - renews[0] <= 11000)
        self.assertLess(renews[-1], 1440000)
        first = [at for one, at in seen if one.msg_type == message.REBIND][0]
        self.assertEqual(first, 1440000)
        self.assertIsNone(rebinds[0].get(options.SERVERID))
        (event,) = events(made)
        self.assertEqual((event.addresses, event.reason), ([FIRST], "expired"))
        self.assertEqual(made.addresses, [])
        self.assertGreaterEqual(now - start, 3600000)

    def test_another_server_rebinds(self):
        made, _, now = bound()
        other = Server(OTHER_DUID)
        other.bindings.append(DUID)
        while True:
            data, now = sent(made, now)
            if dhcp6.Message.parse(data).msg_type == message.REBIND:
                break
        made.receive_datagram(other.answer(data), ROUTER, now)
        self.assertEqual(made.state, state.BOUND)
        data, now = sent(made, now)
        self.assertEqual(dhcp6.Message.parse(data).get(options.SERVERID), OTHER_DUID)

    def test_no_binding_is_requested_anew(self):
        made, server, now = bound()
        events(made)
        server.bindings = []
        data, now = sent(made, now)
        made.receive_datagram(server.answer(data), ROUTER, now)
        self.assertEqual(made.state, state.REQUESTING)
        self.assertEqual(made.addresses, [FIRST])  # still in use
        serve(made, server, now)
        self.assertEqual(made.state, state.BOUND)
        self.assertEqual([one.name for one in server.seen][-2:], ["Renew", "Request"])
        self.assertEqual(names(events(made)), ["StatusReceived", "AddressesAssigned"])

    def test_an_address_withdrawn_and_another_given(self):
        made, server, now = bound()
        events(made)
        data, now = sent(made, now)
        asked = dhcp6.Message.parse(data)
        both = association([(FIRST, 0, 0), (SECOND, 100, 200)], 50, 80)
        made.receive_datagram(octets(server.reply(asked, message.REPLY, [both])), ROUTER, now)
        got = events(made)
        self.assertEqual(
            names(got), ["AddressesRemoved", "ConfigurationReceived", "AddressesAssigned"]
        )
        self.assertEqual((got[0].addresses, got[0].reason), ([FIRST], "withdrawn"))
        self.assertEqual(got[2].addresses, [(SECOND, 100, 200)])

    def test_all_addresses_withdrawn(self):
        made, server, now = bound()
        data, now = sent(made, now)
        asked = dhcp6.Message.parse(data)
        none = association([(FIRST, 0, 0)])
        made.receive_datagram(octets(server.reply(asked, message.REPLY, [none])), ROUTER, now)
        self.assertEqual((made.state, made.addresses), (state.SOLICITING, []))

    def test_times_left_to_us(self):
        """Section 14.2: T1 or T2 of 0."""
        for given, expected in (
            ((0, 0, 1000), (500, 800)),
            ((0, 0, 0xFFFFFFFF), (None, None)),
            ((0, 0, 10), (60, 60)),
            ((0, 400, 1000), (400, 400)),
            ((300, 0, 1000), (300, 800)),
            ((0xFFFFFFFF, 0xFFFFFFFF, 1000), (None, None)),
        ):
            server = Server()
            server.t1, server.t2, server.preferred = given
            server.valid = 0xFFFFFFFF
            made, _, now = bound(server)
            held = made._association
            for when, seconds in ((held.t1, expected[0]), (held.t2, expected[1])):
                self.assertEqual(when, None if seconds is None else now + 1000 * seconds)

    def test_for_ever(self):
        server = Server()
        server.preferred = server.valid = 0xFFFFFFFF
        server.t1 = server.t2 = 0
        made, _, _ = bound(server)
        self.assertEqual(events(made)[-1].addresses, [(FIRST, 0xFFFFFFFF, 0xFFFFFFFF)])
        self.assertIsNone(made.get_timer())

    def test_decline(self):
        made, server, now = bound()
        events(made)
        self.assertRaises(LocalProtocolError, made.decline, [SECOND], now)
        self.assertRaises(LocalProtocolError, made.decline, [], now)
        server.addresses.append(SECOND)
        made.decline([FIRST], now)
        (event,) = events(made)
        self.assertEqual((event.addresses, event.reason), ([FIRST], "declined"))
        now = serve(made, server, now)
        self.assertEqual(server.declined, [FIRST])
        self.assertEqual(codes(server.seen[1]), [1, 2, 8, 3])
        self.assertEqual((made.state, made.addresses), (state.BOUND, [SECOND]))

    def test_decline_one_of_two(self):
        made, server, now = bound(Server(addresses=(FIRST, SECOND)))
        made.decline([SECOND], now)
        serve(made, server, now)
        self.assertEqual((made.state, made.addresses), (state.BOUND, [FIRST]))
        self.assertEqual([one.name for one in server.seen], ["Solicit", "Decline"])

    def test_release(self):
        made, server, now = bound()
        events(made)
        made.release(now)
        self.assertEqual(made.addresses, [])
        serve(made, server, now)
        self.assertEqual(codes(server.seen[1]), [1, 2, 8, 3])
        removed, released = events(made)
        self.assertEqual((removed.reason, released.acknowledged), ("released", True))
        self.assertEqual(server.bindings, [])
        self.assertIsNone(made.get_timer())
        self.assertRaises(LocalProtocolError, made.release, now)

    def test_release_unheard(self):
        made, _, now = bound()
        made.release(now)
        count = 0
        while made.state == state.RELEASING:
            count += len(made.datagrams_to_send())
            now = made.get_timer()
            made.handle_timer(now)
        self.assertEqual(count, 4)  # REL_MAX_RC
        self.assertFalse(events(made)[-1].acknowledged)

    def test_release_before_anything_was_given(self):
        made = client()
        made.set_router_flags(True, False, 0)
        made.release(5)
        self.assertEqual((made.state, made.get_timer()), (state.IDLE, None))

    def test_the_same_link(self):
        made, server, now = bound()
        events(made)
        timer = made.get_timer()
        made.link_changed(now)
        self.assertLess(made.get_timer() - now, 1000)  # CNF_MAX_DELAY
        serve(made, server, now)
        self.assertEqual(codes(server.seen[1]), [1, 8, 3])
        self.assertEqual((made.state, made.addresses), (state.BOUND, [FIRST]))
        self.assertEqual((events(made), made.get_timer()), ([], timer))

    def test_another_link(self):
        made, server, now = bound()
        events(made)
        server.on_link = False
        made.link_changed(now)
        server.addresses = [SECOND]
        now = serve(made, server, now)
        got = [event for event in events(made) if type(event).__name__ == "AddressesRemoved"]
        self.assertEqual((got[0].addresses, got[0].reason), ([FIRST], "not on link"))
        self.assertEqual((made.state, made.addresses), (state.BOUND, [SECOND]))

    def test_one_success_counts_more_than_not_on_link(self):
        made, server, now = bound()
        made.link_changed(now)
        data, now = sent(made, now)
        server.on_link = False
        made.receive_datagram(server.answer(data), ROUTER, now)
        made.receive_datagram(Server(OTHER_DUID).answer(data), ROUTER, now)
        self.assertEqual((made.state, made.addresses), (state.BOUND, [FIRST]))

    def test_what_was_said_of_the_link_before_does_not_count(self):
        made, server, now = bound()
        server.on_link = False
        made.link_changed(now)
        data, now = sent(made, now)
        made.receive_datagram(server.answer(data), ROUTER, now)
        made.link_changed(now)  # and there nobody answers
        while made.state == state.CONFIRMING:
            now = made.get_timer()
            made.handle_timer(now)
        self.assertEqual((made.state, made.addresses), (state.BOUND, [FIRST]))

    def test_a_silent_link_keeps_what_we_have(self):
        made, _, now = bound()
        made.link_changed(now)
        begin = None
        while made.state == state.CONFIRMING:
            if made.datagrams_to_send() and begin is None:
                begin = now
            now = made.get_timer()
            made.handle_timer(now)
        self.assertEqual(now - begin, 10000)  # CNF_MAX_RD
        self.assertEqual((made.state, made.addresses), (state.BOUND, [FIRST]))

    def test_max_rt(self):
        """Sections 21.24, 21.25: also from an Advertise that is of no use; 60 to 86400 alone."""
        for seconds, taken in ((60, 60), (86400, 86400), (59, 3600), (86401, 3600)):
            made = client()
            made.set_router_flags(True, False, 0)
            data, now = sent(made, 0)
            server = Server(addresses=())
            answer = dhcp6.Message.parse(server.answer(data))
            answer.options.append((options.SOL_MAX_RT, u32(seconds)))
            made.receive_datagram(octets(answer), ROUTER, now)
            self.assertEqual(made.sol_max_rt, 1000 * taken)
        made.sol_max_rt = 60000

    def test_the_rate_is_limited(self):
        """Section 14.1: a server that forgets us each second would cost two messages a second."""
        server = Server()
        server.t1, server.t2 = 1, 2
        made, _, now = bound(server)
        end = now + 100000
        times = []
        while now < end:
            server.bindings = []
            for data, _ in made.datagrams_to_send():
                times.append(now)
                made.receive_datagram(server.answer(data), ROUTER, now)
            events(made)
            if not made._out:
                now = max(now, made.get_timer())
                made.handle_timer(now)
        self.assertGreater(made.counters["rate_limited"], 20)
        self.assertTrue(100 <= len(times) <= 120, len(times))
        self.assertEqual(made.addresses, [FIRST])

    def test_stop(self):
        made, _, _ = bound()
        made.stop()
        self.assertEqual((made.state, made.addresses, made.get_timer()), (state.IDLE, [], None))
        made.set_router_flags(True, False, 9000)
        self.assertEqual(made.state, state.SOLICITING)

    def test_flags(self):
        made = client()
        made.set_router_flags(False, False, 0)
        self.assertIsNone(made.get_timer())
        made.set_router_flags(True, True, 0)
        self.assertEqual(made.debug(), "addresses Soliciting 0, information Idle")
        self.assertRaises(LocalProtocolError, dhcp6.Client, b"", 1, None)
        self.assertRaises(LocalProtocolError, dhcp6.Client, DUID, 1 << 32, None)


class RefusedTest(unittest.TestCase):
    def test_what_is_not_ours(self):
        """Section 16.10, and messages no client takes."""
        server = Server()

        def other_client(made):
            made.options[0] = (options.CLIENTID, b"\x00\x03\x00\x01strang")

        def no_client(made):
            made.options.pop(0)

        def no_server(made):
            made.options.pop(1)

        def empty_server(made):
            made.options[1] = (options.SERVERID, b"")

        def long_server(made):
            made.options[1] = (options.SERVERID, bytes(131))

        def other_transaction(made):
            made.transaction_id ^= 1

        def as_type(kind):
            def change(made):
                made.msg_type = kind

            return change

        changes = [other_client, no_client, no_server, empty_server, long_server]
        changes.append(other_transaction)
        for kind in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11):
            changes.append(as_type(kind))
        for change in changes:
            made = client()
            made.set_router_flags(False, True, 0)
            data, now = sent(made, 0)
            answer = dhcp6.Message.parse(server.answer(data))
            change(answer)
            made.receive_datagram(octets(answer), ROUTER, now)
            self.assertEqual(events(made), [])
            counted = made.counters["strangers"] + made.counters["reconfigures"]
            self.assertEqual(counted + made.counters["unexpected"], 1)
            made.receive_datagram(server.answer(data), ROUTER, now)
            self.assertEqual(names(events(made)), ["ConfigurationReceived"])

    def test_an_answer_before_the_question(self):
        """In the delay before the first message nothing is awaited, whoever knows the ID."""
        made = client()
        made.set_router_flags(False, True, 0)
        server = Server()
        early = dhcp6.Message(message.INFORMATION_REQUEST, 0, [(options.CLIENTID, DUID)])
        early.transaction_id = made._information.exchange.transaction_id
        made.receive_datagram(server.answer(octets(early)), ROUTER, 0)
        self.assertEqual((events(made), made.counters["strangers"]), ([], 1))

    def test_bad_addresses_are_not_taken(self):
        for addr16, preferred, valid in (
            (FIRST, 3601, 3600),
            (bytes(16), 10, 20),
            (bytes(15) + b"\x01", 10, 20),
            (b"\xff\x0e" + bytes(14), 10, 20),
            (b"\xfe\x80" + bytes(13) + b"\x07", 10, 20),
            (FIRST, 0, 0),
        ):
            made = client()
            made.set_router_flags(True, False, 0)
            data, now = sent(made, 0)
            server = Server()
            given = association([(addr16, preferred, valid)])
            asked = dhcp6.Message.parse(data)
            answer = server.reply(asked, message.REPLY, [given, (options.RAPID_COMMIT, b"")])
            made.receive_datagram(octets(answer), ROUTER, now)
            self.assertEqual((made.state, made.addresses), (state.SOLICITING, []))
            self.assertEqual(events(made), [])

    def test_associations_that_do_not_count(self):
        for wrong in (
            association([(FIRST, 10, 20)], iaid=IAID + 1),
            association([(FIRST, 10, 20)], 9, 8),
            association([(FIRST, 10, 20)], more=option(*status(1))),
            (options.IA_NA, bytes(11)),
            (options.IA_NA, u32(IAID) + bytes(8) + option(5, bytes(23))),
        ):
            made = client()
            made.set_router_flags(True, False, 0)
            data, now = sent(made, 0)
            server = Server(rapid=False)
            asked = dhcp6.Message.parse(data)
            answer = server.reply(asked, message.REPLY, [wrong, (options.RAPID_COMMIT, b"")])
            made.receive_datagram(octets(answer), ROUTER, now)
            advertise = server.reply(asked, message.ADVERTISE, [wrong])
            made.receive_datagram(octets(advertise), ROUTER, now)
            self.assertEqual((made.state, made.addresses), (state.SOLICITING, []))
            # beside one of ours it does not hurt
            answer.options.append(server.lease())
            made.receive_datagram(octets(answer), ROUTER, now)
            first_counts = wrong[1][:4] == u32(IAID) and wrong[1][-6:-2] == b"\x00\x0d\x00\x02"
            self.assertEqual(made.addresses, [] if first_counts else [FIRST])

    def test_oversized(self):
        made = client()
        made.set_router_flags(False, True, 0)
        data, now = sent(made, 0)
        made.receive_datagram(Server().answer(data) + bytes(4096), ROUTER, now)
        made.receive_datagram(b"", ROUTER, now)
        self.assertEqual(made.counters["malformed"], 2)
        self.assertEqual(events(made), [])


if __name__ == "__main__":
    unittest.main()
