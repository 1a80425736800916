"""The count of confident tokens in a row: test vectors, and numbers worked by hand."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from touchstone_trainer.streak import RepetitionReward, StreakCounter, StreakRule, stop_after

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "repetition_and_text.json"


def vectors(part: str) -> list[Any]:
    """A part of the vectors; one case that skips where the folder is missing."""
    if not VECTORS.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no test vectors in {VECTORS.parent}"))]
    return list(json.loads(VECTORS.read_text())[part])


def logs(probabilities: list[float]) -> list[float]:
    return [math.log(p) for p in probabilities]


@pytest.mark.parametrize("case", vectors("prob_streak"), ids=lambda case: case and case["name"])
def test_streak_vectors(case: dict[str, Any]) -> None:
    """Where the rule stops, and the longest streak of the whole sample."""
    runs = case.get("probs_rle") or [[p, 1] for p in case["probs"]]
    probabilities = [p for p, count in runs for _ in range(count)]
    rule = StreakRule(case["N"], case["p"])
    assert stop_after(logs(probabilities), rule) == case["stop_after"]
    counter = StreakCounter(rule)
    for logprob in logs(probabilities):
        counter.add(logprob)
    assert counter.longest == case["longest_streak"]


@pytest.mark.parametrize("case", vectors("logprob_threshold_examples"), ids=lambda case: case and case["logprob"])
def test_log_probabilities_at_the_threshold(case: dict[str, Any]) -> None:
    """Strictly over, in nats, to the last bit."""
    assert StreakCounter(StreakRule(length=1)).add(case["logprob"]) is case["counts"]


def test_the_default_is_three_thousand_over_ninety_nine_percent() -> None:
    """2,999 sure tokens go on, the 3,000th stops; one unsure token starts the count again."""
    sure, unsure = math.log(0.995), math.log(0.9)
    assert stop_after([sure] * 2_999, StreakRule()) is None
    assert stop_after([sure] * 3_001, StreakRule()) == 3_000
    assert stop_after([sure] * 2_999 + [unsure] + [sure] * 3_000, StreakRule()) == 6_000


def test_an_unknown_probability_breaks_the_streak() -> None:
    """NaN is not over anything."""
    assert stop_after([-0.001, math.nan, -0.001], StreakRule(length=2)) is None


@pytest.mark.parametrize("bad", [{"length": 0}, {"threshold": 1.0}, {"threshold": 0.0}, {"threshold": math.nan}])
def test_rules_without_sense_are_refused(bad: dict[str, Any]) -> None:
    """A rule that stops everything or nothing is a mistake."""
    with pytest.raises(ValueError, match="not"):
        StreakRule(**bad)


@pytest.mark.parametrize(("scored", "settled"), [(1.0, [None, 0.0, 1.0]), (None, [None, 0.0, None])])
def test_what_a_cut_sample_earns_is_explicit(scored: float | None, settled: list[float | None]) -> None:
    """Masked, zero or as scored, also where the text could not be scored."""
    assert [RepetitionReward(name).settle(scored) for name in ("mask", "zero", "score")] == settled
