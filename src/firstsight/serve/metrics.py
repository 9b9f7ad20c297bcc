"""Counts and times for Prometheus; nothing in them names anybody."""

from __future__ import annotations

import os
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from firstsight.types import GalleryInfo

SHARED = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """What one process counts; where several share a folder, what all of them have counted is told."""

    def __init__(self) -> None:
        own = CollectorRegistry()
        self._registry = own
        self._requests = Counter(
            "firstsight_requests", "Requests answered.", ["method", "route", "status"], registry=own
        )
        self._seconds = Histogram(
            "firstsight_request_seconds", "Time to answer.", ["route"], buckets=_SECONDS, registry=own
        )
        self._batches = Histogram(
            "firstsight_batch_readings", "Readings embedded together.", buckets=(1, 2, 4, 8, 12, 16, 32), registry=own
        )
        self._decisions = Counter(
            "firstsight_decisions", "Decisions by what they came to.", ["verb", "outcome"], registry=own
        )
        self._working = Gauge(
            "firstsight_working", "Requests worked on or waiting.", registry=own, multiprocess_mode="livesum"
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; ``route`` is its pattern."""
        self._requests.labels(method if route != "none" else "any", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, readings: int) -> None:
        """Count a run of the encoder."""
        self._batches.observe(readings)

    def decided(self, verb: str, known: bool | None) -> None:
        """Count a decision: same or known, not, or undecided."""
        outcome = {True: "yes", False: "no", None: "undecided"}[known]
        self._decisions.labels(verb, outcome).inc()

    def working(self, number: int) -> None:
        """How many requests are worked on."""
        self._working.set(number)

    def text(self, galleries: Iterable[GalleryInfo]) -> bytes:
        """All of it as Prometheus reads it."""
        told = self._registry
        if os.environ.get(SHARED):
            told = CollectorRegistry()
            MultiProcessCollector(told)  # type: ignore[no-untyped-call]
        enrolled = CollectorRegistry()
        enrolled.register(_Enrolled(galleries))
        return generate_latest(told) + generate_latest(enrolled)


class _Enrolled(Collector):
    """How many are enrolled, read when it is asked for."""

    def __init__(self, galleries: Iterable[GalleryInfo]) -> None:
        self.galleries = list(galleries)

    def collect(self) -> Iterable[Metric]:
        """Two gauges a gallery."""
        for name in ("identities", "references"):
            family = GaugeMetricFamily(f"firstsight_{name}", f"Enrolled {name}.", labels=["gallery"])
            for one in self.galleries:
                family.add_metric([one.gallery], getattr(one, name))
            yield family
