"""The second look: asks the model whether an answer says the same as a reference, and reports an Opinion.

Rule 1: the model sees the question, the references and the extracted answer, never the response around it.
Rule 2: whatever goes wrong here is an Opinion without a word (`accepts` None) and a reason, never an
        exception.
Rule 3: the same answer to the same question is asked once, however many responses gave it.
"""

import asyncio
import logging
import time

from app.cache.cache import Cache
from app.cache.keys import opinion_key
from app.metrics import Metrics
from app.settings import ModelSettings
from app.single_flight import SingleFlight
from grm.answer_check import PROMPT_VERSION, CheckPolicy, check_answer
from grm.backend import BackendError, ModelState, ServedModel
from verifiers.hybrid import OnModelFailure, Opinion
from verifiers.problem import Problem

MAX_REFERENCES_ASKED = 8
"""Alternatives are few; sixty-four calls for one answer would starve the others."""

log = logging.getLogger("touchstone")


class ModelStage:
    """A served model, its policy, and what it said before."""

    def __init__(self, served: ServedModel, settings: ModelSettings, cache: Cache, metrics: Metrics) -> None:
        self._served = served
        self._settings = settings
        self._policy = CheckPolicy(threshold=settings.threshold, max_answer_chars=settings.answer_chars)
        self._cache = cache
        self._metrics = metrics
        self._flights: SingleFlight[Opinion] = SingleFlight()

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

    async def start(self) -> None:
        """Begin to look after the server; it may come up later than the service."""
        await self._served.start()

    async def close(self) -> None:
        """Let go of the server."""
        await self._served.aclose()

    def key(self, problem: Problem, answer: str) -> bytes:
        """Under which this opinion is kept: all that can change it, the way labels are read included."""
        able = self._served.capabilities
        read_as = "unknown" if able is None else "logprobs" if able.logprobs else able.constraint
        return opinion_key(f"{self.name}\0{PROMPT_VERSION}\0{self._policy}\0{read_as}", problem, answer)

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

    async def _ask_for_each(self, problem: Problem, answer: str) -> Opinion:
        """Each reference until one is accepted. "No" only when every one of them was answered."""
        ends = time.monotonic() + self._settings.call_timeout_s
        untold = ""
        refused = ""
        for reference in problem.references[:MAX_REFERENCES_ASKED]:
            reading = await check_answer(
                self._served,
                question=problem.question,
                reference=reference,
                answer=answer,
                deadline_s=max(0.001, ends - time.monotonic()),
                policy=self._policy,
            )
            if reading.accepts:
                return Opinion(self.name, accepts=True, reason=reading.reason)
            if reading.accepts is None:
                untold = reading.reason
            else:
                refused = reading.reason
        if len(problem.references) > MAX_REFERENCES_ASKED:
            untold = untold or f"only the first {MAX_REFERENCES_ASKED} references are shown to the model"
        if untold:
            return self._failed("unreadable", untold)
        return Opinion(self.name, accepts=False, reason=refused)

    def _failed(self, kind: str, reason: str) -> Opinion:
        self._metrics.model_failures.labels(kind).inc()
        return Opinion(self.name, accepts=None, reason=reason)
