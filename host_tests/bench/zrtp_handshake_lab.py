# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Time from the answer to the SAS on the screen, on good links and bad ones.

    python host_tests/bench/zrtp_handshake_lab.py     # as root: needs a lab

The host phone and the emulated board call each other in turn; a relay (tools/lab/relay.py) stands
before the board, with the delay and the loss of each row. A call counts from the screen that says
Talking, where media has begun, to the screen with the SAS, on the caller, who learns of the answer
last. Ten calls a row; the median, the worst, and the retransmissions of ZRTP messages.
"""

import os
import statistics
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from host_tests.emulated.calls import connect, disconnect  # noqa: E402
from host_tests.interop import secure  # noqa: E402
from host_tests.interop.fixtures import Phones  # noqa: E402
from tools.lab import Lab, Relay  # noqa: E402
from tools.lab.errors import LabError  # noqa: E402
from tools.panel import safety  # noqa: E402
from tools.panel.errors import PanelError  # noqa: E402

CALLS = 10
MESSAGES = 10  # of a handshake in which nothing is sent again
TARGET_S = 0.6  # the median at 50 ms round trip
ALL = "X255 EC25 DH3k EC38"  # key agreements that a phone offers; of two such phones X255
# (name, delay each way in ms, loss each way, key agreements, whether the target is for it)
LINKS = (
    ("no delay", 0, 0.0, ALL, False),
    ("50 ms round trip", 25, 0.0, ALL, True),
    ("50 ms each way", 50, 0.0, ALL, False),
    ("150 ms each way", 150, 0.0, ALL, False),
    ("5 % lost", 0, 0.05, ALL, False),
    ("50 ms round trip, 5 % lost", 25, 0.05, ALL, False),
    ("DH3k, no delay", 0, 0.0, "DH3k", False),
    ("DH3k, 50 ms round trip", 25, 0.0, "DH3k", True),
)


def measure(caller, called, relay):
    """(seconds, messages of ZRTP besides the ten that are needed) of one call."""
    relay.seen.clear()
    since = time.monotonic()
    connect(caller, called)
    sas = secure.wait_sas(caller, 20.0)
    assert secure.wait_sas(called, 20.0) == sas
    talking, shown = safety.sas_time(caller.panel, since)
    time.sleep(0.3)
    again = len(relay.seen) - MESSAGES
    disconnect(caller, called)
    return shown - talking, again


def main():
    """Print a row for each link; the exit status tells whether the target is met."""
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        return 0
    target_met = True
    with Lab(TOP / "build/bench/handshake") as lab:
        phones = Phones(lab)
        try:
            pair = phones.get("UNIX_HOST"), phones.get("QEMU_MPS2_AN500")
            with Relay(lab, pair[1].phone.port) as relay:
                for name, delay_ms, loss, agreements, has_target in LINKS:
                    for phone in pair:
                        phone.configure(security__key_agreements=agreements)
                    relay.delay_s, relay.loss = delay_ms / 1000, loss
                    rows = [measure(*pair[:: 1 - 2 * (i % 2)], relay) for i in range(CALLS)]
                    times = sorted(row[0] for row in rows)
                    median = statistics.median(times)
                    if has_target:
                        target_met = target_met and median <= TARGET_S
                        name += f" (target {TARGET_S} s)"
                    text = f"{name:<36} median {1000 * median:5.0f} ms"
                    text += f"  worst {1000 * times[-1]:5.0f} ms"
                    text += f"  sent again {sum(row[1] for row in rows) / CALLS:.1f} a call"
                    print(text, flush=True)
        except (LabError, PanelError) as error:
            print(f"no figure: {error}", file=sys.stderr)
            return 1
        finally:
            phones.close()
    return 0 if target_met else 1


if __name__ == "__main__":
    sys.exit(main())
