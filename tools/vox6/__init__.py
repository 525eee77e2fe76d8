# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The command `vox6` for hosts: `vox6 tunnel` and what will follow."""
