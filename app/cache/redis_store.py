"""Entries in Redis, shared by every replica.

Rule 1: one call, one short limit, no retries: the library's defaults stall for seconds when Redis is down
        and for twenty when it is frozen.
Rule 2: writes wait in a bounded queue that a task drains in pipelines; nobody waits for them.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.cache.store import Breaker, StoreState

PREFIX = "touchstone:"
PROBE_EVERY_S = 1.0
"""How long after Redis is back we notice at the latest."""
MAX_WAITING_WRITES = 20_000
"""About ten full requests; a Redis that falls further behind is not worth the memory."""
PIPELINE_WRITES = 512
FLUSH_S = 1.0
"""At closing."""


class RedisStore:
    """`on_error(what)` counts failures: read, write, dropped."""

    def __init__(self, url: str, *, timeout_s: float, ttl_s: int, on_error: Callable[[str], None]) -> None:
        self._timeout_s = timeout_s
        self._ttl_s = ttl_s
        self._on_error = on_error
        self._breaker = Breaker()
        self._writes: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue(MAX_WAITING_WRITES)
        self._tasks: list[asyncio.Task[None]] = []
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            decode_responses=False,
        )

    async def open(self) -> None:
        """Ask once whether it is there."""
        await self._probe()
        self._tasks = [
            asyncio.create_task(self._write_on(), name="redis-writer"),
            asyncio.create_task(self._watch(), name="redis-probe"),
        ]

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """One MGET; misses where Redis does not answer in time."""
        if keys and self._breaker.closed:
            try:
                async with asyncio.timeout(self._timeout_s):
                    found = await self._redis.mget([PREFIX + key.hex() for key in keys])
            except (RedisError, OSError, TimeoutError) as error:
                self._failed("read", error)
            else:
                self._breaker.succeeded()
                return [value if isinstance(value, bytes) else None for value in found]
        return [None] * len(keys)

    def put(self, key: bytes, value: bytes) -> None:
        """Queue the write; dropped while Redis is away or far behind."""
        if not self._breaker.closed:
            return
        try:
            self._writes.put_nowait((key, value))
        except asyncio.QueueFull:
            self._on_error("dropped")

    def state(self) -> StoreState:
        """As the breaker sees it."""
        return self._breaker.state("Redis")

    async def close(self) -> None:
        """Write what waits, then hang up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._writes.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    def _failed(self, what: str, error: Exception) -> None:
        self._on_error(what)
        slow = isinstance(error, TimeoutError) or "timeout" in type(error).__name__.lower()
        self._breaker.failed("no answer in time" if slow else type(error).__name__, at_once=slow)

    async def _write_on(self) -> None:
        while True:
            batch = [await self._writes.get()]
            while len(batch) < PIPELINE_WRITES and not self._writes.empty():
                batch.append(self._writes.get_nowait())
            try:
                await self._write(batch)
            finally:
                for _ in batch:
                    self._writes.task_done()

    async def _write(self, batch: list[tuple[bytes, bytes]]) -> None:
        if not self._breaker.closed:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for key, value in batch:
            pipeline.set(PREFIX + key.hex(), value, ex=self._ttl_s)
        try:
            # Nobody waits for a write: give a large pipeline more time than a read.
            async with asyncio.timeout(10 * self._timeout_s):
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            self._failed("write", error)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            if not self._breaker.closed:
                await self._probe()

    async def _probe(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            self._breaker.failed(f"{type(error).__name__}", at_once=True)
        else:
            self._breaker.succeeded()
