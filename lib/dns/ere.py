# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Substitution expressions of NAPTR records (RFC 3402 section 3.2, RFC 6116 section 3.2).

    subst-expr  =  delim-char ere delim-char repl delim-char *flags
    repl        =  *( string / "\\" POS-DIGIT )         ; "\\" before another character quotes it
    flags       =  "i"

The ERE is a POSIX extended regular expression: . [...] [^...] [:class:] ( ) | * + ? {m,n} ^ $ and
"\\" before a character. It comes from a stranger, so it is run by a machine that follows all ways
at once: the time is at most its size times the length of the text. Where POSIX wants the longest
of several matches, this takes the one that its alternatives and repetitions prefer.
"""

from vox6.wire import const
from vox6.wire.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    Ranges = list[tuple[str, str]]
    Saved = tuple[int, ...]

_CHAR = const(0)
_SPLIT = const(1)
_SAVE = const(2)
_BEGIN = const(3)
_END = const(4)
_MATCH = const(5)

_MAX_STEPS = const(600)  # of a program; expressions have 255 octets
_MAX_OUTPUT = const(512)
_MAX_DEPTH = const(8)  # of parentheses
_MAX_GROUPS = const(9)
_CLASSES = {
    "digit": [("0", "9")],
    "alpha": [("A", "Z"), ("a", "z")],
    "alnum": [("0", "9"), ("A", "Z"), ("a", "z")],
    "upper": [("A", "Z")],
    "lower": [("a", "z")],
    "xdigit": [("0", "9"), ("A", "F"), ("a", "f")],
    "space": [("\t", "\r"), (" ", " ")],
    "blank": [("\t", "\t"), (" ", " ")],
    "punct": [("!", "/"), (":", "@"), ("[", "`"), ("{", "~")],
    "graph": [("!", "~")],
    "print": [(" ", "~")],
    "cntrl": [("\x00", "\x1f"), ("\x7f", "\x7f")],
}


class _Step:
    """One step of a program; following: the index of the next one.

    _SPLIT goes to other first, then to following. _SAVE notes the place as number other. _CHAR
    takes a character of ranges, or (negated) of none of them.
    """

    def __init__(
        self,
        operation: int,
        following: int,
        other: int = 0,
    ) -> None:
        self.operation = operation
        self.following = following
        self.other = other
        self.ranges: "Ranges" = []
        self.negated = False
        self.fold = False  # letters without their case

    def takes(self, char: str) -> bool:
        """Return whether a _CHAR takes a character."""
        for first, last in self.ranges:
            if first <= char <= last:
                return not self.negated
            if self.fold and (first <= char.lower() <= last or first <= char.upper() <= last):
                return not self.negated
        return self.negated


class _Compiler:
    """Makes a program of an ERE."""

    def __init__(self, text: str, fold: bool) -> None:
        self.text = text
        self.at = 0
        self.fold = fold
        self.steps: "list[_Step]" = []
        self.groups = 0

    def compile(self) -> "list[_Step]":
        """Return the program; FormatError: no ERE, or too large."""
        self._emit(_SAVE, 0)
        self._alternatives(0)
        if self.at < len(self.text):
            raise FormatError("unbalanced )")
        self._emit(_SAVE, 1)
        self._emit(_MATCH)
        return self.steps

    def _emit(self, operation: int, other: int = 0) -> _Step:
        if len(self.steps) >= _MAX_STEPS:
            raise FormatError("expression too large")
        step = _Step(operation, len(self.steps) + 1, other)
        self.steps.append(step)
        return step

    def _emit_char(self, ranges: "Ranges", negated: bool = False) -> None:
        step = self._emit(_CHAR)
        step.ranges = ranges
        step.negated = negated
        step.fold = self.fold

    def _emit_split(self) -> _Step:
        """Return a way that goes on here and, by following, elsewhere."""
        return self._emit(_SPLIT, len(self.steps) + 1)

    def _alternatives(self, depth: int) -> None:
        """Branches between |: each but the last is entered by a split."""
        if depth > _MAX_DEPTH:
            raise FormatError("too many parentheses")
        ends: "list[_Step]" = []
        while True:
            split = self._emit_split()
            self._branch(depth)
            if self._peek() != "|":
                split.following = split.other  # the last branch is the only way
                break
            self.at += 1
            ends.append(self._emit(_SPLIT))
            split.following = len(self.steps)
        for end in ends:
            end.other = end.following = len(self.steps)

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _branch(self, depth: int) -> None:
        while True:
            char = self._peek()
            if not char or char == "|" or (char == ")" and depth):
                return
            start = len(self.steps)
            self._atom(char, depth)
            while self._peek() in ("*", "+", "?", "{") and self._peek():
                self._repeat(start)

    def _atom(self, char: str, depth: int) -> None:
        self.at += 1
        if char == "(":
            self.groups += 1
            group = self.groups
            if group > _MAX_GROUPS:
                raise FormatError("too many groups")
            self._emit(_SAVE, 2 * group)
            self._alternatives(depth + 1)
            if self._peek() != ")":
                raise FormatError("( without )")
            self.at += 1
            self._emit(_SAVE, 2 * group + 1)
        elif char == ".":
            self._emit_char([], True)
        elif char == "^":
            self._emit(_BEGIN)
        elif char == "$":
            self._emit(_END)
        elif char == "[":
            self._bracket()
        elif char in ("*", "+", "?", "{", ")"):
            raise FormatError("nothing to repeat")
        else:
            if char == "\\":
                char = self._peek()
                self.at += 1
                if not char:
                    raise FormatError("\\ at the end")
            self._emit_char([(char, char)])

    def _bracket(self) -> None:
        """Read behind "[": a set of characters; "]" may stand first."""
        negated = self._peek() == "^"
        if negated:
            self.at += 1
        ranges: "Ranges" = []
        first = True
        while True:
            char = self._peek()
            if not char:
                raise FormatError("[ without ]")
            if char == "]" and not first:
                self.at += 1
                self._emit_char(ranges, negated)
                return
            first = False
            if char == "[" and self.text[self.at + 1 : self.at + 2] == ":":
                end = self.text.find(":]", self.at)
                found = _CLASSES.get(self.text[self.at + 2 : end])
                if end < 0 or found is None:
                    raise FormatError("unknown class")
                ranges += found
                self.at = end + 2
                continue
            self.at += 1
            last = char
            if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("", "]"):
                last = self.text[self.at + 1]
                self.at += 2
            if last < char:
                raise FormatError("bad range")
            ranges.append((char, last))

    def _repeat(self, start: int) -> None:
        """Repeat the steps from start on, as *, +, ? or {m,n} say."""
        char = self._peek()
        self.at += 1
        if char == "{":
            least, most = self._bounds()
        else:
            least = 1 if char == "+" else 0
            most = 1 if char == "?" else -1
        body = self.steps[start:]
        self.steps = self.steps[:start]
        for _ in range(least):
            self._copy(body, start)
        if most < 0:
            at = len(self.steps)
            loop = self._emit_split()
            self._copy(body, start)
            self._emit(_SPLIT, at).following = at
            loop.following = len(self.steps)
            return
        skips = []
        for _ in range(most - least):
            skips.append(self._emit_split())
            self._copy(body, start)
        for skip in skips:
            skip.following = len(self.steps)

    def _copy(self, body: "list[_Step]", start: int) -> None:
        move = len(self.steps) - start
        for old in body:
            step = self._emit(old.operation, old.other)
            step.following = old.following + move
            step.ranges = old.ranges
            step.negated = old.negated
            step.fold = old.fold
            if old.operation == _SPLIT:
                step.other += move

    def _bounds(self) -> "tuple[int, int]":
        end = self.text.find("}", self.at)
        least, comma, most = self.text[self.at : max(end, self.at)].partition(",")
        self.at = end + 1
        if end < 0 or not _is_number(least) or (most and not _is_number(most)):
            raise FormatError("bad repetition")
        low = int(least)
        if not comma:
            return low, low
        if not most:
            return low, -1
        if int(most) < low:
            raise FormatError("bad repetition")
        return low, int(most)


def _is_number(text: str) -> bool:
    return 1 <= len(text) <= 2 and not text.strip("0123456789")


def _follow(
    steps: "list[_Step]",
    threads: "list[tuple[int, Saved]]",
    seen: bytearray,
    start: "tuple[int, Saved]",
    at: int,
    end: int,
) -> None:
    """Add the steps that wait for a character to the threads, preferred ones first."""
    stack = [start]
    while stack:
        index, saved = stack.pop()
        if seen[index]:
            continue
        seen[index] = 1
        step = steps[index]
        operation = step.operation
        if operation == _SPLIT:
            stack.append((step.following, saved))
            stack.append((step.other, saved))
        elif operation == _SAVE:
            number = step.other
            saved = saved[:number] + (at,) + saved[number + 1 :]
            stack.append((step.following, saved))
        elif operation == _BEGIN or operation == _END:
            if at == (0 if operation == _BEGIN else end):
                stack.append((step.following, saved))
        else:
            threads.append((index, saved))


def _search(steps: "list[_Step]", text: str) -> "Saved | None":
    """Return where the leftmost match and its groups begin and end, -1 for what took no part."""
    nothing = (-1,) * (2 * _MAX_GROUPS + 2)
    found: "Saved | None" = None
    threads: "list[tuple[int, Saved]]" = []
    seen = bytearray(len(steps))
    for at in range(len(text) + 1):
        if found is None:
            _follow(steps, threads, seen, (0, nothing), at, len(text))
        later: "list[tuple[int, Saved]]" = []
        seen = bytearray(len(steps))
        for index, saved in threads:
            step = steps[index]
            if step.operation == _MATCH:
                found = saved
                break  # the rest is liked less
            if at < len(text) and step.takes(text[at]):
                _follow(steps, later, seen, (step.following, saved), at + 1, len(text))
        threads = later
    return found


def _split(expression: str) -> "list[str]":
    """Return [ere, repl, flags]; a quoted delimiter stands for itself."""
    delimiter = expression[:1]
    if not delimiter or delimiter in "123456789i\\":
        raise FormatError("bad delimiter")
    parts = [""]
    at = 1
    while at < len(expression):
        char = expression[at]
        at += 1
        if char == "\\" and expression[at : at + 1]:
            following = expression[at]
            at += 1
            parts[-1] += following if following == delimiter else char + following
        elif char == delimiter:
            parts.append("")
        else:
            parts[-1] += char
    if len(parts) != 3 or parts[2].strip("i"):
        raise FormatError("no substitution expression")
    return parts


def substitute(expression: str, text: str) -> "str | None":
    """Return what a substitution expression makes of a text, None if it does not match.

    FormatError: no expression, an unknown group in its replacement, or too long a result.
    """
    ere, replacement, flags = _split(expression)
    compiler = _Compiler(ere, bool(flags))
    saved = _search(compiler.compile(), text)
    out: "list[str]" = []
    at = 0
    while at < len(replacement):
        char = replacement[at]
        at += 1
        if char == "\\":
            char = replacement[at : at + 1]
            at += 1
            if char and char in "123456789":
                group = int(char)
                if group > compiler.groups:
                    raise FormatError("no such group")
                if saved is not None:
                    char = text[saved[2 * group] : saved[2 * group + 1]]
        out.append(char)
    if saved is None:
        return None
    result = "".join(out)
    if len(result) > _MAX_OUTPUT:
        raise FormatError("result too long")
    return result
