"""Whether a judge still tells right from wrong: the controls of `grm.controls`, asked, remembered and applied.

Rule 1: controls are asked only where they can matter: after a judge has accepted something that no verifier decided.
Rule 2: an empty control is asked once per question, reference, rubric and judge; identical ones in flight once. What
        could not be told is not remembered, and fails nobody; judgements without it are not remembered either.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence

from app.cache.cache import Cache
from app.metrics import Metrics
from app.settings import JudgeSettings
from app.single_flight import SingleFlight
from grm.asking import Policy
from grm.backend import Message, Reply, ServedModel
from grm.controls import (
    ACCEPTED_FROM,
    Control,
    ControlKind,
    ControlOutcome,
    after_failure,
    empty_control,
    key,
    outcome,
    policy_for_controls,
    sampled,
    wrong_reference_control,
)
from grm.judge import PROTOCOLS, judge
from grm.judgement import Case, Judgement, Status

Judgements = tuple[Judgement, ...]
Exchange = tuple[Sequence[Message], Reply]
Keep = Callable[[Control, str, Policy, list[Exchange], Judgement], None]
"""Called with every control that was asked: protocol, policy, what was said, and what was read from it."""
ALONE = "pointwise"
"""A control has one candidate: what compares several is controlled by the protocol that judges one."""


class Controls:
    """The controls of one judge."""

    def __init__(
        self, served: ServedModel, settings: JudgeSettings, cache: Cache, metrics: Metrics, keep: Keep | None = None
    ) -> None:
        self._served = served
        self._settings = settings
        self._cache = cache
        self._metrics = metrics
        self._keep = keep
        self._flights: SingleFlight[ControlOutcome] = SingleFlight()

    async def apply(
        self, case: Case, judgements: Judgements, protocol: str, policy: Policy, ends: float
    ) -> tuple[Judgements, bool]:
        """The judgements, with the reward taken from those whose control failed; and whether every control was told."""
        accepted = [
            at
            for at, (candidate, one) in enumerate(zip(case.candidates, judgements, strict=True))
            if candidate.known_outcome is None and one.status is Status.SCORED and (one.reward or 0.0) >= ACCEPTED_FROM
        ]
        if not accepted:
            return judgements, True
        told = True
        protocol = protocol if PROTOCOLS[protocol].CANDIDATES[0] == 1 else ALONE
        if self._settings.empty_control:
            found = await self._empty(case, protocol, policy, ends)
            told = found is not ControlOutcome.UNTOLD
            if found is ControlOutcome.FAILED:
                failing = tuple(
                    after_failure(one, ControlKind.EMPTY) if case.candidates[at].known_outcome is None else one
                    for at, one in enumerate(judgements)
                )
                return failing, True
        checked = [
            (at, control)
            for at in accepted
            if sampled(case, case.candidates[at], self._settings.wrong_control_share)
            and (control := wrong_reference_control(case, case.candidates[at])) is not None
        ]
        results = await asyncio.gather(*(self._ask(control, protocol, policy, ends) for _, control in checked))
        failed = {at for (at, _), found in zip(checked, results, strict=True) if found is ControlOutcome.FAILED}
        kept = tuple(
            after_failure(one, ControlKind.WRONG_REFERENCE) if at in failed else one
            for at, one in enumerate(judgements)
        )
        return kept, told and ControlOutcome.UNTOLD not in results

    async def _empty(self, case: Case, protocol: str, policy: Policy, ends: float) -> ControlOutcome:
        text = key(case, protocol, PROTOCOLS[protocol].PROMPT_VERSION, self._served.name)
        digest = hashlib.sha256(f"empty\0{text}".encode()).digest()
        await self._cache.fetch([digest])
        if (passed := self._cache.recall_pass(digest)) is not None:
            return ControlOutcome.HELD if passed else ControlOutcome.FAILED
        if digest in self._flights:
            work = self._flights.join(digest)
        else:
            work = asyncio.ensure_future(self._ask(empty_control(case), protocol, policy, ends))
            self._flights.start(digest, work)
        try:
            found = await asyncio.shield(work)
        finally:
            self._flights.leave(digest, work)
        if found is not ControlOutcome.UNTOLD:
            self._cache.keep_pass(digest, found is ControlOutcome.HELD)
        return found

    async def _ask(self, control: Control, protocol: str, policy: Policy, ends: float) -> ControlOutcome:
        left_s = min(self._settings.timeout_s, ends - time.monotonic())
        found = ControlOutcome.UNTOLD
        if left_s > 0:
            asked = policy_for_controls(policy)
            said: list[Exchange] = []
            (judgement,) = await judge(
                control.case,
                protocol,
                self._served,
                asked,
                deadline_s=left_s,
                recorder=(lambda messages, reply: said.append((messages, reply))) if self._keep else None,
            )
            found = outcome(judgement)
            if self._keep:
                self._keep(control, protocol, asked, said, judgement)
        self._metrics.controls.labels(str(control.kind), str(found)).inc()
        return found
