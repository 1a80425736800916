"""What callers notice of a worker that hangs, of one that is killed, of a killed server process, and of SIGTERM.

Rule 1: real signals to real processes under load. Nobody retries but our client, where a server process is killed.
Rule 2: an item is lost when it has no reward; every one is counted.
"""

import asyncio
import itertools
import signal
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from app.cli.bench import said_by_service
from benchmarks.measuring import BATCH, Goal, Server, asked, for_a_worker, hanging, packed, results_of, touchstone, yes
from touchstone_client import AsyncClient

TRIES = 5
SERVER_TRIES = 3
"""A server process takes seconds to start."""
CALLERS = 4
LIMIT_S = 2.0
"""Wall clock of an item, where a worker hangs."""
OVER_MS = 100.0
KILLED_MS = 1_000.0
APART_S = 1.0
"""Between two kills: the load is to be even again."""
GRACE_S = 1.0
"""How long callers go on after SIGTERM: as long as a balancer may need to see it."""

numbers = itertools.count(11)
Verify = Callable[[], Coroutine[Any, Any, list[float | None]]]


def recovery(folder: Path) -> list[Goal]:
    parts = (hung_worker, killed_worker, killed_server, stopped)
    return [asyncio.run(part(folder)) for part in parts]


@dataclass
class Load:
    """What callers saw: milliseconds of each call, items without a reward, calls that failed."""

    took_ms: list[float] = field(default_factory=list)
    items: int = 0
    lost: int = 0
    failed: int = 0

    async def call(self, verify: Verify) -> None:
        began = time.perf_counter()
        try:
            rewards = await verify()
        except (OSError, ValueError):
            self.failed += 1
            return
        self.took_ms.append((time.perf_counter() - began) * 1000)
        self.items += len(rewards)
        self.lost += sum(reward is None for reward in rewards)

    @asynccontextmanager
    async def running(self, verify: Verify) -> AsyncIterator[None]:
        """CALLERS who ask again as soon as they are answered."""
        over = asyncio.Event()

        async def on_and_on() -> None:
            while not over.is_set():
                await self.call(verify)

        async with asyncio.TaskGroup() as callers:
            for _ in range(CALLERS):
                callers.create_task(on_and_on())
            await asyncio.sleep(APART_S)
            yield
            over.set()

    def told(self) -> str:
        usual = statistics.median(self.took_ms)
        return f"slowest of {len(self.took_ms)} calls {max(self.took_ms):.0f} ms (median {usual:.0f})"


def without_retries(server: Server) -> Verify:
    """A batch that nobody has seen, on a connection of its own."""

    async def verify() -> list[float | None]:
        body = packed([for_a_worker(next(numbers)) for _ in range(BATCH)])
        return [result["reward"] for result in results_of(await asked(server.port, "/v1/verify", body))]

    return verify


def busiest(service: Server) -> psutil.Process:
    """The worker that used most in a tenth of a second."""
    before = {child: sum(child.cpu_times()[:2]) for child in service.children()}
    time.sleep(0.1)
    used = {child: sum(child.cpu_times()[:2]) - spent for child, spent in before.items() if child.is_running()}
    return max(used, key=lambda child: used[child])


