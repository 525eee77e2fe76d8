# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: starts MicroPython itself
"""Each unit test file once more, under unix MicroPython (host_tests/unit/mp/README.md)."""

import pytest

from host_tests.unit.mp import run

_FILES = run.test_files()


@pytest.mark.parametrize("path", _FILES, ids=[str(path.relative_to(run.UNIT)) for path in _FILES])
def test_under_micropython(path):
    if not run.interpreter().exists():
        pytest.skip("%s is missing: make boards BOARD=UNIX_HOST" % run.interpreter())
    passed, failed, skipped, output = run.run_file(path)
    print(output)
    assert not failed, "%d failed of %d" % (failed, passed + failed)
    if skipped and not passed:
        pytest.skip(output.strip().splitlines()[0])


def test_the_runner_sees_a_failure(tmp_path):
    """A failing, an erring and a skipped test are told apart, on the real interpreter."""
    if not run.interpreter().exists():
        pytest.skip("%s is missing: make boards BOARD=UNIX_HOST" % run.interpreter())
    path = tmp_path / "test_sample.py"
    path.write_text(
        "import unittest\n"
        "class TestSample(unittest.TestCase):\n"
        "    def test_pass(self):\n"
        "        with self.assertRaises(ValueError) as caught:\n"
        "            int('x')\n"
        "        self.assertIsInstance(caught.exception, ValueError)\n"
        "    def test_fail(self): self.assertEqual(1, 2)\n"
        "    def test_error(self): {}['x']\n"
        "    def test_not_raised(self): self.assertRaises(ValueError, int, '1')\n"
        "    @unittest.skip('because')\n"
        "    def test_skip(self): self.fail()\n"
        "    def test_sub(self):\n"
        "        for i in range(3):\n"
        "            with self.subTest(i=i): self.assertNotEqual(i, 1)\n"
    )
    passed, failed, skipped, output = run.run_file(path)
    assert (passed, failed, skipped) == (1, 4, 1), output
    assert "1 != 2" in output and "KeyError" in output and "because" in output
    path.write_text("import no_such_module\n")
    assert run.run_file(path)[1] == 1
