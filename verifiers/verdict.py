"""What a verifier concludes.

Rule 1: a verifier returns exactly one Verdict and never raises for bad model output.
Rule 2: blame is explicit. INCORRECT and UNREADABLE are the response's fault and pay 0.
        UNDECIDABLE is ours (bad reference, no rule applied, our failure) and pays nothing at all:
        it is None, and never becomes 0.0 on the way out.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never


class Outcome(StrEnum):
    """Closed vocabulary; the wire has the same four words (a test holds them together)."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNREADABLE = "unreadable"
    UNDECIDABLE = "undecidable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`answer` is what was extracted from the response, None when nothing was found.

    `rule` names the check that decided. `understood` holds the normalised forms (answer, reference) for a
    later stage. `passed_on` marks an UNDECIDABLE in which both sides were read but no rule applied: the only
    kind that a second look can settle.
    """

    outcome: Outcome
    rule: str
    reason: str
    answer: str | None = None
    understood: tuple[str, str] | None = None
    passed_on: bool = False


def reward(outcome: Outcome) -> float | None:
    """1.0 for correct, 0.0 where the response is to blame, None for "leave this sample out".

    >>> reward(Outcome.CORRECT), reward(Outcome.UNREADABLE), reward(Outcome.UNDECIDABLE)
    (1.0, 0.0, None)
    """
    match outcome:
        case Outcome.CORRECT:
            return 1.0
        case Outcome.INCORRECT | Outcome.UNREADABLE:
            return 0.0
        case Outcome.UNDECIDABLE:
            return None
    assert_never(outcome)
