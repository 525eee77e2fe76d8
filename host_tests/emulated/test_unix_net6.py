# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: runs the unix program
"""net6 over the host's kernel, in scripts of vox6-phone: endpoints, asyncio, addresses, bounds."""

import os
import subprocess
import textwrap
import time

import pytest

from tools.lab.network import Lab
from tools.panel.phones import UnixPhone

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not UnixPhone.image.exists(), reason="vox6-phone is not built"),
]


def run(code, *arguments, timeout=30):
    """Run a script; what it printed, its exit code and its errors."""
    argv = [str(UnixPhone.image), "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
    return done.stdout, done.returncode, done.stderr


def output(code):
    text, result, errors = run(code)
    assert result == 0, errors
    return text


def test_exit_codes_and_tracebacks():
    assert run("print('x')") == ("x\n", 0, "")
    assert run("raise SystemExit(3)")[1] == 3
    assert run("raise SystemExit")[1] == 0
    text, result, errors = run("def f():\n    return 1 // 0\nf()")
    assert result == 1
    assert "line 2, in f" in errors and "ZeroDivisionError" in errors
    assert subprocess.run([UnixPhone.image, "/none.py"], capture_output=True).returncode == 2
    assert subprocess.run([UnixPhone.image], capture_output=True).returncode == 2


def test_script_finds_modules_beside_it_and_in_micropypath(tmp_path):
    (tmp_path / "beside.py").write_text("a = 1\n")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "away.py").write_text("b = 2\n")
    script = tmp_path / "script.py"
    script.write_text("import sys, beside, away\nprint(beside.a + away.b, sys.argv[1:])\n")
    argv = [UnixPhone.image, script, "x", "y"]
    environment = {**os.environ, "MICROPYPATH": str(tmp_path / "far")}
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=20)
    assert done.stdout == "3 ['x', 'y']\n", done.stderr


def test_endpoints_under_asyncio():
    text = output("""
        import asyncio, net6
        here = net6.parse("::1")
        a = net6.Endpoint(here)
        b = net6.Endpoint(port=0)
        a.set_traffic_class(0xb8)

        async def echo():
            buffer = bytearray(2000)
            while True:
                got = b.recv_into(buffer)
                if got is None:
                    yield asyncio.core._io_queue.queue_read(b)
                    continue
                b.send(memoryview(buffer)[:got[0]], got[1], got[2])
                local, traffic_class, _ = b.meta()
                print(got[0], net6.text(got[1]), got[2] == a.port, net6.text(local), traffic_class)

        async def main():
            task = asyncio.create_task(echo())
            buffer = bytearray(2000)
            for length in (1, 172, 1400):
                a.send(b"x" * length, here, b.port)
                for _ in range(200):
                    got = a.recv_into(buffer)
                    if got:
                        break
                    await asyncio.sleep_ms(5)
                assert got[0] == length
            task.cancel()

        asyncio.run(main())
        print(a.counters(), b.counters())
        """)
    assert text.splitlines() == [
        "1 ::1 True ::1 184",
        "172 ::1 True ::1 184",
        "1400 ::1 True ::1 184",
        "(3, 3, 0, 0, 0) (3, 3, 0, 0, 0)",
    ]


def test_a_waiting_vm_wakes_at_once():
    text = output("""
        import net6, select, time
        here = net6.parse("::1")
        a = net6.Endpoint(here)
        poll = select.poll()
        poll.register(a, select.POLLIN)
        assert poll.poll(50) == []
        buffer = bytearray(10)
        worst = 0
        for _ in range(200):
            start = time.ticks_us()
            a.send(b"x", here, a.port)
            assert poll.poll(1000)
            worst = max(worst, time.ticks_diff(time.ticks_us(), start))
            assert a.recv_into(buffer) and a.recv_into(buffer) is None
            assert poll.poll(0) == []
        print("ok", worst)
        """)
    assert text.startswith("ok")
    print("worst wake", text)


def test_queue_overflow_and_long_datagrams_are_counted():
    text = output("""
        import net6, time
        here = net6.parse("::1")
        a = net6.Endpoint(here)
        b = net6.Endpoint(here, queue=4)
        for n in range(20):
            a.send(bytes([n]) * 100, here, b.port)
        a.send(b"x" * (net6.DATAGRAM_MAX + 1), here, b.port)
        time.sleep_ms(100)
        received, _, queue, size, _ = b.counters()
        print(received, queue, size)
        buffer = bytearray(10)
        print([(b.recv_into(buffer)[0], buffer[0]) for _ in range(4)], b.recv_into(buffer))
        a.send(b"y" * net6.DATAGRAM_MAX, here, b.port)
        time.sleep_ms(50)
        print(b.recv_into(buffer)[0], net6.use()[:3])
        """)
    assert text.splitlines() == [
        "4 16 1",
        "[(100, 0), (100, 1), (100, 2), (100, 3)] None",
        "8192 (2, 0, 0)",
    ]


