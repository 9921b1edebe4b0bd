"""Figures about the service for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from docdetect import __version__
from docdetect.types import FailedPage

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)


class Metrics:
    """Counters and gauges of one service, in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "docdetect_http_requests", "Requests that were answered", ("method", "route", "status"), registry=registry
        )
        self.request_seconds = Histogram(
            "docdetect_http_request_seconds", "Seconds of requests", ("route",), buckets=_SECONDS, registry=registry
        )
        self.pages = Counter("docdetect_pages", "Pages that were worked on", ("by",), registry=registry)
        self.failures = Counter(
            "docdetect_failures", "Pages and documents without a result", ("reason",), registry=registry
        )
        self.detect_seconds = Histogram(
            "docdetect_detect_seconds",
            "Seconds of work on documents of /v1/detect",
            buckets=_SECONDS,
            registry=registry,
        )
        self.job_seconds = Histogram(
            "docdetect_job_seconds", "Seconds of work on jobs", buckets=_SECONDS, registry=registry
        )
        self.jobs = Gauge("docdetect_jobs", "Jobs that there are", ("state",), registry=registry)
        self.refused = Counter(
            "docdetect_refused_requests", "Requests that were refused", ("problem",), registry=registry
        )
        self.ready = Gauge("docdetect_ready", "1 when the network is warm, else 0", registry=registry)
        Info("docdetect", "The version that runs", registry=registry).info({"version": __version__})

    def count_failures(self, failures: Iterable[FailedPage]) -> None:
        """Counts pages and documents without a result by their reasons."""
        for failed in failures:
            self.failures.labels(failed.failure.kind.value).inc()

    def text(self) -> bytes:
        """All figures in the format of Prometheus."""
        return generate_latest(self._registry)
