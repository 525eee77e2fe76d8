# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""kamailio as registrar and forking proxy in the lab: digest, TLS, no database."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.lab.errors import LabError
from tools.lab.link import Host, bracketed

DOMAIN = "vox6.example"
_MODULES = (
    "tm sl rr pv maxfwd textops siputils sanity usrloc registrar nathelper auth htable kex corex"
)
_CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
alias="%(domain)s"
mpath="%(modules)s"
listen=udp:%(address)s:%(port)d
listen=tcp:%(address)s:%(port)d
%(tls)s
%(load)s
modparam("usrloc", "db_mode", 0)
modparam("registrar", "default_expires", 300)
modparam("registrar", "min_expires", 10)
modparam("registrar", "received_avp", "$avp(received)")
modparam("nathelper", "received_avp", "$avp(received)")
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
            if (uri == myself && is_gruu()) {
                lookup("location");  # the Contact of a phone that got a GRUU (RFC 5627)
            }
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
        if (proto != UDP) {
            fix_nated_register();  # calls come by the connection of the registration,
            force_tcp_alias();       # and so does what goes to its contact within them
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
    if (is_method("INVITE|SUBSCRIBE")) {
        record_route();
    }
    if (uri != myself) {
        sl_send_reply("403", "Forbidden");
        exit;
    }
%(forks)s
    if (!lookup("location")) {
        sl_send_reply("404", "Not Found");
        exit;
    }
    t_relay();
}
"""

_TLS = """enable_tls=yes
listen=tls:%(address)s:%(tls_port)d
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "%(certificate)s")
modparam("tls", "private_key", "%(certificate)s")
"""


class Kamailio:
    """A registrar and stateful, forking proxy for DOMAIN in a host of the lab."""

    def __init__(
        self,
        host: Host,
        address: str,
        passwords: Mapping[str, str],
        *,
        algorithm: str = "MD5",
        port: int = 5060,
        forks: Mapping[str, Sequence[str]] | None = None,
        certificate: Path | None = None,
    ) -> None:
        """Start it and wait until it listens.

        host: where; address: of that host, of either family; passwords: of each user (letters and
        digits alone); algorithm: "MD5" or "SHA-256" of the digest; forks: users whose calls go to
        several URIs at once; certificate: file with certificate and key, it listens with TLS at
        port + 1 then.
        """
        found = sorted(Path("/usr/lib").glob("*/kamailio/modules"))
        if not found:
            raise LabError("kamailio is missing: run 'make setup-test' (Debian package kamailio)")
        self.domain = DOMAIN
        address = bracketed(address)
        self.peer = f"sip:{address}:{port}"
        folder = host.lab.folder / f"kamailio-{host.name}"
        (folder / "run").mkdir(parents=True, exist_ok=True)
        self.tls_peer = f"sip:{address}:{port + 1};transport=tls"
        rows = [f'    $sht(passwords=>{user}) = "{word}";' for user, word in passwords.items()]
        values: dict[str, object] = {
            "domain": DOMAIN,
            "modules": f"{found[0]}/",
            "address": address,
            "port": port,
            "load": "\n".join(f'loadmodule "{name}.so"' for name in _MODULES.split()),
            "algorithm": algorithm,
            "passwords": "\n".join(rows or ["    return;"]),
            "forks": "\n".join(_fork(user, uris) for user, uris in (forks or {}).items()),
            "tls": "",
        }
        if certificate is not None:
            values["certificate"], values["tls_port"] = certificate.resolve(), port + 1
            values["tls"] = _TLS % values
        self._host, self._folder = host, folder
        (folder / "kamailio.cfg").write_text(_CONFIG % values)
        self.start()

    def start(self) -> None:
        """Start it (again, after close() or kill()); it knows no bindings then."""
        folder = self._folder
        argv: list[str | Path] = ["kamailio", "-f", folder / "kamailio.cfg", "-DD", "-E"]
        argv += ["-m", "32", "-M", "4", "-Y", folder / "run", "-P", folder / "run/kamailio.pid"]
        self.process = self._host.start(argv, log=f"kamailio-{self._host.name}.log")
        self.process.wait_output(r"Listening on", 15.0)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self.process.kill()

    def close(self) -> None:
        """End kamailio with its children."""
        self.process.stop()


def _fork(user: str, uris: Sequence[str]) -> str:
    """Configuration that sends the calls of a user to all URIs at once."""
    lines = [f'    if ($rU == "{user}") {{', f'        $ru = "{uris[0]}";']
    lines += [f'        append_branch("{uri}");' for uri in uris[1:]]
    return "\n".join([*lines, "        t_relay();", "        exit;", "    }"])
