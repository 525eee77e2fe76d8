# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Router advertisements of a link (RFC 4861, RFC 8106) by radvd: begun, changed, withdrawn."""

import time
from pathlib import Path

from tools.lab.errors import LabError
from tools.lab.link import Host
from tools.lab.process import Process

_CONFIG = """interface eth0 {
    AdvSendAdvert on;
    MinRtrAdvInterval 3;
    MaxRtrAdvInterval 10;
    AdvDefaultLifetime 1800;
    AdvManagedFlag %(managed)s;
    AdvOtherConfigFlag %(other)s;
    prefix %(prefix)s {
        AdvOnLink on;
        AdvAutonomous %(autonomous)s;
        AdvValidLifetime 86400;
        AdvPreferredLifetime 14400;
        DeprecatePrefix on;
    };
%(rdnss)s};
"""


class Advertiser:
    """What a router says to its link."""

    def __init__(self, router: Host, prefix: str, dns: str | None) -> None:
        """Prepare; silent until start().

        router: a host with the link at eth0; prefix: a /64; dns: address for RDNSS, None for none.
        """
        self._router = router
        self._prefix = prefix
        self._dns = dns
        self._radvd: Process | None = None

    def start(
        self, *, autonomous: bool = True, managed: bool = False, other: bool = False
    ) -> None:
        """Advertise from now on, whatever was said before.

        autonomous: hosts make addresses by SLAAC; managed, other: the flags M and O.
        """
        self.stop()
        values = {"prefix": self._prefix, "rdnss": ""}
        for name, value in (("autonomous", autonomous), ("managed", managed), ("other", other)):
            values[name] = "on" if value else "off"
        if self._dns:
            values["rdnss"] = f"    RDNSS {self._dns} {{ AdvRDNSSLifetime 1800; }};\n"
        folder = self._router.lab.folder
        config = folder / "radvd.conf"
        config.write_text(_CONFIG % values)
        config.chmod(0o644)  # radvd refuses a file that others may write
        deadline = time.monotonic() + 5.0
        while not self._router.addresses() and time.monotonic() < deadline:
            time.sleep(0.02)
        argv: list[str | Path] = ["radvd", "-n", "-C", config]
        argv += ["-p", folder / "radvd.pid", "-m", "stderr"]
        self._radvd = self._router.start(argv)
        time.sleep(0.1)
        if not self._radvd.running():
            raise LabError(f"radvd does not start:\n{self._radvd.output()}")

    def stop(self) -> None:
        """Withdraw: a last advertisement makes the prefix and the router unwanted."""
        if self._radvd is not None:
            self._radvd.stop()
            self._radvd = None
