"""The two decisions of the layered verifier: who gets a second look, and what it changes. Pure; awaits nothing.

Rule 1: a rule's "correct" is final.
Rule 2: the model may rescue a false negative; it can never turn anything into "incorrect".
Rule 3: a model stage that was asked for and failed leaves the item undecided, unless the policy says to keep
        the rule's verdict, and then the reason says so.
"""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from verifiers.verdict import Outcome, Verdict

REFUSED = (Outcome.INCORRECT, Outcome.UNREADABLE)


class Recall(StrEnum):
    """Whether the caller wants the model's second look: if there is one, never, or as a condition."""

    AUTO = "auto"
    NEVER = "never"
    ALWAYS = "always"


class OnModelFailure(StrEnum):
    """What a failed second look leaves behind."""

    UNDECIDABLE = "undecidable"
    KEEP_RULES = "keep_rules"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the model said of one answer: `accepts` is None when it could not be asked or read, `reason` says why.

    `label_mass` is the least share of its words that were yes or no; `control` says whether it refused what it must
    refuse. Both are None where that was not measured.
    """

    model: str
    accepts: bool | None
    reason: str
    label_mass: float | None = None
    control: bool | None = None


class Settled(msgspec.Struct, frozen=True):
    """The final word on one item: the outcome and which stage and name decided it."""

    outcome: Outcome
    stage: str
    name: str
    reason: str


def wants_model(verdict: Verdict) -> bool:
    """Whether a second look can help: the rules did not accept, and there is an answer to look at."""
    if verdict.answer is None:
        return False
    return verdict.outcome in REFUSED or verdict.passed_on


def by_rules(verdict: Verdict, note: str = "") -> Settled:
    """The rules' verdict as the final word, with a note on why no model was heard."""
    reason = f"{verdict.reason}; {note}" if note else verdict.reason
    return Settled(verdict.outcome, "rules", verdict.rule, reason)


def settle(verdict: Verdict, opinion: Opinion, on_failure: OnModelFailure) -> Settled:
    """The rules' verdict and the model's opinion combined. Only call where `wants_model(verdict)`."""
    assert wants_model(verdict)
    if opinion.accepts is None:
        if on_failure is OnModelFailure.KEEP_RULES:
            return by_rules(verdict, f"the model stage failed ({opinion.reason}), so the rules' verdict is kept")
        return Settled(Outcome.UNDECIDABLE, "model", opinion.model, f"the model stage failed: {opinion.reason}")
    if opinion.accepts:
        return Settled(Outcome.CORRECT, "model", opinion.model, f"{opinion.reason}; the rules said: {verdict.reason}")
    if verdict.passed_on:
        # Nobody refuted it by rule; the model's "no" is the only word there is.
        return Settled(Outcome.INCORRECT, "model", opinion.model, opinion.reason)
    return by_rules(verdict, f"the model agrees ({opinion.model})")
