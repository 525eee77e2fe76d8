# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the image of this board freezes."""

include("../../firmware/manifest.py")
freeze("$(PORT_DIR)/modules", opt=1)
module("board.py", base_path="$(BOARD_DIR)", opt=1)
module("panel_board.py", base_path="$(BOARD_DIR)/../_common", opt=1)
module("panel_link.py", base_path="$(BOARD_DIR)/../_common", opt=1)
