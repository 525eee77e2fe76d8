# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the programs for hosts share: sockets, TUN devices, the driver of engines."""
