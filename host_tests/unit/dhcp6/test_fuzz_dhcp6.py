# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/dhcp6 beside scapy, both ways; any octets to the parsers; any order of things."""

import logging

from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.unit.dhcp6.helpers import (
    DUID,
    FIRST,
    IAID,
    OTHER_DUID,
    ROUTER,
    SECOND,
    SERVER_DUID,
    Server,
    client,
    octets,
)
from vox6 import dhcp6
from vox6.dhcp6 import message, options
from vox6.dhcp6.configuration import Configuration
from vox6.wire import FormatError, LocalProtocolError, format_address

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.layers import dhcp6 as scapy6  # noqa: E402

fewer = settings(max_examples=settings().max_examples // 3)

_CLASSES = {
    message.SOLICIT: scapy6.DHCP6_Solicit,
    message.REQUEST: scapy6.DHCP6_Request,
    message.CONFIRM: scapy6.DHCP6_Confirm,
    message.RENEW: scapy6.DHCP6_Renew,
    message.REBIND: scapy6.DHCP6_Rebind,
    message.RELEASE: scapy6.DHCP6_Release,
    message.DECLINE: scapy6.DHCP6_Decline,
    message.INFORMATION_REQUEST: scapy6.DHCP6_InfoRequest,
}


def everything():
    """One message of each kind, as a client sends them."""
    seen = []
    server = Server(rapid=False)
    engine = client()
    now = 0

    def run(until):
        nonlocal now
        for _ in range(60):
            for data, _ in engine.datagrams_to_send():
                seen.append(data)
                answer = server.answer(data) if server else None
                if answer is not None:
                    engine.receive_datagram(answer, ROUTER, now)
            if until():
                return
            now = max(now, engine.get_timer())
            engine.handle_timer(now)
        raise AssertionError(engine.debug())

    engine.set_router_flags(False, True, now)
    run(lambda: engine.configuration is not None)
    engine.set_router_flags(True, True, now)
    run(lambda: engine.state == "Bound")
    engine.link_changed(now)
    run(lambda: engine.state == "Bound")
    server = None
    run(lambda: engine.state == "Rebinding")
    run(lambda: any(data[0] == message.REBIND for data in seen))
    server = Server(addresses=(FIRST, SECOND))
    server.bindings.append(DUID)
    run(lambda: engine.state == "Bound" and len(engine.addresses) == 2)
    engine.decline([SECOND], now)
    run(lambda: engine.state == "Bound")
    engine.release(now)
    run(lambda: engine.state == "Idle")
    return seen


def test_scapy_reads_each_message_of_ours():
    kinds = set()
    for data in everything():
        kinds.add(data[0])
        theirs = _CLASSES[data[0]](data)
        assert theirs.trid == int.from_bytes(data[1:4], "big")
        assert bytes(theirs[scapy6.DHCP6OptClientId].duid) == DUID
        assert theirs[scapy6.DHCP6OptElapsedTime].elapsedtime >= 0
        association = theirs.getlayer(scapy6.DHCP6OptIA_NA)
        assert (association is None) == (data[0] == message.INFORMATION_REQUEST)
        if association is not None:
            assert (association.iaid, association.T1, association.T2) == (IAID, 0, 0)
            held = [one.addr for one in association.ianaopts]
            assert held in (
                [],
                ["2001:db8::64"],
                ["2001:db8::65"],
                ["2001:db8::64", "2001:db8::65"],
            )
        wanted = theirs.getlayer(scapy6.DHCP6OptOptReq)
        if wanted is not None:
            assert wanted.reqopts[:5] == [21, 22, 23, 24, 59]
        server = theirs.getlayer(scapy6.DHCP6OptServerId)
        assert (server is not None) == (data[0] in (3, 5, 8, 9))
        assert (theirs.getlayer(scapy6.DHCP6OptRapidCommit) is not None) == (data[0] == 1)
        assert theirs.getlayer(scapy6.DHCP6OptUnknown) is None
    assert kinds == set(_CLASSES)


addresses = st.lists(st.binary(min_size=16, max_size=16), max_size=4)
labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
names = st.lists(st.lists(labels, min_size=1, max_size=4).map(".".join), max_size=3)
seconds = st.integers(0, 0xFFFFFFFF)


@fewer
@given(names, addresses, addresses, names, seconds, st.integers(0, 5), st.binary(max_size=20))
def test_we_read_what_scapy_writes(sips, sip_addresses, servers, domains, number, code, words):
    theirs = (
        scapy6.DHCP6_Reply(trid=7)
        / scapy6.DHCP6OptClientId(duid=scapy6.DUID_LL(hwtype=1, lladdr="02:00:5e:10:00:01"))
        / scapy6.DHCP6OptServerId(duid=scapy6.DUID_UUID(uuid=SERVER_DUID[2:].hex()))
        / scapy6.DHCP6OptStatusCode(statuscode=code, statusmsg=words)
        / scapy6.DHCP6OptSIPDomains(sipdomains=[name + "." for name in sips])
        / scapy6.DHCP6OptSIPServers(sipservers=[format_address(one) for one in sip_addresses])
        / scapy6.DHCP6OptDNSServers(dnsservers=[format_address(one) for one in servers])
        / scapy6.DHCP6OptDNSDomains(dnsdomains=[name + "." for name in domains])
        / scapy6.DHCP6OptInfoRefreshTime(reftime=number)
        / scapy6.DHCP6OptBootFileUrl(optdata=b"http://a/")
        / scapy6.DHCP6OptIA_NA(
            iaid=IAID,
            T1=1,
            T2=2,
            ianaopts=[
                scapy6.DHCP6OptIAAddress(addr=format_address(one), preflft=number, validlft=code)
                for one in servers
            ],
        )
    )
    got = dhcp6.Message.parse(bytes(theirs))
    assert (got.msg_type, got.transaction_id) == (message.REPLY, 7)
    assert got.get(options.CLIENTID) == DUID
    assert got.get(options.SERVERID) == SERVER_DUID
    assert options.status_of(got.options)[0] == code
    assert options.number_of(got.get(options.INFORMATION_REFRESH_TIME)) == number
    assert options.names_of(got.get(options.SIP_SERVER_D)) == sips
    assert options.names_of(got.get(options.DOMAIN_LIST)) == domains
    assert options.addresses_of(got.get(options.SIP_SERVER_A)) == sip_addresses
    assert options.addresses_of(got.get(options.DNS_SERVERS)) == servers
    held = options.IANA.parse(got.get(options.IA_NA))
    assert (held.iaid, held.t1, held.t2) == (IAID, 1, 2)
    assert [(one.addr16, one.preferred, one.valid) for one in held.addresses] == [
        (one, number, code) for one in servers
    ]
    assert octets(got) == bytes(theirs)


@given(st.binary(max_size=120))
def test_any_octets_to_the_parsers(data):
    for parse in (
        dhcp6.Message.parse,
        options.IANA.parse,
        options.IAAddress.parse,
        options.names_of,
        options.addresses_of,
        options.url_of,
        options.number_of,
    ):
        try:
            parse(data)
        except FormatError:
            pass
    for code in (21, 22, 23, 24, 59):
        Configuration.of(dhcp6.Message(message.REPLY, 1, [(code, data)]))
    try:
        assert options.emit_names(options.names_of(data)) == data or b"\0" in data
    except FormatError:
        pass


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["flags", "answer", "other", "flip", "noise", "timer", "timer", "link", "decline"]
            + ["release", "withdraw", "refuse", "forget", "stop", "late"]
        ),
        st.integers(0, 7),
        st.binary(max_size=30),
    ),
    max_size=60,
)


