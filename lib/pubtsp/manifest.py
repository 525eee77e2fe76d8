# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
metadata(description="PubTSP (a profile of RFC 5572), client and server", version="0.1.0")
require("vox6-wire")
require("vox6-crypto")
package("vox6/pubtsp", base_path="../../build/path")
