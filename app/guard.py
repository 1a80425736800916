"""Guard-rails over time: how rewards come about, per task and policy step, and an alarm when that changes.

A policy that learns to fool the verifier or the judge shows first as a jump of these figures, while the reward
itself looks better than ever.

Rule 1: figures are kept by epoch: the caller's training step where it sends one, else blocks of items in the order
        in which they come. The alarm compares the last full epoch of a task with those before it.
Rule 2: an alarm says something and changes nothing: no reward depends on it.
Rule 3: pure counting, constant memory: a bounded number of epochs per task, tasks by registered names only. Each
        server process sees its own share of the traffic, alarms included; the sums go out as counters, so that
        Prometheus can make the figures of all processes together.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import mul

import msgspec
from prometheus_client import Counter, Gauge

from app.metrics import Metrics
from app.settings import GuardSettings

FIGURES = ("rescue_rate", "rescued_share", "control_failures", "label_mass", "length_correlation")
"""Share of second looks that rescued; share of paid items paid by rescue; share of controls that failed; mean label
mass of the model's reads; correlation of the response's log length with its reward."""


class Observed(msgspec.Struct, frozen=True, gc=False):
    """One item as it was answered. `looked`: a model had a second look; `rescued`: it turned the verdict."""

    task: str
    chars: int
    reward: float | None
    looked: bool = False
    rescued: bool = False
    controlled: bool = False
    control_failed: bool = False
    label_mass: float | None = None


@dataclass(slots=True)
class Epoch:
    """Sums over the items of one step or block; sums of epochs are epochs again."""

    items: int = 0
    looks: int = 0
    rescues: int = 0
    paid: int = 0
    rescued_paid: int = 0
    controls: int = 0
    control_failures: int = 0
    reads: int = 0
    mass: float = 0.0
    scored: int = 0
    length: float = 0.0
    length_squared: float = 0.0
    reward: float = 0.0
    reward_squared: float = 0.0
    product: float = 0.0

    def merge(self, other: "Epoch") -> None:
        """Take in what another holds."""
        for part in PARTS:
            setattr(self, part, getattr(self, part) + getattr(other, part))

    def figure(self, name: str, least: int) -> float | None:
        """One of FIGURES, or None where fewer than `least` observations stand behind it."""
        match name:
            case "rescue_rate":
                return self.rescues / self.looks if self.looks >= least else None
            case "rescued_share":
                return self.rescued_paid / self.paid if self.paid >= least else None
            case "control_failures":
                return self.control_failures / self.controls if self.controls >= max(1, least // 4) else None
            case "label_mass":
                return self.mass / self.reads if self.reads >= least else None
            case "length_correlation":
                return self._correlation() if self.scored >= least else None
            case _:
                raise KeyError(name)

    def _correlation(self) -> float | None:
        spread_length = self.scored * self.length_squared - self.length * self.length
        spread_reward = self.scored * self.reward_squared - self.reward * self.reward
        # Rounding leaves crumbs where all lengths or all rewards are alike.
        if spread_length <= 1e-9 * self.scored**2 or spread_reward <= 1e-9 * self.scored**2:
            return None
        return (self.scored * self.product - self.length * self.reward) / math.sqrt(spread_length * spread_reward)


def added_up(seen: Sequence[Observed]) -> Epoch:
    """The sums over some items; most of them no model has looked at."""
    looked = [one for one in seen if one.looked or one.controlled or one.control_failed]
    masses = [one.label_mass for one in seen if one.label_mass is not None]
    lengths = [math.log1p(one.chars) for one in seen if one.reward is not None]
    rewards = [one.reward for one in seen if one.reward is not None]
    return Epoch(
        items=len(seen),
        looks=sum(one.looked for one in looked),
        rescues=sum(one.rescued for one in looked),
        paid=sum(reward > 0 for reward in rewards),
        rescued_paid=sum(one.rescued for one in looked if one.reward is not None and one.reward > 0),
        controls=sum(one.controlled for one in looked),
        control_failures=sum(one.control_failed for one in looked),
        reads=len(masses),
        mass=sum(masses),
        scored=len(rewards),
        length=sum(lengths),
        length_squared=sum(map(mul, lengths, lengths)),
        reward=sum(rewards),
        reward_squared=sum(map(mul, rewards, rewards)),
        product=sum(map(mul, lengths, rewards)),
    )


PARTS = tuple(part.name for part in fields(Epoch))


def pooled(epochs: Iterable[Epoch]) -> Epoch:
    """All of them as one."""
    total = Epoch()
    for epoch in epochs:
        total.merge(epoch)
    return total


class _Task:
    """The epochs of one task, oldest first, each with its step."""

    def __init__(self, settings: GuardSettings) -> None:
        self._block_items = settings.block_items
        self.epochs: deque[tuple[int | None, Epoch]] = deque(maxlen=settings.epochs)
        self._pooled: dict[int, Epoch] = {}

    def before(self, last: int) -> Epoch:
        """All but the `last` epochs as one, kept until one of them changes: adding up is slow."""
        if last not in self._pooled:
            self._pooled[last] = pooled(epoch for _, epoch in list(self.epochs)[:-last])
        return self._pooled[last]

    def _append(self, step: int | None) -> None:
        self.epochs.append((step, Epoch()))
        self._pooled.clear()

    def add(self, seen: Sequence[Observed], step: int | None) -> Epoch:
        """Take in items, and give their sums; items of a step that is no longer kept count with the oldest."""
        if step is not None:
            sums = added_up(seen)
            self._of(step).merge(sums)
            return sums
        total = Epoch()
        while seen:
            if not self.epochs or self.epochs[-1][0] is not None or self.epochs[-1][1].items >= self._block_items:
                self._append(None)
            block = self.epochs[-1][1]
            room = self._block_items - block.items
            sums = added_up(seen[:room])
            block.merge(sums)
            total.merge(sums)
            seen = seen[room:]
        return total

    def _of(self, step: int) -> Epoch:
        """The epoch that items of this step count with."""
        if self.epochs and self.epochs[-1][0] == step:
            return self.epochs[-1][1]
        newest = max((known for known, _ in self.epochs if known is not None), default=-1)
        if step > newest:
            self._append(step)
        self._pooled.clear()
        at_or_before = [epoch for known, epoch in self.epochs if known is not None and known <= step]
        return at_or_before[-1] if at_or_before else self.epochs[0][1]


class Guard:
    """Give it what was answered with `see`, ask with `alarms` what sounds."""

    def __init__(self, settings: GuardSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._jumps = settings.jumps()
        # The library looks a label's counter or gauge up under a lock each time.
        self._sums: dict[tuple[str, str], Counter] = {}
        self._gauges: dict[tuple[str, str], tuple[Gauge, Gauge]] = {}
        self._tasks: dict[str, _Task] = {}
        self._standing: dict[str, list[str]] = {}

    def see(self, observed: Iterable[Observed], step: int | None) -> None:
        """Count the items of one request."""
        by_task: dict[str, list[Observed]] = {}
        for one in observed:
            by_task.setdefault(one.task, []).append(one)
        for name, seen in by_task.items():
            if (task := self._tasks.get(name)) is None:
                task = self._tasks[name] = _Task(self._settings)
            sums = task.add(seen, step)
            for part in PARTS:
                if (amount := getattr(sums, part)) > 0:
                    self._sum_of(name, part).inc(amount)
            self._standing[name] = self._alarms(name)

    def alarms(self) -> list[str]:
        """What sounds now, over all tasks, as `math.rescue_rate`."""
        return sorted(alarm for alarms in self._standing.values() for alarm in alarms)

    def _alarms(self, name: str) -> list[str]:
        least = self._settings.min_items
        task = self._tasks[name]
        alarms = []
        for figure in FIGURES:
            last = 1
            now = task.epochs[-1][1].figure(figure, least)
            # Where the step has only begun, the one before it is the latest that tells.
            if now is None and len(task.epochs) > 1:
                last = 2
                now = task.epochs[-2][1].figure(figure, least)
            if now is None:
                continue
            shown, alarm = self._gauges_of(name, figure)
            shown.set(now)
            was = task.before(last).figure(figure, least)
            sounding = was is not None and self._jumped(figure, was, now)
            if sounding:
                alarms.append(f"{name}.{figure}")
            alarm.set(sounding)
        return alarms

    def _sum_of(self, name: str, part: str) -> Counter:
        key = name, part
        if key not in self._sums:
            self._sums[key] = self._metrics.guard_sums.labels(*key)
        return self._sums[key]

    def _gauges_of(self, name: str, figure: str) -> tuple[Gauge, Gauge]:
        key = name, figure
        if key not in self._gauges:
            metrics = self._metrics
            self._gauges[key] = metrics.guard_figure.labels(*key), metrics.guard_alarm.labels(*key)
        return self._gauges[key]

    def _jumped(self, figure: str, was: float, now: float) -> bool:
        change = was - now if figure == "label_mass" else now - was
        return change >= self._jumps[figure]
