"""The second look: asks the model whether an answer says the same as a reference, and reports an Opinion.

A "yes" counts only when it is said twice, the second time with the two sides swapped, by a model that refuses what it
must refuse: an empty answer for this reference, and, on a sample, the accepted answer for a wrong one.

Rule 1: the model sees the question, the references and the extracted answer, never the response around it.
Rule 2: whatever goes wrong here is an Opinion without a word (`accepts` None) and a reason, never an
        exception.
Rule 3: the same answer to the same question is asked once, however many responses gave it.
"""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, replace

from app import tracing
from app.cache.cache import Cache
from app.cache.keys import control_key, opinion_key
from app.metrics import Metrics
from app.settings import ModelSettings
from app.single_flight import SingleFlight
from grm.answer_check import PROMPT_VERSION, CheckPolicy, Reading, check_answer
from grm.backend import BackendError, Capabilities, ModelState, ServedModel
from grm.controls import EMPTY_RESPONSE, spoil
from verifiers.hybrid import OnModelFailure, Opinion
from verifiers.problem import Problem

MAX_REFERENCES_ASKED = 8
"""Alternatives are few; sixty-four calls for one answer would starve the others."""

EMPTY, WRONG_REFERENCE = "empty_response", "wrong_reference"
"""The controls, as metrics and explanations name them."""

log = logging.getLogger("touchstone")


@dataclass(frozen=True, slots=True)
class Heard:
    """One question to the model and how its reply was read; `asked` is `first`, `swapped`, or a control's name."""

    asked: str
    reference: str
    answer: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Asking:
    """One answer against one reference; `ends` is a time of the monotonic clock, `heard` collects for `listen`."""

    question: str | None
    reference: str
    answer: str
    ends: float
    heard: list[Heard] | None = None


