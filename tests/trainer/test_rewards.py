"""Rewards for a trainer, through the real client and a real server that misbehaves."""

import asyncio
import doctest
import pickle
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.clients.conftest import QUICK, Service, reset, service, status
from tests.live import LiveService
from touchstone_client import Client, Gathering, JudgeStatus, Outcome, RequestRejected, RubricCriterion
from touchstone_trainer import Sample, Scored, Scorer, Stats, rewards

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


def test_service_that_is_away_is_asked_until_the_deadline(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often that is: a service that starts again costs time, no reward."""
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)
    service.acts = [reset] * 15
    scorer = Scorer(service.url, deadline_s=30.0)
    assert scorer(["1"], ["1"]) == [1.0]
    assert len(service.requests) == 16
    scorer.close()


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


# Samples, by the real service


@pytest.fixture(scope="module")
def judging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The real service with the real verifiers and a scripted judge: `quality=7` in a response is its score."""
    settings = {
        "TOUCHSTONE_POOL__WORKERS": "1",
        "TOUCHSTONE_JUDGE__EMPTY_CONTROL": "false",
        "TOUCHSTONE_JUDGE__WRONG_CONTROL_SHARE": "0",
        "TOUCHSTONE_JUDGE__VOTES": "1",
        "TOUCHSTONE_JUDGE__MAX_VOTES": "1",
    }
    live = LiveService(tmp_path_factory.mktemp("judging"), settings, model="judge")
    yield live.wait_ready()
    live.stop()


QUESTION = "What is 6 * 7?"
MIXED = [
    Sample("\\boxed{42}", "42", QUESTION, group="g"),
    Sample("\\boxed{41}", "42", QUESTION, group="g"),
    Sample("quality=9 so \\boxed{42}", ["42", "forty-two"], QUESTION, rule="verifier_then_process"),
    Sample("The sea is wide, quality=9.", question="Write about the sea.", task="open"),
    Sample("...", question="Write about the sea.", task="open"),
    Sample("\\boxed{42}", "42", task="alchemy"),
]


def test_a_reward_tells_what_it_was_made_of(judging: LiveService) -> None:
    """On the reward route each sample says who decided, how, and from which numbers; None is for no reward alone."""
    scorer = Scorer(judging.url, route="reward")
    right, wrong, process, open_, rejected, unknown = scorer.score(MIXED, step=3)
    assert [one.reward for one in (right, wrong, process, open_, rejected, unknown)] == [1, 0, 1, 1, 0, None]
    assert (right.stage, right.outcome, right.rule, right.components) == (
        "rules",
        Outcome.CORRECT,
        "verifier",
        {"verifier": 1.0},
    )
    assert (process.stage, process.name, process.components["process"], process.components["verifier"]) == (
        "judge",
        "pointwise",
        1.0,
        1.0,
    )
    assert (open_.stage, open_.outcome, open_.components["judge"]) == ("judge", None, 1.0)
    assert (rejected.status, rejected.stage) == (JudgeStatus.REJECTED, "judge")
    assert (unknown.status, unknown.stage, unknown.name) == (JudgeStatus.UNSCORED, "service", "invalid_item")
    assert "no such task" in unknown.reason
    assert [one.left_out for one in (rejected, unknown)] == [False, True]
    assert scorer.last.stages == {"rules": 2, "judge": 3, "service": 1}
    assert scorer.last.rules == {"verifier": 2, "verifier_then_process": 1, "judge": 2}
    assert (scorer.last.rejected, scorer.last.undecided_by) == (1, {"service: invalid_item": 1})
    scorer.close()


def test_the_verify_route_asks_the_verifier_alone(judging: LiveService) -> None:
    """In phase 1 rubrics, rules and groups change nothing; what has no reference is left out and says so."""
    scorer = Scorer(judging.url, task="math")
    rubric = [RubricCriterion(id="a", text="Is short.")]
    scored = scorer.score([Sample("quality=1 so 42", "42", QUESTION, group="g", rubric=rubric), Sample("blue")])
    assert [(one.reward, one.stage) for one in scored] == [(1.0, "rules"), (None, "service")]
    assert "reference" in scored[1].reason
    scorer.close()


def test_every_form_gives_the_same(judging: LiveService) -> None:
    """Batch or one by one, blocking or awaited, in threads or in one loop after the other: the same rewards."""
    scorer = Scorer(judging.url, route="reward", gathering=Gathering(wait_s=0.05))

    async def batch() -> list[Scored]:
        return await scorer.score_async(MIXED)

    async def one_by_one() -> list[Scored]:
        return list(await asyncio.gather(*(scorer.score_one_async(sample) for sample in MIXED)))

    with ThreadPoolExecutor(len(MIXED)) as threads:
        forms = [scorer.score(MIXED), asyncio.run(batch()), asyncio.run(one_by_one()), asyncio.run(one_by_one())]
        forms.append(list(threads.map(scorer.score_one, MIXED)))
    assert {tuple(one.reward for one in form) for form in forms} == {(1, 0, 1, 1, 0, None)}
    assert scorer.total.responses == 5 * len(MIXED)
    scorer.close()


def test_single_calls_of_a_group_are_judged_together(judging: LiveService) -> None:
    """Members that a hook scores one by one are compared; one whose siblings never come is left out."""
    scorer = Scorer(judging.url, route="reward", gathering=Gathering(group_size=3, group_wait_s=1.0))

    def member(group: str, quality: int) -> Sample:
        text = f"The sea is wide, quality={quality}."
        return Sample(text, question="Write about the sea.", task="open", group=group, protocol="pairwise")

    with ThreadPoolExecutor(4) as threads:
        asked = [member("a", 2), member("b", 9), member("a", 8), member("a", 5)]
        low, alone, high, middle = threads.map(scorer.score_one, asked)
    assert (low.reward or 0.0) < (middle.reward or 0.0) < (high.reward or 0.0)
    assert (alone.reward, alone.name) == (None, "nothing_to_compare")
    scorer.close()


def test_a_rescue_is_counted(tmp_path: Path) -> None:
    """A sample that the second look turned to correct says so, on both routes."""
    live = LiveService(tmp_path, {}, registry="tests.app.fault_verifiers:VERIFIERS", model="0.0").wait_ready()
    scorer = Scorer(live.url, task="faulty")
    for route in ("verify", "reward"):
        (rescued,) = scorer.score([Sample("so agree", "7", QUESTION)], route=route)
        assert (rescued.reward, rescued.stage, rescued.rescued) == (1.0, "model", True)
        assert scorer.last.rescued_share == 1.0
    scorer.close()
    live.stop()


def test_trainer_imports_neither_torch_nor_the_service() -> None:
    """Rewards need only the client."""
    unwanted = {"app", "fastapi", "grm", "sympy", "torch", "verifiers"}
    code = f"import sys, touchstone_trainer; print(sorted({unwanted!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_examples_run() -> None:
    """The docstrings' examples give what they say."""
    assert doctest.testmod(rewards).failed == 0
