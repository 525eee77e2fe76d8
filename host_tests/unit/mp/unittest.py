# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The part of CPython's unittest that our unit tests use, for MicroPython.

    class TestSomething(unittest.TestCase):
        def test_that(self): self.assertEqual(2, 1 + 1)

run_file.py imports a test file and calls run_module() on it. Never on sys.path under CPython.
"""

import gc
import sys


class SkipTest(Exception):
    """Raised by a test that cannot run here; the argument says why."""


class _Raises:
    """Context of assertRaises; `exception` holds what was caught."""

    def __init__(self, expected):
        self.expected = expected
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            raise AssertionError("%s not raised" % _name(self.expected))
        if not issubclass(kind, self.expected):
            return False
        self.exception = value
        return True


class _SubTest:
    def __init__(self, case, words):
        self.case = case
        self.words = words

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None or not issubclass(kind, Exception) or issubclass(kind, SkipTest):
            return False
        self.case._failures.append((self.words, value))
        return True


def _name(kind):
    if isinstance(kind, tuple):
        return " or ".join([_name(one) for one in kind])
    return kind.__name__


class TestCase:
    """One class of tests; methods named test* run in alphabetical order."""

    def __init__(self):
        self._failures = []
        self._cleanups = []

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        pass

    def tearDown(self):
        pass

    def addCleanup(self, function, *args, **kwargs):
        self._cleanups.append((function, args, kwargs))

    def subTest(self, msg=None, **params):
        return _SubTest(self, "%s%r" % ("" if msg is None else str(msg) + " ", params))

    def skipTest(self, reason):
        raise SkipTest(reason)

    def fail(self, msg=None):
        raise AssertionError(msg or "failed")

    def _say(self, text, msg):
        raise AssertionError(text if msg is None else "%s : %s" % (text, msg))

    def assertEqual(self, first, second, msg=None):
        if not first == second:
            self._say("%r != %r" % (first, second), msg)

    def assertNotEqual(self, first, second, msg=None):
        if first == second:
            self._say("%r == %r" % (first, second), msg)

    def assertAlmostEqual(self, first, second, places=7, msg=None, delta=None):
        if first == second:
            return
        limit = delta if delta is not None else 0.5 * 10 ** (-places)
        if not abs(first - second) <= limit:
            self._say("%r !~ %r within %r" % (first, second, limit), msg)

    def assertTrue(self, value, msg=None):
        if not value:
            self._say("%r is not true" % (value,), msg)

    def assertFalse(self, value, msg=None):
        if value:
            self._say("%r is not false" % (value,), msg)

    def assertIs(self, first, second, msg=None):
        if first is not second:
            self._say("%r is not %r" % (first, second), msg)

    def assertIsNot(self, first, second, msg=None):
        if first is second:
            self._say("%r is %r" % (first, second), msg)

    def assertIsNone(self, value, msg=None):
        if value is not None:
            self._say("%r is not None" % (value,), msg)

    def assertIsNotNone(self, value, msg=None):
        if value is None:
            self._say("None", msg)

    def assertIn(self, member, container, msg=None):
        if member not in container:
            self._say("%r not in %r" % (member, container), msg)

    def assertNotIn(self, member, container, msg=None):
        if member in container:
            self._say("%r in %r" % (member, container), msg)

    def assertIsInstance(self, value, kind, msg=None):
        if not isinstance(value, kind):
            self._say("%r is no %s" % (value, _name(kind)), msg)

    def assertNotIsInstance(self, value, kind, msg=None):
        if isinstance(value, kind):
            self._say("%r is a %s" % (value, _name(kind)), msg)

    def assertGreater(self, first, second, msg=None):
        if not first > second:
            self._say("%r is not greater than %r" % (first, second), msg)

    def assertGreaterEqual(self, first, second, msg=None):
        if not first >= second:
            self._say("%r is less than %r" % (first, second), msg)

    def assertLess(self, first, second, msg=None):
        if not first < second:
            self._say("%r is not less than %r" % (first, second), msg)

    def assertLessEqual(self, first, second, msg=None):
        if not first <= second:
            self._say("%r is greater than %r" % (first, second), msg)

    def assertRaises(self, expected, function=None, *args, **kwargs):
        context = _Raises(expected)
        if function is None:
            return context
        with context:
            function(*args, **kwargs)
        return None

    # the same objects under the names that CPython's unittest has besides
    assertListEqual = assertEqual
    assertTupleEqual = assertEqual
    assertDictEqual = assertEqual
    assertSequenceEqual = assertEqual
    assertMultiLineEqual = assertEqual


def skip(reason):
    """Decorator of a test method or of a TestCase class."""

    def decorate(what):
        if isinstance(what, type):
            what.skip_reason = reason
            return what

        def skipped(self):
            raise SkipTest(reason)

        return skipped

    return decorate


def skipIf(condition, reason):
    return skip(reason) if condition else _same


def skipUnless(condition, reason):
    return _same if condition else skip(reason)


def expectedFailure(function):
    """Decorator: the method has to raise."""

    def inverted(self):
        try:
            function(self)
        except SkipTest:
            raise
        except Exception:
            return
        raise AssertionError("unexpected success")

    return inverted


def _same(what):
    return what


class Result:
    """What happened; failures are (test name, exception)."""

    def __init__(self):
        self.passed = 0
        self.skipped = []
        self.failed = []

    def summary(self):
        text = "%d passed, %d failed" % (self.passed, len(self.failed))
        return text + (", %d skipped" % len(self.skipped) if self.skipped else "")


def _run_method(cls, name, result):
    label = "%s.%s" % (cls.__name__, name)
    case = cls()
    try:
        case.setUp()
        try:
            getattr(case, name)()
        finally:
            try:
                case.tearDown()
            finally:
                while case._cleanups:
                    function, args, kwargs = case._cleanups.pop()
                    function(*args, **kwargs)
    except SkipTest as error:
        result.skipped.append((label, str(error)))
        return
    except Exception as error:
        case._failures.append(("", error))
    if not case._failures:
        result.passed += 1
        return
    for words, error in case._failures:
        result.failed.append((label + (" " + words if words else ""), error))
        print("FAIL:", label, words)
        sys.print_exception(error)


def run_class(cls, result):
    """Run the test methods of one TestCase class."""
    names = sorted([name for name in dir(cls) if name.startswith("test")])
    reason = getattr(cls, "skip_reason", None)
    if reason is not None:
        for name in names:
            result.skipped.append(("%s.%s" % (cls.__name__, name), reason))
        return
    try:
        cls.setUpClass()
    except SkipTest as error:
        for name in names:
            result.skipped.append(("%s.%s" % (cls.__name__, name), str(error)))
        return
    for name in names:
        _run_method(cls, name, result)
        gc.collect()
    cls.tearDownClass()


def run_module(module):
    """Run every TestCase class of a module; return the Result."""
    result = Result()
    for name in sorted(dir(module)):
        cls = getattr(module, name)
        if isinstance(cls, type) and issubclass(cls, TestCase) and cls is not TestCase:
            run_class(cls, result)
    return result


def main(*args, **kwargs):
    """Do nothing: run_file.py runs what a file holds."""
