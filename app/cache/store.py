"""What keeps entries beyond this process, and how it may fail.

Rule 1: a store never raises and never makes a request wait long: a failed read is a miss, a failed write is
        lost.
Rule 2: it says so, in its state, its counters and one line of the log for each change, and comes back by itself.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger("touchstone")


@dataclass(frozen=True, slots=True)
class StoreState:
    """For readiness and metrics."""

    ok: bool
    detail: str


class Store(Protocol):
    """Bytes under keys."""

    async def open(self) -> None:
        """Start; a store that cannot be reached now is opened all the same."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """One entry or None for each key."""

    def put(self, key: bytes, value: bytes) -> None:
        """Keep the entry soon, if it can be done."""

    def state(self) -> StoreState:
        """How the store is."""

    async def close(self) -> None:
        """Write what is waiting, for a moment at most, and let go."""


class NoStore:
    """Nothing beyond this process's memory."""

    async def open(self) -> None:
        """Nothing to do."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """All misses."""
        return [None] * len(keys)

    def put(self, key: bytes, value: bytes) -> None:
        """Forgotten."""

    def state(self) -> StoreState:
        """Always well."""
        return StoreState(ok=True, detail="in memory only")

    async def close(self) -> None:
        """Nothing to do."""


class Breaker:
    """Whether a store is worth asking. Opens on a time-out or on `FAILURES` errors in a row.

    Whoever owns it probes the store while it is open, so no request ever pays for finding out.
    """

    FAILURES = 5

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._in_a_row = 0
        self.reason = ""
        self.open_since: float | None = None

    @property
    def closed(self) -> bool:
        """Whether to ask."""
        return self.open_since is None

    def succeeded(self) -> None:
        """The store answered."""
        self._in_a_row = 0
        if self.open_since is not None:
            log.warning("%s is in use again after %.0f s", self._name, self._clock() - self.open_since)
            self.open_since = None

    def failed(self, reason: str, *, at_once: bool) -> None:
        """The store failed; `at_once` for a failure that cost time."""
        self._in_a_row += 1
        self.reason = reason
        if self.open_since is None and (at_once or self._in_a_row >= self.FAILURES):
            self.open_since = self._clock()
            log.warning("going on without %s: %s", self._name, reason)

    def state(self) -> StoreState:
        """As readiness shows it."""
        if self.open_since is None:
            return StoreState(ok=True, detail=self._name)
        seconds = self._clock() - self.open_since
        return StoreState(ok=False, detail=f"going on without {self._name} for {seconds:.0f} s: {self.reason}")


class WriteStop:
    """Whether a store keeps what it is given: one that is full may still be worth reading.

    After a refused write none is tried for `AGAIN_S`; then the next one finds out.
    """

    AGAIN_S = 5.0

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._reason = ""
        self._again_at: float | None = None

    @property
    def writing(self) -> bool:
        """Whether to try."""
        return self._again_at is None or self._clock() >= self._again_at

    def refused(self, reason: str) -> None:
        """The store answered that it does not keep it."""
        if self._again_at is None:
            log.warning("%s keeps nothing new: %s", self._name, reason)
        self._reason = reason
        self._again_at = self._clock() + self.AGAIN_S

    def kept(self) -> None:
        """A write was carried out."""
        if self._again_at is not None:
            log.warning("%s keeps new entries again", self._name)
            self._again_at = None

    def on_top_of(self, state: StoreState) -> StoreState:
        """As readiness shows it, for a store that can be read."""
        if self._again_at is None or not state.ok:
            return state
        return StoreState(ok=False, detail=f"{self._name} is read, but keeps nothing new: {self._reason}")
