# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Run the failed tests of whole programs once more: `python -m tools.test_again CACHE_DIR`.

Phones, servers and their peers live in real time; a machine that stands still for a moment must
not fail them. A test that fails twice fails, and a failure anywhere else is final at once.
"""

import json
import subprocess
import sys
from pathlib import Path

REAL_TIME = (
    "host_tests/cmodules/test_bindings.py",
    "host_tests/emulated/",
    "host_tests/interop/",
    "host_tests/servers/",
)


def failed_tests(cache: Path) -> list[str]:
    """Node ids of the tests that failed in the run that used this cache folder."""
    try:
        return sorted(json.loads((cache / "v/cache/lastfailed").read_text()))
    except FileNotFoundError:
        return []


def main() -> int:
    """Exit status of the second run; 1 if there is none to make."""
    failed = failed_tests(Path(sys.argv[1]))
    if not failed or not all(name.startswith(REAL_TIME) for name in failed):
        return 1
    print(f"make test: {len(failed)} failed among the tests in real time, once more:", flush=True)
    argv = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", *failed]
    return subprocess.run(argv, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
