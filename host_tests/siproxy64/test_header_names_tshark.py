# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: starts tshark
"""The list of header names has all that another program knows."""

import subprocess

from host_tests.siproxy64.test_header_names import rows

# Fields of tshark's protocol that are no headers, and headers whose fields it calls otherwise.
NO_HEADERS = {"method", "request-line", "status-code", "status-line"}
CALLED = {"etag": "sip-etag", "if-match": "sip-if-match"}


def test_none_is_missing():
    done = subprocess.run(
        ["tshark", "-G", "fields"], capture_output=True, text=True, check=True, timeout=60
    )
    theirs = set()
    for line in done.stdout.splitlines():
        fields = line.split("\t")
        if fields[0] == "F" and fields[4] == "sip" and fields[2][4:5].isupper():
            name = fields[2][4:].replace("_", "-").lower()
            if "." not in name:
                theirs.add(CALLED.get(name, name))
    theirs -= NO_HEADERS
    assert len(theirs) > 100
    assert theirs <= {row[0].lower() for row in rows()}
