# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
metadata(description="One interface to hashes, HMAC, AES and random octets", version="0.1.0")
package("vox6/crypto", base_path="../../build/path")
