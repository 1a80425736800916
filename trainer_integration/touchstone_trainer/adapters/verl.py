"""verl: `compute_score` for `reward.custom_reward_function`, or `TouchstoneRewardManager` for `reward.reward_manager`.

No reward raises `NoVerdict`: verl's trainer drops the group and its healthy siblings train on. With the advantage
estimator of `verl_algorithms`, `on_no_verdict=value no_verdict_value=nan` leaves out the one sample instead.

Rule 1: `compute_score` is a plain coroutine function: verl calls nothing else without a thread in between.
Rule 2: verl takes the columns of the extra information from the first sample, so they are the same for every task.
Rule 3: verl gives `compute_score` no prompt. Judged tasks take the reward manager, or `extra_info["question"]`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from touchstone_trainer.adapters.hook import Hook, OnNoVerdict, hook
from touchstone_trainer.adapters.rows import extras, question_of, sample_of
from touchstone_trainer.rewards import Scored

NATIVE = OnNoVerdict.RAISE
VERLS_OWN = ("reward_router_address", "reward_model_tokenizer")
"""Given by verl where it serves a reward model itself."""


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    tasks: Mapping[str, str] | None = None,
    **settings: Any,
) -> dict[str, float | str]:
    """The reward of one response as `score`, with `rows.extras`. `tasks` names the task of each `data_source`;
    `settings` as in `HookSettings`, from `reward.custom_reward_function.reward_kwargs`.
    """
    asked = hook(**{name: value for name, value in settings.items() if name not in VERLS_OWN})
    row = _row(data_source, ground_truth, extra_info, tasks)
    scored = await asked.scorer.score_one_async(sample_of(solution_str, row))
    return {"score": asked.number(scored, NATIVE), **extras(scored)}


class TouchstoneRewardManager:
    """verl's reward manager over the service, with the question taken from the prompt.

    Settings are `reward.custom_reward_function.reward_kwargs`, as for `compute_score`, and the environment's.
    """

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any = None, **verls_own: Any) -> None:
        self.config = config
        self.tokenizer = tokenizer
        custom = config.reward.get("custom_reward_function") or {}
        settings = dict(custom.get("reward_kwargs") or {})
        self._tasks = settings.pop("tasks", None)
        self._hook: Hook = hook(**settings)

    async def run_single(self, data: Any) -> dict[str, Any]:
        """The reward of the last sequence of one rollout."""
        item = data[-1:][0]
        columns, response_ids = item.non_tensor_batch, item.batch["responses"]
        length = int(item.batch["attention_mask"][-response_ids.shape[-1] :].sum())
        response = await asyncio.to_thread(self.tokenizer.decode, response_ids[:length], skip_special_tokens=True)
        truth = columns["reward_model"]["ground_truth"]
        row = _row(columns["data_source"], truth, columns.get("extra_info"), self._tasks)
        # verl's name for the responses to one prompt: judges see those of one moment together.
        row = {"group": columns.get("uid")} | row
        sample = sample_of(response, row, question=question_of(columns.get("raw_prompt")))
        return self._told(await self._hook.scorer.score_one_async(sample))

    @classmethod
    def assemble_rm_scores(cls, data: Any, scores: list[float]) -> Any:
        """As verl's own managers: the reward on the last token."""
        from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase  # noqa: PLC0415

        return RewardManagerBase.assemble_rm_scores(data, scores)

    def _told(self, scored: Scored) -> dict[str, Any]:
        return {"reward_score": self._hook.number(scored, NATIVE), "reward_extra_info": extras(scored)}


def _row(
    data_source: str, ground_truth: Any, extra_info: Mapping[str, Any] | None, tasks: Mapping[str, str] | None
) -> dict[str, Any]:
    return {"task": (tasks or {}).get(data_source)} | dict(extra_info or {}) | {"reference": ground_truth}
