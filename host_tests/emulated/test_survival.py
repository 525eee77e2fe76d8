# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Settings survive a restart and a power cut; what a phone is told by its console stays told."""

import random
import re
import time

import pytest

_SET = """
from firmware.main import phone
s = phone().settings
s.set("account.2.display_name", %r)
s.save()
"""
_GET = """
from firmware.main import phone
print("name=" + phone().settings.get("account.2.display_name"))
print(phone().settings.messages, phone().settings.refused)
"""
_BUSY = """
from firmware.main import phone
s = phone().settings
for i in range(100000):
    s.set("account.2.display_name", "round %d" % i)
    s.save()
"""


@pytest.fixture
def own_phone(phone):
    """A phone whose setting is put back at the end."""
    yield phone
    phone.phone.stop()
    phone.start()
    phone.console(_SET % "")


def name_of(phone):
    """(name, messages) as the running phone has them."""
    output = phone.console(_GET)
    found = re.search(r"^name=(.*?)\r?$", output, re.MULTILINE)
    assert found, output
    assert output.strip().endswith("[] None"), output
    return found[1]


def test_settings_survive_a_restart_and_a_power_cut(own_phone):
    own_phone.console(_SET % "Zoë the first")
    own_phone.phone.stop()
    own_phone.start()
    assert name_of(own_phone) == "Zoë the first"
    own_phone.console(_SET % "Zoë the second")
    own_phone.phone.kill()
    own_phone.start()
    assert name_of(own_phone) == "Zoë the second"


def test_power_cut_in_the_middle_of_writing(own_phone):
    """Cut at moments chosen by a seed while the phone does nothing but save."""
    own_phone.console(_SET % "round 0")
    dice = random.Random(8)
    for _ in range(6):
        with own_phone.phone.aside() as console:
            console.start(_BUSY)
            time.sleep(dice.uniform(0.15, 0.6))
            own_phone.phone.kill()
        own_phone.start()
        name = name_of(own_phone)
        assert re.fullmatch(r"round \d+", name), name
