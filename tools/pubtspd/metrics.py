# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Prometheus metrics: what is counted for each prefix, never an address of a client."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Status = Callable[[], Mapping[str, Any]]


class StatusCollector(Collector):
    """Makes metrics of what `pubtspd status` tells."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Return the metrics of now."""
        status = self._status()
        plane = GaugeMetricFamily("pubtspd_plane", "Data plane in use.", labels=["plane"])
        plane.add_metric([status["plane"]], 1)
        yield plane
        for name, text, value in (
            ("draining", "1 while clients are sent to other servers.", bool(status["draining"])),
            ("up", "1 while the self-test passes (or there is none).", status["healthy"]),
            ("uptime_seconds", "Since the start.", status["uptime_s"]),
            ("key_period_ends_seconds", "UTC; 0: never.", status["key_ends"] or 0),
        ):
            yield GaugeMetricFamily(f"pubtspd_{name}", text, value=float(value))
        yield CounterMetricFamily(
            "pubtspd_self_test_failures", "Self-tests that failed.", value=status["failures"]
        )
        labels = ["prefix", "plane"]
        packets = CounterMetricFamily(
            "pubtspd_packets", "Packets that passed.", labels=[*labels, "direction"]
        )
        octets = CounterMetricFamily(
            "pubtspd_octets", "Octets of inner packets that passed.", labels=[*labels, "direction"]
        )
        dropped = CounterMetricFamily(
            "pubtspd_dropped", "Packets that a rule stopped.", labels=[*labels, "rule"]
        )
        events = CounterMetricFamily(
            "pubtspd_events", "All other things that are counted.", labels=[*labels, "event"]
        )
        for member in status["members"]:
            for plane_name, counters in member["counters"].items():
                where = [member["prefix"], plane_name]
                for name, count in counters.items():
                    if name in ("up", "down"):
                        packets.add_metric([*where, name], count)
                    elif name in ("octets_up", "octets_down"):
                        octets.add_metric([*where, name[7:]], count)
                    elif name.startswith("drop_"):
                        dropped.add_metric([*where, name[5:]], count)
                    else:
                        events.add_metric([*where, name], count)
        yield from (packets, octets, dropped, events)