def test_errors_have_their_numbers():
    text = output("""
        import errno, gc, net6
        def number(function, *args, **keywords):
            try:
                function(*args, **keywords)
            except OSError as error:
                return errno.errorcode.get(error.errno, error.errno)
        here = net6.parse("::1")
        other = net6.parse("2001:db8::77")
        a = net6.Endpoint()
        print(number(net6.Endpoint, here, a.port))
        print(number(net6.Endpoint, other) == 99, number(a.send, b"x", here, 9, other) == 99)
        a.close()
        a.close()
        print(number(a.send, b"x", here, 9), a)
        many = [net6.Endpoint() for _ in range(16)]
        print(number(net6.Endpoint))
        many = None
        net6.Endpoint()  # those that nobody refers to are closed first
        for bad in (
            lambda: net6.Endpoint(b"short"),
            lambda: net6.Endpoint(port=70000),
            lambda: net6.parse("::g"),
        ):
            try:
                bad()
            except ValueError as error:
                print(error)
        """)
    assert text.splitlines() == [
        "EADDRINUSE",
        "True True",
        "EBADF <Endpoint closed>",
        "ENOMEM",
        "an address is 16 octets",
        "port out of range",
        "not an IPv6 address",
    ]


def test_interrupt_ends_a_script_that_waits():
    process = subprocess.Popen(
        [UnixPhone.image, "-c", "import net6, select\na = net6.Endpoint()\nprint('waits')\n"
         "p = select.poll()\np.register(a, 1)\np.poll()"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "waits\n"
    time.sleep(0.2)
    process.send_signal(2)
    assert "KeyboardInterrupt" in process.communicate(timeout=5)[1]
    assert process.returncode == 1


_WATCH = """
import net6, select, sys
changed = net6.changed()
poll = select.poll()
poll.register(changed, select.POLLIN)
print("watching")
while True:
    if not poll.poll(10000):
        break
    changed.clear()
    for address, prefix, state, preferred, valid, scope in net6.addresses():
        if address[0] == 0x20:
            print(net6.text(address), prefix, state, preferred <= valid, scope > 0)
    print("end")
"""


@pytest.mark.needs_root
def test_addresses_come_and_go(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with Lab(tmp_path) as lab:
        host = lab.host("alone", slaac=False)
        process = host.start([UnixPhone.image, "-c", _WATCH], log="watch.log")
        process.wait_output("watching", 5)
        host.set_address("2001:db8:1::42")
        process.wait_output(r"2001:db8:1::42 64 preferred True True\r?\nend", 5)
        host.remove_address("2001:db8:1::42")
        process.wait_output(r"(?s)2001:db8:1::42 64 preferred.*end\r?\nend", 5)
        process.kill()


@pytest.mark.needs_root
def test_link_local_addresses_carry_their_interface(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with Lab(tmp_path) as lab:
        one, two = lab.host("one"), lab.host("two")
        one.wait_address()
        two.wait_address()
        receiver = two.start(
            [UnixPhone.image, "-c", textwrap.dedent("""
                import net6, select
                local = [a[0] for a in net6.addresses() if a[0][0] == 0xfe and a[2] == "preferred"]
                local = local[0]
                group = net6.parse("ff02::1234")
                a = net6.Endpoint(port=7777)
                index = local[2] << 8 | local[3]
                a.join(group, index)
                print("at", net6.text(local))
                poll = select.poll()
                poll.register(a, 1)
                buffer = bytearray(10)
                for _ in range(2):
                    poll.poll(8000)
                    got = a.recv_into(buffer)
                    print("got", net6.text(got[1]), net6.text(a.meta()[0]))
                    a.send(b"back", got[1], got[2], local)
            """)],
            log="two.log",
        )  # fmt: skip
        address = receiver.wait_output(r"at (\S+)%(\d+)", 5)
        sender = one.start(
            [UnixPhone.image, "-c", textwrap.dedent("""
                import net6, select, sys
                zone = [a[0][2:4] for a in net6.addresses() if a[0][0] == 0xfe][0]
                a = net6.Endpoint()
                poll = select.poll()
                poll.register(a, 1)
                buffer = bytearray(10)
                for text in (sys.argv[1], "ff02::1234"):
                    to = bytearray(net6.parse(text))
                    to[2:4] = zone
                    a.send(b"x", to, 7777)
                    poll.poll(5000)
                    print("from", net6.text(a.recv_into(buffer)[1]))
            """), address.group(1)],
            log="one.log",
        )  # fmt: skip
        sender.wait_output(r"(?s)from \S+%\d+\s.*from \S+%\d+\s", 8)
        receiver.wait_output(
            r"(?s)got fe80::\S+%\d+ fe80::\S+%\d+\s.*got fe80::\S+ ff02::1234%\d+", 5
        )
