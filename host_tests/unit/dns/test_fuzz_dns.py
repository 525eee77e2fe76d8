# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/dns beside dnspython, both ways, and on any octets: FormatError alone leaves the parser."""

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.unit.dns.helpers import SECOND, SERVER, Seed, aaaa, cname, reply
from host_tests.unit.dns.helpers import octets as emitted
from host_tests.unit.dns.helpers import resolver as made_resolver
from host_tests.unit.dns.test_locate import Both
from vox6.dns import AAAA, A, Message, Question, Record, canonical, rdata
from vox6.dns.ere import substitute
from vox6.dns.message import QR, RA, RD
from vox6.dns.name import read_name, split_name, write_name
from vox6.wire import FormatError, LocalProtocolError, Reader, Writer

labels = st.one_of(
    st.sampled_from([b"example", b"Example", b"com", b"_sip", b"a", b"b"]),
    st.binary(min_size=1, max_size=63),
)
label_lists = st.lists(labels, max_size=5).filter(lambda x: sum(map(len, x)) + len(x) < 255)


def text_of(parts):
    reader = Reader(b"".join(bytes((len(part),)) + part for part in parts) + b"\0")
    return read_name(reader)


names = label_lists.map(text_of)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
strings = st.binary(max_size=255)
data = st.one_of(
    st.builds(rdata.AddressData, st.just(A), st.binary(min_size=4, max_size=4)),
    st.builds(rdata.AddressData, st.just(AAAA), st.binary(min_size=16, max_size=16)),
    st.builds(rdata.NameData, st.sampled_from([rdata.CNAME, rdata.PTR, rdata.NS]), names),
    st.builds(rdata.SRVData, u16, u16, u16, names),
    st.builds(rdata.NAPTRData, u16, u16, strings, strings, strings, names),
    st.builds(rdata.SOAData, names, names, u32, u32, u32, u32, u32),
    st.builds(rdata.TXTData, st.lists(strings, min_size=1, max_size=4).map(tuple)),
    st.builds(rdata.Unknown, st.just(65280), st.binary(max_size=64)),
)
records = st.builds(Record, names, st.integers(0, 0x7FFFFFFF), data)


@st.composite
def messages(draw):
    message = Message(draw(u16), draw(st.sampled_from([RD, QR | RD | RA, QR | RD | RA | 0x0430])))
    message.questions = [Question(draw(names), draw(st.sampled_from([1, 28, 33, 35])))]
    message.answers = draw(st.lists(records, max_size=4))
    message.authority = draw(st.lists(records, max_size=2))
    message.additional = draw(st.lists(records, max_size=2))
    if draw(st.booleans()):
        message.udp_size = draw(st.integers(512, 65535))
        message.options = ((65001, draw(st.binary(max_size=16))),)
        message.rcode = draw(st.sampled_from([0, 2, 3, 16]))
    return message


