# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What is fuzzed: one function for each parser, and one for each engine that strangers speak to.

A target takes octets and returns. It holds what must be so for any octets: FormatError (or another
RemoteProtocolError) alone leaves a parser, and what was read can be written and read again to the
same. Any other exception is a bug. A target imports what it tests when it is called first, so that
a run loads, and instruments, no more than it needs.

    TARGETS["sip-message"](b"INVITE ...")
    WORDS["sip-message"]    # what the fuzzer may put in: words of the grammar
"""

from vox6.wire import FormatError, LocalProtocolError, RemoteProtocolError

PEER = (bytes.fromhex("20010db80000000000000000000000b0"), 5060)
TARGETS = {}
WORDS = {}
SEPARATOR = b"\n--\n"  # between the datagrams of one input, for engines
_MAX_TIMERS = 400

SIP = [
    *(
        "INVITE",
        "ACK",
        "BYE",
        "CANCEL",
        "REGISTER",
        "OPTIONS",
        "PRACK",
        "UPDATE",
        "REFER",
        "NOTIFY",
    ),
    *("SUBSCRIBE", "MESSAGE", "INFO", "SIP/2.0", "Via: ", "SIP/2.0/UDP ", "branch=z9hG4bK"),
    *("From: ", "To: ", ";tag=", "Call-ID: ", "CSeq: ", "Contact: ", "Max-Forwards: 70"),
    *(
        "Content-Length: ",
        "Content-Type: ",
        "Require: ",
        "Supported: ",
        "Record-Route: ",
        "Route: ",
    ),
    *(
        "WWW-Authenticate: Digest ",
        "realm=",
        "nonce=",
        "qop=",
        "algorithm=",
        "Expires: ",
        "RSeq: ",
    ),
    *(
        "RAck: ",
        "Session-Expires: ",
        "Min-SE: ",
        "Refer-To: ",
        "Replaces: ",
        "Event: ",
        "Reason: ",
    ),
    *("Subscription-State: ", "Retry-After: ", "sip:", "sips:", "tel:", "sip:a@[2001:db8::1]"),
    *(
        ";lr",
        ";transport=",
        ";maddr=",
        ";ttl=",
        "<sip:",
        "%00",
        '\\"',
        "\r\n",
        "\r\n\r\n",
        "\r\n ",
    ),
]
SDP = [
    *("v=0\r\n", "o=- 1 1 IN IP6 ::1\r\n", "s=-\r\n", "c=IN IP6 ", "t=0 0\r\n", "m=audio ", "a="),
    *(
        "RTP/AVP",
        "RTP/SAVP",
        "rtpmap:",
        "fmtp:",
        "ptime:",
        "rtcp:",
        "sendonly",
        "inactive",
        "G722",
    ),
    *("PCMU/8000", "opus/48000/2", "L16/16000", "telephone-event/8000", "0-16", "crypto:1 "),
    *(
        "zrtp-hash:1.10 ",
        "AES_CM_128_HMAC_SHA1_80",
        "inline:",
        "IP4",
        "ff15::1/3",
        "useinbandfec=1",
    ),
]
OPTIONS = [
    *("a=candidate:1 1 UDP 1 ", " typ host", "a=ice-ufrag:", "a=end-of-candidates", "2001:db8::1"),
    *("Alert-Info: <http://", "Route: <sip:", "Warning: 370 ", "Identity:", "<sip:[2001:db8::9]>"),
]
MARKUP = [
    "<tunnel",
    "action=",
    '"create"',
    "type=",
    "</tunnel>",
    "<client>",
    "<address",
    "/>",
    "&lt;",
]


def target(name, words=()):
    def keep(function):
        TARGETS[name] = function
        WORDS[name] = list(words)
        return function

    return keep


def text_of(data):
    """Return octets as text, one character each: what a driver may hand to a parser of text."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def tried(parser, *arguments):
    """Return what a parser makes of them, None if it refuses."""
    try:
        return parser(*arguments)
    except FormatError as error:
        assert error.reason and isinstance(error.code, int)
        return None


def drain(engine, now, last=120_000):
    """Take what an engine says until it is silent; its timers stay bounded."""
    for _ in range(_MAX_TIMERS):
        engine.datagrams_to_send()
        while engine.next_event() is not None:
            pass
        when = engine.get_timer()
        if when is None or when > last:
            return
        now = max(now, when)
        engine.handle_timer(now)
    raise AssertionError("timers without end")


# -- SIP


