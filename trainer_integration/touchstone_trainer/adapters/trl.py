"""TRL from 1.6: reward functions for `GRPOTrainer`, `RLOOTrainer` and AsyncGRPO; `touchstone` for Axolotl, which names
one in `trl.reward_funcs`.

No reward is None: TRL leaves the completion out of its group's baseline and gives it advantage 0.

    GRPOTrainer(..., reward_funcs=[async_reward_function(url="http://reward:8080")])

Rule 1: every dataset column arrives as a list; those that `rows` knows become the sample, the others are ignored.
Rule 2: completions of one prompt are one group, so that judges see them together.
Rule 3: TRL has no deadline: an exception or a call without end stops training. The scorer's `deadline_s` is the end.
"""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from touchstone_trainer.adapters.hook import Hook, OnNoVerdict, hook
from touchstone_trainer.adapters.rows import COLUMNS, question_of, sample_of, text_of
from touchstone_trainer.rewards import Sample, Scored, stats

REWARD = "reward"
COMPONENTS = ("verifier", "judge", "outcome", "process")
"""What a reward may be made of; see `Scored.components`."""
OPEN_BATCHES = 64
"""Batches that not every function has asked for yet; AsyncGRPO scores that many groups at once, and a function that
TRL never called must not keep completions for ever."""

OLDEST = (1, 6)
"""Before it TRL counted a completion without a reward as 0 in its group's baseline."""

Rewards = list[float | None]


def reward_function(name: str = "touchstone", **settings: Any) -> "RewardFunction":
    """A blocking reward function; `settings` as in `HookSettings`."""
    return RewardFunction(name, REWARD, _Batches(_hook(settings), 1))


def async_reward_function(name: str = "touchstone", **settings: Any) -> "AsyncRewardFunction":
    """An awaited reward function: TRL runs it beside its other awaited ones."""
    return awaited(name, _hook(settings))


def awaited(name: str, asked: Hook) -> "AsyncRewardFunction":
    """The same for frameworks that call reward functions as TRL does and count them in their own way."""
    return AsyncRewardFunction(name, REWARD, _Batches(asked, 1))


def component_functions(*components: str, name: str = "touchstone", **settings: Any) -> "list[AsyncRewardFunction]":
    """One awaited function for each of `COMPONENTS` or `reward`, for `reward_weights` and the log; together they make
    one call a batch. A part that a sample has not, and all parts of one without a reward, are None.
    """
    if unknown := set(components) - {REWARD, *COMPONENTS}:
        raise ValueError(f"{', '.join(sorted(unknown))}: no such component; there are reward, {', '.join(COMPONENTS)}")
    batches = _Batches(_hook(settings), len(components))
    return [AsyncRewardFunction(f"{name}_{component}", component, batches) for component in components]


def touchstone(prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> Rewards:
    """The blocking function with settings from the environment, for frameworks that name it by its import path."""
    return reward_function()(prompts, completions, **columns)


class RewardFunction:
    """Called by TRL. Can be pickled, as AsyncGRPO does."""

    def __init__(self, name: str, component: str, batches: "_Batches") -> None:
        self.__name__ = name
        self._component = component
        self._batches = batches

    def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> Rewards:
        """One reward for each completion, or None."""
        batch, first = self._batches.claim(completions)
        if first:
            with _answering(batch, columns):
                samples = _samples(prompts, completions, columns)
                batch.set_result(self._batches.hook.scorer.score(samples, step=_step(columns)))
        return self._values(batch.result())

    def _values(self, scored: Sequence[Scored]) -> Rewards:
        if self._component == REWARD:
            return [self._batches.hook.told(one, None) for one in scored]
        return [None if one.left_out else one.components.get(self._component) for one in scored]


class AsyncRewardFunction(RewardFunction):
    """Awaited by TRL."""

    async def __call__(  # type: ignore[override]
        self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any
    ) -> Rewards:
        """One reward for each completion, or None."""
        batch, first = self._batches.claim(completions)
        if first:
            with _answering(batch, columns):
                samples = _samples(prompts, completions, columns)
                batch.set_result(await self._batches.hook.scorer.score_async(samples, step=_step(columns)))
        scored: list[Scored] = await asyncio.wrap_future(batch)
        return self._values(scored)

    # What `inspect.iscoroutinefunction` reads of a function: TRL before 1.14 asks it of the object, not of `__call__`.
    __code__, __defaults__, __kwdefaults__ = __call__.__code__, None, None


class _Batches:
    """What several functions that TRL gives the same completions make of one call."""

    def __init__(self, shared: Hook, functions: int) -> None:
        self.hook = shared
        self._functions = functions
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        # By identity: TRL hands the same list to every function. The list is kept, so its id stays its own.
        self._open: dict[int, tuple[Sequence[Any], Future[list[Scored]], int]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"hook": self.hook, "_functions": self._functions}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

    def claim(self, completions: Sequence[Any]) -> "tuple[Future[list[Scored]], bool]":
        """The batch's results to come, and whether the caller is the one who has to get them."""
        with self._lock:
            known, results, waiting = self._open.pop(id(completions), (completions, Future(), self._functions))
            first = waiting == self._functions
            if waiting > 1:
                self._open[id(completions)] = (known, results, waiting - 1)
            while len(self._open) > OPEN_BATCHES:
                del self._open[next(iter(self._open))]
            return results, first


@contextmanager
def _answering(batch: "Future[list[Scored]]", columns: Mapping[str, Any]) -> Iterator[None]:
    """Around the one call of a batch: whoever waits for it hears of its error too, and TRL's log of its results."""
    started = time.monotonic()
    try:
        yield
    except BaseException as error:
        batch.set_exception(error)
        raise
    seen = stats(batch.result(), time.monotonic() - started)
    if (log_metric := columns.get("log_metric")) is not None:
        log_metric("touchstone/undecided_share", seen.undecided_share)
        log_metric("touchstone/rescued_share", seen.rescued_share)
        log_metric("touchstone/cached_share", seen.cached / max(1, seen.responses))
        log_metric("touchstone/waited_s", seen.waited_s)
    if (log_extra := columns.get("log_extra")) is not None:
        log_extra("touchstone", [f"{one.stage}: {one.name}" for one in batch.result()])


def _hook(settings: Mapping[str, Any]) -> Hook:
    """The hook of these settings, where the installed TRL can be told "no reward" as they say."""
    asked = hook(**settings)
    try:
        installed = metadata.version("trl")
    except metadata.PackageNotFoundError:
        return asked
    if tuple(map(int, installed.split(".")[:2])) < OLDEST and asked.settings.on_no_verdict is OnNoVerdict.NATIVE:
        raise ImportError(
            f"trl {installed} counts a completion without a reward as 0 in its group: install trl 1.6 or later, or say "
            "with on_no_verdict what it is to be told instead (`zero`, `value`, `raise`)"
        )
    return asked


def _samples(prompts: Sequence[Any], completions: Sequence[Any], columns: Mapping[str, Any]) -> list[Sample]:
    names = [name for name in COLUMNS if columns.get(name) is not None]
    for name in names:
        if len(columns[name]) != len(completions):
            raise ValueError(f"{len(completions)} completions but {len(columns[name])} of {name}")
    groups: dict[str, int] = {}
    samples = []
    for at, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        row = {"group": groups.setdefault(repr(prompt), at)} | {name: columns[name][at] for name in names}
        samples.append(sample_of(text_of(completion), row, question=question_of(prompt)))
    return samples


def _step(columns: Mapping[str, Any]) -> int | None:
    state = columns.get("trainer_state")
    return None if state is None else int(state.global_step)
