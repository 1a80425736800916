"""A yes/no label read from the log-probabilities of one token. Pure.

Spellings are folded: tokenizers write a leading space as ` `, `▁` or `Ġ`, and models vary the case.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

MAX_TOTAL = 1.01
"""Candidate tokens cannot have more than all the probability; servers round, hence the hundredth."""
_WORD_START = "▁Ġ \t\n\r"


@dataclass(frozen=True, slots=True)
class Label:
    """`yes` is P(yes) / mass, `mass` is P(yes) + P(no)."""

    yes: float
    mass: float


def read_label(top_logprobs: Mapping[str, float]) -> Label | None:
    """The label, or None where the numbers cannot be log-probabilities (nan, above 0, more than 1 in total).

    >>> read_label({"Yes": math.log(0.5), " yes": math.log(0.25), "no": math.log(0.25)})
    Label(yes=0.75, mass=1.0)
    """
    total = yes = no = 0.0
    for token, logprob in top_logprobs.items():
        if math.isnan(logprob) or logprob > MAX_TOTAL - 1.0:
            return None
        probability = math.exp(logprob)
        total += probability
        word = token.strip(_WORD_START).casefold()
        yes += probability if word == "yes" else 0.0
        no += probability if word == "no" else 0.0
    if not top_logprobs or total > MAX_TOTAL:
        return None
    mass = yes + no
    return Label(yes=yes / mass if mass > 0.0 else 0.0, mass=min(mass, 1.0))