@target("sip-message", SIP)
def sip_message(data):
    from vox6.sip.message import Request, content_length, parse
    from vox6.sip.salvage import salvage

    message = tried(parse, data)
    if message is None:
        known = salvage(data)
        if known is not None:
            known.response(400, "x", "t").emit()
        return
    tried(content_length, message)
    again = parse(message.emit())
    assert again.headers[: len(message.headers)] == message.headers
    assert again.body == message.body and again.start_line() == message.start_line()
    takes = (message.contacts, message.content_type, message.retry_after)
    for take in takes:
        tried(take)
    for name in ("via", "require", "route", "record-route", "supported", "allow"):
        tried(message.values, name)
    if tried(lambda: message.check() or True) and isinstance(message, Request):
        message.response(200, None, "t").emit()


@target("siproxy64-mirror", SIP + SDP)
def siproxy64_mirror(data):
    _through_the_mirror(data, False)


@target("siproxy64-options", SIP + SDP + OPTIONS)
def siproxy64_options(data):
    _through_the_mirror(data, True)


def _through_the_mirror(data, options):
    """A party says anything to the mirror: what goes on is a message, from and to the right.

    options: all of them are on.
    """
    from tools.siproxy64.failures import Failures
    from tools.siproxy64.mirror import Mirror
    from tools.siproxy64.options import rewriter
    from tools.siproxy64.settings import Settings
    from tools.siproxy64.table import Table
    from vox6.sip.grammar import host_address
    from vox6.sip.lines import RequestLines, ResponseLines, parse

    class Relay:
        def begin(self, message, source, target, now):
            return self

        def stream(self, index, addr16, rtp, rtcp, count):
            other = addr16 and table.counterpart(addr16, 0)
            return (other[0], rtp, rtcp) if other else None

        def end(self, passed):
            ended.append(passed)

    table = Table()
    ended = []
    for real, representation in (("10.0.0.64", "[2001:db8::40]"), ("[2001:db8::1]", "10.0.0.1")):
        table.add((host_address(real), 0), (host_address(representation), 0))
    phone, peer = host_address("10.0.0.64"), host_address("[2001:db8::1]")
    mirror = Mirror(table, Relay())
    mirror.failures = Failures(mirror)
    if options:
        settings = Settings()
        settings.unmapped, settings.ice, settings.strip_identity = "drop", "rewrite", True
        settings.compact[True] = True
        settings.services = table
        mirror.rewrite = rewriter(settings)
    mirror.receive(data, (host_address("[2001:db8::40]"), 5060), (peer, 5060), 0)
    sent = mirror.take()
    assert len(sent) <= 4 and len(ended) <= 3
    passed = [one for one in sent if one[2][0] == phone]
    assert len(passed) == mirror.counters.get("passed", 0) <= 2
    for octets, source, _, _ in passed:
        assert source[0] == host_address("10.0.0.1")
        parse(octets, RequestLines, ResponseLines)


@target("sip-values", SIP)
def sip_values(data):
    from vox6.sip import headers
    from vox6.sip.uri import URI, unescape

    text = text_of(data)
    for parser in (URI.parse, headers.Via.parse, headers.NameAddr.parse, headers.CSeq.parse):
        value = tried(parser, text)
        if value is not None:
            assert str(parser(str(value))) == str(value)
    for parser in (
        unescape,
        headers.Challenge.parse,
        headers.Warning.parse,
        headers.Reason.parse,
        headers.MediaType.parse,
        headers.split_list,
        headers.parse_params,
        headers.parse_token_params,
        headers.parse_call_id,
        headers.parse_number,
        headers.parse_retry_after,
        headers.unquote,
    ):
        tried(parser, text)


@target("sip-stream", SIP)
def sip_stream(data):
    from vox6.sip.framing import StreamFramer

    def frames(step):
        framer, out = StreamFramer(), []
        try:
            for i in range(0, len(data), step):
                out += framer.receive(data[i : i + step])
        except FormatError:
            pass  # what was whole before has come
        return out, framer.error is not None

    whole = frames(max(1, len(data)))
    assert frames(1) == whole and frames(7) == whole


@target("sip-agent", [*SIP, SEPARATOR.decode()])
def sip_agent(data):
    """Datagrams at a phone that calls, is called and registers; the agent ends idle."""
    from host_tests.unit.sip.helpers import make_agent
    from vox6.sip.registration import Account

    agent = make_agent()
    agent.register(Account("sip:anna@example.com", peer=PEER), 0)
    agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
    now = 0
    for datagram in data.split(SEPARATOR)[:12]:
        now += 10
        # the fuzzer cannot guess tags and branches: it is given them
        for out in agent.datagrams_to_send():
            datagram = _with_names(datagram, out[0])
        agent.receive_datagram(datagram, PEER, now)
        event = agent.next_event()
        while event is not None:
            if type(event).__name__ == "CallReceived" and event.session.state == "Incoming":
                event.session.accept(now, b"answer")
            event = agent.next_event()
    drain(agent, now, 400_000)
    assert len(agent.layer.servers) == 0, agent.debug()


