"""The rewards that enter the baseline: as paid, with what the run's shaping adds.

Rule 1: None is no reward and stays none; a term never makes one.
Rule 2: a term acts in groups that have a spread without it: alone it would teach length, blown up to full size.
Rule 3: a function of the step's number, nothing to save: a resumed run goes on with the same weights.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from touchstone_client import Outcome
from touchstone_trainer.shaping import length_rewards, soft_overlong
from touchstone_trainer.training.config import BrevityConfig, RunConfig
from touchstone_trainer.training.experience import Experience, spread

OVERLONG, BREVITY = "overlong", "brevity"


@dataclass(frozen=True)
class Shaped:
    """One reward a response, NaN for none; and what each term added to a scored response, on average."""

    rewards: list[float]
    added: Mapping[str, float]


def shaped(experiences: Sequence[Experience], config: RunConfig, step: int) -> Shaped:
    """The rewards of a batch at a step (from 0)."""
    paid = [one.reward(config.loss) for one in experiences]
    terms = _terms(experiences, paid, config, step)
    scored = max(1, sum(map(math.isfinite, paid)))
    rewards = [math.fsum(parts) for parts in zip(paid, *terms.values(), strict=True)]
    return Shaped(rewards, {name: math.fsum(added) / scored for name, added in terms.items()})


def _terms(
    experiences: Sequence[Experience], paid: Sequence[float], config: RunConfig, step: int
) -> dict[str, list[float]]:
    """What each term that is on adds to each response."""
    overlong, brevity = config.shaping.overlong, config.shaping.brevity
    terms = {name: [0.0] * len(paid) for name, on in ((OVERLONG, overlong), (BREVITY, brevity)) if on}
    places: dict[int, list[int]] = {}
    for place, one in enumerate(experiences):
        places.setdefault(one.group, []).append(place)
    for group in places.values():
        if not spread([paid[place] for place in group]):
            continue
        scored = [place for place in group if math.isfinite(paid[place])]
        lengths = [len(experiences[place].completion.token_ids) for place in scored]
        if overlong:
            for place, length in zip(scored, lengths, strict=True):
                penalty = soft_overlong(length, limit=config.rollouts.max_new_tokens, margin=overlong.margin)
                terms[OVERLONG][place] = overlong.weight * penalty
        if brevity:
            right = [_right(experiences[place], paid[place]) for place in scored]
            for place, bonus in zip(scored, length_rewards(lengths, right), strict=True):
                terms[BREVITY][place] = _now(brevity, step) * (bonus or 0.0)
    return terms


def _right(one: Experience, paid: float) -> bool | None:
    """As the verifier found; None where none was asked. A response that was paid nothing is never taken for right."""
    outcome = one.scored.outcome
    return None if outcome is None else outcome is Outcome.CORRECT and paid > 0


def _now(brevity: BrevityConfig, step: int) -> float:
    return brevity.weight * (min(1.0, step / brevity.warmup_steps) if brevity.warmup_steps else 1.0)
