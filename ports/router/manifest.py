# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What siproxy64-router freezes: the mirror, the portable relay, the driver on net6, and the parts
of the libraries that they import.
"""

_VOX6 = "../../build/path"
_FREEZE = (
    (_VOX6, "vox6/wire", "__init__ const errors inet6 reader writer"),
    (_VOX6, "vox6/dns", "__init__ cache events locate lookup message name rdata resolver state"),
    (_VOX6, "vox6/pubtsp", "__init__ address channel client events header inner ipv6 keepalive"),
    (_VOX6, "vox6/pubtsp", "lease markup martians messages packets paths retransmission search"),
    (_VOX6, "vox6/pubtsp", "selection settings signalling state"),
    (_VOX6, "vox6/sip", "__init__ framing grammar lines"),
    ("../..", "tools/siproxy64", "__init__ scan sdp table rewrite mirror relay portable_plane"),
    ("../..", "tools/siproxy64", "pool values settings configuration ports streams throttle"),
    ("../..", "tools/siproxy64", "failures options ice program status call_log proxy tokens"),
    ("../..", "tools/siproxy64", "proxy_routes servers default_route outbound metrics anyip"),
    ("../..", "tools/siproxy64", "rtnetlink router_tunnel sockets_net6 asking router_control"),
    ("../..", "tools/siproxy64", "router"),
    ("../..", "tools/common", "__init__ names"),
    ("../..", "tools/common/tunnel", "__init__ discovery"),
)
for _base, _package, _names in _FREEZE:
    package(_package, files=[name + ".py" for name in _names.split()], base_path=_base, opt=3)