@target(
    "sip-usages",
    [
        *SIP,
        "to-tag=",
        "from-tag=",
        "early-only",
        "Signal=",
        "Duration=",
        "Messages-Waiting: ",
        "yes",
    ],
)
def sip_usages(data):
    from vox6.sip import dtmf
    from vox6.sip.message_summary import MessageSummary
    from vox6.sip.refer import parse_sipfrag, read_refer_to
    from vox6.sip.replaces import Replaces
    from vox6.sip.subscription import SubscriptionState

    text = text_of(data)
    for parser in (Replaces.parse, SubscriptionState.parse):
        value = tried(parser, text)
        if value is not None:
            assert str(parser(str(value))) == str(value)
    summary = tried(MessageSummary.parse, data)
    if summary is not None:
        assert MessageSummary.parse(summary.emit()).emit() == summary.emit()
    for kind in dtmf.TYPES:
        key = tried(dtmf.parse, kind, data)
        if key is not None:
            assert dtmf.parse(dtmf.RELAY, dtmf.emit(*key)) == key
    tried(parse_sipfrag, data)
    try:
        read_refer_to(text)
    except RemoteProtocolError as error:
        assert error.code in (400, 403, 414, 416)


@target(
    "sip-dialog-info",
    [
        *(
            "<?xml version='1.0'?>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<!DOCTYPE",
            "&amp;",
            "&#x41;",
        ),
        *(
            "xmlns",
            "xmlns:p=",
            "urn:ietf:params:xml:ns:dialog-info",
            "<dialog-info",
            "</dialog-info>",
        ),
        *(
            "<dialog id=",
            "</dialog>",
            "<state>",
            "</state>",
            "version=",
            "state=",
            "full",
            "partial",
        ),
        *("<local>", "<remote>", "<identity", "<target uri=", "<duration>", "/>", "p:"),
    ],
)
def sip_dialog_info(data):
    from vox6.sip.dialog_info import DialogInfo, Table

    info = tried(DialogInfo.parse, data)
    if info is not None:
        written = info.emit()
        assert DialogInfo.parse(written).emit() == written
        table = Table()
        table.receive(info)
        assert not table.receive(info) or len(table.dialogs) <= 32


@target(
    "sip-usage-agent", [*SIP, SEPARATOR.decode(), "@t", "Event: dialog\r\n", "Event: refer\r\n"]
)
def sip_usage_agent(data):
    """Datagrams at a phone with a call (Call-ID c1, tags f1 and @t) that also subscribes."""
    from host_tests.unit.sip.helpers import events, give, make_agent, request

    agent = make_agent()
    agent.packages = ["dialog"]
    agent.subscribe("sip:bob@[2001:db8::b]", "message-summary", PEER, 0, 600)
    out = agent.datagrams_to_send()[0][0]
    give(agent, request("INVITE", body="offer"))
    call = events(agent)[0].session
    call.accept(0, b"answer")
    give(agent, request("ACK", "z9hG4bKack", call.local_tag))
    call.refer(0, "sip:carol@[2001:db8::c]")
    now = 0
    for datagram in data.split(SEPARATOR)[:12]:
        now += 10
        datagram = _with_names(datagram, out).replace(b"@t", call.local_tag.encode())
        agent.receive_datagram(datagram, PEER, now)
        for event in events(agent):
            kind = type(event).__name__
            if kind == "SubscribeReceived":
                event.subscription.accept(now, "text/plain", b"state")
            elif kind == "ReferReceived":
                event.referral.accept(now)
                event.referral.progress(now, 200)
            elif kind == "CallReceived":
                event.session.accept(now, b"answer")
    drain(agent, now, 5_000_000)
    assert len(agent.layer.servers) == 0, agent.debug()
    assert len(agent.subscriptions) <= 1, agent.debug()  # ours goes on


def _with_names(datagram, out):
    """Put Via, From, Call-ID and CSeq of a request of ours in place of @1, @2, @3, @4."""
    for line in out.split(b"\r\n"):
        for mark, name in (
            (b"@1", b"Via: "),
            (b"@2", b"From: "),
            (b"@3", b"Call-ID: "),
            (b"@4", b"CSeq: "),
        ):
            if line.startswith(name) and mark in datagram:
                datagram = datagram.replace(mark, line[len(name) :], 1)
    return datagram


