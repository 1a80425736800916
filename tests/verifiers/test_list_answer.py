"""List answers, by cases, and laws of partial credit."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verifiers.task_cases import check, check_collection, load
from verifiers import list_answer
from verifiers.problem import Problem
from verifiers.verdict import Outcome

NAMES = "oak elm ash fir yew".split()


@pytest.mark.parametrize("case", load("list"))
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome, and where it says so a credit, that it allows."""
    check(list_answer, case)


def test_collection() -> None:
    """There are enough cases, well formed, and many of them are refused."""
    check_collection("list", least=50)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True),
    st.sampled_from(["f1", "jaccard", "fraction"]),
    st.booleans(),
)
def test_an_unwanted_item_lowers_every_credit(wanted: list[str], given_: list[str], credit: str, ordered: bool) -> None:
    """Full credit for the same list, and less for every item that is not wanted."""

    def earned(items: list[str]) -> float:
        options = {"reward": credit, "ordered": ordered}
        verdict = list_answer.verify(
            Problem("\n".join(f"- {item}" for item in items), ("\n".join(wanted),), None, options)
        )
        assert verdict.credit is not None
        return verdict.credit

    assert earned(wanted) == 1.0
    assert earned([*given_, "gum"]) <= earned(given_)
    assert earned([*wanted, "gum"]) < 1.0


def test_long_garbage_is_refused() -> None:
    """A list of many thousand items is refused without pairing it."""
    verdict = list_answer.verify(Problem(", ".join(map(str, range(20_000))), ("1, 2, 3",)))
    assert verdict.outcome is not Outcome.CORRECT
