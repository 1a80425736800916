"""One scored response: what was drawn, sampled and paid."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from touchstone_trainer.advantages import DEAD_STD
from touchstone_trainer.curriculum import Draw
from touchstone_trainer.rewards import Scored
from touchstone_trainer.streak import FinishReason
from touchstone_trainer.training.config import LossConfig
from touchstone_trainer.training.rollouts.completion import Completion


@dataclass(frozen=True, slots=True)
class Experience:
    """A response with all that the step needs to know of it."""

    draw: Draw
    group: int
    prompt: str
    prompt_ids: tuple[int, ...]
    completion: Completion
    scored: Scored

    def reward(self, config: LossConfig) -> float:
        """What enters the baseline; NaN for "leave this sample out"."""
        reward = self.scored.reward
        if self.completion.finish is FinishReason.REPETITION:
            reward = config.repetition.settle(reward)
        return math.nan if reward is None else reward


def spread(rewards: Sequence[float | None]) -> bool:
    """Whether a group's scored rewards differ, so that it can teach something; as `group_advantages` sees it."""
    scored = [reward for reward in rewards if reward is not None and math.isfinite(reward)]
    return len(scored) > 1 and statistics.stdev(scored) > DEAD_STD


def by_group(experiences: Sequence[Experience]) -> dict[int, list[Experience]]:
    """Experiences by their group, in the order in which groups first appear."""
    groups: dict[int, list[Experience]] = {}
    for one in experiences:
        groups.setdefault(one.group, []).append(one)
    return groups
