# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Packet captures of the lab's link, and what tshark says of them."""

import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tools.lab.errors import LabError
from tools.lab.pcap import zrtp_messages
from tools.lab.process import Process

PACKETS_MAX = 400_000  # 20 minutes of one call both ways in G.711 are 120,000; then it stops


class Place(Protocol):
    """Where frames can be captured: a Link, an Uplink."""

    folder: Path
    capture_interface: str

    def start_in_switch(self, argv: Sequence[str | Path], log: str) -> Process:
        """Start a program beside the interface."""


class Capture:
    """Every frame of a place into one pcap file, until stopped."""

    def __init__(self, place: Place, name: str = "lan.pcap") -> None:
        """Start capturing into `name` in the place's folder; returns once frames are seen."""
        self.path = place.folder / name
        self.forgiven = ""  # display filter of what may be malformed, for complaints()
        self.path.unlink(missing_ok=True)
        argv = [
            "tcpdump",
            "-i",
            place.capture_interface,
            "-s",
            "0",
            "-U",
            "-n",
            "-Z",
            "root",
            "-B",
            "8192",
        ]
        argv += ["--immediate-mode", "-c", str(PACKETS_MAX), "-w", str(self.path)]
        self._process = place.start_in_switch(argv, name + ".log")
        self._process.wait_output(r"listening on", 10.0)

    def stop(self) -> Path:
        """Stop and give the path of the file; may be called again."""
        if self._process.running():
            time.sleep(0.2)  # frames of the last instant still lie in the kernel's ring
            self._process.stop(signal.SIGINT)
        return self.path


def tshark(path: Path, display_filter: str, *fields: str) -> list[list[str]]:
    """Rows of fields of the packets that a display filter takes.

    path: capture; fields: names as tshark knows them, without any: number and its summary.
    LabError: tshark is missing or refuses.
    """
    argv = ["tshark", "-n", "-r", str(path), "-Y", display_filter]
    if fields:
        argv += ["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=;"]
        for field in fields:
            argv += ["-e", field]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        raise LabError(
            "tshark is missing: run 'make setup-test' (Debian package tshark)"
        ) from None
    if done.returncode:
        raise LabError(f"tshark: {done.stderr.strip()}")
    rows = [line for line in done.stdout.split("\n") if line.strip()]
    return [row.split("\t") if fields else [row.strip()] for row in rows]


def complaints(path: Path, but: str = "", ipv4: bool = False) -> list[str]:
    """IPv4 (and ARP) packets and everything that tshark calls malformed or an error.

    ipv4: it is a link with IPv4 alone, where IPv6 is out of place.

    A board may ask for an IPv4 address (DHCPDISCOVER), for the tunnel where there is no IPv6.
    but: display filter of packets that may be so (what a test sends on purpose). Where keys were
    agreed by ZRTP, SRTCP is not taken for RTCP, which it looks like.
    """
    if any(kind == "Confirm2" for _, _, kind in zrtp_messages(path, ipv4)):
        but = f"({but}) || rtcp || srtcp" if but else "rtcp || srtcp"
    bad = "ipv6" if ipv4 else "(ip && !(dhcp && ip.src == 0.0.0.0)) || arp"
    bad += " || _ws.malformed || _ws.expert.severity == 8388608"
    if but:
        bad = f"({bad}) && !({but})"
    rows = tshark(
        path, bad, "frame.number", "_ws.col.Protocol", "_ws.col.Info", "_ws.expert.message"
    )
    return [" ".join(part for part in row if part) for row in rows]


def sip_ladder(path: Path) -> list[str]:
    """SIP messages of a capture, one line each: time, source, destination, what."""
    fields = ("frame.time_relative", "_ws.col.Source", "_ws.col.Destination", "_ws.col.Info")
    rows = tshark(path, "sip", *fields)
    return [f"{float(row[0]):8.3f} {row[1]} > {row[2]}  {row[3]}" for row in rows]