@fewer
@given(steps, st.booleans())
def test_any_order_of_things(sequence, rapid):
    """Nothing leaves but LocalProtocolError of commands; addresses and events tell one story."""
    engine = client(rapid_commit=rapid)
    servers = [Server(rapid=rapid), Server(OTHER_DUID, (SECOND,), rapid=rapid)]
    held = set()
    now = 0
    sent = [octets(dhcp6.Message(1, 1, [(options.CLIENTID, DUID)]))]
    for what, number, noise in sequence:
        data = sent[-1 - number % len(sent)]
        try:
            if what == "flags":
                engine.set_router_flags(bool(number & 1), bool(number & 2), now)
            elif what in ("answer", "other", "flip", "late"):
                answer = servers[what == "other"].answer(sent[-1] if what != "late" else data)
                if answer is not None:
                    if what == "flip":
                        changed = bytearray(answer)
                        changed[(noise[0] if noise else 0) % len(changed)] ^= 1 << number
                        answer = bytes(changed)
                    engine.receive_datagram(answer, ROUTER, now)
            elif what == "noise":
                answer = b"\x07" + data[1:4] + noise
                engine.receive_datagram(answer, ROUTER, now)
            elif what == "timer" and engine.get_timer() is not None:
                now = max(now, engine.get_timer())
                engine.handle_timer(now)
            elif what == "link":
                engine.link_changed(now)
            elif what == "decline":
                engine.decline(engine.addresses[:number], now)
            elif what == "release":
                engine.release(now)
            elif what == "withdraw":
                servers[0].preferred = servers[0].valid = 0 if number & 1 else 1000
            elif what == "refuse":
                servers[0].addresses = [] if number & 1 else [FIRST]
            elif what == "forget":
                servers[0].bindings = []
                servers[0].on_link = bool(number & 1)
            elif what == "stop" and number == 7:
                engine.stop()
                held = set()
        except LocalProtocolError:
            assert what in ("decline", "release")
        sent.extend(data for data, _ in engine.datagrams_to_send())
        event = engine.next_event()
        while event is not None:
            if type(event).__name__ == "AddressesAssigned":
                held = {one[0] for one in event.addresses}
                assert all(one[2] >= one[1] >= 0 for one in event.addresses)
            elif type(event).__name__ == "AddressesRemoved":
                assert held >= set(event.addresses)
                held -= set(event.addresses)
            event = engine.next_event()
        assert set(engine.addresses) == held
        assert (engine.state == "Idle") <= (not held)
        if engine.state not in ("Idle", "Bound"):
            assert engine.get_timer() is not None
        assert engine.counters["dropped_events"] == 0
