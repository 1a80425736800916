"""What a trainer that can send neither headers nor settings asks for in its URL, and profiles that keep it for a name.

Rule 1: a profile and the URL's parameters are one set of fields: `/p/math/get_reward?recall=never` is the profile
        `math` with one field changed. Only the key is never taken from the URL into a profile.
"""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from app.reward_rules import RULES
from touchstone_client.contract import MAX_DEADLINE_S, Recall


class OnNoVerdict(StrEnum):
    """What a framework is told that has no word for "leave this sample out"."""

    NAN = "nan"
    ZERO = "zero"
    VALUE = "value"
    ERROR = "error"


class Profile(BaseModel):
    """How the samples of one URL are scored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str | None = Field(
        default=None, description="Task of samples that name none: see `/v1/tasks`, or `open` for a judge alone."
    )
    rule: str | None = Field(default=None, description="How the reward is combined; without one, the task's own.")
    options: dict[str, Any] = Field(default={}, description="Settings of the task's verifier; not in the URL.")
    recall: Recall = Field(default=Recall.AUTO, description="As in `/v1/verify`.")
    deadline_s: float | None = Field(default=None, gt=0, le=MAX_DEADLINE_S, description="Seconds for one request.")
    on_no_verdict: OnNoVerdict | None = Field(
        default=None, description="Without a reward: `nan`, `zero`, `value` or `error` (503)."
    )
    value: float | None = Field(
        default=None, allow_inf_nan=False, validate_default=True, description="For `on_no_verdict=value`."
    )
    key: SecretStr | None = Field(default=None, description="Requests under this profile must bring it.")

    @field_validator("rule")
    @classmethod
    def _known(cls, rule: str | None) -> str | None:
        if rule is not None and rule not in RULES:
            raise ValueError(f"no such rule; the known ones: {', '.join(sorted(RULES))}")
        return rule

    @field_validator("value")
    @classmethod
    def _given(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is None and info.data.get("on_no_verdict") is OnNoVerdict.VALUE:
            raise ValueError("`on_no_verdict=value` needs it; add it")
        return value
