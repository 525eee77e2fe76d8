# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What happened, in lines: a bounded ring in memory, printed to the console as it grows.

log.say("sip", "listening on port 5060")
log.exception("media", exc)
log.lines()   # on the REPL: the newest lines, oldest first
"""

import sys

from vox6.wire import const

_LINES = const(64)  # about 6 kB of heap when full; a call logs about 10
_LINE = const(160)  # two lines of a terminal
_TRACE_LINES = const(12)  # of a traceback; the last ones tell the place

_ring = [None] * _LINES
_count = 0
_clock = None
_echo = print


def start(clock, echo=print):
    """Say where the time of a line comes from and where lines are printed.

    clock: object with now() -> int milliseconds, or None; echo: takes a str, or None for silence.
    """
    global _clock, _echo
    _clock = clock
    _echo = echo


def say(area, text):
    """Keep and print one line. area: a short word; text: cut at 160 characters, one line."""
    global _count
    now = _clock.now() if _clock is not None else 0
    line = "%d.%03d %s: %s" % (now // 1000, now % 1000, area, _printable(text))
    _ring[_count % _LINES] = line
    _count += 1
    if _echo is not None:
        _echo(line)


def _printable(text):
    if len(text) > _LINE:
        text = text[: _LINE - 3] + "..."
    for char in text:
        if char < " " or char == "\x7f":
            return "".join([c if c >= " " and c != "\x7f" else "?" for c in text])
    return text


def exception(area, exc):
    """Keep and print an exception with the end of its traceback."""
    try:
        lines = _trace(exc)
    except MemoryError:
        say(area, "out of memory")
        return
    for line in lines[-_TRACE_LINES:]:
        if line:
            say(area, line)


def _trace(exc):
    if hasattr(sys, "print_exception"):
        import io

        out = io.StringIO()
        sys.print_exception(exc, out)
        return out.getvalue().split("\n")
    import traceback

    return "".join(traceback.format_exception(None, exc, exc.__traceback__)).split("\n")


def clear():
    """Forget all lines: what they take depends on the time that stands in them."""
    for i in range(_LINES):
        _ring[i] = None


def lines():
    """Return the kept lines, oldest first."""
    first = max(0, _count - _LINES)
    kept = [_ring[i % _LINES] for i in range(first, _count)]
    return [line for line in kept if line is not None]


def count():
    """Return how many lines were ever said."""
    return _count
