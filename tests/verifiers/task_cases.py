"""Cases of one task, kept as data: `tests/cases/<name>.json`.

A case is {"id", "from", "question"?, "response", "reference" (one or a list), "options"?, "outcome" (one or the allowed
ones), "credit"?, "task"?}. Rule 1: a judgement that somebody reports as wrong becomes a line there before a fix.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from verifiers.problem import Problem
from verifiers.registry import Verifier
from verifiers.verdict import Outcome

FOLDER = Path(__file__).parents[1] / "cases"
REQUIRED = {"id", "from", "response", "reference", "outcome"}
KEYS = REQUIRED | {"question", "options", "credit", "task"}


def load(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return cases


def params(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in cases]


def allowed(case: dict[str, Any]) -> set[str]:
    outcome = case["outcome"]
    return {outcome} if isinstance(outcome, str) else set(outcome)


def problem(case: dict[str, Any]) -> Problem:
    reference = case["reference"]
    references = (reference,) if isinstance(reference, str) else tuple(reference)
    return Problem(case["response"], references, case.get("question"), case.get("options", {}))


def assert_judged_as_it_says(verifier: Verifier, case: dict[str, Any]) -> None:
    """The outcome, and the credit and the task where the case names them."""
    verdict = verifier.verify(problem(case))
    assert verdict.outcome in allowed(case), f"{verdict.outcome} by {verdict.rule}: {verdict.reason[:300]}"
    if "credit" in case:
        assert verdict.credit == pytest.approx(case["credit"])
    if "task" in case:
        assert (verdict.details or {}).get("task") == case["task"]
    json.dumps(verdict.details, allow_nan=False)


def assert_well_formed(cases: list[dict[str, Any]], at_least: int) -> None:
    """Unique ids, known keys, real outcomes, enough cases, and at least two in five of them not to be rewarded."""
    assert [name for name, count in Counter(case["id"] for case in cases).items() if count > 1] == []
    for case in cases:
        assert REQUIRED <= set(case) <= KEYS, case["id"]
        assert allowed(case) <= set(Outcome), case["id"]
        assert not {"correct", "incorrect"} <= allowed(case), case["id"]
    assert len(cases) >= at_least
    assert sum("correct" not in allowed(case) for case in cases) >= 0.4 * len(cases)