async def hung_worker(folder: Path) -> Goal:
    """The only worker stops in the middle of an item, without a word and without using CPU; other callers wait."""
    over_ms, back_ms, hung, lost = list[float](), list[float](), 0, 0
    settings = {"POOL__WORKERS": "1", "POOL__ITEM_WALL_S": str(LIMIT_S), "POOL__ITEM_CPU_S": "20"}
    with touchstone(folder, **settings) as service:
        others = without_retries(service)
        for _ in range(TRIES):
            began = time.perf_counter()
            hangs = asyncio.create_task(asked(service.port, "/v1/verify", packed([hanging(next(numbers))])))
            await asyncio.sleep(0.3)
            (await asyncio.to_thread(busiest, service)).send_signal(signal.SIGSTOP)
            waits = asyncio.create_task(others())
            hung += results_of(await hangs)[0]["decided_by"]["name"] == "wall_limit"
            ended = time.perf_counter()
            over_ms.append((ended - began - LIMIT_S) * 1000)
            lost += sum(reward is None for reward in await waits)
            back_ms.append((time.perf_counter() - ended) * 1000)
    met = hung == TRIES and not lost and max(*over_ms, *back_ms) <= OVER_MS
    return Goal(
        f"a worker that hangs, {TRIES} times",
        f"one item, deadline + {OVER_MS:.0f} ms, capacity back in {OVER_MS:.0f} ms",
        f"{hung} items of {TRIES} hung, {lost} others lost; answered at most {max(over_ms):.0f} ms after the "
        f"deadline, {BATCH} waiting items at most {max(back_ms):.0f} ms later",
        yes(met),
    )


async def killed_worker(folder: Path) -> Goal:
    load = Load()
    with touchstone(folder) as service:
        async with load.running(without_retries(service)):
            for _ in range(TRIES):
                (await asyncio.to_thread(busiest, service)).kill()
                await asyncio.sleep(APART_S)
    return Goal(
        f"a worker killed under load, {TRIES} times",
        f"<= {KILLED_MS:.0f} ms, no lost item",
        f"{load.told()}; {load.items:,} items, {load.failed} calls failed, {load.lost} items without a reward",
        yes(max(load.took_ms) <= KILLED_MS and not load.failed and not load.lost),
    )


def server_processes(service: Server) -> list[psutil.Process]:
    """Those that have workers."""
    return [child for child in psutil.Process(service.pid).children() if child.children()]


async def both_up(service: Server) -> None:
    while (await asyncio.to_thread(said_by_service, service.url)).get("servers") != 2:  # noqa: ASYNC110 - processes set no events
        await asyncio.sleep(0.05)


async def killed_server(folder: Path) -> Goal:
    """One of two server processes is killed; our client asks the other."""
    load, back_s = Load(), list[float]()
    with touchstone(folder, "--servers", "2", POOL__WORKERS="1") as service:
        await both_up(service)
        async with AsyncClient(service.url) as client:

            async def verify() -> list[float | None]:
                results = await client.verify([for_a_worker(next(numbers)) for _ in range(BATCH)])
                return [result.reward for result in results]

            async with load.running(verify):
                for _ in range(SERVER_TRIES):
                    server_processes(service)[0].kill()
                    killed = time.perf_counter()
                    await both_up(service)
                    back_s.append(time.perf_counter() - killed)
                    await asyncio.sleep(APART_S)
    return Goal(
        f"one of two server processes killed under load, {SERVER_TRIES} times",
        f"<= {KILLED_MS:.0f} ms, no lost item",
        f"{load.told()}; {load.items:,} items, {load.failed} calls failed, {load.lost} items without a reward; "
        f"the second process back in {max(back_s):.1f} s",
        yes(max(load.took_ms) <= KILLED_MS and not load.failed and not load.lost),
    )


async def stopped(folder: Path) -> Goal:
    """SIGTERM while batches and items that run into their limit are in flight, and callers who go on for a while."""
    load = Load()
    with touchstone(folder) as service:

        async def slow() -> list[float | None]:
            body = packed([hanging(next(numbers))])
            return [result["reward"] for result in results_of(await asked(service.port, "/v1/verify", body))]

        async with load.running(without_retries(service)):
            late = asyncio.gather(*(load.call(slow) for _ in range(2)))
            await asyncio.sleep(0.2)
            service.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(GRACE_S)
        await late
        status = await asyncio.to_thread(service.process.wait, 60)
    calls = len(load.took_ms)
    return Goal(
        "SIGTERM under load",
        "every in-flight answer delivered",
        f"{calls} of {calls + load.failed} requests answered that came before or {GRACE_S:.0f} s after, the last after "
        f"{max(load.took_ms) / 1000:.1f} s; exit status {status}",
        yes(not load.failed and not load.lost and status == 0),
    )
