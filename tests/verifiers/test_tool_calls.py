"""The tool_calls cases, and what holds for every response."""

from typing import Any

import pytest

from verifiers import tool_calls

from .task_cases import check, check_collection, load

CASES = load("tool_calls")


@pytest.mark.parametrize("case", CASES)
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome that it allows, with the credit that it names."""
    check(tool_calls, case)


def test_cases_are_well_formed() -> None:
    """Ids are unique, keys known, outcomes real, and the near misses many."""
    check_collection("tool_calls", 70)
