"""The math verifier's behaviour, kept as data: `tests/cases/math/*.json`, one test a case.

A case is {"id", "from", "question"?, "response", "reference" (one or a list), "outcome" (one or the allowed ones)}.
Rule 1: a judgement that somebody reports as wrong becomes a line there before it becomes a fix.
Rule 2: `["incorrect", "undecidable", "unreadable"]` reads "never rewarded", `["correct", "undecidable"]` "never
        refuted": for answers whose last word may be left to a later stage, but not to the wrong side.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from verifiers import math_answer
from verifiers.problem import Problem
from verifiers.verdict import Outcome

FOLDER = Path(__file__).parents[1] / "cases" / "math"
KEYS = {"id", "from", "question", "response", "reference", "outcome"}


def load() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{file.stem}/{case['id']}", case)
        for file in sorted(FOLDER.glob("*.json"))
        for case in json.loads(file.read_text(encoding="utf-8"))
    ]


def allowed(case: dict[str, Any]) -> set[str]:
    outcome = case["outcome"]
    return {outcome} if isinstance(outcome, str) else set(outcome)


def problem(case: dict[str, Any]) -> Problem:
    reference = case["reference"]
    references = (reference,) if isinstance(reference, str) else tuple(reference)
    return Problem(case["response"], references, case.get("question"))


CASES = load()


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES])
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome that it allows."""
    verdict = math_answer.verify(problem(case))
    assert verdict.outcome in allowed(case), (
        f"{case['response'][:200]!r} against {str(case['reference'])[:200]!r}: {verdict.outcome} by "
        f"{verdict.rule} ({verdict.reason[:200]}), allowed {sorted(allowed(case))}"
    )


def test_quick_look_never_disagrees_with_the_full_one() -> None:
    """What the event loop decides by itself is what the full rules would have decided."""
    hasty = [(name, case, math_answer.quick(problem(case))) for name, case in CASES]
    assert [
        (name, quick.outcome)
        for name, case, quick in hasty
        if quick is not None and quick.outcome is not math_answer.verify(problem(case)).outcome
    ] == []


def test_cases_are_well_formed() -> None:
    """Ids are unique, keys known, outcomes real, and no case allows both the reward and its refusal."""
    assert [name for name, count in Counter(name for name, _ in CASES).items() if count > 1] == []
    for name, case in CASES:
        assert set(case) <= KEYS, name
        assert set(case) | {"question"} == KEYS, name
        assert allowed(case) <= set(Outcome), name
        assert not {"correct", "incorrect"} <= allowed(case), name


def test_near_misses_are_as_many_as_two_in_five() -> None:
    """The collection cannot be passed by a verifier that says yes too easily."""
    refused = sum("correct" not in allowed(case) for _, case in CASES)
    assert refused >= 0.4 * len(CASES)
