"""The grid cases, and what holds for every response."""

from typing import Any

import pytest

from verifiers import grid
from verifiers.problem import Problem

from .task_cases import check, check_collection, load

CASES = load("grid")


@pytest.mark.parametrize("case", CASES)
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome that it allows, with the credit that it names."""
    check(grid, case)


def test_cases_are_well_formed() -> None:
    """Ids are unique, keys known, outcomes real, and the near misses many."""
    check_collection("grid", 60)


def test_details_name_the_wrong_cells() -> None:
    """The accuracy and each wrong or missing cell can be read from the verdict."""
    reference = '{"House 1": {"Name": "Eric", "Pet": "Cat"}, "House 2": {"Name": "Bob", "Pet": "Dog"}}'
    verdict = grid.verify(
        Problem('{"House 1": {"Name": "Bob", "Pet": "cat"}, "House 2": {"Pet": "dog"}}', (reference,))
    )
    assert verdict.details == {
        "right": 2,
        "cells": 4,
        "accuracy": 0.5,
        "extra": 0,
        "wrong": [
            {"house": "1", "attribute": "name", "given": "bob", "missing": False},
            {"house": "2", "attribute": "name", "given": None, "missing": True},
        ],
    }
    assert verdict.credit is None
