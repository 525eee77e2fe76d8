# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""From power on to registered on an IPv4-only network, in the emulated board's own time.

    python host_tests/bench/tunnel_boot.py [--boots N]     # as root: a lab

A home behind NAT, an operator of PubTSP, kamailio with digest. The board has DHCPv4, DNS for the
server's name (SRV, A), the tunnel, 1.5 s in which native IPv6 may still come, and REGISTER twice.
Times are those of its log, from reset on.
"""

import re
import shutil
import statistics
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from tools.lab.internet import Internet  # noqa: E402
from tools.lab.kamailio import Kamailio  # noqa: E402
from tools.panel.phones import QEMUPhone  # noqa: E402
from tools.size import used  # noqa: E402

TARGET_S = 5.0
FOLDER = TOP / "build" / "bench" / "tunnel_boot"
PASSWORD = "wonderland"
_PATIENCE_S = 40.0
STEPS = (
    ("Python begins", r"^([\d.]+) phone: vox6"),
    ("IPv4 by DHCP", r"^([\d.]+) net: IPv4 [\d.]+\s*$"),
    ("server known", r"^([\d.]+) tunnel: IPv4 only, asks"),
    ("tunnel up", r"^([\d.]+) tunnel: up by"),
    ("tunnel used", r"^([\d.]+) net: IPv6 by the tunnel"),
    ("registered", r"^([\d.]+) account: 1 registered"),
)
SETTINGS = """
import time
from firmware.main import phone
p = phone()
for name, value in %r:
    p.settings.set(name, value)
p.settings.save()
"""
OFFSET = """
import time
from firmware.main import phone
print(time.ticks_ms() - phone().clock.now())
"""


def configure(phone, registrar):
    """Give the phone an account; it is there at the next start."""
    rows = [
        ("tunnel.martians", "lab"),
        ("account.1.uri", f"sip:alice@{registrar.domain}"),
        ("account.1.auth_user", "alice"),
        ("account.1.password", PASSWORD),
        ("account.1.registrar", f"sip:{registrar.domain}"),
        ("account.1.proxy", registrar.peer),
    ]
    with phone.aside() as console:
        console.run(SETTINGS % rows, 30.0)


def boot(phone):
    """{step: seconds since reset} of one start, and the heap in use then."""
    phone.start()
    deadline = time.monotonic() + _PATIENCE_S
    last = re.compile(STEPS[-1][1], re.MULTILINE)
    while not last.search(phone.console_log()):
        if time.monotonic() > deadline:
            raise SystemExit(f"not registered:\n{phone.console_log()[-3000:]}")
        time.sleep(0.1)
    text = phone.console_log()
    with phone.aside() as console:
        before = int(console.run(OFFSET, 30.0)) / 1000
    found = {"heap": used(phone)[0]}
    phone.stop()
    for name, pattern in STEPS:
        match = re.search(pattern, text, re.MULTILINE)
        found[name] = before + float(match[1]) if match else float("nan")
    return found


def main(boots):
    """Print the median of each step, and how the last one stands to its target."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    with Internet(FOLDER) as net:
        net.operator("tsp")
        home = net.home("home")
        host = net.host("registrar")
        registrar = Kamailio(host, host.ipv6, {"alice": PASSWORD})
        phone = QEMUPhone(FOLDER / "board", home)
        phone.start()
        configure(phone, registrar)
        phone.stop()
        runs = [boot(phone) for _ in range(boots)]
    print(f"{phone.board} on an IPv4-only network, seconds since reset, median of {boots}:")
    for name, _ in STEPS:
        times = [run[name] for run in runs]
        print(
            f"  {name:14} {statistics.median(times):6.3f}   ({min(times):.3f} .. {max(times):.3f})"
        )
    median = statistics.median([run["registered"] for run in runs])
    heap = statistics.median([run["heap"] for run in runs])
    print(f"  heap in use by then: {heap:,.0f} octets")
    print(f"registered: {median / TARGET_S:.2f} of the target {TARGET_S:.0f} s")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(int(arguments[1]) if arguments[:1] == ["--boots"] else 10)
