# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The board UNIX_HOST: a phone that is a program on the host (design.md section 7).

Keys, screen, lamps and hook are the panel link over the socket STATE/panel.sock, sound the rings
in STATE/panel.rings, settings files below STATE/fs/settings.
"""

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

FACTS["name"] = "UNIX_HOST"
FACTS["memory"] = 1048576


def nic():
    """Start the network interface: the host's own, which is up."""
