# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""kamailio as registrar and proxy in the lab: digest, no database."""

from collections.abc import Mapping
from pathlib import Path

from tools.lab.errors import LabError
from tools.lab.link import Host

DOMAIN = "vox6.example"
_MODULES = "tm sl rr pv maxfwd textops siputils sanity usrloc registrar auth htable kex"
_CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
alias="%(domain)s"
mpath="%(modules)s"
listen=udp:[%(address)s]:%(port)d
listen=tcp:[%(address)s]:%(port)d
%(load)s
modparam("usrloc", "db_mode", 0)
modparam("registrar", "default_expires", 300)
modparam("registrar", "min_expires", 10)
modparam("auth", "qop", "auth")
modparam("auth", "nonce_expire", 60)
modparam("auth", "algorithm", "%(algorithm)s")
modparam("htable", "htable", "passwords=>size=4;")

event_route[htable:mod-init] {
%(passwords)s
}

request_route {
    if (!mf_process_maxfwd_header("70")) {
        sl_send_reply("483", "Too Many Hops");
        exit;
    }
    if (!sanity_check("17895", "7")) {
        exit;
    }
    if (is_method("CANCEL")) {
        if (t_check_trans()) {
            t_relay();
        }
        exit;
    }
    if (has_totag()) {
        if (loose_route() || (is_method("ACK") && t_check_trans())) {
            t_relay();
        } else if (!is_method("ACK")) {
            sl_send_reply("404", "Not Here");
        }
        exit;
    }
    if (is_method("OPTIONS") && uri == myself && $rU == $null) {
        sl_send_reply("200", "OK");
        exit;
    }
    remove_hf("Route");
    # Flags 0 of both authenticate calls: the table holds the password itself, not its hash.
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("%(domain)s", "$sht(passwords=>$au)", "0")) {
            www_challenge("%(domain)s", "1");
            exit;
        }
        if ($au != $tU) {
            sl_send_reply("403", "Forbidden");
            exit;
        }
        save("location");
        exit;
    }
    if (from_uri == myself) {
        if (!pv_proxy_authenticate("%(domain)s", "$sht(passwords=>$au)", "0")) {
            proxy_challenge("%(domain)s", "1");
            exit;
        }
        consume_credentials();
    }
    if (is_method("INVITE")) {
        record_route();
    }
    if (uri != myself) {
        sl_send_reply("403", "Forbidden");
        exit;
    }
    if (!lookup("location")) {
        sl_send_reply("404", "Not Found");
        exit;
    }
    t_relay();
}
"""


class Kamailio:
    """A registrar and proxy for DOMAIN in a host of the lab."""

    def __init__(
        self,
        host: Host,
        address: str,
        passwords: Mapping[str, str],
        *,
        algorithm: str = "MD5",
        port: int = 5060,
    ) -> None:
        """Start it and wait until it listens.

        host: where; address: of that host; passwords: of each user (letters and digits alone);
        algorithm: "MD5" or "SHA-256" of the digest.
        """
        found = sorted(Path("/usr/lib").glob("*/kamailio/modules"))
        if not found:
            raise LabError("kamailio is missing: run 'make setup-test' (Debian package kamailio)")
        self.domain = DOMAIN
        self.peer = f"sip:[{address}]:{port}"
        folder = host.lab.folder / f"kamailio-{host.name}"
        (folder / "run").mkdir(parents=True, exist_ok=True)
        rows = [f'    $sht(passwords=>{user}) = "{word}";' for user, word in passwords.items()]
        values = {
            "domain": DOMAIN,
            "modules": f"{found[0]}/",
            "address": address,
            "port": port,
            "load": "\n".join(f'loadmodule "{name}.so"' for name in _MODULES.split()),
            "algorithm": algorithm,
            "passwords": "\n".join(rows),
        }
        config = folder / "kamailio.cfg"
        config.write_text(_CONFIG % values)
        argv: list[str | Path] = ["kamailio", "-f", config, "-DD", "-E", "-m", "32", "-M", "4"]
        argv += ["-Y", folder / "run", "-P", folder / "run/kamailio.pid"]
        self.process = host.start(argv, log=f"kamailio-{host.name}.log")
        self.process.wait_output(r"Listening on", 15.0)

    def close(self) -> None:
        """End kamailio with its children."""
        self.process.stop()
