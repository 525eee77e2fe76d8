# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What may go wrong in a lab, told with its remedy."""


class LabError(Exception):
    """The lab or a program in it failed; the text is for a person and names the remedy."""