fewer = settings(max_examples=settings().max_examples // 3)  # messages are slow to make


def emit(message):
    buffer = bytearray(65535)
    return bytes(buffer[: message.emit(buffer)])


def as_labels(name):
    """A compressed name takes its letters' case from the first of its kind: compared without."""
    return tuple([label.lower() for label in split_name(name)]) + (b"",)


def lowered(theirs):
    return tuple([label.lower() for label in theirs.labels])


def same_name(ours, theirs):
    return as_labels(ours) == lowered(theirs)


def their_fields(got):
    """The fields of dnspython's data in our order, names as labels."""
    kind = got.rdtype
    if kind in (1, 28):
        return (got.to_wire(),)
    if kind in (5, 12, 2):
        return (lowered(got.target),)
    if kind == 33:
        return (got.priority, got.weight, got.port, lowered(got.target))
    if kind == 35:
        where = lowered(got.replacement)
        return (got.order, got.preference, got.flags, got.service, got.regexp, where)
    if kind == 6:
        times = (got.serial, got.refresh, got.retry, got.expire, got.minimum)
        return (lowered(got.mname), lowered(got.rname)) + times
    if kind == 16:
        return tuple(got.strings)
    return (got.to_wire(),)


def our_fields(ours):
    if isinstance(ours, rdata.NameData):
        return (as_labels(ours.target),)
    if isinstance(ours, rdata.SRVData):
        return (ours.priority, ours.weight, ours.port, as_labels(ours.target))
    if isinstance(ours, rdata.NAPTRData):
        return ours.fields()[:5] + (as_labels(ours.replacement),)
    if isinstance(ours, rdata.SOAData):
        return (as_labels(ours.mname), as_labels(ours.rname)) + ours.fields()[2:]
    return ours.fields()


@fewer
@given(messages())
def test_dnspython_reads_what_we_write(message):
    octets = emit(message)
    theirs = dns.message.from_wire(octets, one_rr_per_rrset=True)
    assert theirs.id == message.id
    assert same_name(message.questions[0].name, theirs.question[0].name)
    assert theirs.question[0].rdtype == message.questions[0].rtype
    for ours, section in (
        (message.answers, theirs.answer),
        (message.authority, theirs.authority),
        (message.additional, theirs.additional),
    ):
        assert len(ours) == len(section)
        for record, rrset in zip(ours, section, strict=True):
            assert same_name(record.name, rrset.name)
            assert rrset.ttl == record.ttl
            assert rrset.rdtype == record.data.rtype
            assert their_fields(rrset[0]) == our_fields(record.data)
    if message.udp_size is not None:
        assert theirs.edns == 0
        assert theirs.payload == message.udp_size
        assert theirs.rcode() == message.rcode
        assert [(o.otype, o.to_wire()) for o in theirs.options] == list(message.options)
    else:
        assert theirs.edns == -1


@fewer
@given(messages())
def test_what_we_write_comes_back(message):
    octets = emit(message)
    back = Message.parse(octets)
    assert emit(back) == octets
    for ours, theirs in zip(message.answers, back.answers, strict=True):
        assert canonical(ours.name) == canonical(theirs.name)
        assert (ours.ttl, ours.data) == (theirs.ttl, theirs.data)


@fewer
@given(messages())
def test_we_read_what_dnspython_writes(message):
    theirs = dns.message.from_wire(emit(message), one_rr_per_rrset=True)
    octets = theirs.to_wire(max_size=65535)
    back = Message.parse(octets)
    assert [canonical(q.name) for q in back.questions] == [
        canonical(q.name) for q in message.questions
    ]
    assert back.udp_size == message.udp_size
    assert back.rcode == message.rcode
    assert sorted(map(repr, back.answers)) == sorted(
        map(repr, Message.parse(emit(message)).answers)
    )


@given(names)
def test_names_read_as_dnspython_writes_them(name):
    theirs = dns.name.from_text(name)
    assert same_name(name, theirs)
    assert same_name(theirs.to_text(), theirs)
    writer = Writer(bytearray(300))
    write_name(writer, name)
    assert writer.getvalue() == theirs.to_wire()


@given(st.text(alphabet="ab.\\019 \x7f\xe4_", max_size=20))
def test_any_text_is_a_name_or_refused(text):
    try:
        parts = split_name(text)
    except LocalProtocolError:
        return
    assert tuple(parts) + (b"",) == dns.name.from_text(text).labels


@given(st.one_of(st.binary(max_size=200), messages().map(emit)), st.data())
def test_any_octets_to_the_parser(octets, choices):
    octets = bytearray(octets)
    for _ in range(choices.draw(st.integers(0, 4))):
        if octets:
            at = choices.draw(st.integers(0, len(octets) - 1))
            octets[at] = choices.draw(st.sampled_from([0, 1, 12, 41, 63, 64, 0xC0, 0xC1, 0xFF]))
    try:
        message = Message.parse(octets)
    except FormatError:
        return
    if message.truncated:
        return
    # what we take can be said again
    assert canonical_all(Message.parse(emit(message))) == canonical_all(message)


def canonical_all(message):
    return [(canonical(r.name), r.ttl, r.rclass, r.data) for r in message.answers]


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["resolve", "answer", "flip", "octets", "timer", "servers", "failed", "port", "cname"]
        ),
        st.integers(0, 5),
        st.binary(max_size=40),
    ),
    max_size=40,
)


