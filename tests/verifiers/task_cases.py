"""Behaviour cases of one task: `tests/cases/<task>.json`, one test a case.

A case is {"id", "from", "question"?, "options"?, "response", "reference" (one or a list), "outcome" (one or the allowed
ones), "credit"? (the reward asked for as partial credit), "task"? (what routing chose)}. Lists of
outcomes read as in the mathematics cases.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from verifiers.problem import Problem
from verifiers.registry import Verifier
from verifiers.verdict import Outcome, reward

FOLDER = Path(__file__).parents[1] / "cases"
KEYS = {"id", "from", "question", "options", "response", "reference", "outcome", "credit", "task"}
OPTIONAL = {"question", "options", "credit", "task"}


def load(task: str) -> list[Any]:
    """The cases of a task as parameters, named by their ids."""
    cases = json.loads((FOLDER / f"{task}.json").read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["id"]) for case in cases]


def problem(case: dict[str, Any]) -> Problem:
    """The problem that a case poses."""
    reference = case["reference"]
    references = (reference,) if isinstance(reference, str) else tuple(reference)
    return Problem(case["response"], references, case.get("question"), case.get("options", {}))


def allowed(case: dict[str, Any]) -> set[str]:
    """The outcomes that a case allows."""
    outcome = case["outcome"]
    return {outcome} if isinstance(outcome, str) else set(outcome)


def check(task: Verifier, case: dict[str, Any]) -> None:
    """One case ends as it says."""
    verdict = task.verify(problem(case))
    assert verdict.outcome in allowed(case), (
        f"{case['response'][:200]!r} against {str(case['reference'])[:200]!r}: {verdict.outcome} by {verdict.rule} "
        f"({verdict.reason[:200]}), answer {verdict.answer!r}, allowed {sorted(allowed(case))}"
    )
    if "credit" in case:
        assert reward(verdict.outcome, verdict.credit) == pytest.approx(case["credit"], abs=5e-4)


def check_collection(task: str, least: int) -> None:
    """The cases are well formed, enough, and at least two in five may not be rewarded."""
    cases = [param.values[0] for param in load(task)]
    assert [name for name, count in Counter(case["id"] for case in cases).items() if count > 1] == []
    for case in cases:
        assert KEYS >= set(case) >= KEYS - OPTIONAL, case["id"]
        assert allowed(case) <= set(Outcome), case["id"]
        assert not {"correct", "incorrect"} <= allowed(case), case["id"]
    assert len(cases) >= least
    assert sum("correct" not in allowed(case) for case in cases) >= 0.4 * len(cases)
