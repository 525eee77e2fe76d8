# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: runs the unix program in a lab
"""The tunnel inside the unix phone, in a home behind NAT, against a PubTSP server."""

import os
import re
import socket
import textwrap

import pytest

from host_tests.emulated.tunnel_server import KEEPALIVE, Echo, TunnelServer, guest, ping
from tools.lab.capture import Capture, tshark
from tools.lab.internet import Internet
from tools.panel.phones import UnixPhone
from vox6.pubtsp import ipv6

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not UnixPhone.image.exists(), reason="vox6-phone is not built"),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    with Internet(tmp_path_factory.mktemp("net"), tag="t6") as made:
        yield made


@pytest.fixture(scope="module")
def home(net):
    return net.home("home")


@pytest.fixture(scope="module")
def operator(net):
    host = net.host("operator")
    with TunnelServer(host) as server, Echo(host) as echo:
        host.server, host.echo = server, echo
        yield host


@pytest.fixture(scope="module")
def phone(home):
    return home.host("phone")


def start(phone, operator, code, **values):
    text = guest(operator.ipv4) + f"FAR = net6.parse('{operator.ipv6}')\n"
    text += textwrap.dedent(code)
    return phone.start([UnixPhone.image, "-c", text], log=f"guest-{os.urandom(4).hex()}.log")


def start_with_input(host, operator, code):
    """A guest that reads lines of a FIFO as its standard input."""
    path = host.lab.folder / f"{host.name}.fifo"
    os.mkfifo(path)
    text = guest(operator.ipv4) + textwrap.dedent(code)
    script = host.lab.folder / f"{host.name}.py"
    script.write_text(text)
    argv = ["sh", "-c", f"exec {UnixPhone.image} {script} < {path}"]
    process = host.start(argv, log=f"{host.name}.log")
    process.pipe = path.open("w")
    return process


def output(phone, operator, code, timeout=20):
    process = start(phone, operator, code + "\nprint('end')\n")
    process.wait_output("^end", timeout)
    return process.output()


def test_datagrams_of_all_sizes_come_back_through_the_tunnel(phone, operator):
    text = output(
        phone,
        operator,
        """
endpoint, own = begin()
voice = net6.Endpoint(port=4000)
voice.set_traffic_class(0xb8)
import os
for size in (0, 1, 160, 1232, 1233, 3000, 8192):
    data = os.urandom(size)
    voice.send(data, FAR, 7)
    got, address, port = receive(voice)
    print(size, got == data, address == FAR, port, voice.meta()[0] == own, voice.meta()[1])
print(net6.text(own), [a[1:] for a in net6.addresses() if a[0] == own])
count = tunnel6.counters()
print('count', count['sent_server'], count['received_server'], count['not_sent'], count['foreign'])
voice.close()
print(net6.use()[0])
""",
    )
    lines = text.splitlines()
    for line, size in zip(lines, (0, 1, 160, 1232, 1233, 3000, 8192), strict=False):
        assert line == f"{size} True True 7 True 184"
    assert re.search(
        r"^2001:db8:3653:1:c633:64\S+ \[\(128, 'preferred', \d+, \d+, 65535\)\]", text, re.M
    )
    sent, received, *bad = map(int, re.search(r"count (\d+) (\d+) (\d+) (\d+)", text).groups())
    assert sent == received > 7 and bad == [0, 0]
    assert [heard[2] for heard in operator.echo.heard[-7:]] == [0xB8] * 7
    voices = [row for row in operator.server.seen if row[0][:1] == b"\x6b"]
    assert voices and {row[3] for row in voices} == {0xB8}  # DSCP is on the outside, too
    assert max(len(row[0]) for row in voices) <= 1280


def test_our_address_is_pinged_and_we_call_ourselves(phone, operator):
    process = start(
        phone,
        operator,
        """
endpoint, own = begin()
a, b = net6.Endpoint(port=4001), net6.Endpoint(own, 4002)
a.send(b'self', own, 4001)
got = receive(a)
print(got[0], got[1] == own, got[2])
a.send(b'other', own, 4002)
got = receive(b)
b.send(b'back', got[1], got[2])
print(got[0], receive(a)[0])
print('at', net6.text(own))
time.sleep(5)
""",
    )
    own = process.wait_output(r"^at (\S+)").group(1)
    assert process.output().startswith("b'self' True 4001\nb'other' b'back'")
    assert ping(operator, own)
    assert ping(operator, own, "-s", "3000")
    process.kill()


