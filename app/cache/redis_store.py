"""Entries in Redis, shared by every replica.

Rule 1: one call, one short limit, no retries: the library's defaults stall for seconds when Redis is down
        and for twenty when it is frozen.
Rule 2: an answer that has arrived within the limit counts, also where our own loop was too busy to read it: a stall
        of ours must not look like a Redis that is away.
Rule 3: writes wait in a bounded queue that a task drains in pipelines; nobody waits for them.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from redis.exceptions import RedisError, ResponseError

from app.cache.redis_servers import connect
from app.cache.store import Breaker, StoreState, WriteStop

PROBE_EVERY_S = 1.0
"""How long after Redis is back we notice at the latest."""
MAX_WAITING_WRITES = 20_000
"""About ten full requests; a Redis that falls further behind is not worth the memory."""
PIPELINE_WRITES = 512
FLUSH_S = 1.0
"""At closing."""
LAST_TURNS = 16
"""Of the event loop, after the limit: what has arrived is read in a few. With an idle loop they take microseconds."""
LATE = 1.2
"""Limits after which a timer fires in a loop that was not busy, at the latest."""

T = TypeVar("T")


async def in_time(answer: Awaitable[T], limit_s: float) -> T:
    """The answer, if it arrives within the limit. Raises TimeoutError."""
    work = asyncio.ensure_future(answer)
    try:
        if await _stalled(work, limit_s):
            await asyncio.wait({work}, timeout=limit_s)
        for _ in range(LAST_TURNS):
            if work.done():
                return work.result()
            await asyncio.sleep(0)
    finally:
        work.cancel()
    raise TimeoutError


async def _stalled(work: asyncio.Future[T], limit_s: float) -> bool:
    """Wait for the limit; whether our own loop was busy so long that Redis did not get its time."""
    started = time.monotonic()
    await asyncio.wait({work}, timeout=limit_s)
    return time.monotonic() - started > LATE * limit_s


class RedisStore:
    """`on_error(what)` counts failures: read, write, dropped."""

    def __init__(self, url: str, *, timeout_s: float, ttl_s: int, on_error: Callable[[str], None]) -> None:
        self._timeout_s = timeout_s
        self._ttl_s = ttl_s
        self._on_error = on_error
        self._breaker = Breaker("Redis")
        self._stop = WriteStop("Redis")
        self._writes: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue(MAX_WAITING_WRITES)
        self._tasks: list[asyncio.Task[None]] = []
        self._server = connect(url, timeout_s, on_error)

    async def open(self) -> None:
        """Ask once whether it is there."""
        await self._probe()
        self._tasks = [
            asyncio.create_task(self._write_on(), name="redis-writer"),
            asyncio.create_task(self._watch(), name="redis-probe"),
        ]

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Misses where Redis does not answer in time."""
        if keys and self._breaker.closed:
            try:
                found = await in_time(self._server.read(keys), self._timeout_s)
            except (RedisError, OSError, TimeoutError) as error:
                self._failed("read", error)
            else:
                self._breaker.succeeded()
                return found
        return [None] * len(keys)

    def put(self, key: bytes, value: bytes) -> None:
        """Queue the write; dropped while Redis is away, full or far behind."""
        if not (self._breaker.closed and self._stop.writing):
            return
        try:
            self._writes.put_nowait((key, value))
        except asyncio.QueueFull:
            self._on_error("dropped")

    def state(self) -> StoreState:
        """As the breaker sees it."""
        return self._stop.on_top_of(self._breaker.state())

    async def close(self) -> None:
        """Write what waits, then hang up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._writes.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.aclose()

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
        if not (self._breaker.closed and self._stop.writing):
            return
        try:
            # Nobody waits for a write: give a large pipeline more time than a read.
            await in_time(self._server.write(batch, self._ttl_s), 10 * self._timeout_s)
        except ResponseError as error:
            # Full, or a replica that may not be written: it answers, so it is read on. The library puts the command,
            # and with it a user's text, into the message.
            self._on_error("write")
            self._stop.refused(type(error).__name__)
        except (RedisError, OSError, TimeoutError) as error:
            self._failed("write", error)
        else:
            self._stop.kept()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            if not self._breaker.closed:
                await self._probe()

    async def _probe(self) -> None:
        try:
            await in_time(self._server.check(), self._timeout_s)
        except (RedisError, OSError, TimeoutError) as error:
            self._breaker.failed(f"{type(error).__name__}", at_once=True)
        else:
            self._breaker.succeeded()
