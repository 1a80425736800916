"""What a verifier concludes.

Rule 1: a verifier returns exactly one Verdict and never raises for bad model output.
Rule 2: blame is explicit. INCORRECT and UNREADABLE are the response's fault and pay 0.
        UNDECIDABLE is ours (bad reference, no rule applied, our failure) and pays nothing at all:
        it is None, and never becomes 0.0 on the way out.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class Outcome(StrEnum):
    """Closed vocabulary; the wire has the same four words (a test holds them together)."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNREADABLE = "unreadable"
    UNDECIDABLE = "undecidable"


# A struct, as `Problem`; an array where it is kept or sent, for a third of the bytes.
class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """`answer` is what was extracted from the response, None when nothing was found.

    `rule` names the check that decided. `understood` holds the normalised forms (answer, reference) for a
    later stage. `passed_on` marks an UNDECIDABLE in which both sides were read but no rule applied: the only
    kind that a second look can settle. `credit` in [0, 1] replaces the 1 or 0 of a decided verdict where the item
    asked for partial credit. `details` holds what a task has to tell beyond that (per-test results), as plain JSON.
    """

    outcome: Outcome
    rule: str
    reason: str
    answer: str | None = None
    understood: tuple[str, str] | None = None
    passed_on: bool = False
    credit: float | None = None
    details: Mapping[str, Any] | None = None


_REWARDS = {Outcome.CORRECT: 1.0, Outcome.INCORRECT: 0.0, Outcome.UNREADABLE: 0.0, Outcome.UNDECIDABLE: None}


def reward(outcome: Outcome, credit: float | None = None) -> float | None:
    """1.0 for correct, 0.0 where the response is to blame, None for "leave this sample out"; partial credit where
    a verdict gives it.

    >>> reward(Outcome.CORRECT), reward(Outcome.UNREADABLE), reward(Outcome.UNDECIDABLE)
    (1.0, 0.0, None)
    >>> reward(Outcome.INCORRECT, credit=0.75), reward(Outcome.UNDECIDABLE, credit=0.75)
    (0.75, None)
    """
    full = _REWARDS[outcome]
    return full if full is None or credit is None else credit
