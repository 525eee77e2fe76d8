# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a person sees and does about the safety of a call (firmware/ui/README.md)."""

import re

from tools.panel import safety

# What the log says of keys: SAS, its type, hash, cipher, tag, key agreement.
_KEYS = re.compile(r"zrtp: \d SAS (.+?) (B\w+) (S\d+) (\w+) (HS\d+) (\w+)")
SECURE_S = 8.0  # until keys are agreed, with a machine that is busy


def wait_sas(phone, timeout=SECURE_S):
    """Wait for an SAS on the screen; its text."""
    return safety.wait_sas(phone.panel, timeout)


def wait_to_compare(phone, timeout=SECURE_S):
    """Wait until the screen asks to compare the SAS, and the lamp flashes; the SAS."""
    sas = wait_sas(phone, timeout)
    phone.panel.wait_text(r"compare!", 2.0)
    phone.panel.wait_lamp("security", "flash", 2.0)
    return sas


def wait_verified(phone, timeout=SECURE_S):
    """Wait until an SAS is shown as verified, and the lamp is off; (SAS, whose)."""
    sas = wait_sas(phone, timeout)
    phone.panel.wait_lamp("security", "off", timeout)
    found = phone.panel.wait_text(safety.SAS + r"(?:  |\n)(?!compare)(\S.*)", 2.0)
    assert found[1] == sas
    return sas, found[2]


def wait_clear(phone, timeout=20.0):
    """Wait until the screen says that the call is not encrypted, and the lamp is on."""
    phone.panel.wait_text(r"(?:^|\n)NOT ENCRYPTED", timeout)
    phone.panel.wait_lamp("security", "on", 2.0)


def confirm(phone, name=""):
    """The person has compared: the same. name: typed, else the one offered is taken."""
    phone.panel.press("ok")
    phone.panel.wait_text("who is it")
    if name:
        for _ in range(40):
            phone.panel.press("back", 0.01)
        phone.panel.dial(name)
    phone.panel.press("ok")
    return wait_verified(phone)


def deny(phone):
    """The person has compared: different."""
    phone.panel.press("back")
    phone.panel.wait_text("is the sas different")
    phone.panel.press("ok")
    phone.panel.wait_text("SAS DIFFERS")


def algorithms(phone):
    """RFC 6189 names of what the last handshake agreed on, from the phone's log."""
    found = _KEYS.findall(phone.phone.console_log())
    assert found, "the log tells no keys"
    words = ("sas", "hash", "cipher", "auth_tag", "key_agreement")
    return dict(zip(words, found[-1][1:]))


def forget(phone):
    """The phone loses its cache of retained secrets and starts anew; nothing if it has none."""
    if "gone" in phone.console(_FORGET):
        phone.phone.stop()
        phone.start()


_FORGET = """
import board, os
if "zrtp-cache" in os.listdir(board.storage()):
    os.remove(board.storage() + "/zrtp-cache")
    print("gone")
"""
