# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Many calls with SIPp in each direction over a link that loses 5 %: nothing is left behind."""

import os
import threading
import time

import pytest

from host_tests.emulated.leaks import check
from host_tests.interop.fixtures import BOARDS
from host_tests.interop.signalling import SCENARIOS, SIPP
from tools.lab import Relay, SIPp

LOSS = 0.05
_CALL_S = 40.0  # each timer of a transaction may run out once (64 * T1), and the call goes on


@pytest.fixture
def bad_link(lab, sipp_host):
    with Relay(lab, sipp_host.port, seed=5) as relay:
        relay.loss = LOSS
        yield relay


class Series:
    """Calls of one phone with SIPps of its own.

    They are lenient: an INVITE that comes again after 180 and 200 were lost, SIPp does not know.
    """

    def __init__(self, phone, host, port, inwards_first):
        """port: of SIPp, the same each time: the phone remembers the last eight peers."""
        self.phone = phone
        self._port = port
        self._host = host
        self._inwards_first = inwards_first
        self.error = None

    def run(self, count):
        """Half of the calls in one direction, then half in the other."""
        try:
            half = count // 2
            first, second = self._inwards, self._outwards
            if not self._inwards_first:
                first, second = second, first
            first(half)
            second(count - half)
        except BaseException as error:  # told by run_all: this is a thread
            self.error = error

    def _inwards(self, count):
        """SIPp calls, one call at a time; the phone answers; SIPp hangs up."""
        scenario = SCENARIOS / "uac_many.xml"
        panel = self.phone.panel
        options = ("-l", "1", "-r", "20")
        with SIPp(
            self._host,
            SIPP,
            scenario,
            port=self._port,
            remote=self.phone.address,
            calls=count,
            options=options,
            lenient=True,
        ) as caller:
            for _ in range(count):
                panel.wait_text(r"\Acall from", _CALL_S)
                panel.press("call")
                panel.wait_text(r"\A(?!call from|answering)", _CALL_S)
            caller.wait(_CALL_S)
        self.phone.wait_idle(_CALL_S)

    def _outwards(self, count):
        """The phone calls, SIPp answers; the phone hangs up."""
        scenario = SCENARIOS / "uas_many.xml"
        port = self._port + 2
        with SIPp(self._host, SIPP, scenario, port=port, calls=count, lenient=True) as callee:
            for _ in range(count):
                self.phone.dial(callee.uri)
                self.phone.panel.wait_text(r"\Atalking", _CALL_S)
                self.phone.hang_up()
                self.phone.wait_idle(_CALL_S)
            callee.wait(_CALL_S)


def calls_of(phones, host, relay):
    """A function that makes calls of all phones at the same time."""

    def run(count):
        began = time.monotonic()
        series = [
            Series(phone, host, 5100 + 4 * number, bool(number))
            for number, phone in enumerate(phones)
        ]
        threads = [threading.Thread(target=one.run, args=(count,)) for one in series]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in series:
            if one.error is not None:
                raise one.error
        took = time.monotonic() - began
        print(f"{len(phones)} x {count} calls in {took:.0f} s, {relay.lost} datagrams lost")

    return run


@pytest.mark.timeout(900)
def test_fifty_calls_of_each_phone(phones, sipp_host, bad_link):
    both = [phones.get(board) for board in BOARDS]
    print(check(both, calls_of(both, sipp_host, bad_link), 20, 50))
    assert bad_link.lost > 20


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_thousand_calls_of_each_phone(phones, sipp_host, bad_link):
    """Up to 50 calls in each direction, then up to 500."""
    both = [phones.get(board) for board in BOARDS]
    count = int(os.environ.get("VOX6_SOAK_CALLS", "500"))
    print(check(both, calls_of(both, sipp_host, bad_link), 100, 2 * count))
