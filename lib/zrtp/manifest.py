# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
metadata(description="ZRTP (RFC 6189) as an engine without sockets and clock", version="0.1.0")
require("vox6-wire")
require("vox6-crypto")
package("vox6/zrtp", base_path="../../build/path")
