"""The instructions cases, and what holds for every check."""

import json
import sys
from typing import Any

import pytest

from verifiers import instructions
from verifiers.instructions.registry import CHECKS
from verifiers.problem import Problem
from verifiers.verdict import Outcome

from .task_cases import check, check_collection, load
from .test_json_text import HOSTILE

PARAMS = load("instructions")
CASES: list[dict[str, Any]] = [param.values[0] for param in PARAMS]


@pytest.mark.parametrize("case", PARAMS)
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome that it allows, with the credit that it names."""
    check(instructions, case)


def test_cases_are_well_formed() -> None:
    """Ids are unique, keys known, outcomes real, and the near misses many."""
    check_collection("instructions", 110)


@pytest.mark.parametrize("name", CHECKS)
def test_every_instruction_has_cases_for_both_sides(name: str) -> None:
    """No check goes without a response that follows it and one that does not."""
    outcomes = {case["outcome"] for case in CASES if f'["{name}"]' in case["reference"]}
    assert {"correct", "incorrect"} <= outcomes


def test_unknown_instruction_names_the_known_ones() -> None:
    """The reason for an undecidable item lists what could have been asked."""
    reference = json.dumps({"instruction_id_list": ["no:such"], "kwargs": [{}]})
    verdict = instructions.verify(Problem("x", (reference,)))
    assert verdict.outcome is Outcome.UNDECIDABLE
    assert all(name in verdict.reason for name in CHECKS)


def test_loose_never_refuses_what_strict_accepts() -> None:
    """The loose mode looks at the whole response first."""
    for case in CASES:
        references = (case["reference"],)
        strict = instructions.verify(Problem(case["response"], references))
        loose = instructions.verify(Problem(case["response"], references, None, {"mode": "loose"}))
        assert strict.outcome is not Outcome.CORRECT or loose.outcome is Outcome.CORRECT, case["id"]


def test_missing_language_library_is_not_the_responses_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without py3langid a check of languages is undecidable and says what to install."""
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    reference = json.dumps({"instruction_id_list": ["language:response_language"], "kwargs": [{"language": "en"}]})
    verdict = instructions.verify(Problem("a text that nobody has looked at before", (reference,)))
    assert verdict.outcome is Outcome.UNDECIDABLE
    assert "pip install py3langid" in verdict.reason


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_texts_end_in_a_verdict(piece: str) -> None:
    """Repeating what opens something without end is looked at once by every check, and follows no two of them all."""
    values: dict[type, Any] = {int: 3, str: "less than", list: ["a"]}
    given = [
        {name: "at least" if name.endswith("relation") else values[kind] for name, kind in check.takes.items()}
        for check in CHECKS.values()
    ]
    reference = json.dumps({"instruction_id_list": list(CHECKS), "kwargs": given})
    response = piece * (instructions.MAX_RESPONSE_CHARS // len(piece))
    verdict = instructions.verify(Problem(response, (reference,), None, {"mode": "loose"}))
    assert verdict.outcome in (Outcome.INCORRECT, Outcome.UNREADABLE)
