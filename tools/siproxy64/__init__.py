# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""siproxy64, the mirror between SIP over IPv4 and SIP over IPv6.

In the tree tools.siproxy64, in a wheel vox6.siproxy64: imports of its own are relative.
"""
