# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the image of this board freezes."""

include("$(PORT_DIR)/manifest.py")
