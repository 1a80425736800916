"""Everything that is opened before the first request and closed after the last, in order.

Rule 1: opened bottom up, closed top down; what failed to open closes what was opened before it.
Rule 2: the cache and the model may be away at any time; the pool may not, without it nothing can be decided.
"""

import asyncio
import os
import pkgutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from app import tracing
from app.audit import Audit
from app.cache.cache import Cache
from app.cache.redis_store import RedisStore
from app.cache.sqlite_store import SqliteStore
from app.cache.store import NoStore, Store
from app.drain import Drain
from app.guard import Guard
from app.judging import Judging
from app.keys import Keyring
from app.line_log import LineLog
from app.metrics import Metrics
from app.model_stage import ModelStage
from app.pool.pool import Pool
from app.pool.usage import usage
from app.recent import Recent
from app.rewarding import Rewarding
from app.settings import CacheSettings, JudgeSettings, ModelSettings, Settings
from app.tracing import Tracing
from app.verification import Verification
from app.works import Works
from grm.backend import ServedModel
from grm.budget import TokenBudget
from grm.connect import ConnectOptions, model_from_spec
from grm.dialects import Thinking
from grm.replicas import ReplicatedModel
from grm.vllm_command import VllmOptions
from verifiers.code_run.engines import configure

if TYPE_CHECKING:
    from verifiers.registry import Verifier

REGISTRY = "verifiers.registry:VERIFIERS"
"""Where the service and its workers find the verifiers."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes work with."""

    settings: Settings
    metrics: Metrics
    pool: Pool
    cache: Cache
    model: ModelStage | None
    judging: Judging | None
    verification: Verification
    rewarding: Rewarding
    guard: Guard
    recent: Recent
    tracing: Tracing
    keyring: Keyring | None
    drain: Drain = field(default_factory=Drain)


OpenServices = Callable[[Settings], AbstractAsyncContextManager[Services]]


def served_model(settings: ModelSettings | JudgeSettings, thinking: Thinking = Thinking.OFF) -> ServedModel | None:
    """The model server, or servers, that the settings name. Raises ValueError that says what to write instead.

    `thinking` is what a judge will be asked with: the probe tries it.
    """
    options = ConnectOptions(
        name=settings.name,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        concurrency=settings.concurrency,
        thinking=thinking,
        dialect=settings.dialect,
        call_headers=tracing.headers,
        vllm=VllmOptions(interpreter=settings.vllm_python, arguments=settings.vllm_args),
    )
    replicas = [model_from_spec(source, options) for source in settings.sources()]
    if not replicas:
        return None
    if len(replicas) == 1 and settings.tokens_per_minute is None:
        return replicas[0]
    return ReplicatedModel(replicas, TokenBudget(settings.tokens_per_minute) if settings.tokens_per_minute else None)


def store(settings: CacheSettings, metrics: Metrics) -> Store:
    """Redis where there is one, else a file, else nothing beyond memory."""

    def count(operation: str) -> None:
        metrics.cache_errors.labels(operation).inc()

    if settings.redis_url is not None:
        url = settings.redis_url.get_secret_value()
        return RedisStore(url, timeout_s=settings.redis_timeout_s, ttl_s=settings.ttl_s, on_error=count)
    if settings.file is not None:
        return SqliteStore(settings.file, max_bytes=settings.file_mb << 20, on_error=count)
    return NoStore()


@asynccontextmanager
async def open_services(
    settings: Settings, *, registry: str = REGISTRY, served: ServedModel | None = None, judge: ServedModel | None = None
) -> AsyncIterator[Services]:
    """Open everything. `registry`, `served` and `judge` let a test bring its own verifiers and models."""
    verifiers: Mapping[str, Verifier] = pkgutil.resolve_name(registry)
    metrics = Metrics()
    keyring = _keyring(settings)
    guard = Guard(settings.guard, metrics)
    # The pool is opened further down, and before the first request.
    recent = Recent(settings.console.disagreements, lambda: pool.state().queued_items)
    async with AsyncExitStack() as opened:
        traces = Tracing(settings.tracing)
        opened.push_async_callback(asyncio.to_thread, traces.close)
        cache = Cache(store(settings.cache, metrics), memory_bytes=settings.cache.memory_mb << 20, metrics=metrics)
        await cache.open()
        opened.push_async_callback(cache.close)
        # Without a source of its own the judge is the model of the second look.
        thinking = settings.judge.thinking
        served = await _started(served or served_model(settings.model, thinking), opened)
        judge = await _started(judge or served_model(settings.judge, thinking), opened) or served
        model = None if served is None else ModelStage(served, settings.model, cache, metrics)
        judging = None
        if judge is not None:
            judging = Judging(
                judge,
                settings.judge,
                cache,
                metrics,
                guard,
                recent,
                _line_log("judgement", settings.judge.log_file, settings.judge.log_mb, metrics.log_dropped.inc, opened),
            )
        code = settings.code.configuration()
        configure(code)  # this process asks the code task what an item may cost
        lines = _line_log("audit", settings.audit.file, settings.audit.mb, metrics.audit_dropped.inc, opened)
        audit = Audit(lines) if lines else None
        pool = Pool(settings.pool, registry, lambda reason: metrics.pool_restarts.labels(reason).inc(), code)
        opened.push_async_callback(pool.close)
        await pool.start()
        _watch(metrics, pool, cache, model, judging)
        verification = Verification(verifiers, Works(verifiers, pool), cache, model, metrics, guard, recent, audit)
        rewarding = Rewarding(verification, judging, settings.reward, guard, audit)
        yield Services(
            settings, metrics, pool, cache, model, judging, verification, rewarding, guard, recent, traces, keyring
        )


def _keyring(settings: Settings) -> Keyring | None:
    if settings.keys.file is None:
        return None
    keyring = Keyring(settings.keys.file)
    keyring.open()
    return keyring


async def _started(served: ServedModel | None, opened: AsyncExitStack) -> ServedModel | None:
    """The model, looked after from now on; it may come up later than the service."""
    if served is not None:
        await served.start()
        opened.push_async_callback(served.aclose)
    return served


def _line_log(
    name: str, file: Path | None, mb: int, dropped: Callable[[int], None], opened: AsyncExitStack
) -> LineLog | None:
    if file is None:
        return None
    log = LineLog(name, file, mb << 20, dropped)
    opened.callback(log.close)
    return log


def _watch(metrics: Metrics, pool: Pool, cache: Cache, model: ModelStage | None, judging: Judging | None) -> None:
    metrics.gauge("touchstone_pool_workers", "Worker processes up.", lambda: pool.state().workers)
    metrics.counter("touchstone_process_cpu_seconds", "Used by the server process.", lambda: usage([os.getpid()]).cpu_s)
    metrics.gauge("touchstone_process_bytes", "In memory.", lambda: usage([os.getpid()]).resident_bytes)
    metrics.gauge("touchstone_pool_cpu_seconds", "Used by the workers up now.", lambda: usage(pool.worker_pids()).cpu_s)
    metrics.gauge("touchstone_pool_queued_items", "Items waiting.", lambda: pool.state().queued_items)
    metrics.gauge("touchstone_pool_queued_bytes", "Text waiting.", lambda: pool.state().queued_bytes)
    metrics.gauge("touchstone_cache_up", "1 while the store is in use.", lambda: cache.state().ok)
    if model is not None:
        metrics.gauge("touchstone_model_up", "1 while the model answers.", lambda: model.state.ready)
    if judging is not None:
        metrics.gauge("touchstone_judge_up", "1 while the judge answers.", lambda: judging.state.ready)
