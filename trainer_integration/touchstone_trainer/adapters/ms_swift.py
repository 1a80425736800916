"""ms-swift: a plug-in file that calls `register()`, then `--external_plugins FILE --reward_funcs touchstone`.

No reward is None: ms-swift leaves this function out. A row for which every function said None still becomes 0 there.

Rule 1: ms-swift makes a new event loop for each step; the scorer's connections follow it.
"""

from collections.abc import Sequence
from typing import Any

from touchstone_trainer.adapters.hook import hook
from touchstone_trainer.adapters.trl import awaited

NAME = "touchstone"


class TouchstoneReward:
    """An asynchronous outcome reward as ms-swift calls it; settings from the environment (`TOUCHSTONE_REWARD_*`)."""

    def __init__(self, args: Any = None, **_swifts_own: Any) -> None:
        self.args = args
        self._score = awaited(NAME, hook())

    async def __call__(self, completions: Sequence[str], **columns: Any) -> list[float | None]:
        """One reward for each completion, or None."""
        rows = columns.pop("messages", None) or [None] * len(completions)
        # The last message is the completion itself.
        prompts = [list(messages[:-1]) if messages is not None else None for messages in rows]
        rewards: list[float | None] = await self._score(prompts, completions, **columns)
        return rewards


def register() -> None:
    """Make it known to ms-swift as `touchstone`."""
    from swift.rewards import orms  # noqa: PLC0415

    orms[NAME] = TouchstoneReward