class ModelStage:
    """A served model, its policy, and what it said before."""

    def __init__(self, served: ServedModel, settings: ModelSettings, cache: Cache, metrics: Metrics) -> None:
        self._served = served
        self._settings = settings
        self._policy = CheckPolicy(threshold=settings.threshold, max_answer_chars=settings.answer_chars)
        # With the sides swapped the reference stands in the answer's place, and may be as long as one.
        self._swapped = replace(self._policy, max_answer_chars=self._policy.max_reference_chars)
        self._cache = cache
        self._metrics = metrics
        self._flights: SingleFlight[Opinion] = SingleFlight()
        self._controls: SingleFlight[bool | None] = SingleFlight()

    @property
    def name(self) -> str:
        """The model."""
        return self._served.name

    @property
    def on_failure(self) -> OnModelFailure:
        """What a failed second look leaves behind."""
        return self._settings.on_failure

    @property
    def state(self) -> ModelState:
        """How its server is."""
        return self._served.state

    @property
    def capabilities(self) -> Capabilities | None:
        """What its server was seen to do."""
        return self._served.capabilities

    def key(self, problem: Problem, answer: str) -> bytes:
        """Under which this opinion is kept: all that can change it, the way labels are read included."""
        able = self._served.capabilities
        read_as = "unknown" if able is None else "logprobs" if able.logprobs else able.constraint
        settings = self._settings
        asked = f"{settings.swapped_read}/{settings.empty_control}/{settings.wrong_control_share:g}"
        return opinion_key(f"{self.name}\0{PROMPT_VERSION}\0{self._policy}\0{read_as}\0{asked}", problem, answer)

    def recall(self, problem: Problem, answer: str) -> Opinion | None:
        """What the model said before, as far as this process remembers."""
        return self._cache.recall_opinion(self.key(problem, answer))

    async def opinion(self, problem: Problem, answer: str, deadline_s: float) -> tuple[Opinion, bool]:
        """What the model says within the deadline, and whether it was said before or to another item."""
        key = self.key(problem, answer)
        kept = self._cache.recall_opinion(key)
        found = "memory"
        if kept is None and key not in self._flights:
            await self._cache.fetch([key])
            kept = self._cache.recall_opinion(key)
            found = "store"
        self._metrics.cache_reads.labels("opinion", found if kept else "miss").inc()
        if kept is not None:
            return kept, True
        shared = key in self._flights
        if shared:
            work = self._flights.join(key)
        else:
            # The work has the setting's time, not this caller's: others with more patience may join it.
            work = asyncio.ensure_future(self._ask(key, problem, answer))
            self._flights.start(key, work)
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.shield(work), shared
        except TimeoutError:
            return self._failed("deadline", "no answer from the model within the deadline"), False
        finally:
            self._flights.leave(key, work)

    async def _ask(self, key: bytes, problem: Problem, answer: str) -> Opinion:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._settings.call_timeout_s):
                with tracing.stage("model"):
                    opinion = await self._ask_for_each(problem, answer)
        except BackendError as error:
            opinion = self._failed(type(error).__name__, str(error))
        except TimeoutError:
            opinion = self._failed("TooSlow", f"no answer from the model in {self._settings.call_timeout_s:g} s")
        except Exception as error:
            log.exception("the model stage failed")
            opinion = self._failed("bug", f"{type(error).__name__} in the model stage")
        self._metrics.stage_seconds.labels("model").observe(time.monotonic() - started)
        self._cache.keep_opinion(key, opinion)
        return opinion

    async def listen(self, problem: Problem, answer: str, deadline_s: float) -> list[Heard]:
        """Every question behind an opinion, asked again for people to see."""
        heard: list[Heard] = []
        with contextlib.suppress(BackendError, TimeoutError):  # what was heard until then tells
            async with asyncio.timeout(min(deadline_s, self._settings.call_timeout_s)):
                await self._ask_for_each(problem, answer, heard)
        return heard

    async def _ask_for_each(self, problem: Problem, answer: str, heard: list[Heard] | None = None) -> Opinion:
        """Each reference until one is accepted. "No" only when every one of them was answered."""
        ends = time.monotonic() + self._settings.call_timeout_s
        untold = refused = ""
        masses: list[float] = []
        for reference in problem.references[:MAX_REFERENCES_ASKED]:
            asking = Asking(problem.question, reference, answer, ends, heard)
            reading = await self._agreed(asking)
            masses = [*masses, reading.label_mass] if reading.label_mass is not None else masses
            mass = min(masses, default=None)
            if reading.accepts:
                failed, controlled = await self._control_failure(asking)
                if failed:
                    self._metrics.model_failures.labels("control_failed").inc()
                    return Opinion(self.name, None, failed, mass, control=False)
                return Opinion(self.name, True, reading.reason, mass, control=True if controlled else None)
            if reading.accepts is None:
                untold = reading.reason
            else:
                refused = reading.reason
        if len(problem.references) > MAX_REFERENCES_ASKED:
            untold = untold or f"only the first {MAX_REFERENCES_ASKED} references are shown to the model"
        if untold:
            return replace(self._failed("unreadable", untold), label_mass=min(masses, default=None))
        return Opinion(self.name, accepts=False, reason=refused, label_mass=min(masses, default=None))

    async def _check(self, asking: "Asking", asked: str, reference: str, answer: str, policy: CheckPolicy) -> Reading:
        reading = await check_answer(
            self._served,
            question=asking.question,
            reference=reference,
            answer=answer,
            deadline_s=max(0.001, asking.ends - time.monotonic()),
            policy=policy,
        )
        if asking.heard is not None:
            asking.heard.append(Heard(asked, reference, answer, reading))
        return reading

    async def _agreed(self, asking: "Asking") -> Reading:
        """The first reading, and where it accepts, the second with the sides swapped: both must."""
        first = await self._check(asking, "first", asking.reference, asking.answer, self._policy)
        if not (first.accepts and self._settings.swapped_read):
            return first
        second = await self._check(asking, "swapped", asking.answer, asking.reference, self._swapped)
        masses = [mass for mass in (first.label_mass, second.label_mass) if mass is not None]
        if second.accepts:
            return replace(first, label_mass=min(masses, default=None))
        return replace(second, label_mass=min(masses, default=None), reason=f"{second.reason} (sides swapped)")

    async def _control_failure(self, asking: "Asking") -> tuple[str, bool]:
        """What the model failed to refuse, "" where nothing; and whether a control was asked and could be read."""
        controlled = False
        if self._settings.empty_control:
            passed = await self._passes_empty(asking)
            if passed is False:
                return "control_failed: the model accepts an empty answer for this reference", True
            controlled = passed is not None
        spoiled = spoil(asking.reference)
        if spoiled is not None and self._sampled(asking):
            reading = await self._check(asking, WRONG_REFERENCE, spoiled, asking.answer, self._policy)
            self._counted(WRONG_REFERENCE, reading)
            if reading.accepts:
                return "control_failed: the model accepts the answer for a wrong reference too", True
            controlled = controlled or reading.accepts is not None
        return "", controlled

    async def _passes_empty(self, asking: "Asking") -> bool | None:
        """Whether the model refuses an empty answer for this reference: asked once. None where it cannot be told."""
        key = control_key(f"{self.name}\0{PROMPT_VERSION}\0{self._policy}", "empty", asking.question, asking.reference)
        if asking.heard is not None:  # what was remembered, or another caller hears, would not be told
            return await self._ask_empty(key, asking)
        await self._cache.fetch([key])
        if (passed := self._cache.recall_pass(key)) is not None:
            return passed
        if key in self._controls:  # the answers of a group come together, and need one control
            work = self._controls.join(key)
        else:
            work = asyncio.ensure_future(self._ask_empty(key, asking))
            self._controls.start(key, work)
        try:
            return await asyncio.shield(work)
        finally:
            self._controls.leave(key, work)

    async def _ask_empty(self, key: bytes, asking: "Asking") -> bool | None:
        reading = await self._check(asking, EMPTY, asking.reference, EMPTY_RESPONSE, self._policy)
        self._counted(EMPTY, reading)
        if reading.accepts is None:
            return None
        self._cache.keep_pass(key, not reading.accepts)
        return not reading.accepts

    def _counted(self, kind: str, reading: Reading) -> None:
        result = "untold" if reading.accepts is None else "failed" if reading.accepts else "held"
        self._metrics.controls.labels(kind, result).inc()

    def _sampled(self, asking: "Asking") -> bool:
        """By content: the same answer is always in the sample, or never."""
        digest = control_key(self.name, asking.answer, asking.question, asking.reference)
        return int.from_bytes(digest[:8], "big") < self._settings.wrong_control_share * 2**64

    def _failed(self, kind: str, reason: str) -> Opinion:
        self._metrics.model_failures.labels(kind).inc()
        return Opinion(self.name, accepts=None, reason=reason)
