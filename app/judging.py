"""The use case behind `POST /v1/judge`: memory, store, work in flight, the judge and its controls, in that order.

Rule 1: one result per candidate, in order; whatever goes wrong is an UNSCORED judgement with a reason.
Rule 2: identical cases in flight are judged once. The judge has the time of whoever asked first; a later caller who
        finds a case unfinished for lack of time, and has time left, asks again.
Rule 3: kept is what a judge concluded about every candidate; what is unscored for our or the server's sake is not.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from app import tracing
from app.cache.cache import Cache
from app.cache.keys import judgement_key
from app.guard import Guard, Observed
from app.judge_controls import Controls, Exchange
from app.judge_requests import Entries, ToJudge
from app.line_log import LineLog
from app.metrics import Metrics
from app.pool.outcome import QueueFull
from app.recent import Recent
from app.settings import JudgeSettings
from app.single_flight import SingleFlight
from grm.asking import Policy
from grm.backend import Capabilities, Message, ModelState, Reply, ServedModel
from grm.controls import ACCEPTED_FROM, Control
from grm.judge import PROTOCOLS, judge
from grm.judgement import Candidate, Case, Judgement, Reason, Status, Task, unscored
from verifiers.math_answer.extraction.extract import extract

log = logging.getLogger("touchstone")

Judgements = tuple[Judgement, ...]
RETRY_AFTER_S = 5
"""A judge takes seconds for a candidate."""
TASK = "judge"
"""Under which the guard-rails keep `/v1/judge`."""
WORK_SHARE = 0.97
"""Of the time left, for the judge; the rest is for putting the answer together."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The judgements on one case, in the order of its candidates."""

    judgements: Judgements
    cached: bool


