"""The retry policy, driven by hand: no server, no sleep."""

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any

import pytest

from touchstone_client import (
    DeadlineExceeded,
    Overloaded,
    RequestRejected,
    RetryPolicy,
    ServerFault,
    TaskInfo,
    Unreachable,
)
from touchstone_client._calls import LIST_TASKS
from touchstone_client._exchange import (
    RETRY_BURST,
    Failed,
    Patience,
    Reply,
    RetryBudget,
    Send,
    Step,
    Wait,
    exchange,
    retry_after_s,
)

TASKS = Reply(200, b'{"tasks": [{"name": "math", "version": "1", "description": "d"}]}')
REFUSED = Failed("connection refused")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Steps = Generator[Step, Reply | Failed | None, list[TaskInfo]]


@pytest.fixture
def start(clock: Clock) -> Callable[..., Steps]:
    def start(left_s: float = 60.0, policy: RetryPolicy | None = None) -> Steps:
        patience = Patience(clock.now + left_s, policy or RetryPolicy(), RetryBudget(), clock, lambda low, high: high)
        return exchange(LIST_TASKS, "http://here", patience)

    return start


def finish(steps: Steps, reply: Reply | Failed | None) -> list[TaskInfo]:
    with pytest.raises(StopIteration) as finished:
        steps.send(reply)
    result: list[TaskInfo] = finished.value.value
    return result


def test_first_try_gets_all_the_time_there_is(start: Any) -> None:
    """A call that succeeds at once is one send with the whole deadline as its time-out."""
    steps = start(left_s=60.0)
    assert next(steps) == Send("GET", "/v1/tasks", None, 60.0)
    assert [task.name for task in finish(steps, TASKS)] == ["math"]


def test_waits_double_up_to_their_cap(start: Any) -> None:
    """With the dice at their highest, the pauses are 0.25, 0.5, 1, then the cap."""
    steps = start(policy=RetryPolicy(max_retries=5, first_wait_s=0.25, max_wait_s=1.5))
    waits = []
    next(steps)
    for _ in range(5):
        step = steps.send(REFUSED)
        waits.append(step.seconds)
        assert isinstance(steps.send(None), Send)
    assert waits == [0.25, 0.5, 1.0, 1.5, 1.5]
    with pytest.raises(Unreachable, match="connection refused"):
        steps.send(REFUSED)


def test_time_left_shrinks_with_each_try(start: Any, clock: Clock) -> None:
    """What was spent on earlier tries and pauses is taken off the next try's time-out."""
    steps = start(left_s=10.0)
    next(steps)
    clock.now += 3.0
    steps.send(REFUSED)
    clock.now += 1.0
    assert steps.send(None).timeout_s == 6.0


def test_retry_after_is_the_least_that_is_waited(start: Any) -> None:
    """The service's own wish is waited out, with the jitter on top."""
    steps = start()
    next(steps)
    assert steps.send(Reply(503, b"", retry_after="7")) == Wait(7.25)


def test_no_wait_past_the_deadline(start: Any) -> None:
    """Where the pause would outlast the deadline the caller hears at once why, and how long to wait."""
    steps = start(left_s=5.0)
    next(steps)
    with pytest.raises(Overloaded) as error:
        steps.send(Reply(429, b"", retry_after="30"))
    assert error.value.retry_after_s == 30.0


def test_deadline_that_passes_during_a_pause(start: Any, clock: Clock) -> None:
    """A pause that overran the deadline is followed by no further try."""
    steps = start(left_s=5.0)
    next(steps)
    steps.send(REFUSED)
    clock.now += 5.0
    with pytest.raises(DeadlineExceeded):
        steps.send(None)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (Reply(422, b"{}"), RequestRejected),
        (Reply(401, b"who are you"), RequestRejected),
        (Reply(307, b""), RequestRejected),
        (Reply(500, b"oops"), ServerFault),
        (Reply(200, b"<html>a login page</html>"), ServerFault),
        (Reply(200, b'{"tasks": 7}'), ServerFault),
        (Failed("slow", timed_out=True), DeadlineExceeded),
    ],
)
def test_what_cannot_help_is_not_repeated(start: Any, event: Reply | Failed, error: type[Exception]) -> None:
    """A wrong call, a broken service and a spent deadline raise after the first try."""
    steps = start()
    next(steps)
    with pytest.raises(error):
        steps.send(event)


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_what_may_pass_is_repeated(start: Any, code: int) -> None:
    """Shed load and gateways without an answer are tried again."""
    steps = start()
    next(steps)
    assert isinstance(steps.send(Reply(code, b"")), Wait)


def test_rejection_names_the_field() -> None:
    """The message of a rejected call holds the service's detail and each field with what to fix."""
    problem = (
        b'{"type": "invalid", "title": "Invalid request", "status": 422, "detail": "One field is wrong.",'
        b' "errors": [{"field": "recall", "message": "use auto, never or always"}]}'
    )
    clock = Clock()
    patience = Patience(160.0, RetryPolicy(), RetryBudget(), clock, lambda low, high: high)
    steps = exchange(LIST_TASKS, "http://here", patience)
    next(steps)
    with pytest.raises(RequestRejected, match="recall: use auto, never or always") as error:
        steps.send(Reply(422, problem))
    assert error.value.problem is not None
    assert error.value.problem.errors[0].field == "recall"


def test_budget_lets_a_burst_through_and_then_rations() -> None:
    """Twenty retries go at once; the next ones are spread at five per second."""
    budget = RetryBudget()
    assert [budget.wait_s(0.0) for _ in range(RETRY_BURST)] == pytest.approx([0.0] * RETRY_BURST)
    assert [budget.wait_s(0.0) for _ in range(3)] == pytest.approx([0.2, 0.4, 0.6])


def test_retry_after_reads_seconds_dates_and_nonsense() -> None:
    """Both forms of the header are understood, and anything else is no wish at all."""
    now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    assert retry_after_s("12", now) == 12.0
    assert retry_after_s("Thu, 01 Jan 2026 12:00:30 GMT", now) == 30.0
    assert retry_after_s("Thu, 01 Jan 2026 11:00:00 GMT", now) == 0.0
    assert retry_after_s("Thu, 01 Jan 2026 12:00:30 -0000", now) is None
    assert retry_after_s("presently", now) is None
    assert retry_after_s(None, now) is None
