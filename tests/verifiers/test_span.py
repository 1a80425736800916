"""Document answers, by cases, and the optimal assignment against trying all."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verifiers.task_cases import check, check_collection, load
from verifiers import span
from verifiers.problem import Problem
from verifiers.span.scoring import assigned
from verifiers.verdict import Outcome


@pytest.mark.parametrize("case", load("span"))
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome, and where it says so a credit, that it allows."""
    check(span, case)


def test_collection() -> None:
    """There are enough cases, well formed, and many of them are refused."""
    check_collection("span", least=100)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_assignment_is_the_best_of_all(rows: int, columns: int, data: st.DataObject) -> None:
    """The assignment's sum is the largest that any one-to-one pairing has."""
    cells = st.lists(st.integers(0, 10), min_size=columns, max_size=columns)
    table = data.draw(st.lists(cells, min_size=rows, max_size=rows))
    wide = table if rows <= columns else [list(row) for row in zip(*table, strict=True)]
    best = max(
        sum(row[place] for row, place in zip(wide, places, strict=True))
        for places in permutations(range(len(wide[0])), len(wide))
    )
    assert assigned([[float(cell) for cell in row] for row in table]) == pytest.approx(best)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from("Denver Oakland Dallas Boston Chicago Miami".split()),
        min_size=1,
        max_size=5,
        unique=True,
    )
)
def test_more_spans_never_pay_more_than_the_right_ones(extra: list[str]) -> None:
    """Adding spans to a right answer never raises its credit, and lowers it where they are not wanted."""
    options = {"reward": "f1", "style": "drop"}
    added = [name for name in extra if name not in ("Denver", "Oakland")]
    response = ", ".join(["Denver", "Oakland", *added])
    verdict = span.verify(Problem(response, ('["Denver", "Oakland"]',), None, options))
    assert verdict.credit is not None
    assert verdict.credit <= 2 / (2 + len(added)) + 1e-9


@pytest.mark.parametrize("piece", ["Denver, ", "the ", '"Denver" ', "is ", '["a", ', "\n- x"])
def test_long_garbage_is_refused(piece: str) -> None:
    """A hundred thousand characters are no answer to a short question."""
    verdict = span.verify(Problem(piece * (100_000 // len(piece)), ("Denver",)))
    assert verdict.outcome is not Outcome.CORRECT
