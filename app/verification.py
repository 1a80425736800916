"""The use case behind `POST /v1/verify`: memory, quick rules, store, worker pool, second look, in that order.

Rule 1: results come back in the order of the items, one for each, whatever happened to its neighbours.
Rule 2: the request's deadline is kept: what is not decided by then is undecidable, and says where it stood.
Rule 3: the decisions are pure and live elsewhere (`verifiers.hybrid`, `app.blame`); here is only the order.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from app import blame, tracing
from app.cache.cache import Cache
from app.cache.keys import facts_key, rules_key
from app.errors import ModelMissing
from app.guard import Guard, Observed
from app.metrics import Metrics
from app.model_stage import ModelStage
from app.pool.outcome import Finished, JobOutcome, Lost, QueueFull
from app.recent import Recent
from app.requests import Accepted, Batch, Rejected
from app.rescue import Bars
from app.works import Share, Wanted, Works
from touchstone_client.contract import Recall
from verifiers import hooks, hybrid
from verifiers.hooks import Found
from verifiers.hybrid import Opinion, Settled
from verifiers.registry import may_be_rescued
from verifiers.verdict import Outcome, Verdict, reward

if TYPE_CHECKING:
    from app.audit import Audit
    from verifiers.registry import Verifier

STEP_ITEMS = 64
STEP_CHARS = 1_000_000
"""The event loop is let go after so many items or so much text: some milliseconds of work."""
ANSWER_MARGIN_S = 0.01
"""Kept back from the deadline for writing the answer."""
NO_MODEL = "no model stage is configured"


class Progress(msgspec.Struct):
    """How far one item has come. `lost` is the word on it if the pool lost it; `settled` is set once, last."""

    item: Accepted
    key: bytes = b""
    found: Found | None = None
    facts_key: bytes | None = None
    verdict: Verdict | None = None
    lost: Settled | None = None
    opinion: Opinion | None = None
    settled: Settled | None = None
    cached: bool = False
    barred: str | None = None
    timings_ms: dict[str, float] = {}

    def took(self, stage: str, seconds: float) -> None:
        """Note the time of one stage."""
        self.timings_ms[stage] = round(seconds * 1000, 3)


@dataclass(frozen=True, slots=True)
class Verification:
    """What the use case works with."""

    verifiers: "Mapping[str, Verifier]"
    works: Works
    cache: Cache
    model: ModelStage | None
    metrics: Metrics
    guard: Guard
    recent: Recent
    audit: "Audit | None" = None
    bars: Bars = field(default_factory=Bars)

    async def verify(self, batch: Batch, deadline_s: float) -> list[Progress | Rejected]:
        """Decide every item. Raises ModelMissing and QueueFull, which concern the whole request."""
        if batch.recall is Recall.ALWAYS and self.model is None:
            raise ModelMissing(
                "`recall: always` needs a model: start the service with `--model http://HOST:PORT/v1` or "
                "`--model vllm:NAME` (TOUCHSTONE_MODEL__SOURCE), or ask for `auto` or `never`"
            )
        started = time.monotonic()
        ends = started + deadline_s - ANSWER_MARGIN_S
        answered = [Progress(item) if isinstance(item, Accepted) else item for item in batch.items]
        items = [entry for entry in answered if isinstance(entry, Progress)]
        with tracing.stage("quick"):
            await self._decide_at_once(items)
        with tracing.stage("cache"):
            await self._fetch_verdicts([progress for progress in items if progress.verdict is None])
        shares = self._submit([progress for progress in items if progress.verdict is None])
        try:
            unfinished = [progress for progress in items if not self._finish_at_once(progress, batch)]
            if unfinished and self._model_may_speak(batch):
                with tracing.stage("rules and model"):
                    await self._until(ends, [self._run(one, shares.get(id(one)), batch, ends) for one in unfinished])
            elif unfinished:
                with tracing.stage("rules"):
                    await self._run_by_rules(unfinished, shares, batch, ends)
        finally:
            for share in shares.values():
                self.works.leave(share)
        for progress in items:
            if progress.settled is None:
                progress.settled = self._overtaken(progress, batch)
        rejected = [entry for entry in answered if isinstance(entry, Rejected)]
        self.recent.verified(items, self._count(items, rejected), time.monotonic() - started)
        self.guard.see(map(_observed, items), batch.step)
        if self.audit is not None:
            self.audit.verified(items, batch.step)
        return answered

    # Before any waiting

    async def _decide_at_once(self, items: list[Progress]) -> None:
        """What this process remembers, else the quick rules."""
        chars = remembered = 0
        started = time.perf_counter()
        for number, progress in enumerate(items):
            if chars > STEP_CHARS or (number and number % STEP_ITEMS == 0):
                chars = 0
                await asyncio.sleep(0)
                started = time.perf_counter()
            item = progress.item
            verifier = self.verifiers[item.task]
            progress.key = rules_key(item.task, verifier.VERSION, item.problem)
            if self._recall(progress):
                remembered += 1
                stage = "cache"
            else:
                self._begin(progress, verifier)
                stage = "quick"
            now = time.perf_counter()
            progress.took(stage, now - started)
            chars += len(item.problem.response)
            started = now
        self.metrics.cache_reads.labels("verdict", "memory").inc(remembered)

    def _begin(self, progress: Progress, verifier: "Verifier") -> None:
        problem = progress.item.problem
        begun = hooks.begin(verifier, problem)
        if isinstance(begun, Verdict):
            progress.verdict = begun
            self.cache.remember_verdict(progress.key, begun)
        elif begun is not None:
            progress.found = begun
            progress.facts_key = facts_key(progress.item.task, verifier.VERSION, problem, begun.facts)
            self._recall_by_facts(progress)

    async def _fetch_verdicts(self, items: list[Progress]) -> None:
        """What the store knows."""
        if not items:
            return
        started = time.perf_counter()
        keys = {progress.key for progress in items} | {one.facts_key for one in items if one.facts_key is not None}
        await self.cache.fetch(list(keys))
        misses = sum(not (self._recall(progress) or self._recall_by_facts(progress)) for progress in items)
        seconds = time.perf_counter() - started
        self.metrics.stage_seconds.labels("cache").observe(seconds)
        self.metrics.cache_reads.labels("verdict", "store").inc(len(items) - misses)
        self.metrics.cache_reads.labels("verdict", "miss").inc(misses)
        for progress in items:
            progress.took("cache", seconds)

    def _recall(self, progress: Progress) -> bool:
        if (verdict := self.cache.recall_verdict(progress.key)) is None:
            return False
        progress.verdict = verdict
        progress.cached = True
        return True

    def _recall_by_facts(self, progress: Progress) -> bool:
        if progress.facts_key is None or (verdict := self.cache.recall_verdict(progress.facts_key)) is None:
            return False
        progress.verdict = verdict
        progress.cached = True
        self.cache.remember_verdict(progress.key, verdict)
        return True

    def _submit(self, items: list[Progress]) -> dict[int, Share]:
        """Hand the pool what is not under way yet, all of it or nothing, and join what is. Awaits nothing."""
        wanted = [Wanted(one.item, one.key, one.found, one.facts_key) for one in items]
        try:
            shares = self.works.submit(wanted)
        except QueueFull:
            self.metrics.refused.inc()
            raise
        self.metrics.shared.inc(sum(not share.own for share in shares))
        return {id(progress): share for progress, share in zip(items, shares, strict=True)}

    def _finish_at_once(self, progress: Progress, batch: Batch) -> bool:
        """Settle an item whose verdict is known and that needs no word of the model, or has it already."""
        if progress.verdict is None:
            return False
        if self.model is not None and self._asks_model(progress, progress.verdict, batch):
            assert progress.verdict.answer is not None
            progress.opinion = self.model.recall(progress.item.problem, progress.verdict.answer)
            if progress.opinion is None:
                return False
        self._settle(progress, batch)
        return True

    def _model_may_speak(self, batch: Batch) -> bool:
        return self.model is not None and (batch.opinions or batch.recall is not Recall.NEVER)

    async def _run_by_rules(self, items: list[Progress], shares: dict[int, Share], batch: Batch, ends: float) -> None:
        """All items' way where nobody but the pool is asked: a task for each would cost more than the rules."""
        outcomes = await self.works.outcomes([shares[id(progress)] for progress in items], ends)
        for progress, outcome in zip(items, outcomes, strict=True):
            if outcome is not None:
                self._take(progress, outcome, own=shares[id(progress)].own)
                if progress.verdict is None:
                    progress.settled = progress.lost
                else:
                    self._settle(progress, batch)

    # One item's way

    async def _run(self, progress: Progress, share: Share | None, batch: Batch, ends: float) -> None:
        if share is not None:
            [outcome] = await self.works.outcomes([share], ends)
            if outcome is None:
                return
            self._take(progress, outcome, own=share.own)
        if progress.verdict is None:
            progress.settled = progress.lost
            return
        if self.model is not None and self._asks_model(progress, progress.verdict, batch):
            assert progress.verdict.answer is not None
            started = time.perf_counter()
            progress.opinion, said_before = await self.model.opinion(
                progress.item.problem, progress.verdict.answer, max(0.0, ends - time.monotonic())
            )
            progress.took("model", time.perf_counter() - started)
            progress.cached = progress.cached and said_before
        self._settle(progress, batch)

    def _take(self, progress: Progress, outcome: JobOutcome, *, own: bool) -> None:
        """What the pool said, to the item that asked or to one that shares."""
        progress.cached = not own
        progress.took("queue", outcome.queue_s)
        progress.took("rules", outcome.work_s)
        self.metrics.stage_seconds.labels("rules").observe(outcome.work_s)
        self.metrics.stage_seconds.labels("queue").observe(outcome.queue_s)
        match outcome:
            case Finished():
                progress.verdict = outcome.verdict
                if outcome.by_facts and progress.facts_key is not None:
                    self.cache.remember_verdict(progress.key, outcome.verdict)
                if own:
                    by_facts = progress.facts_key if outcome.by_facts else None
                    self.cache.keep_verdict(by_facts or progress.key, outcome.verdict)
            case Lost():
                readable = self.verifiers[progress.item.task].readable
                references = progress.item.problem.references
                progress.lost = blame.settle_lost(outcome, references_readable=all(map(readable, references)))
                progress.verdict = outcome.passed_on

    def _asks_model(self, progress: Progress, verdict: Verdict, batch: Batch) -> bool:
        if batch.opinions:
            return verdict.answer is not None
        return batch.recall is not Recall.NEVER and hybrid.wants_model(verdict) and not self._barred(progress)

    def _barred(self, progress: Progress) -> bool:
        """Whether a model may not rescue the response. Looked at once, where it matters: it takes a millisecond."""
        if self.model is None:
            return False
        if progress.barred is None:
            assert progress.verdict is not None
            if may_be_rescued(progress.item.task, progress.verdict):
                progress.barred = self.bars.of(progress.key, progress.item.problem, progress.verdict.answer or "")
            else:
                progress.barred = "the rules of this task are final"
        return bool(progress.barred)

    def _settle(self, progress: Progress, batch: Batch) -> None:
        """The rules' verdict and the model's opinion, if there is one, to the last word."""
        verdict = progress.verdict
        assert verdict is not None
        if batch.recall is Recall.NEVER or not hybrid.wants_model(verdict):
            progress.settled = progress.lost or hybrid.by_rules(verdict)
        elif self._barred(progress):
            progress.settled = progress.lost or hybrid.by_rules(verdict, f"no second look: {progress.barred}")
        elif self.model is None or progress.opinion is None:
            progress.settled = progress.lost or hybrid.by_rules(verdict, NO_MODEL)
        else:
            progress.settled = hybrid.settle(verdict, progress.opinion, self.model.on_failure)

    # The deadline

    async def _until(self, ends: float, ways: list[Coroutine[Any, Any, None]]) -> None:
        runs = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(runs, timeout=max(0.0, ends - time.monotonic()))
        finally:
            for run in runs:
                run.cancel()
        for result in await asyncio.gather(*runs, return_exceptions=True):
            # A bug in here must not look like a slow item.
            if isinstance(result, Exception):
                raise result

    def _overtaken(self, progress: Progress, batch: Batch) -> Settled:
        """An item that the deadline caught."""
        if progress.verdict is None:
            return blame.out_of_time("before the rules had decided")
        wanted = batch.recall is not Recall.NEVER and hybrid.wants_model(progress.verdict)
        if self.model is None or not wanted or self._barred(progress):
            return progress.lost or hybrid.by_rules(progress.verdict)
        progress.opinion = Opinion(self.model.name, accepts=None, reason="the request's deadline passed")
        return hybrid.settle(progress.verdict, progress.opinion, self.model.on_failure)

    def _count(self, items: list[Progress], rejected: list[Rejected]) -> Mapping[tuple[str, str, str], int]:
        """By task, stage and outcome."""
        counted: Counter[tuple[str, str, str]] = Counter(
            [(one.item.task, one.settled.stage, one.settled.outcome) for one in items if one.settled is not None]
        )
        for entry in rejected:
            # The task is the caller's text; only registered names may be labels.
            task = entry.task if entry.task in self.verifiers else "unknown"
            counted[task, blame.STAGE, Outcome.UNDECIDABLE] += 1
        for labels, number in counted.items():
            self.metrics.outcomes.labels(*labels).inc(number)
        return counted


def _observed(progress: Progress) -> Observed:
    """What the guard-rails see of one item."""
    settled, opinion = progress.settled, progress.opinion
    assert settled is not None
    task, chars, paid = progress.item.task, len(progress.item.problem.response), reward(settled.outcome)
    if opinion is None:
        return Observed(task, chars, paid)
    looked = progress.verdict is not None and hybrid.wants_model(progress.verdict)
    return Observed(
        task,
        chars,
        paid,
        looked=looked,
        rescued=looked and settled.outcome is Outcome.CORRECT,
        controlled=opinion.control is not None,
        control_failed=opinion.control is False,
        label_mass=opinion.label_mass,
    )
