"""The layered verifier's truth table, as the trainer's notes state it: what the service settles is what we train on."""

from typing import Any

import pytest

from tests.trainer.stability.vectors import params
from verifiers.hybrid import OnModelFailure, Opinion, by_rules, settle, wants_model
from verifiers.verdict import Outcome, Verdict, reward

RULES = {
    True: Verdict(Outcome.CORRECT, "same_text", "equal", answer="4"),
    False: Verdict(Outcome.INCORRECT, "same_rational", "4 is not 5", answer="4"),
    None: Verdict(Outcome.UNDECIDABLE, "none", "no rule applied", answer="4", passed_on=True),
}


@pytest.mark.parametrize("case", params("rewards", "hybrid_verifier_truth_table"))
def test_rule_and_model(case: tuple[int, dict[str, Any]]) -> None:
    """A rule's yes is final, the model decides the rest, and a model that is missing leaves the sample out."""
    _, given = case
    verdict = RULES[given["rule"]]
    settled = by_rules(verdict)
    if wants_model(verdict):
        settled = settle(verdict, Opinion("m", given["model"], "asked"), OnModelFailure.UNDECIDABLE)
    assert reward(settled.outcome) == given["expected"]
