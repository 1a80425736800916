"""Rewards for a trainer, through the real client and a real server that misbehaves."""

import doctest
import pickle
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.clients.conftest import QUICK, Service, service, status
from touchstone_client import Client, Outcome, RequestRejected
from touchstone_trainer import Scorer, Stats, rewards

__all__ = ["service"]

PROBLEM = b'{"type": "t", "title": "T", "status": 422, "detail": "no model is configured"}'


@pytest.fixture
def score(service: Service) -> Iterator[Scorer]:
    with Client(service.url, retry=QUICK) as client:
        yield Scorer(client, deadline_s=5.0)


def test_rewards_come_in_order_and_are_counted(score: Scorer) -> None:
    """One reward for each response, and the statistics say what became of them."""
    assert score(["1", "2", "3"], ["1", "9", "3"]) == [1.0, 0.0, 1.0]
    assert score.last.outcomes == {Outcome.CORRECT: 2, Outcome.INCORRECT: 1}
    assert score.last.responses == 3
    assert score.last.waited_s > 0.0


def test_questions_tasks_and_alternatives_are_sent(service: Service, score: Scorer) -> None:
    """Each response travels with its own question, task and references."""
    score(["1"], [("1", "one")], questions=["How many?"], tasks=["exact"])
    body = service.requests[0][2]
    assert b'"question":"How many?"' in body
    assert b'"task":"exact"' in body
    assert b'"reference":["1","one"]' in body


def test_failing_service_costs_rewards_not_the_run(service: Service, score: Scorer) -> None:
    """When the service breaks, the rewards are None, never 0, and the statistics say why."""
    service.always = status(500)
    assert score(["1", "2"], ["1", "2"]) == [None, None]
    assert score.last.undecided_share == 1.0
    assert score.last.undecided_by == {"client: ServerFault": 2}


def test_wrong_call_raises(service: Service, score: Scorer) -> None:
    """A rejected call stops the run at its first step."""
    service.always = status(422, PROBLEM)
    with pytest.raises(RequestRejected, match="no model is configured"):
        score(["1"], ["1"])


def test_totals_add_up(score: Scorer) -> None:
    """`last` is of the last call and `total` of all."""
    score(["1"], ["1"])
    score(["1", "2"], ["2", "2"])
    assert score.last.responses == 2
    assert score.total.outcomes == {Outcome.CORRECT: 2, Outcome.INCORRECT: 1}
    assert score.total.waited_s > score.last.waited_s


@pytest.mark.parametrize("columns", [{"references": ["1"]}, {"questions": ["?"]}, {"tasks": ["math"] * 3}])
def test_columns_of_different_length_are_refused(
    service: Service, score: Scorer, columns: dict[str, list[str]]
) -> None:
    """A missing reference is noticed before anything is sent, rather than shifting all rewards by one."""
    given = {"references": ["1", "2"], **columns}
    with pytest.raises(ValueError, match="2 responses but"):
        score(["1", "2"], given.pop("references"), **given)
    assert service.requests == []


def test_copies_for_workers_start_their_own_statistics(score: Scorer) -> None:
    """A pickled scorer works, and counts from zero."""
    score(["1"], ["1"])
    copy = pickle.loads(pickle.dumps(score))
    assert copy.total == Stats()
    assert copy(["1"], ["1"]) == [1.0]
    copy.client.close()


def test_empty_batch() -> None:
    """No responses, no rewards, and no division by zero."""
    score = Scorer("http://127.0.0.1:1")
    assert score([], []) == []
    assert score.last.undecided_share == 0.0


def test_trainer_imports_neither_torch_nor_the_service() -> None:
    """Rewards need only the client."""
    unwanted = {"app", "fastapi", "grm", "sympy", "torch", "verifiers"}
    code = f"import sys, touchstone_trainer; print(sorted({unwanted!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_examples_run() -> None:
    """The docstrings' examples give what they say."""
    assert doctest.testmod(rewards).failed == 0
