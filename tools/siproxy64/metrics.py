# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Prometheus metrics: what is counted, never who calls whom."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class StatusCollector(Collector):
    """Makes metrics of what `siproxy64 status` tells."""

    def __init__(self, status: Callable[[], Mapping[str, Any]]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Return the metrics of now."""
        status = self._status()
        for name, text in (
            ("calls", "Calls with media."),
            ("streams", "Media descriptions that are relayed."),
            ("connections", "TCP connections."),
            ("ports", "SIP ports that are open."),
            ("uptime_seconds", "Since the start."),
        ):
            key = "uptime_s" if name == "uptime_seconds" else name
            yield GaugeMetricFamily(f"siproxy64_{name}", text, value=float(status[key]))
        events = CounterMetricFamily(
            "siproxy64_messages", "What happened to SIP messages.", labels=["event"]
        )
        for name, count in sorted(status["counters"].items()):
            events.add_metric([name.replace(" ", "_")], count)
        yield events
        media = CounterMetricFamily("siproxy64_media_packets", "Media datagrams that passed.")
        media.add_metric([], status["media_packets"])
        yield media
        octets = CounterMetricFamily("siproxy64_media_octets", "Octets of their payload.")
        octets.add_metric([], status["media_octets"])
        yield octets