# -- SDP, SRTP


@target("sdp-description", SDP)
def sdp_description(data):
    from vox6.sdp.description import SessionDescription

    description = tried(SessionDescription.parse, data)
    if description is not None:
        written = description.emit()
        assert SessionDescription.parse(written).emit() == written


@target("sdp-negotiation", SDP)
def sdp_negotiation(data):
    from vox6.sdp.description import SessionDescription
    from vox6.sdp.offer_answer import STABLE, Negotiation

    ours = Negotiation(
        1,
        ("G722", "PCMU", "telephone-event"),
        addrtypes=("IP6", "IP4"),
        protos=("RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"),
        zrtp_hash="1.10 " + "0f" * 32,
    )
    for octets in data.split(SEPARATOR)[:3]:
        try:
            ours.receive_offer(octets)
        except RemoteProtocolError:
            pass
        else:
            answer = ours.create_answer("2001:db8::2", 5000, crypto="1 X inline:x")
            offered = SessionDescription.parse(octets).media
            answered = SessionDescription.parse(answer).media
            assert [one.media for one in answered] == [one.media for one in offered]
        assert ours.state == STABLE
        ours.create_offer("2001:db8::2", 5000, crypto=["1 X inline:x"])
        try:
            ours.receive_answer(octets)
        except RemoteProtocolError:
            ours.offer_rejected()
        assert ours.state == STABLE


@target("srtp-crypto", [*SDP, "|2^20", "|1:4", "KDR=", "UNENCRYPTED_SRTP", "FEC_ORDER=", "WSH="])
def srtp_crypto(data):
    from vox6.srtp.crypto_attribute import CryptoAttribute

    attribute = tried(CryptoAttribute.parse, text_of(data))
    if attribute is not None:
        assert CryptoAttribute.parse(attribute.emit()).emit() == attribute.emit()
        attribute.unsupported()


# -- RTP


@target("rtp-packet")
def rtp_packet(data):
    from vox6.rtp.packet import Packet

    packet = tried(Packet.parse, data)
    if packet is not None:
        buffer = bytearray(len(data))
        assert packet.emit(buffer) == len(data)
        assert vars(Packet.parse(buffer)) == vars(packet)


@target("rtcp-compound")
def rtcp_compound(data):
    from vox6.rtp import rtcp

    messages = tried(rtcp.parse_compound, data)
    if messages is not None:
        written = rtcp.emit_compound(messages)
        assert rtcp.emit_compound(rtcp.parse_compound(written)) == written


@target("rtcp-session")
def rtcp_session(data):
    """A call's reports: the first octet of each piece is time that passes."""
    from vox6.rtp import Session, rtcp

    engine = Session(1, b"cname", lambda length: b"\x80" * length, PEER)
    engine.start(0)
    now = 0
    for piece in data.split(SEPARATOR)[:12]:
        now += 100 * (piece[0] if piece else 0)
        engine.receive_datagram(piece[1:], PEER, now)
        timer = engine.get_timer()
        if timer is not None and timer <= now:
            engine.handle_timer(now)
        engine.report({"sent": 5, "received": 3, "ssrc": 2}, 5, 1 << 40, now, time_us=now * 1000)
        for out, _ in engine.datagrams_to_send():
            rtcp.parse_compound(out)
        while engine.next_event() is not None:
            pass


# -- ZRTP

KINDS = (
    *(
        "Hello   ",
        "HelloACK",
        "Commit  ",
        "DHPart1 ",
        "DHPart2 ",
        "Confirm1",
        "Confirm2",
        "Conf2ACK",
    ),
    *(
        "Error   ",
        "ErrorACK",
        "GoClear ",
        "ClearACK",
        "SASrelay",
        "RelayACK",
        "Ping    ",
        "PingACK ",
    ),
)


