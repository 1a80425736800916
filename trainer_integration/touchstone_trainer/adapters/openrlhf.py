"""OpenRLHF: `--reward.remote_url PATH_OF_THIS_FILE` (older: `--remote_rm_url`), where its wire format is not enough.

No reward is NaN: with `--algo.dynamic_filtering_enable` OpenRLHF drops the group. Without it NaN would reach the loss:
set `TOUCHSTONE_REWARD_ON_NO_VERDICT=zero`.

Rule 1: settings come from the environment of the rollout workers (`TOUCHSTONE_REWARD_*`).
Rule 2: a query whose prompt is not found in front gets no reward: an answer that stands in a prompt is never paid.
"""

import math
from collections.abc import Sequence
from typing import Any

from touchstone_client.framework_samples import response_of
from touchstone_trainer.adapters.hook import Hook, hook
from touchstone_trainer.adapters.rows import no_response, numbers, sample_of
from touchstone_trainer.rewards import Scored

NATIVE = math.nan


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> dict[str, Any]:
    """Rewards in the form that OpenRLHF takes; it gives one response at a time, from many threads."""
    asked = hook()
    scored = [_scored(asked, *row) for row in zip(queries, prompts, labels, strict=True)]
    rewards = [asked.number(one, NATIVE) for one in scored]
    logs = [numbers(one) for one in scored]
    extra_logs = {name: [log[name] for log in logs] for name in (logs[0] if logs else ())}
    return {"rewards": rewards, "scores": rewards, "extra_logs": extra_logs}


def _scored(asked: Hook, query: str, prompt: str, label: Any) -> Scored:
    response = response_of(query, prompt)
    if response is None:
        return no_response("the prompt is not found at the beginning of the query")
    return asked.scorer.score_one(sample_of(response, {"label": label}, question=prompt))
