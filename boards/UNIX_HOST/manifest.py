# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors

include("$(MPY_DIR)/extmod/asyncio")
module("board.py", base_path="$(BOARD_DIR)")
module("panel_link.py", base_path="$(BOARD_DIR)/../_common")
