# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""pubtspd, the server of PubTSP for operators: IPv6 for clients behind any IPv4 NAT.

In the tree tools.pubtspd, in a wheel vox6.pubtspd: imports of its own and of common are relative.
"""