def test_an_endpoint_has_both_ways_and_moves(phone, operator, home):
    neighbour = home.host("neighbour")
    with neighbour.socket() as channel:
        channel.bind(("::", 5000))
        text = output(
            phone,
            operator,
            """
endpoint, own = begin()
near = None
while near is None:  # duplicate address detection
    for found in net6.addresses():
        if found[0][0] == 0xfe and found[2] == 'preferred':
            near = found[0]
    time.sleep_ms(50)
a = net6.Endpoint(port=4003)
a.send(b'x', FAR, 7)
print(1, receive(a)[0])
tunnel6.prefer(False)
print(2, [x[2] for x in net6.addresses() if x[0] == own])
a.send(b'y', FAR, 7)  # nothing else reaches it
print(3, receive(a)[0])
a.move(own)
a.send(b'z', FAR, 7)
print(4, receive(a)[0])
a.send(b'own', near, 4003, near)
print(5, receive(a)[1] == near)
a.move(near)
print(6, number(a.send, b'z', FAR, 7))
a.move(None)
a.move(net6.parse('2001:db8::77'))
print(7, number(a.send, b'z', FAR, 7))
a.move(None)
print(8, number(a.send, b'z', SERVER, 7), number(endpoint.send, b'z', FAR, 7))
tunnel6.configure(None)
print(9, number(a.send, b'z', FAR, 7), [x for x in net6.addresses() if x[0] == own])
a.send(b'own', near, 4003)
print(10, receive(a)[1] == near)
""",
        )
    assert text.splitlines()[:-1] == [
        "1 b'x'",
        "2 ['deprecated']",
        "3 b'y'",
        "4 b'z'",
        "5 True",
        "6 101",
        "7 99",
        "8 97 97",
        "9 101 []",
        "10 True",
    ]


def test_what_stays_for_python(phone, operator):
    server = operator.server
    process = start(
        phone,
        operator,
        """
endpoint, own = begin()
seen = []
print('at', net6.text(own), endpoint.port)
end = time.ticks_add(time.ticks_ms(), 2500)
while time.ticks_diff(end, time.ticks_ms()) > 0:
    got = endpoint.recv_into(buffer)
    if got:
        seen.append(buffer[0] >> 4 if buffer[0] >> 4 != 6 else (buffer[40], buffer[41]))
    time.sleep_ms(2)
print(seen)
print(tunnel6.counters())
print('end')
""",
    )
    found = process.wait_output(r"^at (\S+) (\d+)")
    own = socket.inet_pton(socket.AF_INET6, found[1])
    _, ipv4, port, _ = [row for row in server.seen if row[0][:1] == b"\xf0"][-1]
    quoted = ipv6.echo_request(own, KEEPALIVE, 1, 1, b"x")
    for data in (
        b"",
        b"\xf0" + bytes(7),
        b"\x45" + bytes(50),
        ipv6.echo_request(KEEPALIVE, own, 1, 1, b"ping"),  # answered by lwIP
        ipv6.icmpv6(KEEPALIVE, own, ipv6.ECHO_REPLY, 0, b"\0\1\0\1", 64),
        ipv6.icmpv6(KEEPALIVE, own, 1, 5, bytes(4) + quoted, 64),
        ipv6.icmpv6(KEEPALIVE, own, 1, 5, bytes(4) + bytes(40), 64),  # quotes nobody
        ipv6.icmpv6(KEEPALIVE, own, ipv6.REDIRECT, 0, bytes(40), 255),
        ipv6.echo_request(KEEPALIVE, KEEPALIVE, 1, 1, b"not to us"),
        ipv6.echo_request(own, own, 1, 1, b"as we"),
        ipv6.echo_request(KEEPALIVE, own, 1, 1, b"short")[:-1],
    ):
        server.send(data, ipv4, port)
    process.wait_output("^end")
    text = process.output()
    assert "[15, (129, 0), (1, 5)]" in text
    counters = eval(text.splitlines()[-2])
    assert counters["keepalives"] == 1 and counters["malformed"] == 2
    assert counters["foreign"] == 2 and counters["discovery"] == 1
    # ping, the error that quotes nobody, and the server's own error for our answer to its ping
    assert counters["received_server"] == 3 and counters["sent_server"] == 1
    assert counters["queued"] == 4  # the answer to create, too


def test_ipv4_is_what_kernel_and_resolver_file_say(phone, operator):
    text = output(
        phone,
        operator,
        """
print(tunnel6.ipv4()[1:3], [net6.text(x) for x in [tunnel6.ipv4()[0]] + tunnel6.ipv4()[3]])
print(net6.text(tunnel6.ipv4()[2]), tunnel6.ipv4()[4], net6.servers(), net6.router_flags())
print(number(net6.add_address, FAR, 1, 1), number(net6.remove_address, FAR))
""",
    )
    assert re.search(r"^\(24, b'.*'\) \['::ffff:192.0.2.\d+', '::ffff:192.0.2.1'\]", text, re.M)
    assert "::ffff:192.0.2.1 home.example [] None\n95 95\n" in text


def test_a_change_of_ipv4_is_noticed(phone, operator):
    process = start(
        phone,
        operator,
        """
tunnel6.start_ipv4()
net6.changed().clear()
print('at', net6.text(tunnel6.ipv4()[0]))
while not net6.changed().raised():
    time.sleep_ms(5)
print('now', tunnel6.ipv4())
""",
    )
    address = process.wait_output(r"^at ::ffff:(\S+)").group(1)
    phone.remove_address(address, 24)
    process.wait_output(r"^now None")
    phone.set_address(address, 24)
    phone.set_default_route("192.0.2.1")


