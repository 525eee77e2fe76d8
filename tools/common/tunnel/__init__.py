# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""IPv6 for a whole host or router behind any IPv4 NAT, by lib/pubtsp's Client."""
