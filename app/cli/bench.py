"""`touchstone bench`: load on a running service, seen from the trainer's side."""

import asyncio
import json
import os
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import httpx2
import typer
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from app.cli.exit_codes import USAGE, fail, fail_for
from app.cli.load import LONGEST_CHARS, SHORTEST_CHARS, TASKS
from app.cli.load import items as made_up
from app.cli.service import DEFAULT_URL, over_http
from app.pool.usage import usage
from touchstone_client import AsyncClient, TouchstoneError, VerifyItem, VerifyResult
from touchstone_client.contract import MAX_RESPONSE_CHARS

METRICS_TIMEOUT_S = 10.0
"""A busy service answers late."""
MIN_CHARS = 200
"""A final statement and some thoughts."""
FROM_SERVICE = {
    "joined": "touchstone_shared_items_total",
    "service_cpu_s": "touchstone_process_cpu_seconds_total",
    "workers_cpu_s": "touchstone_pool_cpu_seconds",
    "service_bytes": "touchstone_process_bytes",
    "servers": "touchstone_servers",
}
"""What the service's metrics say of itself."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run showed. Shares are of all items: `cached` did not cost a verification of their own, of them `joined`
    shared one in flight; `unrewarded` have no reward. What the service says of itself is of all its server processes,
    and None where it does not say or one of them was missing on its page.
    """

    items: int
    megabytes: float
    batches: int
    seconds_to_last_result: float
    items_per_s: float
    batch_p50_ms: float
    batch_p99_ms: float
    cached_share: float
    by_rules_share: float
    correct_share: float
    unrewarded_share: float
    client_cpu_s: float
    client_memory_mb: float
    joined_share: float | None
    service_cpu_s: float | None
    workers_cpu_s: float | None
    service_memory_mb: float | None


def bench(  # noqa: PLR0913, PLR0917 - typer reads the options from here
    url: Annotated[str, typer.Option(help="The service.")] = DEFAULT_URL,
    items: Annotated[int, typer.Option(min=1, help="Responses in all.")] = 8_192,
    batch: Annotated[int, typer.Option(min=1, help="Responses in one call of the client.")] = 256,
    chars: Annotated[tuple[int, int], typer.Option(help="Length of the shortest and longest response.")] = (
        SHORTEST_CHARS,
        LONGEST_CHARS,
    ),
    tasks: Annotated[str, typer.Option(help=f"mixed, or one kind of item: {', '.join(TASKS)}.")] = "mixed",
    concurrency: Annotated[int, typer.Option(min=1, help="Calls and requests in flight.")] = 8,
    seed: Annotated[int | None, typer.Option(help="The same seed sends the same items, which meet the cache.")] = None,
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="PATH", help="Figures as JSON; - prints them.")
    ] = None,
) -> None:
    """Measure a running service with a made-up training step: groups of 16, several tasks, half right, many repeats."""
    if tasks not in ("mixed", *TASKS):
        fail(f"--tasks must be mixed or one of {', '.join(TASKS)}, not {tasks!r}", USAGE)
    if not MIN_CHARS <= chars[0] <= chars[1] <= MAX_RESPONSE_CHARS // 2:
        fail(f"--chars must be two lengths from {MIN_CHARS} to {MAX_RESPONSE_CHARS // 2}, the shorter first", USAGE)
    load = list(made_up(items, random.randrange(2**32) if seed is None else seed, chars=chars, tasks=tasks))
    batches = [load[start : start + batch] for start in range(0, len(load), batch)]
    figures = asyncio.run(_measured(url, batches, concurrency))
    if json_out == "-":
        typer.echo(json.dumps(asdict(figures)))
        return
    Console(soft_wrap=True).print(_table(figures))
    if json_out is not None:
        try:
            Path(json_out).write_text(json.dumps(asdict(figures)) + "\n", encoding="utf-8")
        except OSError as error:
            fail(f"cannot write {json_out}: {error.strerror}", USAGE)


