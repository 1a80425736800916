"""The final answer of a response: tests/cases/extraction.json, and what is too long to stand there."""

import json
from pathlib import Path
from typing import Any

import pytest

from verifiers.math_answer.extraction.extract import MAX_FINAL_CHARS, MAX_RESPONSE_CHARS, Extraction, extract

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "cases" / "extraction.json").read_text("utf-8"))
ADVERSARIAL = Path(__file__).parents[3] / "shared" / "data" / "adversarial_dev.jsonl"


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_extraction_case(case: dict[str, Any]) -> None:
    """The case's answer is found, with the parts, the refusal and the hedging that it states."""
    found = extract(case["response"], case.get("question"))
    assert found.answer == case["answer"], found
    assert found.hedged is case.get("hedged", False)
    assert (found.answer is None) == (found.refusal is not None)
    for name in ("how", "refusal"):
        assert getattr(found, name) == case.get(name, getattr(found, name))
    if "parts" in case:
        assert list(found.parts) == case["parts"]


def test_a_box_before_a_long_tail_is_found() -> None:
    """The box stays the answer however much text follows it."""
    tail = "The method used above generalises to many other problems of the same kind. " * 2_000
    assert extract(rf"Thus \boxed{{12}}. {tail}").answer == "12"


def test_intermediate_boxes_are_not_parts() -> None:
    """A hundred boxed steps do not become a hundred answers."""
    steps = r"step \boxed{1} and more text that explains why this is only an intermediate result. " * 100
    assert extract(rf"{steps} Finally \boxed{{99}}") == Extraction(
        "99", "box", final=f"{steps} Finally \\boxed{{99}}"[-4_000:]
    )


def test_the_last_sentence_of_a_long_response_decides() -> None:
    """A value stated at the end of a hundred kilobytes of prose is found."""
    assert extract("Background paragraph. " * 5_000 + "The result is 7.").answer == "7"


def test_a_response_past_the_limit_is_refused() -> None:
    """More than a million characters are no answer, whatever they end with."""
    found = extract("x" * MAX_RESPONSE_CHARS + r"\boxed{1}")
    assert (found.answer, found.refusal) == (None, "response too long")


def test_the_final_section_is_bounded() -> None:
    """What is handed on for the reading of words stays small."""
    assert len(extract("word " * 50_000 + r"\boxed{1}").final) == MAX_FINAL_CHARS


def adversarial(*, rewarded: bool) -> list[dict[str, Any]]:
    if not ADVERSARIAL.exists():
        return []
    rows = [json.loads(line) for line in ADVERSARIAL.read_text("utf-8").splitlines()]
    return [row for row in rows if row["mode"] == "verify" and row["must_reward"] is rewarded]


@pytest.mark.parametrize("row", adversarial(rewarded=False), ids=lambda row: row["id"])
def test_an_attack_does_not_lead_to_the_reference(row: dict[str, Any]) -> None:
    """What is extracted from an attack is not the reference."""
    found = extract(row["response"], row["question"])
    assert found.answer is None or found.answer.strip() != row["reference"].strip()
    assert row["reference"] not in found.parts


@pytest.mark.parametrize("row", adversarial(rewarded=True), ids=lambda row: row["id"])
def test_a_benign_twin_keeps_its_answer(row: dict[str, Any]) -> None:
    """A harmless response that looks like an attack is not refused."""
    assert extract(row["response"], row["question"]).refusal is None
