"""Exact text, by cases, and the order of its levels."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verifiers.task_cases import check, check_collection, load
from verifiers import exact_text
from verifiers.problem import Problem
from verifiers.verdict import Outcome


@pytest.mark.parametrize("case", load("exact_text"))
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome that it allows."""
    check(exact_text, case)


def test_collection() -> None:
    """There are enough cases, well formed, and many of them are refused."""
    check_collection("exact_text", least=50)


@settings(max_examples=100, deadline=None)
@given(
    st.text(alphabet="ab1.-Ａ，。% ", min_size=1, max_size=8),
    st.text(alphabet="ab1.-Ａ，。% ", min_size=1, max_size=8),
)
def test_a_stricter_level_never_accepts_more(reference: str, response: str) -> None:
    """What strict accepts, case accepts; what case accepts, punctuation accepts."""
    said = [
        exact_text.verify(Problem(response, (reference,), None, {"level": level})).outcome
        for level in ("strict", "case", "punctuation")
    ]
    accepted = [outcome is Outcome.CORRECT for outcome in said]
    assert accepted == sorted(accepted)
