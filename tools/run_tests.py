# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The tests of `make test`: `python -m tools.run_tests CACHE_DIR [argument of pytest ...]`.

Calls with programs of other makers mostly wait, so they run beside all other tests, and go before
them where both want the processor. What failed in real time is then run once more, alone: a
machine that stands still for a moment must not fail a call. A test that fails twice fails, and a
failure anywhere else is final at once.
"""

import json
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
BESIDE = "host_tests/interop"
REAL_TIME = (
    "host_tests/cmodules/test_bindings.py",
    "host_tests/emulated/",
    "host_tests/interop/",
    "host_tests/servers/",
)
_NONE_CHOSEN = 5  # status of pytest where its arguments leave no test
_NICE = 5  # of the other tests; phones that they start are at -10 still, or as near as can be


def argv(cache: Path, *words: str) -> list[str]:
    """The command of one pytest; it prints what it skips and which tests take longest."""
    shared = ["-rs", "-m", "not soak", "--durations=25", "-o", f"cache_dir={cache.resolve()}"]
    return [sys.executable, "-m", "pytest", *shared, *words]


def failed_tests(cache: Path) -> list[str]:
    """Node ids of the tests that failed in the run that used this cache folder."""
    try:
        return sorted(json.loads((cache / "v/cache/lastfailed").read_text()))
    except FileNotFoundError:
        return []


def run_both(cache: Path, more: list[str]) -> list[int]:
    """Run both halves side by side; their exit statuses. One prints when the other has ended."""
    log = cache / "beside.log"
    words = argv(cache / "beside", *more, BESIDE)
    with log.open("wb") as output:
        beside = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT)
    try:
        print(f"make test: {BESIDE} runs beside, its output follows (now in {log})", flush=True)
        words = argv(cache / "rest", *more, f"--ignore={BESIDE}", "--ignore=host_tests/bench")
        rest = subprocess.run(["nice", "-n", str(_NICE), *words, "host_tests"], check=False)
        beside.wait()
    finally:
        beside.terminate()
        beside.wait()
    sys.stdout.write(log.read_text(errors="replace"))
    sys.stdout.flush()
    return [rest.returncode, beside.returncode]


def main() -> int:
    """Exit status: 0 if each test has passed, at the second try at last."""
    cache = Path(sys.argv[1])
    cache.mkdir(parents=True, exist_ok=True)
    statuses = run_both(cache, sys.argv[2:])
    if 0 in statuses and set(statuses) <= {0, _NONE_CHOSEN}:
        return 0
    if not set(statuses) <= {0, 1, _NONE_CHOSEN}:
        return 1
    failed = failed_tests(cache / "rest") + failed_tests(cache / "beside")
    if not failed or not all(name.startswith(REAL_TIME) for name in failed):
        return 1
    print(f"make test: {len(failed)} failed among the tests in real time, once more:", flush=True)
    words = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", *failed]
    return subprocess.run(words, check=False, cwd=TOP).returncode


if __name__ == "__main__":
    sys.exit(main())
