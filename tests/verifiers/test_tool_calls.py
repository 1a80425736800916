"""The tool_calls cases, and what holds for every response."""

from typing import Any

import pytest

from verifiers import tool_calls
from verifiers.problem import Problem

from .task_cases import check, check_collection, load

CASES = load("tool_calls")


@pytest.mark.parametrize("case", CASES)
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome that it allows, with the credit that it names."""
    check(tool_calls, case)


def test_cases_are_well_formed() -> None:
    """Ids are unique, keys known, outcomes real, and the near misses many."""
    check_collection("tool_calls", 70)


def test_details_say_which_argument_of_which_call_differs() -> None:
    """The nearest unpaired call stands beside the missing one, with every difference."""
    reference = '[{"name": "f", "arguments": {"a": 1, "b": "x"}}, {"name": "g", "arguments": {}}]'
    verdict = tool_calls.verify(Problem("h(z=0)\nf(a=2, b='x', c=3)\ng()", (reference,)))
    assert verdict.details is not None
    assert verdict.details["missing"] == [
        {"call": "f", "nearest": 1, "differs": ["a is 2, should be 1", "c is not expected"]}
    ]
    assert verdict.details["extra"] == ["h(z=0)", "f(a=2, b='x', c=3)"]
    assert verdict.details["right"] == 1


def test_several_references_are_alternatives() -> None:
    """Any one list of calls is right."""
    references = ('[{"name": "f", "arguments": {}}]', "[]")
    assert tool_calls.verify(Problem("No call is needed.", references)).outcome == "correct"
    assert tool_calls.verify(Problem("f()", references)).outcome == "correct"
