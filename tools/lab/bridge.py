# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""kamailio with rtpengine between IPv4 and IPv6: how others do what siproxy64 does.

A proxy (RFC 3261 section 16) with a double Record-Route (RFC 6157 section 3.1.1). Contact and
Request-URI stay as they are, so that a phone with IPv4 alone is shown addresses of IPv6.
"""

from pathlib import Path

from tools.lab.errors import LabError
from tools.lab.link import Host
from tools.lab.rtpengine import RTPengine

_MODULES = "kex tm tmx sl rr pv maxfwd textops siputils xlog rtpengine"
_FLAGS = "replace-origin replace-session-connection ICE=remove"
_CONFIG = """#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=%(workers)d
tcp_children=1
auto_aliases=no
mhomed=0
mpath="%(modules)s"
listen=udp:%(ipv4)s:%(port)d
listen=udp:[%(ipv6)s]:%(port)d
%(load)s
modparam("rr", "enable_double_rr", 2)
modparam("rtpengine", "rtpengine_sock", "%(control)s")

# af: the family in which a message came
route[MEDIA] {
    if (!is_method("INVITE|ACK|UPDATE|BYE|CANCEL|PRACK")) return;
    if (af==INET) {
        rtpengine_manage("%(flags)s direction=v4 direction=v6 address-family=IP6");
    } else {
        rtpengine_manage("%(flags)s direction=v6 direction=v4 address-family=IP4");
    }
}

onreply_route[BACK] {
    if (!has_body("application/sdp")) return;
    if (af==INET) {
        rtpengine_manage("%(flags)s address-family=IP6");
    } else {
        rtpengine_manage("%(flags)s address-family=IP4");
    }
}

route[RELAY] {
    if (is_method("INVITE|UPDATE|PRACK")) t_on_reply("BACK");
    route(MEDIA);
    if (!t_relay()) sl_reply_error();
    exit;
}

request_route {
    if (!mf_process_maxfwd_header("70")) {
        sl_send_reply("483", "Too Many Hops");
        exit;
    }
    if (is_method("CANCEL")) {
        if (t_check_trans()) route(RELAY);
        exit;
    }
    if (!is_method("ACK")) {
        if (t_precheck_trans()) {
            t_check_trans();
            exit;
        }
        t_check_trans();
    }
    if (has_totag()) {
        if (loose_route()) route(RELAY);
        if (is_method("ACK") && t_check_trans()) {
            t_relay();
            exit;
        }
        sl_send_reply("404", "Not here");
        exit;
    }
    if (is_method("INVITE|SUBSCRIBE")) record_route();
    if (af==INET) {
        $du = "sip:[%(peer6)s]:%(peer_port)d";
        $fs = "udp:[%(ipv6)s]:%(port)d";
    } else {
        $du = "sip:%(peer4)s:%(peer_port)d";
        $fs = "udp:%(ipv4)s:%(port)d";
    }
    route(RELAY);
}
"""


class Bridge:
    """Both programs in a host of the lab; every call of one side goes to one peer on the other."""

    def __init__(
        self,
        host: Host,
        ipv4: str,
        ipv6: str,
        peer4: str,
        peer6: str,
        *,
        port: int = 5060,
        peer_port: int = 5060,
        workers: int = 1,
    ) -> None:
        """Start them. ipv4, ipv6: of the host; peer4, peer6: who is called from the other side;
        workers: processes of kamailio that take UDP, for each of its sockets."""
        found = sorted(Path("/usr/lib").glob("*/kamailio/modules"))
        if not found:
            raise LabError("kamailio is missing: run 'make setup-test' (Debian package kamailio)")
        self.relay = RTPengine(host, ipv4, ipv6)
        folder = host.lab.folder / f"bridge-{host.name}"
        (folder / "run").mkdir(parents=True, exist_ok=True)
        values = {
            "workers": workers,
            "modules": f"{found[0]}/",
            "ipv4": ipv4,
            "ipv6": ipv6,
            "peer4": peer4,
            "peer6": peer6,
            "port": port,
            "peer_port": peer_port,
            "load": "\n".join(f'loadmodule "{name}.so"' for name in _MODULES.split()),
            "control": self.relay.control,
            "flags": _FLAGS,
        }
        (folder / "kamailio.cfg").write_text(_CONFIG % values)
        argv: list[str | Path] = ["kamailio", "-f", folder / "kamailio.cfg", "-DD", "-E"]
        argv += ["-m", "128", "-M", "8", "-Y", folder / "run", "-P", folder / "run/kamailio.pid"]
        self.proxy = host.start(argv, log=f"bridge-{host.name}.log")
        self.proxy.wait_output(r"Listening on", 15.0)

    def pids(self) -> list[int]:
        """Process ids of kamailio with its children, and of rtpengine."""
        path = Path(f"/proc/{self.proxy.pid}/task/{self.proxy.pid}/children")
        return [self.proxy.pid, *map(int, path.read_text().split()), self.relay.process.pid]

    def close(self) -> None:
        """End both."""
        self.proxy.stop()
        self.relay.close()
