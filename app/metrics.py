"""What Prometheus can ask. Each application has its own registry; several server processes give one page together.

Rule 1: no text of a user in a label: tasks are labelled by their registered names, the rest by our own words.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from app.metrics_peers import Peers

# When each series began: as many lines again, for nobody.
disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60)


class _Read(Collector):
    """A counter that somebody else keeps: the library's own has no `set_function`."""

    def __init__(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        self._name, self._documentation, self._read = name, documentation, read

    def collect(self) -> Iterable[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._documentation, value=self._read())


class Metrics:
    """Counters by what happened."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._peers: Peers | None = None
        counter = partial(Counter, registry=self._registry)
        seconds = partial(Histogram, buckets=SECONDS, registry=self._registry)
        gauge = partial(Gauge, registry=self._registry)

        # At the door
        self.requests = counter("touchstone_requests", "Requests answered, by route and status.", ("route", "status"))
        self.request_seconds = seconds(
            "touchstone_request_seconds", "Seconds from a request's head to the end of its answer.", ("route",)
        )
        self.unknown_keys = counter("touchstone_unknown_keys", "Requests without a known key.")
        self.limited = counter("touchstone_limited", "Requests refused for a limit of their key.", ("key", "limit"))
        self.refused = counter("touchstone_refused", "Requests refused for a full queue.")

        # Cache, rules and workers
        self.outcomes = counter("touchstone_items", "Items answered.", ("task", "stage", "outcome"))
        self.stage_seconds = seconds("touchstone_stage_seconds", "Seconds of one stage.", ("stage",))
        self.cache_reads = counter("touchstone_cache_reads", "Look-ups by kind and result.", ("kind", "result"))
        self.cache_errors = counter("touchstone_cache_errors", "Failures of the store.", ("operation",))
        self.shared = counter("touchstone_shared_items", "Items that shared the work of an identical one.")
        self.pool_restarts = counter("touchstone_pool_restarts", "Workers replaced, by reason.", ("reason",))

        # Models
        self.model_failures = counter("touchstone_model_failures", "Second looks that failed, by kind.", ("kind",))
        self.controls = counter("touchstone_controls", "Controls of a model, by kind and result.", ("kind", "result"))
        self.judgements = counter("touchstone_judgements", "Candidates judged.", ("protocol", "status", "reason"))
        self.judge_calls = counter("touchstone_judge_calls", "Questions to the judge.")
        self.judge_tokens = counter("touchstone_judge_tokens", "Tokens of the judge.", ("kind",))

        # What was decided
        self.no_verdicts = counter(
            "touchstone_no_verdicts",
            "Samples without a reward, by what a framework was told instead.",
            ("framework", "told"),
        )
        self.guard_sums = counter(
            "touchstone_guard_sums",
            "What the guard-rail figures are made of; sums over processes are sums again.",
            ("task", "sum"),
        )
        self.guard_figure = gauge(
            "touchstone_guard", "Guard-rail figures of the last step or block.", ("task", "figure")
        )
        self.guard_alarm = gauge("touchstone_guard_alarm", "1 while a figure has jumped.", ("task", "figure"))
        self.log_dropped = counter("touchstone_judge_log_dropped", "Lines not logged.")
        self.audit_dropped = counter("touchstone_audit_log_dropped", "Lines not logged.")

    def gauge(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """A value that is read when Prometheus asks."""
        Gauge(name, documentation, registry=self._registry).set_function(read)

    def counter(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """The same for a value that only grows."""
        self._registry.register(_Read(name, documentation, read))

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
