"""The service's end of one worker: what it was given, what came back, and when it has taken too long.

Rule 1: the first ticket is the running one; those behind it have not begun.
Rule 2: a link reports, the pool decides: nothing here requeues or respawns.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Protocol, cast

import msgspec

from app.pool import frames, worker
from app.pool.outcome import Cause, JobOutcome


@dataclass(slots=True, eq=False)
class Ticket:
    """A job on its way, and the future of whoever waits for it. `orphaned`: a worker died under it."""

    job: frames.Job
    size: int
    future: asyncio.Future[JobOutcome]
    caller: Hashable = None
    passed_on: frames.PassedOn | None = None
    orphaned: bool = False
    submitted: float = field(default_factory=time.monotonic)


class Owner(Protocol):
    """What a link tells its pool."""

    def job_done(self, ticket: Ticket, done: frames.Done, started: float) -> None:
        """A worker answered."""

    def worker_idle(self, link: "Link") -> None:
        """A worker has nothing left."""

    def worker_slow(self, link: "Link") -> None:
        """The running job takes long and others wait behind it."""

    def worker_yielded(self, unbegun: list[Ticket]) -> None:
        """A worker handed back jobs of which one was taken for running."""

    def worker_overdue(self, link: "Link") -> None:
        """The running job has passed its wall-clock limit."""

    def worker_garbled(self, link: "Link") -> None:
        """The worker said something that cannot be read."""

    def worker_lost(self, link: "Link") -> None:
        """The process is gone and all it said has been read."""


class Link(asyncio.Protocol):
    """One worker process."""

    def __init__(self, owner: Owner, pid: int, *, slow_s: float, wall_s: float) -> None:
        self.pid = pid
        self.tickets: deque[Ticket] = deque()
        self.started = 0.0
        self.served = 0
        self.killed_for: Cause | None = None
        self.blameless = False
        self.exit_status: int | None = None
        self._owner = owner
        self._slow_s = slow_s
        self._wall_s = wall_s
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._hung_up = False
        self._taken_back: deque[Ticket] = deque()
        self._yielding = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether it can be given jobs."""
        busy = self.tickets or self._yielding or self.killed_for
        return not (busy or self._transport is None or self._hung_up or self.exit_status is not None)

    @property
    def recycled(self) -> bool:
        """Whether it ended of its own accord, with no job to blame."""
        status = self.exit_status
        return status is not None and os.waitstatus_to_exitcode(status) == worker.EXIT_RECYCLED

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, no subclass of it

    def give(self, tickets: list[Ticket]) -> None:
        """Hand over jobs. Only to an idle worker. Raises ValueError or OverflowError where a job cannot be encoded."""
        assert self._transport is not None
        frame = frames.encode_jobs([ticket.job for ticket in tickets])  # may raise: then nothing was handed over
        self.tickets.extend(tickets)
        self._transport.write(frame)
        self._begin()

    def take_back(self) -> list[Ticket]:
        """Ask for what has not begun; it is idle again only once it has agreed."""
        assert self._transport is not None
        running = self.tickets.popleft()
        unbegun = list(self.tickets)
        self.tickets = deque([running])
        self._taken_back.extend(unbegun)
        self._yielding = True
        self._transport.write(frames.encode_jobs([]))
        return unbegun

    def _begin(self) -> None:
        self.started = time.monotonic()
        self._disarm()
        self._timer = asyncio.get_running_loop().call_later(self._slow_s, self._slow)

    def _slow(self) -> None:
        running = next(iter(self.tickets or self._taken_back), None)
        limits = running.job.limits if running else None
        wall_s = limits.wall_s if limits else self._wall_s
        self._timer = asyncio.get_running_loop().call_later(wall_s - self._slow_s, self._overdue)
        if len(self.tickets) > 1 and not self._yielding:
            self._owner.worker_slow(self)

    def _overdue(self) -> None:
        self._timer = None
        self._owner.worker_overdue(self)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        for message in frames.split(self._buffer):
            try:
                answer = frames.decode_answer(message)
            except msgspec.DecodeError:
                self._owner.worker_garbled(self)
                return
            self._hear(answer)

    def _hear(self, answer: frames.Answer) -> None:
        if isinstance(answer, frames.PassedOn):
            running = self.tickets or self._taken_back
            running[0].passed_on = answer
            return
        if isinstance(answer, frames.Yielded):
            self._yielding = False
            self._taken_back.clear()
            # Stalled between its last answer and the next job, it heard us before it began the one that we took for
            # running: nobody works on that one now.
            unbegun = list(self.tickets)
            self.tickets.clear()
            self._owner.worker_yielded(unbegun)
        elif self.tickets:
            self._owner.job_done(self.tickets.popleft(), answer, self.started)
        elif self._taken_back:
            # It had begun this one just before it heard that we want it back; the first answer counts.
            self._owner.job_done(self._taken_back.popleft(), answer, self.started)
        self.served += 1
        # It answered after all while the kill was on its way: whatever comes next has not earned it.
        self.blameless = self.killed_for is not None
        if self.tickets or self._yielding:
            self._begin()
        else:
            self._disarm()
            self._owner.worker_idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._hung_up = True
        self._disarm()
        self._settle_death()

    def exited(self, status: int) -> None:
        """The process has ended with this wait status."""
        self.exit_status = status
        self._settle_death()

    def _settle_death(self) -> None:
        # Both must have happened: the status may overtake the last answers in the socket.
        if self._hung_up and self.exit_status is not None:
            self._owner.worker_lost(self)

    def abort(self) -> None:
        """Hang up; a worker that is not stuck ends by itself."""
        self._disarm()
        if self._transport is not None:
            self._transport.abort()
