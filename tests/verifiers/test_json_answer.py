"""The json_answer cases, and what holds for every response."""

from typing import Any

import pytest

from verifiers import json_answer
from verifiers.problem import Problem

from .task_cases import check, check_collection, load

CASES = load("json_answer")


@pytest.mark.parametrize("case", CASES)
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome that it allows, with the credit that it names."""
    check(json_answer, case)


def test_cases_are_well_formed() -> None:
    """Ids are unique, keys known, outcomes real, and the near misses many."""
    check_collection("json_answer", 70)


def test_details_name_each_field() -> None:
    """Which field is right, wrong, missing or too much can be read from the verdict."""
    verdict = json_answer.verify(Problem('{"a": 1, "b": [1, 3], "d": 0}', ('{"a": 1, "b": [1, 2], "c": 0}',)))
    assert verdict.details is not None
    assert verdict.details["fields"] == {
        "a": "right",
        "b[0]": "right",
        "b[1]": "wrong",
        "c": "missing",
        "d": "not asked for",
    }


def test_schema_errors_are_listed() -> None:
    """What breaks the schema is said with its place."""
    schema = {"properties": {"n": {"type": "integer"}}, "required": ["m"]}
    verdict = json_answer.verify(Problem('{"n": "x"}', ("",), options={"schema": schema}))
    assert verdict.details is not None
    assert {error.split(":")[0] for error in verdict.details["schema_errors"]} == {"n", "(whole)"}