async def _measured(url: str, batches: Sequence[list[VerifyItem]], concurrency: int) -> Figures:
    try:
        async with over_http(url, concurrency) as client:
            await client.tasks()  # opens the first connection, and finds out whether anybody is there
            before = await asyncio.to_thread(said_by_service, url)
            cpu, started = time.process_time(), time.perf_counter()
            latencies, results = await _sent(client, batches, concurrency)
            elapsed_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
            after = await asyncio.to_thread(said_by_service, url)
    except TouchstoneError as error:
        fail_for(error)
    sent_bytes = sum(len(item.response.encode()) for batch in batches for item in batch)
    return _figures(results, latencies, (elapsed_s, cpu_s, sent_bytes), before, after)


def said_by_service(url: str) -> dict[str, float]:
    """Its own metrics, where it shows them: each a sum over labels, and so over server processes."""
    try:
        reply = httpx2.get(f"{url.rstrip('/')}/metrics", timeout=METRICS_TIMEOUT_S)
        families = list(text_string_to_metric_families(reply.raise_for_status().text))
    except (httpx2.HTTPError, ValueError):
        return {}
    values: defaultdict[str, float] = defaultdict(float)
    for family in families:
        for sample in family.samples:
            values[sample.name] += sample.value
    return {name: values[metric] for name, metric in FROM_SERVICE.items() if metric in values}


async def _sent(
    client: AsyncClient, batches: Sequence[list[VerifyItem]], concurrency: int
) -> tuple[list[float], list[VerifyResult]]:
    latencies: list[float] = []
    results: list[VerifyResult] = []
    waiting = iter(batches)

    async def work() -> None:
        for batch in waiting:
            started = time.perf_counter()
            verdicts = await client.verify(batch)
            latencies.append(time.perf_counter() - started)
            results.extend(verdicts)

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return latencies, results


def _figures(
    results: Sequence[VerifyResult],
    latencies: Sequence[float],
    spent: tuple[float, float, int],
    before: Mapping[str, float],
    after: Mapping[str, float],
) -> Figures:
    """`spent`: seconds, CPU seconds of this process and bytes of text."""
    count = len(results)
    elapsed_s, cpu_s, sent_bytes = spent

    def grown(name: str) -> float | None:
        if name not in before or name not in after or before.get("servers") != after.get("servers"):
            return None
        return round(after[name] - before[name], 3)

    joined = grown("joined")
    # One batch has no quantiles; it is its own median.
    percentiles = (
        statistics.quantiles(latencies, n=100, method="inclusive") if len(latencies) > 1 else [latencies[0]] * 99
    )
    return Figures(
        items=count,
        megabytes=round(sent_bytes / 1e6, 1),
        batches=len(latencies),
        seconds_to_last_result=round(elapsed_s, 3),
        items_per_s=round(count / elapsed_s, 1),
        batch_p50_ms=round(percentiles[49] * 1000, 2),
        batch_p99_ms=round(percentiles[98] * 1000, 2),
        cached_share=round(sum(result.cached for result in results) / count, 4),
        by_rules_share=round(sum(result.decided_by.stage == "rules" for result in results) / count, 4),
        correct_share=round(sum(result.reward == 1.0 for result in results) / count, 4),
        unrewarded_share=round(sum(result.reward is None for result in results) / count, 4),
        client_cpu_s=round(cpu_s, 3),
        client_memory_mb=round(usage([os.getpid()]).resident_bytes / 2**20, 1),
        joined_share=None if joined is None else round(joined / count, 4),
        service_cpu_s=grown("service_cpu_s"),
        workers_cpu_s=grown("workers_cpu_s"),
        service_memory_mb=round(after["service_bytes"] / 2**20, 1) if "service_bytes" in after else None,
    )


def _table(figures: Figures) -> Table:
    table = Table(show_header=False)
    for name, value in asdict(figures).items():
        shown = "not said" if value is None else f"{value:.1%}" if name.endswith("_share") else f"{value:,}"
        table.add_row(name.replace("_", " "), shown)
    return table
