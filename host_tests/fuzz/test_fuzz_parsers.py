# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Each parser on its kept corpus and on what coverage makes of it, for some seconds.

The C cores have the same in host_tests/cmodules; `make fuzz` runs both for long.
"""

import pytest

from host_tests.fuzz.parsers.campaign import fuzz, kept_of, python_targets

RUNS = {
    "sip-agent": 300,
    "sip-usage-agent": 300,
    "sip-stream": 4000,
    "siproxy64-options": 3000,
    "zrtp-cache-file": 2000,
}
MANY = 6000


@pytest.mark.parametrize("name", python_targets())
def test_parser(name, tmp_path):
    runs = RUNS.get(name, MANY)
    kept = len(list(kept_of(name).iterdir()))
    options = ["-runs=%d" % (runs + kept), "-seed=6"]
    status, output = fuzz(name, tmp_path / "new", tmp_path, options, 240)
    assert status == 0, output[-6000:]
    assert "Done %d runs" % (runs + kept) in output


def test_the_fuzzer_finds_what_blind_chance_would_not(tmp_path):
    status, output = fuzz("planted", tmp_path / "new", tmp_path, ["-runs=400000", "-seed=6"], 240)
    assert status != 0
    assert "IndexError: the planted bug" in output
    assert list(tmp_path.glob("planted-crash-*"))