class Judging:
    """A served judge, its policy, and what it said before."""

    def __init__(
        self,
        served: ServedModel,
        settings: JudgeSettings,
        cache: Cache,
        metrics: Metrics,
        guard: Guard,
        recent: Recent,
        record: LineLog | None,
    ) -> None:
        self._served = served
        self._settings = settings
        self._cache = cache
        self._metrics = metrics
        self._log = record
        self._flights: SingleFlight[Judgements] = SingleFlight()
        self._controls = Controls(served, settings, cache, metrics, self._log_control if record else None)
        self._guard = guard
        self._recent = recent
        self._waiting = 0

    @property
    def name(self) -> str:
        """The model."""
        return self._served.name

    @property
    def state(self) -> ModelState:
        """How its server is."""
        return self._served.state

    @property
    def capabilities(self) -> Capabilities | None:
        """What its server was seen to do."""
        return self._served.capabilities

    def policy(self, votes: int | None) -> Policy:
        """The service's policy, with the caller's number of readings."""
        settings = self._settings
        first = votes or settings.votes
        return Policy(
            votes=first,
            max_votes=max(first, settings.max_votes) if votes is None else first,
            process_weight=settings.process_weight,
            low_agreement=settings.low_agreement,
            max_tokens=settings.max_tokens,
            thinking=settings.thinking,
            thinking_tokens=settings.thinking_tokens,
        )

    async def judge_all(self, request: Entries[ToJudge], deadline_s: float) -> list[Judged | None]:
        """Every case judged; None for what was refused. Raises QueueFull."""
        ends = time.monotonic() + deadline_s
        cases = [entry for entry in request.entries if isinstance(entry, ToJudge)]
        with self.admitted(sum(len(entry.case.candidates) for entry in cases)):
            # In a thread: a thousand long responses are seconds of searching.
            seen = await asyncio.to_thread(lambda: [_extracted(one.case) for one in cases])
            ways = [
                self.judge(case, one.protocol, one.votes, max(0.0, ends - time.monotonic()))
                for one, case in zip(cases, seen, strict=True)
            ]
            done = iter(await asyncio.gather(*ways))
        answers = [next(done) if isinstance(entry, ToJudge) else None for entry in request.entries]
        for entry, answer in zip(request.entries, answers, strict=True):
            if isinstance(entry, ToJudge) and answer is not None:
                self._guard.see(_observed(entry.case, answer), request.step)
        return answers

    @contextmanager
    def admitted(self, candidates: int) -> Iterator[None]:
        """Room for so many candidates, or QueueFull. An empty queue takes any request."""
        if self._waiting and self._waiting + candidates > self._settings.queue_candidates:
            self._metrics.refused.inc()
            raise QueueFull(retry_after_s=RETRY_AFTER_S)
        self._waiting += candidates
        try:
            yield
        finally:
            self._waiting -= candidates

    async def judge(self, case: Case, protocol: str, votes: int | None, deadline_s: float) -> Judged:
        """Every candidate judged within the deadline, as far as that goes. Never raises for a server's sake."""
        ends = time.monotonic() + deadline_s
        policy = self.policy(votes)
        numbered = _numbered(case)
        key = judgement_key(self._identity(protocol), policy, numbered)
        while True:
            judgements, cached = await self._once(key, numbered, protocol, policy, ends)
            # Somebody with less patience had asked first.
            late = any(one.reason is Reason.TIMEOUT for one in judgements)
            if not (cached and late and ends - time.monotonic() > 0):
                break
        named = tuple(
            replace(judgement, candidate_id=candidate.id)
            for judgement, candidate in zip(judgements, case.candidates, strict=True)
        )
        unscored = sum(one.status is Status.UNSCORED for one in named)
        self._recent.judged(len(named) - unscored, unscored)
        return Judged(named, cached)

    async def _once(
        self, key: bytes, case: Case, protocol: str, policy: Policy, ends: float
    ) -> tuple[Judgements, bool]:
        kept, found = self._cache.recall_judgements(key), "memory"
        if kept is None and key not in self._flights:
            await self._cache.fetch([key])
            kept, found = self._cache.recall_judgements(key), "store"
        self._metrics.cache_reads.labels("judgement", found if kept else "miss").inc()
        if kept is not None:
            return kept, True
        shared = key in self._flights
        if shared:
            work = self._flights.join(key)
        else:
            work = asyncio.ensure_future(self._work(key, case, protocol, policy, ends))
            self._flights.start(key, work)
        try:
            # The driver keeps the deadline itself; the margin is for what comes after it.
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(0.0, ends - time.monotonic())):
                return await asyncio.shield(work), shared
        except TimeoutError:
            return _all_unscored(case, Reason.TIMEOUT, "no judgement within the deadline"), False
        finally:
            self._flights.leave(key, work)

    async def _work(self, key: bytes, case: Case, protocol: str, policy: Policy, ends: float) -> Judgements:
        started = time.monotonic()
        exchanges: list[Exchange] = []

        def recorder(messages: Sequence[Message], reply: Reply) -> None:
            exchanges.append((messages, reply))

        limit_s = min(self._settings.timeout_s, ends - started)
        try:
            with tracing.stage("judge"):
                judgements = await judge(
                    case,
                    protocol,
                    self._served,
                    policy,
                    deadline_s=limit_s * WORK_SHARE,
                    recorder=recorder if self._log else None,
                )
            judgements, told = await self._controls.apply(case, judgements, protocol, policy, ends)
        except Exception as error:
            log.exception("the judge failed")
            judgements = _all_unscored(case, Reason.UNAVAILABLE, f"{type(error).__name__} in the judge; this is a bug")
            told = False
        self._metrics.stage_seconds.labels("judge").observe(time.monotonic() - started)
        self._count(judgements, protocol)
        if told and all(one.status is not Status.UNSCORED for one in judgements):
            self._cache.keep_judgements(key, judgements)
        self._put(case, protocol, policy, exchanges, judgements)
        return judgements

    def _log_control(
        self, control: Control, protocol: str, policy: Policy, exchanges: list[Exchange], judgement: Judgement
    ) -> None:
        self._put(control.case, protocol, policy, exchanges, (judgement,), control=str(control.kind))

    def _identity(self, protocol: str) -> str:
        """All of the judge that can change a judgement, the way labels are read included."""
        able = self._served.capabilities
        forms = (able.logprobs, able.constraint, able.schema, able.thought_schema) if able else ("unknown",)
        read_as = "/".join(map(str, forms))
        controls = f"{self._settings.empty_control}/{self._settings.wrong_control_share:g}"
        return f"{self.name}\0{protocol}\0{PROTOCOLS[protocol].PROMPT_VERSION}\0{read_as}\0{controls}"

    def _count(self, judgements: Judgements, protocol: str) -> None:
        for one in judgements:
            reason = str(one.reason) if one.reason else "-"
            self._metrics.judgements.labels(protocol, str(one.status), reason).inc()
            self._metrics.judge_tokens.labels("prompt").inc(one.usage.prompt_tokens)
            self._metrics.judge_tokens.labels("completion").inc(one.usage.completion_tokens)
            self._metrics.judge_calls.inc(one.usage.calls)

    def _put(
        self,
        case: Case,
        protocol: str,
        policy: Policy,
        exchanges: list[Exchange],
        judgements: Judgements,
        control: str | None = None,
    ) -> None:
        """A line of the log, where there is one; `control` names what was asked to test the judge."""
        if self._log is None:
            return
        record: dict[str, Any] = {
            "at": time.time(),
            "control": control,
            "model": self.name,
            "capabilities": self.capabilities,
            "protocol": protocol,
            "prompt_version": PROTOCOLS[protocol].PROMPT_VERSION,
            "policy": policy,
            "case": replace(case, aspects=frozenset()),
            "aspects": sorted(case.aspects),
            "exchanges": [{"messages": messages, "reply": reply} for messages, reply in exchanges],
            "judgements": judgements,
        }
        self._log.put(record)


def _numbered(case: Case) -> Case:
    """The case with candidates named by their places: the caller's names are not part of what is judged."""
    candidates: tuple[Candidate, ...] = tuple(replace(one, id=str(at)) for at, one in enumerate(case.candidates))
    return replace(case, candidates=candidates)


def _all_unscored(case: Case, reason: Reason, detail: str) -> Judgements:
    return tuple(unscored(candidate, reason, detail) for candidate in case.candidates)


def _extracted(case: Case) -> Case:
    """The case with the final answers of its candidates, where the question has one and they can be found."""
    if case.task is not Task.ANSWER:
        return case
    found = (extract(one.response, case.question).answer for one in case.candidates)
    return replace(
        case,
        candidates=tuple(replace(one, answer=answer) for one, answer in zip(case.candidates, found, strict=True)),
    )


def _observed(case: Case, judged: Judged) -> list[Observed]:
    return [
        observed(TASK, candidate, one, one.reward)
        for candidate, one in zip(case.candidates, judged.judgements, strict=True)
    ]


def observed(task: str, candidate: Candidate, judgement: Judgement | None, reward: float | None) -> Observed:
    """What the guard-rails see of one judged response."""
    if judgement is None:
        return Observed(task, len(candidate.response), reward)
    failed = judgement.reason is Reason.CONTROL_FAILED
    decided = candidate.known_outcome is None and judgement.status is Status.SCORED
    return Observed(
        task=task,
        chars=len(candidate.response),
        reward=reward,
        controlled=failed or (decided and (judgement.reward or 0.0) >= ACCEPTED_FROM),
        control_failed=failed,
        label_mass=judgement.label_mass,
    )
