"""Jobs that wait for a worker, in a fair order.

Rule 1: callers take turns: the next job is of the caller that has been given least, so that one with ten thousand
        jobs does not keep out one with ten. Each caller's own jobs stay in their order.
Rule 2: jobs with limits of their own (programs to run: seconds, not microseconds) wait in a lane of their own, which
        the pool may close while enough workers are on such jobs.
"""

import heapq
import itertools
from collections import deque
from typing import TYPE_CHECKING

from app.pool.link import Ticket

if TYPE_CHECKING:
    from collections.abc import Hashable

CHARS_LIKE_A_JOB = 4_000
"""Text that costs about as much to hand over and read as a job costs by itself."""


class _Caller:
    """`given` counts what it was given, from where the others stood when it came."""

    __slots__ = ("given", "tickets")

    def __init__(self, given: float) -> None:
        self.given = given
        self.tickets: deque[Ticket] = deque()


class Lane:
    """Jobs of one kind, by caller."""

    def __init__(self) -> None:
        self._callers: dict[Hashable, _Caller] = {}
        self._turns: list[tuple[float, int, Hashable]] = []  # a heap with one entry for each caller
        self._order = itertools.count()
        self._floor = 0.0
        self.items = 0
        self.size = 0

    def push(self, ticket: Ticket, *, front: bool = False) -> None:
        """Let it wait behind its caller's others; `front` for one that had its turn and was sent back."""
        caller = self._callers.get(ticket.caller)
        if caller is None:
            caller = self._callers[ticket.caller] = _Caller(self._floor)
            heapq.heappush(self._turns, (caller.given, next(self._order), ticket.caller))
        if front:
            caller.tickets.appendleft(ticket)
        else:
            caller.tickets.append(ticket)
        self.items += 1
        self.size += ticket.size

    def pop(self) -> Ticket:
        """The next one. There must be one."""
        given, _, name = heapq.heappop(self._turns)
        caller = self._callers[name]
        ticket = caller.tickets.popleft()
        self._floor = given
        self.items -= 1
        self.size -= ticket.size
        if caller.tickets:
            caller.given = given + 1 + ticket.size / CHARS_LIKE_A_JOB
            heapq.heappush(self._turns, (caller.given, next(self._order), name))
        else:
            del self._callers[name]
        return ticket

    def drop_cancelled(self) -> None:
        """Forget what nobody waits for any more."""
        living = [ticket for ticket in self.waiting() if not ticket.future.done()]
        if len(living) < self.items:
            given = {name: caller.given for name, caller in self._callers.items()}
            self._callers = {ticket.caller: _Caller(given[ticket.caller]) for ticket in living}
            self._turns = [(caller.given, next(self._order), name) for name, caller in self._callers.items()]
            heapq.heapify(self._turns)
            self.items = self.size = 0
            for ticket in living:
                self.push(ticket)

    def waiting(self) -> list[Ticket]:
        """All of them."""
        return [ticket for caller in self._callers.values() for ticket in caller.tickets]


def is_heavy(ticket: Ticket) -> bool:
    """Whether it belongs in the lane for jobs with limits of their own."""
    return ticket.job.limits is not None
