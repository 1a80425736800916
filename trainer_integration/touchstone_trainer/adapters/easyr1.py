"""EasyR1: `worker.reward.reward_function=PATH_OF_THIS_FILE:compute_score`.

EasyR1 has no way to leave a sample out: without a reward it is told 0, which is counted and logged.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from touchstone_trainer.adapters.hook import OnNoVerdict, hook
from touchstone_trainer.adapters.rows import numbers, sample_of

NATIVE = OnNoVerdict.ZERO
REWARD_NAME = "touchstone"
REWARD_TYPE = "batch"
"""Read by EasyR1: the function takes a list."""


def compute_score(reward_inputs: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """The rewards of a batch as `overall`, with the numbers for the log."""
    asked = hook()
    scored = asked.scorer.score([sample_of(row["response"], row) for row in reward_inputs])
    return [{"overall": asked.number(one, NATIVE), **numbers(one)} for one in scored]
