# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What every image of this port freezes."""

freeze("modules")
include("$(MPY_DIR)/extmod/asyncio")
