# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""A mailbox (RFC 3842) that SIPp keeps: what the phone asks, shows and lights."""

import pytest

from host_tests.interop.registrar import set_account
from host_tests.interop.signalling import SIPP


@pytest.fixture
def watching(phone):
    """Gives the phone an account without registration and a mailbox; taken away afterwards."""

    def give(port):
        uri = f"sip:alice@[{SIPP}]:{port}"
        rows = {"uri": uri, "proxy": f"sip:[{SIPP}]:{port}", "mailbox": uri, "transport": "udp"}
        set_account(phone, rows)

    yield give
    phone.wait_idle()
    set_account(phone, {"uri": "", "proxy": "", "mailbox": "", "transport": "auto"})
    phone.panel.wait_text("no account", 10)


def test_mailbox(phone, sipp, watching, capture):
    phone.console("from firmware.main import phone\nphone().missed_seen()\n")  # they light it too
    other = sipp("uas_mailbox", port=5078)
    watching(5078)
    phone.panel.wait_text("New in mailbox: 2")
    phone.panel.wait_lamp("message", "on", 2.0)
    other.wait_notes(1)
    phone.panel.wait_lamp("message", "off", 2.0)
    assert "mailbox" not in phone.panel.screen_text()
    set_account(phone, {"mailbox": ""})
    other.wait()
