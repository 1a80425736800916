"""The named rules by which `/v1/reward` makes one number of a verifier's verdict and a judge's judgement. Pure.

  verifier               the verifier's reward.
  judge                  the judge's reward.
  verifier_then_process  the verdict is the outcome, and a wrong answer gets 0 whatever the judge thinks of it; a right
                         one gets 1 - a + a * process, a = `judge.process_weight`. The judge is asked about right
                         answers only.
  stratified             (HERO, arXiv 2510.07242) right answers share [1 - w, 1] and wrong ones [0, w],
                         w = `reward.stratum_width`; inside a stratum of one group the judge's rewards are spread from
                         its lowest to its highest. The paper's bounds are shifted into [0, 1]. A stratum whose
                         judgements lie within NOISE of each other keeps the verifier's plain 1 or 0.

Rule 1: the verifier's outcome is final for the outcome: no rule lets a judge pay a wrong answer like a right one.
Rule 2: what a rule needs and does not have makes the reward null; it is never replaced by another component.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grm.judgement import Judgement, Status
from verifiers.verdict import Outcome

VERSION = "1"
"""Raised with every change of what a rule pays."""
NOISE = 0.05
"""Half a point of the judge's scale, which repeated readings differ by at rest."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which components a rule needs. `process`: the judge says how, never whether, the answer was reached."""

    name: str
    description: str
    verifies: bool
    judges: bool
    process: bool = False


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("verifier", "The verifier's reward.", verifies=True, judges=False),
        Rule("judge", "The judge's reward.", verifies=False, judges=True),
        Rule(
            "verifier_then_process",
            "The verdict decides; the judge of the process lowers what is right.",
            verifies=True,
            judges=True,
            process=True,
        ),
        Rule("stratified", "The verdict decides the stratum, the judge the place in it.", verifies=True, judges=True),
    )
}


def default_rule(*, verified: bool, rubric: bool) -> str:
    """For items and tasks that name none."""
    if not verified:
        return "judge"
    return "verifier_then_process" if rubric else "verifier"


@dataclass(frozen=True, slots=True)
class Paid:
    """A reward and what decided it. `reason` is a word or a code."""

    reward: float | None
    status: Status
    reason: str
    detail: str = ""


def by_verdict(outcome: Outcome, reward: float | None, name: str, detail: str) -> Paid:
    """The verifier's reward as it stands."""
    status = Status.UNSCORED if reward is None else Status.SCORED
    return Paid(reward, status, name, detail or outcome)


def by_judgement(judgement: Judgement) -> Paid:
    """The judge's reward as it stands."""
    return Paid(judgement.reward, judgement.status, judgement.reason or "judged", judgement.detail)


def with_process(verdict: Paid, judgement: Judgement | None) -> Paid:
    """`verifier_then_process`: the judgement was made with the verdict as its outcome."""
    if not verdict.reward:
        return verdict
    if judgement is None or judgement.reward is None:
        why = judgement or None
        return Paid(None, Status.UNSCORED, (why and why.reason) or "judge_missing", why.detail if why else "")
    return Paid(
        min(judgement.reward, verdict.reward), judgement.status, judgement.reason or "process", judgement.detail
    )


def stratified(verdicts: Sequence[Paid], judgements: Sequence[Judgement | None], width: float) -> list[Paid]:
    """`stratified`, for the members of one group.

    >>> from grm.judgement import Judgement, Status
    >>> right, wrong = Paid(1.0, Status.SCORED, "r"), Paid(0.0, Status.SCORED, "r")
    >>> said = [Judgement(str(n), Status.SCORED, n / 10) for n in (9, 5, 1, 2)]
    >>> [paid.reward for paid in stratified([right, right, wrong, wrong], said, width=0.1)]
    [1.0, 0.9, 0.0, 0.1]
    """
    paid = []
    for verdict, judgement in zip(verdicts, judgements, strict=True):
        if verdict.reward is None:
            paid.append(verdict)
        elif judgement is None or judgement.reward is None:
            said = judgement.reason if judgement and judgement.reason else "judge_missing"
            paid.append(Paid(None, Status.UNSCORED, said, judgement.detail if judgement else ""))
        elif judgement.status is Status.REJECTED:
            # The gate refuses what has nothing in it; no such response is a right one.
            paid.append(by_judgement(judgement))
        else:
            peers = _peers(verdict.reward, verdicts, judgements)
            paid.append(_placed(verdict, judgement.reward, peers, width))
    return paid


def _peers(reward: float, verdicts: Sequence[Paid], judgements: Sequence[Judgement | None]) -> list[float]:
    """What the judge gave the members of the same stratum."""
    return [
        judgement.reward
        for verdict, judgement in zip(verdicts, judgements, strict=True)
        if verdict.reward == reward and judgement is not None and judgement.reward is not None
    ]


def _placed(verdict: Paid, given: float, peers: Sequence[float], width: float) -> Paid:
    assert verdict.reward is not None
    low, high = min(peers), max(peers)
    if high - low <= NOISE:
        return Paid(verdict.reward, Status.SCORED, verdict.reason, "the judge tells no difference in its stratum")
    place = (given - low) / (high - low)
    # Partial credit is a stratum of its own, moved by the same width around its value.
    reward = verdict.reward - width + width * place if verdict.reward >= 0.5 else verdict.reward + width * place
    return Paid(round(reward, 12), Status.SCORED, verdict.reason, verdict.detail)
