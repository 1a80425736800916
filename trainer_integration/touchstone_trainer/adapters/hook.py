"""What every hook is made of: its settings, its scorer, and what its framework is told where there is no reward.

Rule 1: a response without a reward is counted and logged, whatever the framework is told.
Rule 2: a hook may be pickled, forked and used from any thread and event loop; copies count for themselves.
Rule 3: settings come from the call, else from `TOUCHSTONE_REWARD_*` in the environment, else from here. A name that is
        not known is an error: a mistyped one would silently leave its default.
"""

import enum
import functools
import logging
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from touchstone_client import Client, Gathering, Recall
from touchstone_trainer.rewards import PATIENT, Route, Scored, Scorer

PREFIX = "TOUCHSTONE_REWARD_"
log = logging.getLogger("touchstone")


class OnNoVerdict(enum.StrEnum):
    """What a framework is told where there is no reward."""

    NATIVE = "native"
    """Its own way of leaving a sample out; where it has none, 0."""
    ZERO = "zero"
    VALUE = "value"
    """`no_verdict_value`, which may be NaN."""
    RAISE = "raise"


class NoVerdict(Exception):
    """A response got no reward and the framework was to hear of it as an error. `str()` says why."""


@dataclass(frozen=True)
class HookSettings:
    """How a hook reaches the service and what it does without a reward."""

    url: str = "http://127.0.0.1:8080"
    api_key: str | None = field(default=None, repr=False)
    task: str | None = None
    """For rows that name none; see `GET /v1/tasks`."""
    route: Route = "reward"
    recall: Recall = Recall.AUTO
    deadline_s: float = 120.0
    on_no_verdict: OnNoVerdict = OnNoVerdict.NATIVE
    no_verdict_value: float = 0.0
    group_size: int | None = None
    """Samples of one prompt, where a framework scores them one by one and a judge should see them together."""

    def __post_init__(self) -> None:
        if self.route not in ("verify", "reward"):
            raise ValueError(f"route is `verify` or `reward`, not {self.route!r}")

    @classmethod
    def of(cls, **given: Any) -> Self:
        """These settings, the environment's for those not given or None. Raises TypeError for an unknown name."""
        known = {one.name for one in fields(cls)}
        if unknown := sorted(given.keys() - known):
            raise TypeError(f"{', '.join(unknown)}: no such setting; there are {', '.join(sorted(known))}")
        found = {name: os.environ[PREFIX + name.upper()] for name in known if os.environ.get(PREFIX + name.upper())}
        found |= {name: value for name, value in given.items() if value is not None}
        return cls(**{name: _CONVERT.get(name, str)(value) for name, value in found.items()})


_CONVERT: Mapping[str, Any] = {
    "recall": Recall,
    "on_no_verdict": OnNoVerdict,
    "deadline_s": float,
    "no_verdict_value": float,
    "group_size": int,
}


class Hook:
    """One service as the hooks of one process call it.

    `without_reward` counts, by reason, what could not be scored.
    """

    def __init__(self, settings: HookSettings) -> None:
        self.settings = settings
        self.scorer = Scorer(
            Client(settings.url, api_key=settings.api_key, retry=PATIENT),
            task=settings.task,
            route=settings.route,
            recall=settings.recall,
            deadline_s=settings.deadline_s,
            gathering=Gathering(group_size=settings.group_size),
        )
        self.without_reward: Counter[str] = Counter()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "without_reward": Counter()}

    def told(self, scored: Scored, native: float | OnNoVerdict | None) -> float | None:
        """The reward, or what the framework is told in its place; `native` is its own way.

        Raises NoVerdict where that is to raise.
        """
        if scored.reward is not None:
            return scored.reward
        self._count(scored)
        chosen = native if self.settings.on_no_verdict is OnNoVerdict.NATIVE else self.settings.on_no_verdict
        match chosen:
            case OnNoVerdict.RAISE:
                raise NoVerdict(f"no reward ({scored.stage}: {scored.name}): {scored.reason}")
            case OnNoVerdict.ZERO | OnNoVerdict.NATIVE:
                return 0.0
            case OnNoVerdict.VALUE:
                return self.settings.no_verdict_value
            case _:
                return chosen

    def number(self, scored: Scored, native: float | OnNoVerdict) -> float:
        """The same for frameworks that take numbers alone."""
        told = self.told(scored, native)
        assert told is not None
        return told

    def _count(self, scored: Scored) -> None:
        self.without_reward[f"{scored.stage}: {scored.name}"] += 1
        total = self.without_reward.total()
        # At 1, 2, 4, 8 ...: the first is seen at once, and a dead service does not fill the log.
        if total & (total - 1) == 0:
            log.warning("%d responses without a reward, by reason: %s", total, dict(self.without_reward))


def hook(**given: Any) -> Hook:
    """The hook of these settings (`HookSettings.of`): one for each process."""
    return _hook(HookSettings.of(**given))


@functools.lru_cache(maxsize=64)
def _hook(settings: HookSettings) -> Hook:
    return Hook(settings)
