"""The use case behind `POST /v1/reward`: the verifier, the judge or both, then the item's rule.

Rule 1: the verifier goes first where a rule has both: the judge is asked only where its word can count.
Rule 2: members of a group with the same question are one case for the judge, whatever the protocol: identical
        responses get one judgement, and differences within the noise get none.
Rule 3: one reward per item, in order; what a rule needs and did not get makes it null, with the reason.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.errors import ModelMissing
from app.guard import Guard, Observed
from app.judge_requests import Entries, Refused, ToReward
from app.judging import Judging, observed
from app.requests import Batch
from app.reward_rules import Paid, by_judgement, by_verdict, stratified, with_process
from app.settings import RewardSettings
from app.to_wire import credit
from app.verification import Progress, Verification
from grm.judge import PROTOCOLS
from grm.judgement import Candidate, Case, Judgement, Reason, unscored
from verifiers.verdict import reward

if TYPE_CHECKING:
    from app.audit import Audit

ANSWER_MARGIN_S = 0.02
"""Kept back from the deadline for putting the answer together."""
NO_JUDGE = (
    "judges need a model: start the service with `--model` or `--judge-model http://HOST:PORT/v1` "
    "(TOUCHSTONE_JUDGE__SOURCE)"
)


@dataclass(slots=True)
class Rewarded:
    """How far one item has come. `paid` is set last."""

    item: ToReward
    progress: Progress | None = None
    judgement: Judgement | None = None
    paid: Paid | None = None

    @property
    def verdict(self) -> Paid:
        """The verifier's part."""
        assert self.progress is not None
        settled = self.progress.settled
        assert settled is not None
        given = reward(settled.outcome, credit(self.progress))
        return by_verdict(settled.outcome, given, settled.name, settled.reason)


@dataclass(frozen=True, slots=True)
class Rewarding:
    """What the use case works with."""

    verification: Verification
    judging: Judging | None
    settings: RewardSettings
    guard: Guard
    audit: "Audit | None" = None

    async def reward(self, request: Entries[ToReward], deadline_s: float) -> list[Rewarded | Refused]:
        """Pay for every item. Raises ModelMissing and QueueFull, which concern the whole request."""
        ends = time.monotonic() + deadline_s - ANSWER_MARGIN_S
        answered = [Rewarded(entry) if isinstance(entry, ToReward) else entry for entry in request.entries]
        items = [entry for entry in answered if isinstance(entry, Rewarded)]
        if self.judging is None and any(one.item.rule.judges for one in items):
            raise ModelMissing(NO_JUDGE)
        # Side by side: a judge's seconds are not spent waiting for a verifier that it does not need.
        with self._admitted(sum(one.item.rule.judges for one in items)):
            alone = asyncio.ensure_future(self._judge([one for one in items if not one.item.rule.verifies], ends))
            try:
                await self._verify([one for one in items if one.item.rule.verifies], request, ends)
                await self._judge([one for one in items if _judged_after_verdict(one)], ends)
                await alone
            finally:
                alone.cancel()
                await asyncio.gather(alone, return_exceptions=True)
        self._pay(items)
        self.guard.see((_observed(one) for one in items if one.item.rule.judges), request.step)
        if self.audit is not None:
            self.audit.rewarded(items, request.step)
        return list(answered)

    def _admitted(self, candidates: int) -> AbstractContextManager[None]:
        return self.judging.admitted(candidates) if self.judging and candidates else nullcontext()

    async def _verify(self, items: Sequence[Rewarded], request: Entries[ToReward], ends: float) -> None:
        if not items:
            return
        accepted = [one.item.verify for one in items if one.item.verify is not None]
        batch = Batch(list(accepted), request.recall, None, opinions=False, step=request.step)
        verified = await self.verification.verify(batch, max(0.0, ends - time.monotonic()))
        for one, progress in zip(items, verified, strict=True):
            assert isinstance(progress, Progress)
            one.progress = progress

    async def _judge(self, items: Sequence[Rewarded], ends: float) -> None:
        groups: dict[object, list[Rewarded]] = {}
        for at, one in enumerate(items):
            groups.setdefault(_together(one.item, at), []).append(one)
        await asyncio.gather(*(self._judge_group(group, ends) for group in groups.values()))

    async def _judge_group(self, group: Sequence[Rewarded], ends: float) -> None:
        assert self.judging is not None
        first = group[0].item
        candidates = tuple(_candidate(one, str(at)) for at, one in enumerate(group))
        case = replace(first.case, candidates=candidates)
        fewest, most = PROTOCOLS[first.protocol].CANDIDATES
        if not fewest <= len(group) <= most:
            judgements = _wrong_size(case, first.protocol)
        else:
            left_s = max(0.0, ends - time.monotonic())
            judgements = (await self.judging.judge(case, first.protocol, first.votes, left_s)).judgements
        for one, judgement in zip(group, judgements, strict=True):
            one.judgement = judgement

    def _pay(self, items: Sequence[Rewarded]) -> None:
        strata: dict[object, list[Rewarded]] = {}
        for at, one in enumerate(items):
            match one.item.rule.name:
                case "verifier":
                    one.paid = one.verdict
                case "judge":
                    assert one.judgement is not None
                    one.paid = by_judgement(one.judgement)
                case "verifier_then_process":
                    one.paid = with_process(one.verdict, one.judgement)
                case "stratified":
                    strata.setdefault(_together(one.item, at), []).append(one)
                case name:
                    raise KeyError(name)
        for group in strata.values():
            verdicts = [one.verdict for one in group]
            told = stratified(verdicts, [one.judgement for one in group], self.settings.stratum_width)
            for one, paid in zip(group, told, strict=True):
                one.paid = paid


def _judged_after_verdict(one: Rewarded) -> bool:
    """Whether the judge's word can still count."""
    rule = one.item.rule
    if not (rule.verifies and rule.judges):
        return False
    given = one.verdict.reward
    return bool(given) if rule.process else given is not None


def _together(item: ToReward, at: int) -> object:
    """What items must share to be one case for the judge."""
    if item.group is None:
        return at
    case = item.case
    return (item.group, item.rule, item.protocol, item.votes, replace(case, candidates=()))


def _candidate(one: Rewarded, name: str) -> Candidate:
    candidate = replace(one.item.case.candidates[0], id=name)
    if one.progress is None:
        return candidate
    answer = one.progress.verdict.answer if one.progress.verdict else None
    known = one.verdict.reward if one.item.rule.process else None
    return replace(candidate, answer=answer, known_outcome=known)


def _wrong_size(case: Case, protocol: str) -> tuple[Judgement, ...]:
    fewest, most = PROTOCOLS[protocol].CANDIDATES
    detail = f"`{protocol}` judges {fewest} to {most} responses together, not {len(case.candidates)}"
    return tuple(unscored(candidate, Reason.NOTHING_TO_COMPARE, detail) for candidate in case.candidates)


def _observed(one: Rewarded) -> Observed:
    # Beside the verifier's own figures, not among them.
    task = f"{one.item.task}+judge" if one.item.rule.verifies else one.item.task
    return observed(task, one.item.case.candidates[0], one.judgement, one.paid.reward if one.paid else None)
