"""Responses and references to rewards, over HTTP. No torch here: this runs in a trainer's reward worker.

Rule 1: one reward for each response, in order: 1.0, 0.0, or None for "leave this sample out".
Rule 2: None is never made into 0.0; what to do with it is the trainer's adapter's business.
Rule 3: a service that fails costs rewards (None, with a reason in the statistics), not the training run. A call
        that is wrong raises: it would cost every reward from the first step on.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from touchstone_client import Client, Outcome, Recall, VerifyResult

Reference = str | Sequence[str]


@dataclass(frozen=True)
class Stats:
    """What became of a number of responses. `undecided_by` counts the stages and names that left rewards out."""

    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    undecided_by: Mapping[str, int] = field(default_factory=dict)
    cached: int = 0
    waited_s: float = 0.0

    @property
    def responses(self) -> int:
        """How many there were."""
        return sum(self.outcomes.values())

    @property
    def undecided_share(self) -> float:
        """Share of responses without a reward; 0 where there are no responses."""
        return self.outcomes.get(Outcome.UNDECIDABLE, 0) / self.responses if self.responses else 0.0

    def __add__(self, other: "Stats") -> "Stats":
        return Stats(
            outcomes=Counter(self.outcomes) + Counter(other.outcomes),
            undecided_by=Counter(self.undecided_by) + Counter(other.undecided_by),
            cached=self.cached + other.cached,
            waited_s=self.waited_s + other.waited_s,
        )


class Scorer:
    """Scores batches of responses through a Touchstone service. Can be pickled into reward workers.

    `last` holds the statistics of the last call and `total` those of all; a copy made by pickling starts its own.

    >>> from touchstone_client import Client
    >>> from touchstone_client.testing import canned
    >>> graded = canned(lambda item: 1.0 if item["response"] == item["reference"] else 0.0)
    >>> scorer = Scorer(Client(transport=graded))
    >>> scorer(["4", "5"], ["4", "4"])
    [1.0, 0.0]
    >>> scorer.last.outcomes[Outcome.CORRECT], scorer.last.undecided_share
    (1, 0.0)
    """

    def __init__(
        self, client: Client | str, *, task: str = "math", recall: Recall | str = Recall.AUTO, deadline_s: float = 120.0
    ) -> None:
        self.client = Client(client) if isinstance(client, str) else client
        self.task = task
        self.recall = Recall(recall)
        self.deadline_s = deadline_s
        self.last = Stats()
        self.total = Stats()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "last": Stats(), "total": Stats()}

    def __call__(
        self,
        responses: Sequence[str],
        references: Sequence[Reference],
        *,
        questions: Sequence[str | None] | None = None,
        tasks: Sequence[str] | None = None,
    ) -> list[float | None]:
        """The rewards in the order of the responses."""
        items = self._items(responses, references, questions, tasks)
        started = time.monotonic()
        results = self.client.verify(items, recall=self.recall, deadline_s=self.deadline_s, on_error="null")
        self.last = _stats(results, time.monotonic() - started)
        self.total += self.last
        return [result.reward for result in results]

    def _items(
        self,
        responses: Sequence[str],
        references: Sequence[Reference],
        questions: Sequence[str | None] | None,
        tasks: Sequence[str] | None,
    ) -> list[dict[str, Any]]:
        columns: dict[str, Sequence[Any]] = {
            "response": responses,
            "reference": [given if isinstance(given, str) else list(given) for given in references],
            "question": questions if questions is not None else [None] * len(responses),
            "task": tasks if tasks is not None else [self.task] * len(responses),
        }
        for name, column in columns.items():
            if len(column) != len(responses):
                raise ValueError(f"{len(responses)} responses but {len(column)} of {name}: give one for each")
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _stats(results: Sequence[VerifyResult], waited_s: float) -> Stats:
    undecided = [result.decided_by for result in results if result.reward is None]
    return Stats(
        outcomes=Counter(result.outcome for result in results),
        undecided_by=Counter(f"{decided_by.stage}: {decided_by.name}" for decided_by in undecided),
        cached=sum(result.cached for result in results),
        waited_s=waited_s,
    )
