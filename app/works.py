"""What the pool is asked for on behalf of the items of one request, and who shares whose work.

Rule 1: identical work in flight is done once, also for other requests: the same response, or another one in which the
        verifier found the same answer.
Rule 2: what a worker said of another response counts only where it says that it holds for all with the same facts;
        otherwise the item gets a job of its own.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from app import callers
from app.pool import frames
from app.pool.outcome import JobOutcome
from app.pool.pool import Pool
from app.requests import Accepted
from app.single_flight import SingleFlight
from verifiers import hooks
from verifiers.hooks import Found

if TYPE_CHECKING:
    from verifiers.registry import Verifier

Work = asyncio.Future[JobOutcome]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One item: the key of its response and, where something was found in it, the key of that."""

    item: Accepted
    key: bytes
    found: Found | None
    facts_key: bytes | None

    @property
    def flight(self) -> bytes:
        """Under which others may join its work."""
        return self.facts_key or self.key


@dataclass(slots=True)
class Share:
    """An item's part in a piece of work; `own` where it is done for this very response."""

    wanted: Wanted
    work: Work
    own: bool


@dataclass(frozen=True, slots=True)
class Works:
    """Hands jobs to the pool."""

    verifiers: "Mapping[str, Verifier]"
    pool: Pool
    flights: SingleFlight[JobOutcome] = field(default_factory=SingleFlight)

    def submit(self, wanted: Sequence[Wanted]) -> list[Share]:
        """A share in the work for each item: all of it or nothing. Raises QueueFull. Awaits nothing.

        Give each share back with `leave`.
        """
        new: dict[bytes, Wanted] = {}
        for one in wanted:
            if one.flight not in self.flights:
                new.setdefault(one.flight, one)
        futures = self.pool.submit([self._job(one) for one in new.values()], callers.current().name)
        for flight, future in zip(new, futures, strict=True):
            self.flights.start(flight, future)
        shares = []
        for one in wanted:
            own = new.get(one.flight) is one
            shares.append(Share(one, self.flights.at(one.flight) if own else self.flights.join(one.flight), own))
        return shares

    def leave(self, share: Share) -> None:
        """The item waits no more."""
        self.flights.leave(share.wanted.flight, share.work)

    async def outcomes(self, shares: Sequence[Share], ends: float) -> list[JobOutcome | None]:
        """What the pool says of each item; None where it has said nothing by `ends` (monotonic)."""
        await _landed([share.work for share in shares], ends)
        alone = {at: self._alone(share) for at, share in enumerate(shares) if share.work.done() and not _holds(share)}
        works = {at: alone.get(at, share.work) for at, share in enumerate(shares)}
        try:
            await _landed(list(alone.values()), ends)
            return [work.result() if work.done() else None for work in works.values()]
        finally:
            for at, work in alone.items():
                self.flights.leave(shares[at].wanted.key, work)

    def _alone(self, share: Share) -> Work:
        """Work on this very response. Its request has been admitted: it is not refused now."""
        wanted = share.wanted
        if wanted.key in self.flights:
            return self.flights.join(wanted.key)
        share.own = True
        [work] = self.pool.submit([self._job(wanted)], callers.current().name, admitted=True)
        self.flights.start(wanted.key, work)
        return work

    def _job(self, wanted: Wanted) -> frames.Job:
        item = wanted.item
        limits = hooks.work_limits(self.verifiers[item.task], item.problem)
        if wanted.found is None:
            return frames.Job(item.task, item.problem, limits)
        return frames.Job(item.task, msgspec.structs.replace(item.problem, response=""), limits, wanted.found)


def _holds(share: Share) -> bool:
    """Whether what was said of the work is said of this response."""
    return share.own or share.wanted.facts_key is None or share.work.result().by_facts


async def _landed(works: Sequence[Work], ends: float) -> None:
    # No task for each and no shield: `wait` leaves what it waits for alone, also when it is cancelled.
    if flying := {work for work in works if not work.done()}:
        await asyncio.wait(flying, timeout=max(0.0, ends - time.monotonic()))
