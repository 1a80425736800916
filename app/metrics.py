"""What Prometheus can ask. Each application has its own registry; several server processes give one page together.

Rule 1: no text of a user in a label: tasks are labelled by their registered names, the rest by our own words.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from app.metrics_peers import Peers

# When each series began: as many lines again, for nobody.
disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """Counters by what happened."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._peers: Peers | None = None
        self.outcomes = Counter("touchstone_items", "Items answered.", ("task", "stage", "outcome"), registry=registry)
        self.stage_seconds = Histogram(
            "touchstone_stage_seconds",
            "Seconds of one stage.",
            ("stage",),
            buckets=SECONDS,
            registry=registry,
        )
        self.cache_reads = Counter(
            "touchstone_cache_reads", "Look-ups by kind and result.", ("kind", "result"), registry=registry
        )
        self.cache_errors = Counter(
            "touchstone_cache_errors", "Failures of the store.", ("operation",), registry=registry
        )
        self.pool_restarts = Counter(
            "touchstone_pool_restarts", "Workers replaced, by reason.", ("reason",), registry=registry
        )
        self.requests = Counter(
            "touchstone_requests", "Requests answered, by route and status.", ("route", "status"), registry=registry
        )
        self.request_seconds = Histogram(
            "touchstone_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("route",),
            buckets=SECONDS,
            registry=registry,
        )
        self.unknown_keys = Counter("touchstone_unknown_keys", "Requests without a known key.", registry=registry)
        self.limited = Counter(
            "touchstone_limited", "Requests refused for a limit of their key.", ("key", "limit"), registry=registry
        )
        self.audit_dropped = Counter("touchstone_audit_log_dropped", "Lines not logged.", registry=registry)
        self.refused = Counter("touchstone_refused", "Requests refused for a full queue.", registry=registry)
        self.shared = Counter(
            "touchstone_shared_items", "Items that shared the work of an identical one.", registry=registry
        )
        self.model_failures = Counter(
            "touchstone_model_failures", "Second looks that failed, by kind.", ("kind",), registry=registry
        )
        self.judgements = Counter(
            "touchstone_judgements", "Candidates judged.", ("protocol", "status", "reason"), registry=registry
        )
        self.judge_calls = Counter("touchstone_judge_calls", "Questions to the judge.", registry=registry)
        self.judge_tokens = Counter("touchstone_judge_tokens", "Tokens of the judge.", ("kind",), registry=registry)
        self.controls = Counter(
            "touchstone_controls", "Controls of a model, by kind and result.", ("kind", "result"), registry=registry
        )
        self.no_verdicts = Counter(
            "touchstone_no_verdicts",
            "Samples without a reward, by what a framework was told instead.",
            ("framework", "told"),
            registry=registry,
        )
        self.log_dropped = Counter("touchstone_judge_log_dropped", "Lines not logged.", registry=registry)
        self.guard_sums = Counter(
            "touchstone_guard_sums",
            "What the guard-rail figures are made of; sums over processes are sums again.",
            ("task", "sum"),
            registry=registry,
        )
        self.guard_figure = Gauge(
            "touchstone_guard", "Guard-rail figures of the last step or block.", ("task", "figure"), registry=registry
        )
        self.guard_alarm = Gauge(
            "touchstone_guard_alarm", "1 while a figure has jumped.", ("task", "figure"), registry=registry
        )

    def gauge(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """A value that is read when Prometheus asks."""
        Gauge(name, documentation, registry=self._registry).set_function(read)

    def exposition(self) -> bytes:
        """The text format, of this process."""
        return generate_latest(self._registry)

    async def page(self) -> bytes:
        """The text format, of all server processes."""
        return self.exposition() if self._peers is None else await self._peers.exposition()

    @asynccontextmanager
    async def together(self, folder: Path) -> AsyncIterator[None]:
        """Give one page together with the other processes that name this folder."""
        self._peers = Peers(folder, self._registry)
        await self._peers.open()
        try:
            yield
        finally:
            await self._peers.close()