@fewer
@given(steps, st.booleans(), st.booleans())
def test_any_order_of_things(sequence, stream, mix_case):
    """Whatever comes in whatever order: nothing but protocol errors, and every lookup ends."""
    engine = made_resolver((SERVER, SECOND), stream=stream, mix_case=mix_case)
    chance = Seed(7)
    now = 0
    sent = [(b"\0" * 12, SERVER, "UDP", 40000)]
    expected = set()
    for what, number, noise in sequence:
        now += number * 300
        data, peer, transport, port = sent[-1 - number % len(sent)]
        if what == "resolve":
            name = "h%d.example" % number
            engine.resolve(name, AAAA, now)
            expected.add(name)
        elif what in ("answer", "flip", "cname") and len(data) > 12:
            name = Message.parse(data).questions[0].name
            record = cname(name, "h%d.example" % number) if what == "cname" else aaaa(name)
            answer = bytearray(emitted(reply(data, [record], rcode=number if noise else 0)))
            if what == "flip":
                at = (chance(1)[0] << 8 | chance(1)[0]) % len(answer)
                answer[at] ^= 1 << number
            engine.receive_datagram(bytes(answer), peer, now, port)
        elif what == "octets":
            engine.receive_datagram(data[:2] + noise, peer, now, port)
        elif what == "timer":
            engine.handle_timer(now)
        elif what == "servers":
            engine.set_servers([SECOND, SERVER][: number % 3], now)
        elif what == "failed":
            engine.server_failed(peer, transport, now)
        elif what == "port":
            engine.port_failed(port, now)
        sent.extend(engine.datagrams_to_send())
    for _ in range(400):
        if engine.get_timer() is None:
            break
        now = max(now, engine.get_timer())
        engine.handle_timer(now)
        engine.datagrams_to_send()
    assert engine.get_timer() is None
    assert not engine.ports()
    told = set()
    event = engine.next_event()
    while event is not None:
        told.add(event.name)
        event = engine.next_event()
    assert told == expected


few_names = st.one_of(
    st.sampled_from(["example.com", "_sip._udp.example.com", "a.example", "b.example", "."]), names
)
zone_data = st.one_of(
    st.builds(rdata.AddressData, st.just(AAAA), st.binary(min_size=16, max_size=16)),
    st.builds(rdata.SRVData, u16, u16, u16, few_names),
    st.builds(
        rdata.NAPTRData,
        u16,
        u16,
        st.sampled_from([b"s", b"S", b"u", b""]),
        st.sampled_from([b"SIP+D2U", b"sips+d2t", b"SIP+D2T", b"E2U+sip"]),
        st.sampled_from([b"", b"", b"!a!b!"]),
        few_names,
    ),
    st.builds(rdata.NameData, st.just(rdata.CNAME), few_names),
)


@fewer
@given(st.lists(st.tuples(few_names, zone_data), max_size=12), st.booleans())
def test_any_zone_is_located_or_not(entries, secure):
    """One event for one URI, whatever a zone says; nothing leaves but that."""
    zone = {}
    for name, one in entries:
        zone.setdefault((canonical(name), one.rtype), []).append(one)
    both = Both(zone)
    both.locator.locate("example.com", None, None, secure, 0)
    assert len(both.run()) == 1
    assert len(both.asked) <= 1 + 4 + 8


@given(
    st.text(alphabet="!ab1+.*?{}()[]|^$\\\\,:-i", max_size=60),
    st.text(alphabet="ab1+*", max_size=16),
)
def test_any_text_is_a_substitution_or_refused(expression, text):
    for one in (expression, "!" + expression + "!x!"):
        try:
            result = substitute(one, text)
        except FormatError:
            continue
        assert result is None or len(result) <= 512
