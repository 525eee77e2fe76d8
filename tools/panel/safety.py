# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the screen of a phone says about the safety of a call (firmware/ui/README.md)."""

import re

from tools.panel.panel import Panel

# The second line of a call's screen; an SAS of words may stand there without the word SAS.
SAS = r"^[^\n]*\n(?:SAS )?((?<=SAS )[a-z13-9]{4}|(?!not |encryption )[a-z]+ [a-z]+)"
_LINE = SAS + r"(?=$|\n|  )"


def wait_sas(panel: Panel, timeout: float) -> str:
    """Wait for an SAS on the screen; its text. PanelError: none came."""
    return panel.wait_text(_LINE, timeout)[1]


def sas_time(panel: Panel, since: float) -> tuple[float, float] | None:
    """When the screen said Talking, and when it first showed an SAS (time.monotonic()).

    since: screens before that moment are of other calls. None: one of the two was not shown.
    """
    talking = sas = None
    for moment, text in panel.screens:
        if moment < since:
            continue
        if talking is None and text.startswith("Talking"):
            talking = moment
        if sas is None and re.search(_LINE, text, re.IGNORECASE):
            sas = moment
    return None if talking is None or sas is None else (talking, sas)
