"""Responses to rewards, over HTTP. No torch here: this runs in a trainer's reward worker.

Rule 1: one result for each sample, in order. `Scored.reward` is the one source of truth: a float, or None for "leave
        this sample out". None is never made into 0.0; how a trainer is told is its adapter's business.
Rule 2: a service that fails costs rewards (None, with the reason), not the training run. A call that is wrong raises:
        it would cost every reward from the first step on.
Rule 3: route `verify` asks the verifier alone, whatever else a sample carries (phase 1); route `reward` goes by the
        sample's rule, or its task's: verifier, judge or both (phase 2).
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from touchstone_client import (
    AsyncClient,
    AsyncMicroBatcher,
    Client,
    Gathering,
    JudgeStatus,
    MicroBatcher,
    Outcome,
    Recall,
    RetryPolicy,
    RewardResult,
    RubricCriterion,
    VerifyItem,
    VerifyResult,
)
from touchstone_client.contract_judge import CLIENT_FAILED

Reference = str | Sequence[str]
Route = Literal["verify", "reward"]
MODEL, JUDGE, SERVICE, CLIENT = "model", "judge", "service", "client"
"""Who may have had the last word, beside `rules`."""
PATIENT = RetryPolicy(max_retries=10_000, max_wait_s=5.0)
"""A call ends by its deadline, not by a number of tries: a service that is away for a minute costs time, no rewards."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One response to score, with what its task needs. Members of a `group` are judged together.

    `task` None: the scorer's own; see `GET /v1/tasks`, or `open` where only a judge can tell.
    """

    response: str
    reference: Reference | None = None
    question: str | None = None
    task: str | None = None
    group: str | None = None
    rubric: Sequence[RubricCriterion | Mapping[str, Any]] = ()
    rule: str | None = None
    protocol: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    reasoning: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """What became of one sample. `stage` had the last word: `rules`, `model` (a second look), `judge`, `service` or
    `client` (neither was reached); `name` is the rule, the protocol or, without a reward, the reason code.

    `outcome` is the verifier's, None where none was asked. `components` holds the numbers that the reward was made of:
    `verifier`, `judge`, and the judge's `outcome` and `process`.
    """

    reward: float | None
    stage: str
    name: str
    reason: str
    task: str
    status: JudgeStatus
    rule: str = "verifier"
    outcome: Outcome | None = None
    rescued: bool = False
    cached: bool = False
    components: Mapping[str, float] = field(default_factory=dict)

    @property
    def left_out(self) -> bool:
        """Whether there is no reward: the sample belongs neither in a baseline nor in the loss."""
        return self.reward is None


@dataclass(frozen=True)
class Stats:
    """What became of a number of samples: how many by stage, by the verifier's outcome and by the rule of the reward;
    `undecided_by` counts the stages and names that left rewards out. `waited_s` adds up calls, also those that waited
    at the same time.
    """

    stages: Mapping[str, int] = field(default_factory=dict)
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)
    undecided_by: Mapping[str, int] = field(default_factory=dict)
    rescued: int = 0
    rejected: int = 0
    cached: int = 0
    waited_s: float = 0.0

    @property
    def responses(self) -> int:
        """How many there were."""
        return sum(self.stages.values())

    @property
    def undecided_share(self) -> float:
        """Share of responses without a reward; 0 where there are no responses."""
        return sum(self.undecided_by.values()) / self.responses if self.responses else 0.0

    @property
    def rescued_share(self) -> float:
        """Share of responses that the second look turned to correct; 0 where there are no responses."""
        return self.rescued / self.responses if self.responses else 0.0

    def __add__(self, other: "Stats") -> "Stats":
        return Stats(
            stages=Counter(self.stages) + Counter(other.stages),
            outcomes=Counter(self.outcomes) + Counter(other.outcomes),
            rules=Counter(self.rules) + Counter(other.rules),
            undecided_by=Counter(self.undecided_by) + Counter(other.undecided_by),
            rescued=self.rescued + other.rescued,
            rejected=self.rejected + other.rejected,
            cached=self.cached + other.cached,
            waited_s=self.waited_s + other.waited_s,
        )


class Scorer:
    """Scores responses through a Touchstone service. Can be pickled into reward workers, used from many threads and
    from several event loops.

    `last` holds the statistics of the last call and `total` those of all; a copy made by pickling starts its own.

    >>> from touchstone_client import Client
    >>> from touchstone_client.testing import canned
    >>> graded = canned(lambda item: 1.0 if item["response"] == item.get("reference") else 0.0)
    >>> scorer = Scorer(Client(transport=graded))
    >>> scorer(["4", "5"], ["4", "4"])
    [1.0, 0.0]
    >>> scorer.last.outcomes[Outcome.CORRECT], scorer.last.undecided_share
    (1, 0.0)
    >>> samples = [Sample("4", "4", group="g"), Sample("5", "4", group="g")]
    >>> [(one.reward, one.status.value) for one in scorer.score(samples, route="reward", step=7)]
    [(1.0, 'scored'), (0.0, 'scored')]
    """

    def __init__(
        self,
        client: Client | str,
        *,
        task: str | None = None,
        route: Route = "verify",
        recall: Recall | str = Recall.AUTO,
        deadline_s: float = 120.0,
        gathering: Gathering = Gathering(),  # noqa: B008 - frozen
    ) -> None:
        self.client = Client(client, retry=PATIENT) if isinstance(client, str) else client
        self.async_client = AsyncClient.like(self.client)
        self.batcher = MicroBatcher(self.client, gathering)
        self.async_batcher = AsyncMicroBatcher(self.async_client, gathering)
        self.task = task
        self.route = route
        self.recall = Recall(recall)
        self.deadline_s = deadline_s
        self._start()

    def _start(self) -> None:
        self.last = Stats()
        self.total = Stats()
        # By process: a lock that a thread of the parent held at a fork would stay shut in the child.
        self._locks: dict[int, threading.Lock] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("last", "total", "_locks")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

    def __call__(
        self,
        responses: Sequence[str],
        references: Sequence[Reference],
        *,
        questions: Sequence[str | None] | None = None,
        tasks: Sequence[str] | None = None,
    ) -> list[float | None]:
        """The rewards in the order of the responses."""
        return [one.reward for one in self.score(_in_rows(responses, references, questions, tasks))]

    def score(self, samples: Sequence[Sample], *, route: Route | None = None, step: int | None = None) -> list[Scored]:
        """What became of each sample, in order. `step` is the policy's training step, for the service's guard-rails."""
        started, route = time.monotonic(), route or self.route
        results = getattr(self.client, route)(self._items(samples, route), **self._settings(step))
        return self._counted(results, started)

    async def score_async(
        self, samples: Sequence[Sample], *, route: Route | None = None, step: int | None = None
    ) -> list[Scored]:
        """The same, awaited."""
        started, route = time.monotonic(), route or self.route
        results = await getattr(self.async_client, route)(self._items(samples, route), **self._settings(step))
        return self._counted(results, started)

    def score_one(self, sample: Sample, *, route: Route | None = None, step: int | None = None) -> Scored:
        """What became of one sample, for hooks that get one at a time: calls of one moment, from whatever thread, are
        sent together (`gathering`).
        """
        started, route = time.monotonic(), route or self.route
        result = getattr(self.batcher, route)(*self._items([sample], route), **self._settings(step))
        return self._counted([result], started)[0]

    async def score_one_async(self, sample: Sample, *, route: Route | None = None, step: int | None = None) -> Scored:
        """The same, awaited."""
        started, route = time.monotonic(), route or self.route
        result = await getattr(self.async_batcher, route)(*self._items([sample], route), **self._settings(step))
        return self._counted([result], started)[0]

    def close(self) -> None:
        """Release this process's connections and the thread behind `score_one`. A later call starts anew."""
        self.batcher.close()
        self.client.close()

    def _settings(self, step: int | None) -> dict[str, Any]:
        return {"recall": self.recall, "deadline_s": self.deadline_s, "on_error": "null", "step": step}

    def _items(self, samples: Sequence[Sample], route: Route) -> list[dict[str, Any]]:
        names = VerifyItem.model_fields if route == "verify" else Sample.__dataclass_fields__
        return [_item(sample, names, self.task) for sample in samples]

    def _counted(self, results: Sequence[VerifyResult | RewardResult], started: float) -> list[Scored]:
        scored = [_by_verdict(one) if isinstance(one, VerifyResult) else _by_reward(one) for one in results]
        seen = stats(scored, time.monotonic() - started)
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            self.last = seen
            self.total += seen
        return scored


