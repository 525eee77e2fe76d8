# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""`const`: MicroPython's compile-time constant, the identity elsewhere.

MicroPython's compiler folds `_NAME = const(...)` by the word `const` alone.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    _T = TypeVar("_T")

    def const(value: _T) -> _T:
        """Return value."""
        return value

else:
    try:
        from micropython import const
    except ImportError:

        def const(value):
            """Return value."""
            return value
