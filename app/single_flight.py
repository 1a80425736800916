"""Identical work in flight in this process is done once.

Rule 1: each waiter keeps its own deadline; one that gives up or is cancelled does not take the work from the
        others.
Rule 2: work that nobody waits for any more is cancelled.
"""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Futures by key. For each `start` and `join` one `leave`; wait on `asyncio.shield(work)` in between."""

    def __init__(self) -> None:
        self._flights: dict[bytes, asyncio.Future[T]] = {}
        self._waiters: dict[bytes, int] = {}

    def __contains__(self, key: bytes) -> bool:
        return key in self._flights

    def __len__(self) -> int:
        return len(self._flights)

    def start(self, key: bytes, work: asyncio.Future[T]) -> None:
        """Make the work known."""
        assert key not in self._flights
        self._flights[key] = work
        self._waiters[key] = 1
        work.add_done_callback(lambda done: self._land(key, done))

    def at(self, key: bytes) -> asyncio.Future[T]:
        """The work that was started for this key."""
        return self._flights[key]

    def join(self, key: bytes) -> asyncio.Future[T]:
        """The work that is under way."""
        self._waiters[key] += 1
        return self._flights[key]

    def _land(self, key: bytes, work: asyncio.Future[T]) -> None:
        if self._flights.get(key) is work:
            del self._flights[key]
            del self._waiters[key]
        if not work.cancelled():
            work.exception()  # each waiter has it raised; with none left it is nobody's

    def leave(self, key: bytes, work: asyncio.Future[T]) -> None:
        """Wait no more, or have what was waited for."""
        if self._flights.get(key) is work:
            self._waiters[key] -= 1
            if not self._waiters[key]:
                # A newcomer must not join what is being given up.
                del self._flights[key]
                del self._waiters[key]
                work.cancel()