def _in_rows(
    responses: Sequence[str],
    references: Sequence[Reference],
    questions: Sequence[str | None] | None = None,
    tasks: Sequence[str] | None = None,
) -> list[Sample]:
    """Columns as samples. Raises ValueError where one is shorter: all rewards after the gap would be another's."""
    columns: dict[str, Sequence[Any]] = {"response": responses, "reference": references}
    columns |= {"question": questions} if questions is not None else {}
    columns |= {"task": tasks} if tasks is not None else {}
    for name, column in columns.items():
        if len(column) != len(responses):
            raise ValueError(f"{len(responses)} responses but {len(column)} of {name}: give one for each")
    return [Sample(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def stats(scored: Sequence[Scored], waited_s: float) -> Stats:
    """The statistics of some samples that were waited for together."""
    return Stats(
        stages=Counter(one.stage for one in scored),
        outcomes=Counter(one.outcome for one in scored if one.outcome is not None),
        rules=Counter(one.rule for one in scored if one.rule),
        undecided_by=Counter(f"{one.stage}: {one.name}" for one in scored if one.left_out),
        rescued=sum(one.rescued for one in scored),
        rejected=sum(one.status is JudgeStatus.REJECTED for one in scored),
        cached=sum(one.cached for one in scored),
        waited_s=waited_s,
    )


def _item(sample: Sample, names: Iterable[str], task: str | None) -> dict[str, Any]:
    # What is not given is not sent: the service's own defaults hold.
    given = {name: getattr(sample, name) for name in names}
    given["task"] = sample.task or task
    if not (sample.reference is None or isinstance(sample.reference, str)):
        given["reference"] = list(sample.reference)
    return {name: value for name, value in given.items() if value is not None and value not in ((), {})}


def _by_verdict(result: VerifyResult) -> Scored:
    return Scored(
        reward=result.reward,
        stage=result.decided_by.stage,
        name=result.decided_by.name,
        reason=result.reason,
        task=result.task,
        status=JudgeStatus.UNSCORED if result.reward is None else JudgeStatus.SCORED,
        outcome=result.outcome,
        rescued=_rescued(result),
        cached=result.cached,
        components={} if result.reward is None else {"verifier": result.reward},
    )


def _by_reward(result: RewardResult) -> Scored:
    verdict, judged = result.components.verifier, result.components.judge
    numbers = {
        "verifier": verdict.reward if verdict else None,
        "judge": judged.reward if judged else None,
        "outcome": judged.outcome if judged else None,
        "process": judged.process if judged else None,
    }
    if judged is not None:
        stage, name = JUDGE, judged.protocol if result.reward is not None else result.reason
    elif verdict is not None:
        stage, name = verdict.decided_by.stage, verdict.decided_by.name
    else:
        stage, name = CLIENT if result.reason == CLIENT_FAILED else SERVICE, result.reason
    return Scored(
        reward=result.reward,
        stage=stage,
        name=name,
        reason=result.detail or result.reason,
        task=result.task,
        status=result.status,
        rule=result.rule,
        outcome=verdict.outcome if verdict else None,
        rescued=verdict is not None and _rescued(verdict),
        cached=verdict is not None and verdict.cached,
        components={name: number for name, number in numbers.items() if number is not None},
    )


def _rescued(result: VerifyResult) -> bool:
    return result.decided_by.stage == MODEL and result.outcome is Outcome.CORRECT
