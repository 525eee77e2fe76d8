# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Transfers through siproxy64: those of test_transfers.py, two parties on one IPv4 address.

Refer-To names the third party as the house knows it, or as the phone does; each calls the one that
is represented to it, and Replaces finds its call.
"""

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.test_transfers import (
    test_our_call_is_replaced,  # noqa: F401  these run here with the peers below
    test_they_transfer_blind,  # noqa: F401
    test_they_transfer_us_attended,  # noqa: F401
    test_we_transfer_attended,  # noqa: F401
    test_we_transfer_blind,  # noqa: F401
)


@pytest.fixture(params=BOARDS[:1])
def phone(request, phones):
    """One board: what is new here is the mirror."""
    return phones.get(request.param)


@pytest.fixture
def two(house_modern, house_capture):
    """Two peers in the house; the second answers by itself."""
    return house_modern(calls=4), house_modern(calls=4, auto_answer=True)
