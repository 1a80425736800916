"""The number, computed in code from what was read. Pure.

Rule 1: a verifier's verdict is the outcome; a judge's opinion of the outcome is then ignored.
Rule 2: the process lowers and never rescues: reward = outcome * (1 - a + a * process), a = policy.process_weight;
        below policy.process_floor the process supports nothing, and reward = outcome * process.
Rule 3: readings that contradict each other give no score. Nothing here has a default.
Rule 4: a group whose spread is within the noise of its votes gets equal rewards: GRPO divides by the group's
        standard deviation and would blow noise up to full size.
"""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from grm.asking import Policy, Vote
from grm.judgement import Candidate, Judgement, Reason, Status, unscored
from grm.voting import agreement, confidence, median, noise

EQUALISED = "spread_below_noise"
DISAGREE = "order_disagreement"


def reward(outcome: float, process: float | None, policy: Policy) -> float:
    """One reading's reward. Never above the outcome."""
    if process is None:
        return outcome
    if process < policy.process_floor:
        return outcome * process
    weight = policy.process_weight
    return outcome * (1.0 - weight + weight * process)


def settle(candidate: Candidate, votes: Sequence[Vote], policy: Policy) -> Judgement:
    """A candidate's votes to its judgement."""
    known = candidate.known_outcome
    outcomes = [vote.outcome for vote in votes if vote.outcome is not None]
    processes = [vote.process for vote in votes if vote.process is not None]
    if known is None and not outcomes:
        return unscored(candidate, Reason.NO_VERDICT, "no reading says anything about the outcome")
    outcome = known if known is not None else median(outcomes)
    process = median(processes) if processes else None
    single = []
    for vote in votes:
        seen = known if known is not None else vote.outcome
        if seen is not None:
            single.append(reward(seen, vote.process, policy))
    return _judged(candidate, votes, single, outcome, process, policy)


def _judged(
    candidate: Candidate,
    votes: Sequence[Vote],
    single: Sequence[float],
    outcome: float,
    process: float | None,
    policy: Policy,
) -> Judgement:
    agreed = agreement(single)
    nearest = min(
        votes, key=lambda vote: abs((vote.outcome or 0.0) - outcome) + abs((vote.process or 0.0) - (process or 0.0))
    )
    masses = [vote.label_mass for vote in votes if vote.label_mass is not None]
    sharp = [vote.sharpness for vote in votes if vote.sharpness is not None]
    mass = min(masses) if masses else None
    founded = statistics.fmean(vote.founded for vote in votes)
    flags = tuple(sorted({flag for vote in votes for flag in vote.flags}))
    judgement = Judgement(
        candidate.id,
        Status.SCORED,
        reward(outcome, process, policy),
        outcome=outcome,
        process=process,
        criteria=nearest.criteria,
        errors=nearest.errors,
        first_wrong_step=nearest.first_wrong_step,
        votes=tuple(single),
        agreement=agreed,
        confidence=confidence(agreed, statistics.fmean(sharp) if sharp else None, founded, mass),
        label_mass=mass,
        flags=flags,
    )
    if agreed is not None and agreed < policy.low_agreement:
        said = ", ".join(f"{vote:.2f}" for vote in single)
        return replace(
            judgement, status=Status.UNSCORED, reward=None, reason=Reason.LOW_AGREEMENT, detail=f"votes {said}"
        )
    return judgement


def level(candidates: Sequence[Candidate], judgements: Sequence[Judgement], policy: Policy) -> tuple[Judgement, ...]:
    """Equal rewards for a group that the votes cannot tell apart. Verdicts of a verifier are never levelled."""
    scored = [
        judgement
        for candidate, judgement in zip(candidates, judgements, strict=True)
        if judgement.status is Status.SCORED and candidate.known_outcome is None
    ]
    found = [judgement.reward for judgement in scored if judgement.reward is not None]
    blur = noise([judgement.votes for judgement in scored])
    if (
        len(found) < 2
        or blur is None
        or max(found) == min(found)
        or max(found) - min(found) > policy.noise_factor * blur
    ):
        return tuple(judgements)
    equal = statistics.fmean(found)
    kept = {id(judgement) for judgement in scored}
    return tuple(
        replace(judgement, reward=equal, flags=tuple(sorted({*judgement.flags, EQUALISED})))
        if id(judgement) in kept
        else judgement
        for judgement in judgements
    )
