# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/dns/resolver.py: questions, servers, times, answers, the cache."""

import unittest

from host_tests.unit.dns.helpers import (
    HOST,
    SECOND,
    SERVER,
    aaaa,
    cname,
    events,
    octets,
    one,
    reply,
    resolver,
    soa,
)
from vox6 import dns
from vox6.dns import message, rdata
from vox6.dns.events import NotFound, Resolved, ResolveFailed
from vox6.wire import LocalProtocolError

NAME = "sip.example"


def ask(made, name=NAME, now=0):
    made.resolve(name, dns.AAAA, now)
    return one(made)


class ResolverTest(unittest.TestCase):
    def answered(self, made, sent, answer, now=10, peer=SERVER):
        made.receive_datagram(octets(answer), peer, now, sent[3])
        got = events(made)
        self.assertEqual(len(got), 1)
        return got[0]

    def test_a_name(self):
        made = resolver()
        data, peer, transport, port = sent = ask(made, "SIP.example.")
        self.assertEqual((peer, transport), (SERVER, "UDP"))
        self.assertEqual(made.ports(), [port])
        self.assertGreaterEqual(port, 32768)
        query = dns.Message.parse(data)
        self.assertEqual(query.questions, [dns.Question(NAME, dns.AAAA)])
        self.assertEqual((query.flags, query.udp_size), (message.RD, 1232))
        self.assertEqual(made.get_timer(), 1000)
        event = self.answered(
            made, sent, reply(data, [aaaa(NAME, 300), aaaa(NAME, 60, b"\x01" * 16)])
        )
        self.assertIsInstance(event, Resolved)
        self.assertEqual((event.name, event.rtype, event.ttl), (NAME, dns.AAAA, 60))
        self.assertEqual(event.canonical_name, NAME)
        self.assertEqual([one_of.address for one_of in event.records], [HOST, b"\x01" * 16])
        self.assertIsNone(made.get_timer())
        self.assertEqual(made.ports(), [])

    def test_srv_and_naptr(self):
        made = resolver()
        for rtype, data in (
            (dns.SRV, rdata.SRVData(1, 2, 5060, "a.example")),
            (dns.NAPTR, rdata.NAPTRData(1, 2, b"s", b"SIP+D2U", b"", "_sip._udp.example")),
        ):
            made.resolve(NAME, rtype, 0)
            sent = one(made)
            event = self.answered(made, sent, reply(sent[0], [dns.Record(NAME, 9, data)]))
            self.assertEqual((event.rtype, event.records), (rtype, [data]))

    def test_ids_and_ports_change(self):
        made = resolver()
        seen = []
        for i in range(12):
            sent = ask(made, "h%d.example" % i)
            seen.append((sent[0][:2], sent[3]))
        self.assertEqual(len(set([pair[0] for pair in seen])), 12)
        self.assertEqual(len(set([pair[1] for pair in seen])), 12)

    def test_nonsense_is_refused(self):
        made = resolver()
        for name, rtype in (
            ("a..b", dns.AAAA),
            ("", dns.AAAA),
            (NAME, 0),
            (NAME, 255),
            (NAME, 252),
            (NAME, rdata.OPT),
            (NAME, 65536),
        ):
            self.assertRaises(LocalProtocolError, made.resolve, name, rtype, 0)
        for i in range(16):
            made.resolve("h%d.example" % i, dns.AAAA, 0)
        self.assertRaises(LocalProtocolError, made.resolve, NAME, dns.AAAA, 0)
        made.cancel("h3.example", dns.AAAA)
        made.resolve(NAME, dns.AAAA, 0)
        self.assertEqual(len(made.datagrams_to_send()), 16)  # not the cancelled one

    def test_asked_twice_one_question(self):
        made = resolver()
        sent = ask(made)
        made.resolve(NAME.upper(), dns.AAAA, 5)
        self.assertEqual(made.datagrams_to_send(), [])
        self.answered(made, sent, reply(sent[0], [aaaa(NAME)]))

    def test_cache(self):
        made = resolver()
        sent = ask(made)
        self.answered(made, sent, reply(sent[0], [aaaa(NAME, 60)]), 0)
        made.resolve(NAME, dns.AAAA, 20000)
        self.assertEqual(made.datagrams_to_send(), [])
        event = events(made)[0]
        self.assertEqual((event.ttl, event.records[0].address), (40, HOST))
        made.resolve(NAME, dns.AAAA, 60000)
        sent = one(made)
        self.answered(made, sent, reply(sent[0], [aaaa(NAME, 0)]), 60000)  # TTL 0: not kept
        ask(made, NAME, 60001)

    def test_cache_is_bounded(self):
        made = resolver()
        for i in range(60):
            sent = ask(made, "h%d.example" % i)
            self.answered(made, sent, reply(sent[0], [aaaa("h%d.example" % i, 60 + i)]), 0)
        self.assertEqual(len(made.cache), 48)
        ask(made, "h0.example", 1)  # ended first, went first
        made.resolve("h59.example", dns.AAAA, 1)
        self.assertEqual(made.datagrams_to_send(), [])

    def test_long_ttl_is_cut(self):
        made = resolver()
        sent = ask(made)
        event = self.answered(made, sent, reply(sent[0], [aaaa(NAME, 0x7FFFFFFF)]))
        self.assertEqual(event.ttl, 86400)

    def test_absence(self):
        """RFC 2308: NXDOMAIN and no data, kept as the SOA says."""
        for rcode, exists in ((message.NXDOMAIN, False), (message.NOERROR, True)):
            made = resolver()
            sent = ask(made)
            answer = reply(sent[0], (), [soa("example", 600, 60)], rcode)
            event = self.answered(made, sent, answer, 0)
            self.assertIsInstance(event, NotFound)
            self.assertEqual((event.name, event.exists, event.ttl), (NAME, exists, 60))
            made.resolve(NAME, dns.AAAA, 59999)
            self.assertEqual(made.datagrams_to_send(), [])
            event = events(made)[0]
            self.assertEqual((event.exists, event.ttl), (exists, 0))
            ask(made, NAME, 60000)

    def test_absence_without_a_fitting_soa_is_not_kept(self):
        for authority in ((), [soa("other")]):
            made = resolver()
            sent = ask(made)
            event = self.answered(made, sent, reply(sent[0], (), authority, message.NXDOMAIN), 0)
            self.assertEqual(event.ttl, 0)
            ask(made)

    def test_a_chain_in_one_answer(self):
        made = resolver()
        sent = ask(made)
        answers = [
            aaaa("C.example", 50),
            cname("b.example", "c.example", 40),
            cname(NAME, "B.example"),
        ]
        event = self.answered(made, sent, reply(sent[0], answers))
        self.assertEqual((event.canonical_name, event.ttl), ("c.example", 40))
        self.assertEqual(event.name, NAME)

    def test_a_chain_that_is_asked_on(self):
        made = resolver()
        sent = ask(made)
        made.receive_datagram(
            octets(reply(sent[0], [cname(NAME, "b.example", 40)])), SERVER, 1, sent[3]
        )
        again = one(made)
        self.assertEqual(
            dns.Message.parse(again[0]).questions, [dns.Question("b.example", dns.AAAA)]
        )
        self.assertNotEqual(again[0][:2], sent[0][:2])
        self.assertNotEqual(again[3], sent[3])
        event = self.answered(made, again, reply(again[0], [aaaa("b.example", 99)]))
        self.assertEqual((event.name, event.canonical_name, event.ttl), (NAME, "b.example", 40))
        made.resolve(NAME, dns.AAAA, 2)
        self.assertEqual(made.datagrams_to_send(), [])

    def test_records_of_another_class_do_not_count(self):
        made = resolver()
        sent = ask(made)
        chaos = aaaa(NAME)
        chaos.rclass = 3
        event = self.answered(made, sent, reply(sent[0], [chaos]))
        self.assertIsInstance(event, NotFound)

    def test_the_cname_itself(self):
        made = resolver()
        made.resolve(NAME, dns.CNAME, 0)
        sent = one(made)
        event = self.answered(made, sent, reply(sent[0], [cname(NAME, "b.example")]))
        self.assertEqual(event.records, [rdata.NameData(dns.CNAME, "b.example")])

    def test_two_servers_and_their_times(self):
        made = resolver((SERVER, SECOND))
        made.resolve(NAME, dns.AAAA, 0)
        times = []
        asked = []
        now = 0
        while made.get_timer() is not None:
            for _, peer, _, _ in made.datagrams_to_send():
                times.append(now)
                asked.append(peer)
            now = made.get_timer()
            made.handle_timer(now)
        self.assertEqual(times, [0, 1000, 2000, 4000, 6000, 10000])
        self.assertEqual(asked, [SERVER, SECOND] * 3)
        self.assertEqual(now, 14000)
        event = events(made)[0]
        self.assertIsInstance(event, ResolveFailed)
        self.assertEqual((event.name, event.reason), (NAME, "timeout"))

    def test_a_late_answer_of_the_first_server_counts(self):
        made = resolver((SERVER, SECOND))
        sent = ask(made)
        made.handle_timer(1000)
        self.assertEqual(one(made)[1], SECOND)
        event = self.answered(made, sent, reply(sent[0], [aaaa(NAME)]), 1500)
        self.assertIsInstance(event, Resolved)

    def test_a_late_refusal_of_the_first_server_does_not_count(self):
        made = resolver((SERVER, SECOND))
        sent = ask(made)
        made.handle_timer(1000)
        again = one(made)
        for answer in (reply(sent[0], rcode=2), reply(sent[0], flags=message.TC)):
            made.receive_datagram(octets(answer), SERVER, 1500, sent[3])
            self.assertEqual((made.datagrams_to_send(), events(made)), ([], []))
        event = self.answered(made, again, reply(again[0], [aaaa(NAME)]), 1600, SECOND)
        self.assertIsInstance(event, Resolved)

    def test_a_server_that_failed_is_asked_last(self):
        made = resolver((SERVER, SECOND))
        ask(made)
        made.handle_timer(1000)
        sent = one(made)
        self.answered(made, sent, reply(sent[0], [aaaa(NAME)]), 1100, SECOND)
        self.assertEqual(ask(made, "b.example", 1200)[1], SECOND)

    def test_refusals(self):
        for rcode, word in ((2, "SERVFAIL"), (5, "REFUSED"), (9, "RCODE9")):
            made = resolver((SERVER, SECOND))
            sent = ask(made)
            made.receive_datagram(octets(reply(sent[0], rcode=rcode)), SERVER, 1, sent[3])
            again = one(made)
            self.assertEqual(again[1], SECOND)
            event = self.answered(made, again, reply(again[0], rcode=rcode), 2, SECOND)
            self.assertIsInstance(event, ResolveFailed)
            self.assertEqual(event.reason, word)
            self.assertIsNone(made.get_timer())

    def test_a_referral_is_no_answer(self):
        made = resolver()
        sent = ask(made)
        ns = dns.Record("example", 60, rdata.NameData(rdata.NS, "ns.example"))
        event = self.answered(made, sent, reply(sent[0], (), [ns]))
        self.assertEqual(event.reason, "bad answer")

    def test_a_server_without_edns(self):
        for rcode, question in ((1, True), (4, True), (1, False), (16, True)):
            made = resolver()
            sent = ask(made)
            answer = reply(sent[0], rcode=rcode)
            if not question:
                answer.questions = []
            made.receive_datagram(octets(answer), SERVER, 1, sent[3])
            again = one(made)
            self.assertEqual(again[1:], sent[1:])
            self.assertIsNone(dns.Message.parse(again[0]).udp_size)
            event = self.answered(made, again, reply(again[0], [aaaa(NAME)]))
            self.assertIsInstance(event, Resolved)

    def test_formerr_without_edns_ends_it(self):
        made = resolver()
        sent = ask(made)
        made.receive_datagram(octets(reply(sent[0], rcode=1)), SERVER, 1, sent[3])
        again = one(made)
        event = self.answered(made, again, reply(again[0], rcode=1))
        self.assertEqual(event.reason, "FORMERR")

    def test_truncated_goes_by_tcp(self):
        made = resolver()
        sent = ask(made)
        made.receive_datagram(octets(reply(sent[0], flags=message.TC)), SERVER, 1, sent[3])
        data, peer, transport, port = one(made)
        self.assertEqual((peer, transport, port), (SERVER, "TCP", 0))
        self.assertEqual(made.ports(), [])
        self.assertEqual(made.get_timer(), 5001)
        made.receive_datagram(octets(reply(data, [aaaa(NAME)])), SERVER, 9, sent[3])
        self.assertEqual(events(made), [])  # by UDP: not awaited there any more
        made.receive_datagram(octets(reply(data, [aaaa(NAME)] * 40)), SERVER, 9, 0)
        event = events(made)[0]
        self.assertEqual(len(event.records), 32)
        self.assertEqual(made.counters["dropped_records"], 8)

    def test_tcp_fails(self):
        for how in ("timeout", "refused", "truncated"):
            made = resolver((SERVER, SECOND))
            sent = ask(made)
            made.receive_datagram(octets(reply(sent[0], flags=message.TC)), SERVER, 1, sent[3])
            query = one(made)
            if how == "timeout":
                made.handle_timer(5001)
            elif how == "refused":
                made.server_failed(SERVER, "TCP", 50)
            else:
                made.receive_datagram(octets(reply(query[0], flags=message.TC)), SERVER, 50, 0)
            again = one(made)
            self.assertEqual((again[1], again[2]), (SECOND, "UDP"))
            self.assertEqual(made.ports(), [again[3]])
            self.assertEqual(len(set([sent[0][:2], query[0][:2], again[0][:2]])), 3)

    def test_without_tcp(self):
        made = resolver((SERVER, SECOND), stream=False)
        sent = ask(made)
        made.receive_datagram(octets(reply(sent[0], flags=message.TC)), SERVER, 1, sent[3])
        again = one(made)
        self.assertEqual(again[1], SECOND)
        event = self.answered(made, again, reply(again[0], flags=message.TC), 2, SECOND)
        self.assertEqual(event.reason, "truncated")

    def test_unreachable_servers(self):
        made = resolver((SERVER, SECOND))
        ask(made)
        made.server_failed(SERVER, "UDP", 1)
        self.assertEqual(one(made)[1], SECOND)
        made.server_failed(SECOND, "UDP", 2)  # the last of the round: its time runs
        self.assertEqual(made.datagrams_to_send(), [])
        made.handle_timer(made.get_timer())
        self.assertEqual(one(made)[1], SERVER)

    def test_a_port_that_is_taken(self):
        made = resolver()
        port = ask(made)[3]
        for _ in range(4):
            made.port_failed(port, 1)
            again = one(made)
            self.assertNotEqual(again[3], port)
            port = again[3]
        made.port_failed(port, 1)  # bounded
        self.assertEqual(made.datagrams_to_send(), [])

    def test_no_servers_and_new_servers(self):
        made = resolver(())
        made.resolve(NAME, dns.AAAA, 0)
        self.assertEqual(events(made)[0].reason, "no servers")
        made.set_servers([SERVER] * 9, 1)
        self.assertEqual(len(made.servers), 4)
        made.set_servers([SERVER], 1)
        ask(made, NAME, 2)
        made.set_servers([SECOND], 3)
        self.assertEqual(one(made)[1], SECOND)
        made.set_servers([], 4)
        self.assertEqual(events(made)[0].reason, "no servers")
        self.assertIsNone(made.get_timer())

    def test_mixed_case(self):
        made = resolver(mix_case=True)
        sent = ask(made, "abcdefghijklmnopqrstuvwxyz.example")
        spelled = dns.Message.parse(sent[0]).questions[0].name
        self.assertNotEqual(spelled, spelled.lower())
        # a server that writes it small, or a guess: TCP tells
        answer = reply(sent[0], [aaaa(spelled)])
        answer.questions = [dns.Question(spelled.lower(), dns.AAAA)]
        made.receive_datagram(octets(answer), SERVER, 1, sent[3])
        self.assertEqual(events(made), [])
        again = one(made)
        self.assertEqual(again[2], "TCP")
        answer = reply(again[0], [aaaa(spelled)])
        answer.questions = [dns.Question(spelled.lower(), dns.AAAA)]
        made.receive_datagram(octets(answer), SERVER, 1, 0)
        self.assertEqual(events(made)[0].name, spelled.lower())

    def test_debug(self):
        self.assertEqual(resolver().debug(), "1 servers, 0 lookups, 0 cached")


if __name__ == "__main__":
    unittest.main()