def test_hop_limit_and_tos_of_one_datagram(phone, operator, home):
    capture = Capture(home, "hops.pcap")
    output(
        phone,
        operator,
        """
endpoint, own = begin()
endpoint.send(b'', SERVER, 3653, hop_limit=2)
endpoint.send(b'\\x00usual', SERVER, 3653)
endpoint.set_traffic_class(0x60)
endpoint.send(b'\\x00class', SERVER, 3653, None, 3)
a = net6.Endpoint(port=4004)
a.send(b'hop', FAR, 7, hop_limit=9)
receive(a)
""",
    )
    rows = tshark(
        capture.stop(),
        f"ip.src == {phone.ipv4} and udp.dstport == 3653",
        *("ip.ttl", "ip.dsfield", "ip.flags.df", "udp.checksum.status", "udp.length"),
    )
    sent = [row for row in rows if ";" not in row[0]]  # without what an ICMP error quotes
    assert [row[0] for row in sent] == ["64", "2", "64", "3", "64"]
    assert [row[1] for row in sent] == ["0x00", "0x00", "0x00", "0x60", "0x00"]
    assert {row[2] for row in sent} <= {"0", "False"}
    inner = [row[0] for row in operator.server.seen if row[0][:1] == b"\x60"]
    assert inner[-1][7] == 9 and inner[-1].endswith(b"hop")


def test_a_direct_path_does_not_pass_the_server(net, operator):
    """Section 12: two phones in the open; set_peer() of either sends straight."""
    one, two = net.host("one"), net.host("two")
    code = """
endpoint, own = begin()
tunnel6.set_prefixes([own[:8]], 'lab')
voice = net6.Endpoint(port=4000)
print('at', net6.text(own), endpoint.port)
import sys
theirs = net6.parse(sys.stdin.readline().strip())
peer = net6.parse('::ffff:0.0.0.0')[:12] + theirs[8:12]
port = theirs[12] << 8 | theirs[13]
print('wrong', number(tunnel6.set_peer, theirs, peer, port + 1), tunnel6.signal().raised())
voice.send(b'by the server', theirs, 4000)
print(receive(voice)[0], tunnel6.wanted() == [theirs], tunnel6.signal().raised())
time.sleep_ms(300)  # or it overtakes what the server has yet to pass on
tunnel6.set_peer(theirs, peer, port)
voice.send(b'straight', theirs, 4000)
print(receive(voice)[0])
time.sleep_ms(300)
print([x[:2] for x in tunnel6.peers()] == [(theirs, 1)])
count = tunnel6.counters()
print([count[n] for n in ('sent_server', 'sent_direct', 'received_server', 'received_direct')])
tunnel6.set_prefixes(())
print('end', tunnel6.peers())
"""
    processes = [start_with_input(host, operator, code) for host in (one, two)]
    addresses = [process.wait_output(r"^at (\S+)")[1] for process in processes]
    seen = len(operator.server.seen)
    for process, other in zip(processes, reversed(addresses), strict=True):
        process.pipe.write(other + "\n")
        process.pipe.close()
    for process in processes:
        process.wait_output(r"^end \[\]")
        lines = process.output().splitlines()
        assert lines[1] == "wrong 13 False"
        assert lines[2:6] == ["b'by the server' True False", "b'straight'", "True", "[1, 1, 1, 1]"]
    assert len(operator.server.seen) - seen == 2  # one packet of each came by the server


def test_native_ipv6_and_the_tunnel_side_by_side(net, operator):
    """A router appears: what is moved leaves by its address's interface, new flows by policy."""
    home = net.home("dual")
    phone = home.host("both")
    home.add_ipv6()
    phone.wait_address()
    text = output(
        phone,
        operator,
        """
endpoint, own = begin()
native = [x[0] for x in net6.addresses() if x[0][0] == 0x20 and x[5] != tunnel6.INDEX][0]
print([(x[0] == own, x[2]) for x in net6.addresses()][:2])
tunnel6.prefer(False)
print([(x[0] == own, x[2]) for x in net6.addresses()][:2])
a = net6.Endpoint(port=4005)
def way():
    got = receive(a)
    return got[0], a.meta()[0] == own, a.meta()[0] == native
a.send(b'1', FAR, 7); print(way())
a.send(b'2', FAR, 7, own); print(way())
a.move(own); a.send(b'3', FAR, 7); print(way())
a.send(b'4', FAR, 7, native); print(way())
a.move(None); tunnel6.prefer(True)
a.send(b'5', FAR, 7); print(way())
a.send(b'6', native, 4005); print(way())
a.send(b'7', own, 4005); print(way())
""",
    )
    assert text.splitlines()[:-1] == [
        "[(False, 'preferred'), (True, 'preferred')]",
        "[(False, 'preferred'), (True, 'deprecated')]",
        "(b'1', False, True)",
        "(b'2', True, False)",
        "(b'3', True, False)",
        "(b'4', False, True)",
        "(b'5', True, False)",
        "(b'6', False, True)",
        "(b'7', True, False)",
    ]
