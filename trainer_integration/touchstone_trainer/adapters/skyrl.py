"""SkyRL: `skyrl_gym.register(id="touchstone", entry_point="touchstone_trainer.adapters.skyrl:TouchstoneEnv")`.

SkyRL has no way to leave a sample out: without a reward it is told 0, which is counted, logged and in the metadata.

Rule 1: one step, one response. `step` runs in SkyRL's pool of threads, so calls of one moment travel together.
Rule 2: SkyRL takes subclasses of its own environment alone, so `TouchstoneEnv` is made when it is asked for.
"""

import functools
from collections.abc import Mapping
from typing import Any

from touchstone_trainer.adapters.hook import OnNoVerdict, hook
from touchstone_trainer.adapters.rows import extras, question_of, sample_of

NATIVE = OnNoVerdict.ZERO


class Episode:
    """All of `TouchstoneEnv` but its base class.

    `extras` is the dataset's row; its `reward_spec["ground_truth"]` is the reference, or JSON of a sample's fields.

    `env_config` may hold any of `HookSettings`.
    """

    def __init__(self, env_config: Any = None, extras: Mapping[str, Any] | None = None) -> None:
        self._hook = hook(**dict(env_config or {}))
        self._row = dict(extras or {})
        self._row.setdefault("reference", (self._row.get("reward_spec") or {}).get("ground_truth"))
        self._question: str | None = None
        self._scored: dict[str, float | str] = {}

    def init(self, prompt: Any) -> tuple[Any, dict[str, Any]]:
        """The prompt as it is."""
        self._question = question_of(prompt)
        return prompt, {}

    def step(self, action: str) -> dict[str, Any]:
        """The one step: the response and its reward."""
        scored = self._hook.scorer.score_one(sample_of(action, self._row, question=self._question))
        self._scored = extras(scored)
        reward = self._hook.number(scored, NATIVE)
        return {"observations": [], "reward": reward, "done": True, "metadata": dict(self._scored)}

    def get_metrics(self) -> dict[str, Any]:
        """For SkyRL's log."""
        return dict(self._scored)


@functools.cache
def environment_class() -> type[Episode]:
    """`TouchstoneEnv`."""
    from skyrl_gym.envs.base_text_env import BaseTextEnv  # noqa: PLC0415

    class TouchstoneEnv(Episode, BaseTextEnv):  # type: ignore[misc, unused-ignore]
        def __init__(self, env_config: Any = None, extras: Mapping[str, Any] | None = None) -> None:
            BaseTextEnv.__init__(self)
            Episode.__init__(self, env_config, extras)

    return TouchstoneEnv


def __getattr__(name: str) -> Any:
    if name == "TouchstoneEnv":
        return environment_class()
    raise AttributeError(f"module {__name__} has no {name}")
