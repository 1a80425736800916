"""slime and miles: `--custom-rm-path touchstone_trainer.adapters.slime.reward`, with or without `--group-rm`.

No reward sets `sample.remove_sample`: slime masks the loss of the response. Its baseline still counts a number; with
`--group-rm` that is the mean of the group's rewards, which moves nobody's advantage, else 0.

Rule 1: the address is `--rm-url`, everything else the environment's (`TOUCHSTONE_REWARD_*`).
Rule 2: `sample.metadata` holds the sample's fields; a label is the reference, or JSON of fields.
Rule 3: with `--reward-key` the reward is a dict with that key, and slime logs the rest.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from touchstone_client.framework_samples import without_end_tokens
from touchstone_trainer.adapters.hook import Hook, OnNoVerdict, hook
from touchstone_trainer.adapters.rows import extras, question_of, sample_of
from touchstone_trainer.rewards import Sample, Scored

KEYS = ("reward_key", "eval_reward_key")


async def reward(args: Any, sample: Any, **_unused: Any) -> Any:
    """The reward of a sample, or those of a list of samples of one prompt."""
    asked = hook(url=getattr(args, "rm_url", None))
    if not isinstance(sample, list):
        scored = await asked.scorer.score_one_async(_sample(sample))
        return _told(args, asked, sample, scored, 0.0)
    if len({one.group_index for one in sample} - {None}) != 1:
        # Of several prompts, as in evaluation, or of who knows which.
        return await asyncio.gather(*(reward(args, one) for one in sample))
    group = await asked.scorer.score_async([_sample(one, group=str(sample[0].group_index)) for one in sample])
    neutral = _mean(group)
    return [_told(args, asked, one, scored, neutral) for one, scored in zip(sample, group, strict=True)]


def _sample(sample: Any, group: str | None = None) -> Sample:
    metadata = sample.metadata if isinstance(sample.metadata, dict) else {}
    row = {"group": group, "label": sample.label} | metadata
    return sample_of(without_end_tokens(sample.response), row, question=question_of(sample.prompt))


def _told(args: Any, asked: Hook, sample: Any, scored: Scored, neutral: float) -> Any:
    told = asked.number(scored, neutral)
    if scored.left_out and asked.settings.on_no_verdict is OnNoVerdict.NATIVE:
        sample.remove_sample = True
    keys = [key for name in KEYS if (key := getattr(args, name, None))]
    return {**extras(scored), **dict.fromkeys(keys, told)} if keys else told


def _mean(group: Sequence[Scored]) -> float:
    rewards = [one.reward for one in group if one.reward is not None]
    return sum(rewards) / len(rewards) if rewards else 0.0
