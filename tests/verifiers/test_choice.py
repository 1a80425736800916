"""Multiple choice, by cases and by properties that hold for every letter."""

from typing import Any

import pytest

from tests.verifiers.task_cases import check, check_collection, load
from verifiers import choice
from verifiers.problem import Problem
from verifiers.verdict import Outcome

QUESTION = "Which?\n" + "\n".join(f"{letter}) thing {place}" for place, letter in enumerate("ABCDEFGHIJ", start=1))


@pytest.mark.parametrize("case", load("choice"))
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome that it allows."""
    check(choice, case)


def test_collection() -> None:
    """There are enough cases, well formed, and many of them are refused."""
    check_collection("choice", least=120)


@pytest.mark.parametrize(
    "said", ["{}", "({})", "The answer is {}.", "\\boxed{{{}}}", "故选{}。", "{} is the correct answer."]
)
@pytest.mark.parametrize("letter", "ABCDEFGHIJ")
def test_each_letter_means_only_itself(said: str, letter: str) -> None:
    """Every way of saying a letter is right for that letter and wrong for the nine others."""
    for reference in "ABCDEFGHIJ":
        verdict = choice.verify(Problem(said.format(letter), (reference,), QUESTION))
        assert (verdict.outcome is Outcome.CORRECT) == (letter == reference), verdict


def test_naming_every_pair_is_never_right() -> None:
    """Two letters never earn what one of them would."""
    for first in "ABCDE":
        for second in set("ABCDE") - {first}:
            for said in (f"{first} or {second}", f"{first} and {second}", f"The answer is {first}/{second}"):
                assert choice.verify(Problem(said, (first,), QUESTION)).outcome is not Outcome.CORRECT, said


def test_long_garbage_is_refused() -> None:
    """A hundred thousand characters of letters and brackets name no option."""
    for piece in ("A) ", "(B ", "answer is ", "\\boxed{", "A or "):
        assert choice.verify(Problem(piece * 20_000, ("B",), QUESTION)).outcome is not Outcome.CORRECT