@target("zrtp-message", [*KINDS, "1.10", "S256", "AES1", "HS80", "X255", "DH3k", "B32 "])
def zrtp_message(data):
    from vox6.zrtp import encrypted, messages, packet

    for parser in (encrypted.ConfirmPart.parse, encrypted.RelayPart.parse, packet.parse):
        tried(parser, data)
    inner = data[4:] if data[:2] == b"\x50\x5a" else data
    inner += bytes(-len(inner) % 4)
    framed = b"\x50\x5a" + (1 + len(inner) // 4).to_bytes(2, "big") + inner
    for octets in (data, framed):  # as it came, and with the right length
        message = tried(messages.parse, octets)
        if message is not None:
            assert type(messages.parse(message.emit())) is type(message)


# -- DNS, DHCPv6


@target("dns-message")
def dns_message(data):
    from vox6.dns.message import Message

    message = tried(Message.parse, data)
    if message is not None:
        buffer = bytearray(65535)
        length = message.emit(buffer)
        again = Message.parse(bytes(buffer[:length]))
        assert [repr(one) for one in again.answers] == [repr(one) for one in message.answers]


@target("dns-name", ["example", ".", "\\046", "\\.", "_sip._udp", "xn--"])
def dns_name(data):
    from vox6.dns.name import canonical, is_below, split_name

    text = text_of(data)
    try:
        labels = split_name(text)
    except LocalProtocolError:  # a name comes from a person or a setting
        return
    assert all(0 < len(label) < 64 for label in labels)
    name = canonical(text)
    assert canonical(name) == name
    assert is_below(name, name)


@target("dns-expression", ["!^.*$!", "!sip:\\1@a!", "[[:digit:]]", "{1,3}", "(", ")*", "|", "\\+"])
def dns_expression(data):
    from vox6.dns.ere import substitute

    for number in ("+4315056416", "1234*256"):
        result = tried(substitute, text_of(data), number)
        assert result is None or len(result) <= 512


@target("sip-stun")
def sip_stun(data):
    from vox6.sip.stun import is_stun, parse_response

    seen = tried(parse_response, data)
    if seen is not None:
        assert is_stun(data) and seen[0] == data[8:20]
        assert seen[1] is None or len(seen[1][0]) == 16


@target("dhcp6-message")
def dhcp6_message(data):
    from vox6.dhcp6 import options
    from vox6.dhcp6.message import Message

    message = tried(Message.parse, data)
    if message is not None:
        buffer = bytearray(len(data) + 16)
        length = message.emit(buffer)
        assert bytes(buffer[:length]) == data
    tried(options.IANA.parse, data)
    tried(options.IAAddress.parse, data)
    for parser in (options.names_of, options.addresses_of, options.number_of, options.url_of):
        tried(parser, data)


# -- PubTSP


@target(
    "pubtsp-message", [*MARKUP, "VERSION=2.0.2\r\n", "AUTHENTICATE ANONYMOUS", "200 Success\r\n"]
)
def pubtsp_message(data):
    from vox6.pubtsp import header, messages

    tried(messages.parse_request, data)
    tried(messages.parse_reply, data)
    tried(messages.parse_reply, b"200 Success\r\n" + data)
    tried(header.parse, data)


@target("pubtsp-markup", MARKUP)
def pubtsp_markup(data):
    from vox6.pubtsp import markup

    text = text_of(data)
    tried(markup.parse, text)
    tried(markup.parse, "<tunnel>" + text + "</tunnel>")


# -- text of people


@target("addresses", ["2001:db8::", "::ffff:", "192.0.2.1", "fe80::1", ":", "."])
def addresses(data):
    from vox6.wire import format_address, parse_address

    text = text_of(data)
    addr16 = tried(parse_address, text)
    if addr16 is not None:
        assert len(addr16) == 16 and parse_address(format_address(addr16)) == addr16


@target(
    "settings-file", ["vox6-settings 1\n", "sip.port = ", "account.1.uri = ", "#", "\n", " = "]
)
def settings_file(data):
    from firmware.store.settings import Settings, names
    from host_tests.fuzz.parsers.disk import Disk

    disk = Disk({"/settings/settings.txt": b"vox6-settings 1\n" + data})
    one = Settings("/settings", disk)
    one.load()
    values = [one.get(name) for name in names()]
    if not one.messages:
        one.save()
        again = Settings("/settings", disk)
        again.load()
        assert [again.get(name) for name in names()] == values


@target("zrtp-cache-file")
def zrtp_cache_file(data):
    """Any octets, and the same with the right digest behind them."""
    from firmware.store.zrtp_cache import ZRTPCache
    from host_tests.fuzz.parsers.disk import Disk
    from vox6 import crypto

    provider = crypto.provider()
    begun = b"zrtp-cache 1\n" + data
    for octets in (data, begun + provider.digest("SHA-256", begun)):
        cache = ZRTPCache("/d", provider, None, Disk({"/d/zrtp-cache": octets}))
        assert not cache.refused or b"zrtp-cache " in octets
        for known in list(cache.known()):
            cache.get(known[0])
        again = ZRTPCache("/d", provider, None, cache._files)
        assert again.message is None or again.refused
        assert again.zid == cache.zid or again.refused


@target("planted")
def planted(data):
    """No parser of ours: see planted.py."""
    from host_tests.fuzz import planted as subject

    tried(subject.parse, data)
