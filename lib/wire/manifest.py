# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
metadata(description="Octets, bounds, serial numbers and errors for vox6", version="0.1.0")
package("vox6/wire", base_path="../../build/path")
