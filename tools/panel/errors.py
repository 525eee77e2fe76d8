# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What may go wrong with a virtual phone, told with its remedy."""


class PanelError(Exception):
    """The phone did not do what was waited for; the text says what it showed instead."""
