"""prime-rl and its environments library.

    [env.taskset.task.rewards.touchstone]
    fn = "touchstone_trainer.adapters.prime_rl:reward"

No reward raises: the trace is marked failed and dropped. In the classic rubric (0.3 and before), which turns whatever
a function raises into 0, `state["error"]` is set too, by which prime-rl drops the rollout.

Rule 1: settings come from the environment (`TOUCHSTONE_REWARD_*`).
Rule 2: nothing of the library is imported: both forms call functions by the names of their parameters.
"""

from collections.abc import Mapping
from typing import Any

from touchstone_trainer.adapters.hook import NoVerdict, OnNoVerdict, hook
from touchstone_trainer.adapters.rows import question_of, sample_of, text_of

NATIVE = OnNoVerdict.RAISE


async def reward(task: Any, trace: Any) -> float:
    """A plugged reward: `task` is the task's data, whose fields are a sample's, `trace` the rollout."""
    asked = hook()
    row = dict(task) if isinstance(task, Mapping) else task.model_dump()
    scored = await asked.scorer.score_one_async(
        sample_of(trace.last_reply, row, question=question_of(row.get("prompt")))
    )
    return asked.number(scored, NATIVE)


async def rubric_reward(prompt: Any, completion: Any, answer: Any, info: Any, state: Any) -> float:
    """The classic form, for `Rubric(funcs=[rubric_reward])`."""
    asked = hook()
    row = {"answer": answer or None} | dict(info or {})
    scored = await asked.scorer.score_one_async(sample_of(text_of(completion), row, question=question_of(prompt)))
    try:
        return asked.number(scored, NATIVE)
    except NoVerdict as error:
        state["error"] = error
        raise
