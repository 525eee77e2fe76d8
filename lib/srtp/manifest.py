# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
metadata(description="SRTP profiles and SDP security descriptions for vox6", version="0.1.0")
require("vox6-wire")
package("vox6/srtp", base_path="../../build/path")
