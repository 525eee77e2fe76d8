# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Tests against programs of other makers."""

import pytest

from host_tests.interop.annex import (  # noqa: F401
    annex,
    annex_baresip,
    annex_linphone,
    start,
)
from host_tests.interop.fixtures import (  # noqa: F401
    capture,
    lab,
    pair,
    peer,
    peer_host,
    phone,
    phones,
    plain,
)
from host_tests.interop.mirror import (  # noqa: F401
    _running_mirror,
    house,
    house_baresip,
    house_capture,
    house_linphone,
    house_modern,
    house_sipp,
    mirror,
)
from host_tests.interop.peers import modern, modern_host  # noqa: F401
from host_tests.interop.registrar import (  # noqa: F401
    account,
    authority,
    bob,
    bob_host,
    kamailio,
    registrar_host,
)
from host_tests.interop.signalling import (  # noqa: F401
    callee,
    caller,
    proxy_host,
    sipp,
    sipp_host,
)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Let fixtures know that their test failed: a capture is kept then."""
    outcome = yield
    if outcome.get_result().failed:
        item.failed = True
