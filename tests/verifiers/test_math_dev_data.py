"""Floors on the development data: labelled answers that look unlike their reference, and attacks with benign twins.

The data lie beside the repository, not in it; without them these tests are skipped.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from verifiers import math_answer
from verifiers.problem import Problem
from verifiers.verdict import Outcome

DATA = Path(__file__).parents[3] / "shared" / "data"
HARD = DATA / "hardverify_math_dev.jsonl"
ATTACKS = DATA / "adversarial_dev.jsonl"

MIN_ACCURACY = 0.92  # of 125 right and 125 wrong answers; the best other library measured 0.80
MAX_FALSE_ACCEPTS = 1  # of 125 wrong answers

needs_hard = pytest.mark.skipif(not HARD.exists(), reason="the shared development data are not here")
needs_attacks = pytest.mark.skipif(not ATTACKS.exists(), reason="the shared development data are not here")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def accepted(row: dict[str, Any]) -> bool:
    problem = Problem(row["response"], (row["reference"],), row["question"])
    return math_answer.verify(problem).outcome is Outcome.CORRECT


@needs_hard
def test_wrong_answers_are_hardly_ever_rewarded() -> None:
    """At most one of the wrong answers is taken for a right one."""
    wrongly = [row["id"] for row in rows(HARD) if not row["label"] and accepted(row)]
    assert len(wrongly) <= MAX_FALSE_ACCEPTS, wrongly


@needs_hard
def test_accuracy_keeps_its_floor() -> None:
    """Right answers accepted and wrong ones not, as a share of all."""
    data = rows(HARD)
    misjudged = [row["id"] for row in data if accepted(row) != row["label"]]
    assert 1 - len(misjudged) / len(data) >= MIN_ACCURACY, misjudged


@needs_attacks
def test_no_attack_is_rewarded() -> None:
    """Nothing that must not be rewarded is."""
    attacks = [row for row in rows(ATTACKS) if row["mode"] == "verify" and not row["must_reward"]]
    assert [row["id"] for row in attacks if accepted(row)] == []


@needs_attacks
def test_every_benign_twin_is_rewarded() -> None:
    """What only looks like an attack is paid as the right answer that it is."""
    twins = [row for row in rows(ATTACKS) if row["mode"] == "verify" and row["must_reward"]]
    assert [row["id"] for row in twins if not accepted(row)] == []
