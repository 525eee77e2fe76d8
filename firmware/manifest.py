# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What every phone freezes: the firmware, the libraries that it drives, asyncio.

A board's manifest.py says include("../../firmware/manifest.py"); paths here are relative to this
file, and build/path/vox6 is the link to lib/ that the build makes.
"""

metadata(description="The vox6 phone", version="0.1.0")
include("$(MPY_DIR)/extmod/asyncio")


def _freeze(base, name, without=("manifest.py", "host.py")):
    """Freeze a package and those in it; host.py is for CPython alone."""
    import os

    files = []
    top = os.path.join(base, name)
    for folder, _, names in os.walk(top, followlinks=True):
        for file in sorted(names):
            if file.endswith(".py") and file not in without:
                files.append(os.path.relpath(os.path.join(folder, file), top))
    package(name, files=files, base_path=base, opt=1)


for _name in ("wire", "crypto", "dns", "dhcp6", "sip", "sdp", "rtp", "srtp", "zrtp"):
    _freeze("../build/path", "vox6/" + _name)
_freeze("../build/path", "vox6/pubtsp", ("manifest.py", "server.py", "rules.py", "limits.py"))
_freeze("..", "firmware")
