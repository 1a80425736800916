"""OpenRLHF: `--reward.remote_url PATH_OF_THIS_FILE` (older: `--remote_rm_url`), where its wire format is not enough.

No reward is NaN: with `--algo.dynamic_filtering_enable` OpenRLHF drops the group. Without it NaN would reach the loss:
set `TOUCHSTONE_REWARD_ON_NO_VERDICT=zero`.

Rule 1: settings come from the environment of the rollout workers (`TOUCHSTONE_REWARD_*`).
Rule 2: a label is the reference, or JSON of a sample's fields.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

from touchstone_trainer.adapters.hook import hook
from touchstone_trainer.adapters.rows import labelled, numbers, sample_of

NATIVE = math.nan
PROMPT_TAIL_CHARS = 200
"""A prompt too long for the model loses its beginning; so much of its end tells where the response starts."""
END_TOKEN = re.compile(r"(?:<\|[\w-]{1,40}\|>|</s>|<end_of_turn>|<｜[^<>｜]{1,40}｜>|\s)+\Z")


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> dict[str, Any]:
    """Rewards in the form that OpenRLHF takes; it gives one response at a time, from many threads."""
    asked = hook()
    samples = [
        sample_of(response_in(query, prompt), labelled(label), question=prompt)
        for query, prompt, label in zip(queries, prompts, labels, strict=True)
    ]
    scored = [asked.scorer.score_one(samples[0])] if len(samples) == 1 else asked.scorer.score(samples)
    rewards = [asked.number(one, NATIVE) for one in scored]
    logs = [numbers(one) for one in scored]
    return {
        "rewards": rewards,
        "scores": rewards,
        "extra_logs": {name: [log[name] for log in logs] for name in (logs[0] if logs else ())},
    }


def response_in(query: str, prompt: str) -> str:
    """What the model wrote: a query is prompt and response with all special tokens.

    >>> response_in("<|user|>2+2?<|assistant|>4<|im_end|>", "<|user|>2+2?<|assistant|>")
    '4'
    """
    if query.startswith(prompt):
        response = query[len(prompt) :]
    else:
        tail = prompt[-PROMPT_TAIL_CHARS:]
        found = query.find(tail)
        response = query[found + len(tail) :] if found >= 0 else query
    return END_TOKEN.sub("", response)
