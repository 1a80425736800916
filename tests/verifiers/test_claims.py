"""Whether a final statement names a word reference: tests/cases/claims.json."""

import json
from pathlib import Path
from typing import Any

import pytest

from verifiers.math_answer.extraction.claims import claims
from verifiers.math_answer.extraction.extract import extract

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "cases" / "claims.json").read_text("utf-8"))
ADVERSARIAL = Path(__file__).parents[3] / "shared" / "data" / "adversarial_dev.jsonl"


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_claims_case(case: dict[str, Any]) -> None:
    """The case's statement claims its reference, denies it, or leaves it open."""
    question = case.get("question")
    assert claims(extract(case["response"], question), case["reference"], question) is case["claims"]


@pytest.mark.parametrize(
    "response", ["A " * 200_000, "Canberra or " * 50_000, "not Canberra, " * 50_000, "\n" * 400_000]
)
def test_long_statements_are_left_open_or_refused(response: str) -> None:
    """A statement of half a megabyte claims nothing."""
    assert claims(extract(response), "Canberra", "What is the capital?") is not True


def test_the_other_option_of_a_question_is_refused() -> None:
    """The text of another option is a wrong answer, not an unknown synonym."""
    question = "Which number is prime?\nA. 21\nB. 23\nC. 25\nD. 27"
    assert claims(extract("B. 23"), "B", question) is True
    assert claims(extract("C. 25"), "B", question) is False


def test_attacks_claim_no_word() -> None:
    """No attack of the development set is read as a claim of a word reference, and no benign twin as a denial."""
    if not ADVERSARIAL.exists():
        pytest.skip("the development data is not here")
    for row in map(json.loads, ADVERSARIAL.read_text("utf-8").splitlines()):
        if row["mode"] == "verify" and row["reference"].isalpha():
            claimed = claims(extract(row["response"], row["question"]), row["reference"], row["question"])
            assert claimed is not (not row["must_reward"]), row["id"]
