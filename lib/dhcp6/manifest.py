# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
metadata(description="DHCPv6 client without sockets and clock", version="0.1.0")
require("vox6-wire")
package("vox6/dhcp6", base_path="../../build/path")
