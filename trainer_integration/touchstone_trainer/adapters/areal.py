"""AReaL: `reward_fn` of a workflow, as `touchstone_trainer.adapters.areal.reward_fn`.

No reward raises: after its retries AReaL rejects the trajectory.

Rule 1: AReaL gives up silently with 0 after its own `timeout_seconds` (15), so the deadline here must end before.
Rule 2: the function runs in a pool of processes; settings come from the environment (`TOUCHSTONE_REWARD_*`).
"""

from collections.abc import Sequence
from typing import Any

from touchstone_trainer.adapters.hook import HookSettings, OnNoVerdict, hook
from touchstone_trainer.adapters.rows import question_of, sample_of, text_of

NATIVE = OnNoVerdict.RAISE
LONGEST_S = 12.0
"""Inside AReaL's 15 s, with time for a new process to import."""


def reward_fn(
    prompt: Any, completions: Any, prompt_ids: Sequence[int] = (), completion_ids: Sequence[int] = (), **row: Any
) -> float:
    """The reward of one completion; `row` is the rest of the dataset's row."""
    asked = hook(deadline_s=min(HookSettings.of().deadline_s, LONGEST_S))
    question = row.get("question") or question_of(prompt)
    scored = asked.scorer.score_one(sample_of(text_of(completions), row, question=question))
    return asked.number(scored, NATIVE)
