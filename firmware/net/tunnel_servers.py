# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The servers of PubTSP that a phone knows by birth (pubtsp.md section 6.1).

Asked when neither the setting tunnel.servers nor the network's DNS names any. A manufacturer or an
operator puts his own file in the place of this one: names or IPv4 addresses, best first, 32 at
most.
None is assigned to the public yet, so the list is empty.
"""

SERVERS = ()
