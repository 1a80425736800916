"""The 99th percentile of a batch at half of what the service can do: next to a no-op route, and beside items that hang.

Rule 1: open loop: batches are sent at a fixed rate, whether or not earlier ones are back.
Rule 2: rounds alternate, and the median of their quantiles counts: what else a machine does comes in bursts.
Rule 3: of all items sent, HANG_SHARE hang until their CPU limit or deadline ends them, in requests of their own: a
        request's results come back together, so only another request's time says what they cost others.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Sequence

from benchmarks.measuring import BATCH, Goal, Server, asked, bodies, hanging, packed, yes

RATE_SHARE = 0.5
ROUNDS = 12
BATCHES = 130
"""In each round: 1,560 in all."""
HANG_SHARE = 0.01
HANG_DEADLINE_S = 5.0
"""At this rate more items hang than workers can end; those that have waited so long are not begun."""
SETTLE_S = 2.5
"""What workers are on goes on to its CPU limit; the next round is not to have it."""

numbers = itertools.count(11)


async def latencies(port: int, path: str, sent: Sequence[bytes], rate: float, hang_share: float = 0.0) -> list[float]:
    """Seconds of each batch, from the moment it was due."""
    start = time.perf_counter() + 0.05
    beside = asyncio.create_task(_hang(port, path, rate * BATCH * hang_share)) if hang_share else None
    if beside is not None:
        await asyncio.sleep(1.0)  # by then every worker has one
        start = time.perf_counter() + 0.05
    took = await asyncio.gather(*(_one(port, path, body, start + at / rate) for at, body in enumerate(sent)))
    if beside is not None:
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)
        await asyncio.sleep(SETTLE_S)
    return took


async def _one(port: int, path: str, body: bytes, due: float) -> float:
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    await asked(port, path, body)
    return time.perf_counter() - due


async def _hang(port: int, path: str, a_second: float) -> None:
    """Hanging items at an even rate, until cancelled."""
    async with asyncio.TaskGroup() as group:
        while True:
            group.create_task(asked(port, path, packed([hanging(next(numbers))], deadline_s=HANG_DEADLINE_S)))
            await asyncio.sleep(1 / a_second)


def quantile_ms(rounds: Sequence[Sequence[float]], percent: int) -> float:
    return statistics.median(statistics.quantiles(one, n=100)[percent - 1] for one in rounds) * 1000


def tails(service: Server, noop: Server, capacity: float) -> list[Goal]:
    """`capacity`: batches a second that the service does one after the other."""
    rate = RATE_SHARE * capacity
    seeds = itertools.count(300)
    ways = {"idle": (noop, "/msgspec", 0.0), "ours": (service, "/v1/verify", 0.0)}
    ways["beside"] = (service, "/v1/verify", HANG_SHARE)
    rounds: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (server, path, share) in ways.items():
            sent = bodies(next(seeds), BATCHES)
            rounds[name].append(asyncio.run(latencies(server.port, path, sent, rate, share)))
    p50 = {name: quantile_ms(some, 50) for name, some in rounds.items()}
    p99 = {name: quantile_ms(some, 99) for name, some in rounds.items()}
    return [
        Goal(
            f"p99 of a {BATCH}-item batch at half of capacity ({rate:.0f}/s, open loop, {ROUNDS * BATCHES:,} batches)",
            "<= 3 x no-op",
            f"{p99['ours'] / p99['idle']:.1f} x ({p99['ours']:.1f} ms, no-op {p99['idle']:.1f}; "
            f"medians {p50['ours']:.1f} and {p50['idle']:.1f})",
            yes(p99["ours"] <= 3 * p99["idle"]),
        ),
        Goal(
            f"the same while {HANG_SHARE:.0%} of all items hang ({rate * BATCH * HANG_SHARE:.0f} a second)",
            "<= 2 x that",
            f"{p99['beside'] / p99['ours']:.1f} x ({p99['beside']:.1f} ms; median {p50['beside']:.1f})",
            yes(p99["beside"] <= 2 * p99["ours"]),
        ),
    ]
