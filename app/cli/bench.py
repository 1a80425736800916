"""`touchstone bench`: load on a running service, seen from the trainer's side."""

import asyncio
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.cli.exit_codes import USAGE, fail, fail_for
from app.cli.load import items as made_up
from app.cli.service import DEFAULT_URL, over_http
from touchstone_client import AsyncClient, TouchstoneError, VerifyItem, VerifyResult


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run showed. Shares are of all items; `unrewarded` have no reward."""

    items: int
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


def bench(
    url: Annotated[str, typer.Option(help="The service.")] = DEFAULT_URL,
    items: Annotated[int, typer.Option(min=1, help="Responses in all.")] = 8_192,
    batch: Annotated[int, typer.Option(min=1, help="Responses in one call of the client.")] = 256,
    concurrency: Annotated[int, typer.Option(min=1, help="Calls and requests in flight.")] = 8,
    seed: Annotated[int | None, typer.Option(help="The same seed sends the same items, which meet the cache.")] = None,
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="PATH", help="Figures as JSON; - prints them.")
    ] = None,
) -> None:
    """Measure a running service with made-up training batches: numbers and LaTeX, right and wrong, with repeats."""
    load = list(made_up(items, random.randrange(2**32) if seed is None else seed))
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
            cpu, started = time.process_time(), time.perf_counter()
            latencies, results = await _sent(client, batches, concurrency)
            return _figures(results, latencies, time.perf_counter() - started, time.process_time() - cpu)
    except TouchstoneError as error:
        fail_for(error)


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


def _figures(results: Sequence[VerifyResult], latencies: Sequence[float], elapsed_s: float, cpu_s: float) -> Figures:
    count = len(results)
    # One batch has no quantiles; it is its own median.
    percentiles = (
        statistics.quantiles(latencies, n=100, method="inclusive") if len(latencies) > 1 else [latencies[0]] * 99
    )
    return Figures(
        items=count,
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
    )


def _table(figures: Figures) -> Table:
    table = Table(show_header=False)
    for name, value in asdict(figures).items():
        shown = f"{value:.1%}" if name.endswith("_share") else f"{value:,}"
        table.add_row(name.replace("_", " "), shown)
    return table
