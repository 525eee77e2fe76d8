# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The board QEMU_MPS2_AN500: firmware on an emulated Cortex-M7 (design.md section 7).

Keys, screen, lamps and hook are the panel link over the second serial line; sound, flash, entropy
and the time of day lie in the shared file (ports/qemu/README.md).
"""

import _board

from panel_board import FACTS
from panel_board import audio as audio
from panel_board import clock as clock
from panel_board import console_requested as console_requested
from panel_board import entropy as entropy
from panel_board import hook as hook
from panel_board import keys as keys
from panel_board import lamps as lamps
from panel_board import reset as reset
from panel_board import screen as screen
from panel_board import slots as slots
from panel_board import storage as storage
from panel_board import watchdog as watchdog

FACTS["name"] = "QEMU_MPS2_AN500"
FACTS["memory"] = 491520  # data, heap and stack, as an RP2350 could give them


def nic():
    """Start the Ethernet interface; addresses come later (net6.changed())."""
    _board.start()
