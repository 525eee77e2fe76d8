# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""SIPp in the house through siproxy64: PRACK, UPDATE, session timers, 302, forks, glare.

Each message is checked by its scenario, as without the mirror (test_sipp_*.py).
"""

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.test_sipp_extensions import (  # noqa: F401  they run here
    test_interval_too_short_for_them,
    test_our_reliable_responses,
    test_their_reliable_responses,
    test_their_update_in_an_early_dialog,
    test_update_in_a_call,
)
from host_tests.interop.test_sipp_in import (  # noqa: F401
    test_refused_offer_leaves_the_call,
)
from host_tests.interop.test_sipp_out import (  # noqa: F401
    test_answer_crosses_our_cancel,
    test_dialog_that_they_forgot,
    test_glare,
    test_moved,
    test_two_answers,
)


@pytest.fixture(params=BOARDS[:1])
def phone(request, phones):
    """What is new here is the mirror, so that one board does."""
    return phones.get(request.param)


@pytest.fixture
def sipp(house_sipp, house_capture):
    """What these tests have as their SIPp, here beyond the mirror."""
    return house_sipp
