"""One call to the service as a generator: send, read, wait, give up.

Rule 1: no I/O, no sleep, no clock of its own. A driver performs each step and sends back what it saw.
Rule 2: only what may help is repeated (no answer, 429, 502, 503, 504), always inside the caller's deadline.
        Verification is pure, so a request that may already have been carried out can be sent again.
Rule 3: the error that is raised is the one that names whose move is next, not the last thing that was tried.

The driver's part: answer `Send` with a `Reply` or a `Failed`, answer `Wait` with None after the pause.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar

from pydantic import ValidationError

from touchstone_client.contract import Problem
from touchstone_client.errors import (
    DeadlineExceeded,
    Overloaded,
    RequestRejected,
    ServerFault,
    TouchstoneError,
    Unreachable,
)

RETRY_BURST = 20
"""Retries that one client may make at once: one restart of the service trips every chunk in flight."""
RETRIES_PER_S = 5.0
"""Retries per second past the burst. A client that hammers a struggling service keeps it down."""
SNIPPET_CHARS = 200
"""How much of an unexpected answer goes into an error message."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send this, and take at most `timeout_s` seconds from connecting to the last byte."""

    method: str
    path: str
    content: bytes | None
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Pause before the next try."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer. `retry_after` is the header of that name."""

    status: int
    body: bytes
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """No complete answer. `timed_out` means that all of `timeout_s` went by."""

    reason: str
    timed_out: bool = False


Step = Send | Wait
Event = Reply | Failed | None
T_co = TypeVar("T_co", covariant=True)


class Call(Protocol[T_co]):
    """What is asked and how to read the answer. The request is built for each try: the time left is in it."""

    @property
    def method(self) -> str:
        """The HTTP method."""

    @property
    def path(self) -> str:
        """The path below the service's address."""

    def body(self, left_s: float) -> bytes | None:
        """The request's body, when `left_s` seconds are left."""

    def read(self, reply: Reply) -> T_co | None:
        """The typed answer, or None when this status is none. A ValidationError is the service's fault."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently to try again. Waits double up to `max_wait_s`, drawn from [0, wait]."""

    max_retries: int = 8
    first_wait_s: float = 0.25
    max_wait_s: float = 10.0

    def wait_s(self, retries: int, uniform: Callable[[float, float], float]) -> float:
        """Full jitter: chunks that failed together must not come back together."""
        # 2 ** 30 outgrows any sensible `max_wait_s`, and a float cannot hold 2 ** 1024.
        return uniform(0.0, min(self.max_wait_s, self.first_wait_s * 2.0 ** min(retries, 30)))


class RetryBudget:
    """Shared by the retries of one client: `RETRY_BURST`, then `RETRIES_PER_S`; the rest wait their turn.

    No lock: a retry lost or won between two threads does not matter, and a lock would not survive a fork.
    """

    def __init__(self) -> None:
        self._free_at = float("-inf")

    def wait_s(self, now: float) -> float:
        """Take one turn; the seconds until it comes."""
        self._free_at = max(self._free_at, now - RETRY_BURST / RETRIES_PER_S) + 1 / RETRIES_PER_S
        return max(0.0, self._free_at - now)


@dataclass(frozen=True, slots=True)
class Patience:
    """What decides when to go on and when to give up. `deadline` is a time of `clock`."""

    deadline: float
    policy: RetryPolicy
    budget: RetryBudget
    clock: Callable[[], float]
    uniform: Callable[[float, float], float]


def exchange(call: Call[T_co], where: str, patience: Patience) -> Generator[Step, Event, T_co]:
    """Carry out one call: the typed answer, or a TouchstoneError that names the service as `where`."""
    retries = 0
    while True:
        left_s = patience.deadline - patience.clock()
        if left_s <= 0:
            raise DeadlineExceeded(f"the deadline passed before {where} was asked; allow more time or send fewer items")
        event = yield Send(call.method, call.path, call.body(left_s), left_s)
        if isinstance(event, Reply) and (answer := _answer(call, event, where)) is not None:
            return answer
        error = _error(event, where)
        if retries >= patience.policy.max_retries or not isinstance(error, (Unreachable, Overloaded)):
            raise error
        wait_s = _pause_s(error, retries, patience)
        if patience.clock() + wait_s >= patience.deadline:
            raise error
        yield Wait(wait_s)
        retries += 1


def _pause_s(error: Unreachable | Overloaded, retries: int, patience: Patience) -> float:
    jitter_s = patience.policy.wait_s(retries, patience.uniform)
    asked_s = error.retry_after_s or 0.0 if isinstance(error, Overloaded) else 0.0
    # The jitter goes on top of what the service asked for: it asked everyone for the same.
    return max(asked_s + jitter_s, patience.budget.wait_s(patience.clock()))


def _answer(call: Call[T_co], reply: Reply, where: str) -> T_co | None:
    try:
        return call.read(reply)
    except ValidationError as error:
        raise ServerFault(
            f"the answer of {where} to {call.path} cannot be read ({error.errors()[0]['msg']}); "
            "is this a Touchstone service, and of a version that this client knows?"
        ) from error


def _error(event: Event, where: str) -> TouchstoneError:
    assert event is not None, "a Send is answered with a Reply or a Failed"
    if isinstance(event, Failed):
        if event.timed_out:
            return DeadlineExceeded(f"{where} did not answer in time; allow more time or send fewer items")
        return Unreachable(f"{where} gave no answer ({event.reason}); is the service running there?")
    problem = _problem(event.body)
    said = _said(problem, event)
    match event.status:
        case 429 | 503:
            wait = retry_after_s(event.retry_after, datetime.now(UTC))
            return Overloaded(f"{where} sheds load: {said}", retry_after_s=wait)
        case 502 | 504:
            return Unreachable(f"a gateway before {where} got no answer ({event.status}); is the service running?")
        case status if 300 <= status < 500:
            return RequestRejected(f"{where} rejects the call: {said}", problem=problem)
        case _:
            return ServerFault(f"{where} failed: {said}")


def _problem(body: bytes) -> Problem | None:
    try:
        return Problem.model_validate_json(body)
    except ValidationError:
        return None


def _said(problem: Problem | None, reply: Reply) -> str:
    if problem is None:
        return f"status {reply.status}, {reply.body[:SNIPPET_CHARS].decode(errors='replace')!r}"
    fields = "".join(f"; {error.field}: {error.message}" for error in problem.errors)
    return f"{problem.title} ({reply.status}): {problem.detail}{fields}"


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, which holds seconds or a date; None when absent or unreadable.

    >>> retry_after_s("2", datetime.now(UTC)), retry_after_s("soon", datetime.now(UTC))
    (2.0, None)
    """
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - now).total_seconds())
    except (TypeError, ValueError):
        return None
