"""What this process did in the last minutes, for the console: counts by second, and where rules and model disagree.

Rule 1: constant memory: so many seconds, so many disagreements, so many characters of each.
Rule 2: text of a request is kept only where the operator has asked for it (`console.disagreements`), and only here,
        in memory: nothing is written anywhere.
Rule 3: a few additions for each request; nothing is computed until the console asks.
"""

import hashlib
import math
import secrets
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from verifiers.hybrid import Opinion
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from app.verification import Progress

SECONDS_KEPT = 300
"""Five minutes: long enough to see a training step or two."""
BUCKETS_PER_DOUBLING = 4
"""Latencies are counted in buckets 19 % wide: a percentile is exact to that."""
MIN_LATENCY_S = 1e-5
MAX_RESPONSE_CHARS = 4_000
"""From the end, where the answer stands."""
MAX_TEXT_CHARS = 2_000
"""Of a question, and of the references and options together."""


def bucket(seconds: float) -> int:
    """The number of a latency's bucket; its upper bound is `MIN_LATENCY_S * 2 ** (number / BUCKETS_PER_DOUBLING)`.

    >>> bucket(MIN_LATENCY_S * 2), bucket(0)
    (4, 0)
    """
    return max(0, math.ceil(BUCKETS_PER_DOUBLING * math.log2(max(seconds, MIN_LATENCY_S) / MIN_LATENCY_S)))


@dataclass(slots=True)
class Second:
    """One second's counts. `stages` are items by who decided, `latency` requests by bucket, `queued` the most seen."""

    at: int
    requests: int = 0
    items: int = 0
    judged: int = 0
    cached: int = 0
    rescued: int = 0
    undecided: int = 0
    queued: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    latency: Counter[int] = field(default_factory=Counter)


class Kind(StrEnum):
    """How rules and model disagree."""

    RESCUED = "rescued"  # the rules refused what the model accepts
    REFUSED = "refused"  # the rules accepted what the model refuses: seen only where opinions are asked for
    CONTROL_FAILED = "control_failed"  # the model accepted what it must refuse, so its word did not count


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One pair of answer and reference. `times`: how many responses gave this answer; the last one is shown."""

    id: int
    at: float
    kind: Kind
    task: str
    question: str | None
    references: tuple[str, ...]
    response: str
    shortened: bool
    options: Mapping[str, Any]
    verdict: Verdict
    opinion: Opinion
    outcome: Outcome
    times: int = 1


def kind_of(verdict: Verdict, opinion: Opinion) -> Kind | None:
    """How the two disagree, None where they do not, or one of them could not tell."""
    if opinion.control is False:
        return Kind.CONTROL_FAILED
    match verdict.outcome:
        case Outcome.CORRECT:
            return Kind.REFUSED if opinion.accepts is False else None
        case Outcome.INCORRECT | Outcome.UNREADABLE:
            return Kind.RESCUED if opinion.accepts else None
        case Outcome.UNDECIDABLE:
            return None


class Recent:
    """Give it what was answered, ask it for what to show. `disagreements` is how many are kept; 0 keeps none.
    `queued()` reads the pool's queue.
    """

    def __init__(self, disagreements: int, queued: Callable[[], int]) -> None:
        self.most = disagreements
        self.process = secrets.token_hex(4)
        self._queued = queued
        self._started = time.time() - time.monotonic()
        self._seconds: deque[Second] = deque(maxlen=SECONDS_KEPT)
        self._disagreements: OrderedDict[bytes, Disagreement] = OrderedDict()
        self._seen = 0

    def now(self) -> int:
        """The second that is running. The wall clock's at the start, the monotonic one's since: it never jumps."""
        return int(self._started + time.monotonic())

    def verified(
        self,
        items: Iterable["Progress"],
        counted: Mapping[tuple[str, str, str], int],
        seconds: float,
    ) -> None:
        """Take in one request: its items, their numbers by task, stage and outcome, and how long it took."""
        second = self._second()
        second.requests += 1
        second.latency[bucket(seconds)] += 1
        for (_, stage, outcome), number in counted.items():
            second.items += number
            second.stages[stage] += number
            second.undecided += number * (outcome == Outcome.UNDECIDABLE)
            second.rescued += number * (stage == "model" and outcome == Outcome.CORRECT)
        for progress in items:
            second.cached += progress.cached
            if self.most and progress.opinion is not None:
                self._keep(progress)

    def judged(self, scored: int, unscored: int) -> None:
        """Take in the candidates of one judged case."""
        second = self._second()
        second.judged += scored + unscored
        second.undecided += unscored

    def seconds(self, since: int) -> list[Second]:
        """The seconds from `since` on in which something happened or somebody looked, oldest first."""
        self._second()
        return [second for second in self._seconds if second.at >= since]

    def disagreements(self, task: str | None, limit: int) -> list[Disagreement]:
        """The latest first."""
        found = (one for one in reversed(self._disagreements.values()) if task in (None, one.task))
        return [one for one, _ in zip(found, range(limit), strict=False)]

    def disagreeing_tasks(self) -> list[str]:
        """The tasks of all that is kept."""
        return sorted({one.task for one in self._disagreements.values()})

    def _second(self) -> Second:
        now = self.now()
        if not self._seconds or self._seconds[-1].at != now:
            self._seconds.append(Second(now))
        second = self._seconds[-1]
        second.queued = max(second.queued, self._queued())
        return second

    def _keep(self, progress: "Progress") -> None:
        verdict, opinion, settled = progress.verdict, progress.opinion, progress.settled
        if verdict is None or opinion is None or settled is None:
            return
        kind = kind_of(verdict, opinion)
        if kind is None:
            return
        task, problem = progress.item.task, progress.item.problem
        # A group gives the same answer many times over: one line, with a count.
        asked = msgspec.json.encode((task, problem.question, problem.references, verdict.answer, kind))
        same = hashlib.blake2b(asked, digest_size=16).digest()
        known = self._disagreements.pop(same, None)
        self._seen += known is None
        number = self._seen if known is None else known.id
        kept = Disagreement(
            number, time.time(), kind, task, **_texts(problem), verdict=_bounded(verdict), opinion=opinion,
            outcome=settled.outcome, times=1 if known is None else known.times + 1,
        )  # fmt: skip
        self._disagreements[same] = kept
        while len(self._disagreements) > self.most:
            self._disagreements.popitem(last=False)


def _texts(problem: Problem) -> dict[str, Any]:
    """What may be kept of an item's text; `shortened` where that is not all."""
    references: list[str] = []
    left = MAX_TEXT_CHARS
    for reference in problem.references:
        if len(reference) > left:
            break
        references.append(reference)
        left -= len(reference)
    options = dict(problem.options) if len(msgspec.json.encode(problem.options)) <= left else {}
    question = problem.question and problem.question[:MAX_TEXT_CHARS]
    response = problem.response[-MAX_RESPONSE_CHARS:]
    kept = Problem(response, tuple(references), question, options)
    return {
        "question": question,
        "references": kept.references or (problem.references[0][:MAX_TEXT_CHARS],),
        "response": response,
        "options": options,
        "shortened": kept != problem,
    }


def _bounded(verdict: Verdict) -> Verdict:
    answer = verdict.answer and verdict.answer[:MAX_TEXT_CHARS]
    return msgspec.structs.replace(
        verdict, answer=answer, reason=verdict.reason[:MAX_TEXT_CHARS], understood=None, details=None
    )
