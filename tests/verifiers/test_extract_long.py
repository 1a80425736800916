"""The final answer of realistic long responses: tests/cases/extraction_long.json.

A case's response is its pieces put together; "@name" stands for one of the file's bodies, reasoning of thousands of
characters with values of its own. An answer of null means that the response gives none that may be rewarded.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from verifiers.math_answer.extraction.extract import extract

FILE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "cases" / "extraction_long.json").read_text("utf-8"))


def response(case: dict[str, Any]) -> str:
    return "".join(FILE["bodies"][piece[1:]] if piece.startswith("@") else piece for piece in case["pieces"])


@pytest.mark.parametrize("case", FILE["cases"], ids=[case["id"] for case in FILE["cases"]])
def test_long_response(case: dict[str, Any]) -> None:
    """Of all the values in a long response the final one is found, and none where it breaks off."""
    found = extract(response(case))
    assert found.answer == case["answer"], found
    assert (found.answer is None) == (found.refusal is not None)


def test_long_responses_are_many() -> None:
    """At least 120 responses, with distinct ids."""
    assert len({case["id"] for case in FILE["cases"]}) == len(FILE["cases"]) >= 120
