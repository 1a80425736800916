"""What weighted criteria add up to. Pure.

Rule 1: an essential criterion below the bar, or a pitfall that is met, gates: the outcome is then no better than
        the worst such score, and never above GATED_CEILING.
Rule 2: the rest is a weighted mean of the important and optional criteria; with none of these, of the essential.
Rule 3: an invented quote costs: a good score that rests on one counts half, a bad one weighs half.

outcome = sum(w_i * s_i) / sum(w_i), w_i the criterion's weight times KIND_WEIGHT. Source of the kinds and of the
explicit aggregation: Rubrics as Rewards (arXiv 2507.17746); of the gates: this service.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grm.judgement import Criterion, CriterionKind, CriterionScore

KIND_WEIGHT: Mapping[CriterionKind, float] = {
    CriterionKind.ESSENTIAL: 1.0,
    CriterionKind.IMPORTANT: 0.7,
    CriterionKind.OPTIONAL: 0.3,
    CriterionKind.PITFALL: 0.0,
}
GATED_CEILING = 0.25
"""A response that misses what is essential is worth less than any that has it."""
INVENTED = "unfounded"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The outcome, and the criteria that gated it."""

    outcome: float
    gated_by: tuple[str, ...]


def aggregate(rubric: Sequence[Criterion], scores: Sequence[CriterionScore], bar: float) -> Aggregate | None:
    """The outcome, or None where a criterion has no score: an incomplete judgement decides nothing.

    Scores say how far a criterion is met; for a pitfall, how far the response has fallen into it.
    """
    found = {score.id: score for score in scores}
    if not rubric or any(criterion.id not in found for criterion in rubric):
        return None
    gates: dict[str, float] = {}
    total = weights = 0.0
    weighed = [one for one in rubric if one.kind is not CriterionKind.PITFALL]
    for criterion in rubric:
        score = found[criterion.id]
        value, weight = _founded(score)
        if criterion.kind is CriterionKind.PITFALL and score.score >= bar:
            gates[criterion.id] = 1.0 - score.score
        elif criterion.kind is CriterionKind.ESSENTIAL and value < bar:
            gates[criterion.id] = value
        weight *= criterion.weight * KIND_WEIGHT[criterion.kind]
        total += weight * value
        weights += weight
    # Nothing but pitfalls: what avoids them all has met the rubric.
    outcome = total / weights if weighed and weights > 0.0 else 1.0
    if gates:
        outcome = min(outcome, GATED_CEILING, *gates.values())
    return Aggregate(outcome, tuple(gates))


def is_invented(score: CriterionScore) -> bool:
    """Whether the score rests on a quote that is not in the response."""
    return bool(score.quote.strip()) and score.at is None


def _founded(score: CriterionScore) -> tuple[float, float]:
    """The score and its weight, after what an invented quote costs."""
    if not is_invented(score):
        return score.score, 1.0
    return (score.score / 2, 1.0) if score.score >= 0.5 else (score.score, 0.5)
