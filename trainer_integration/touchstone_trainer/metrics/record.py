"""What one training step has to tell.

Rule 1: counts, not shares: counts of several steps or ranks add up, and a share says nothing of how many it is of.
Rule 2: a figure that was not measured, or is not finite, is None (null in JSON), never 0.
Rule 3: no torch here; the trainer fills it in, the sinks and the plots read it.
"""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Figure = Annotated[float | None, BeforeValidator(_finite)]
Counts = Mapping[str, int]


class _Frozen(BaseModel):
    # A record of a newer version stays readable: what it has besides is left out.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Mask(StrEnum):
    """Usual causes under which sequences or tokens are left out of the loss; adapters may add their own words."""

    UNSCORED = "unscored"
    TRUNCATED = "truncated"
    STREAK = "streak"
    ANOMALY_VETO = "anomaly_veto"
    ANOMALY_DRIFT = "anomaly_drift"
    ANOMALY_TEXT = "anomaly_text"
    OFF_POLICY = "off_policy"
    ICEPOP = "icepop"
    CLIP_COV = "clip_cov"


class DomainStats(_Frozen):
    """One domain's rewards in this step. Mean and std are over the scored responses; None where there is none."""

    responses: int = Field(ge=0)
    scored: int = Field(ge=0)
    reward_mean: Figure = None
    reward_std: Figure = None
    groups: int = Field(default=0, ge=0)
    dead_groups: int = Field(default=0, ge=0, description="Groups whose rewards are all the same: no gradient.")
    refilled: int = Field(default=0, ge=0, description="Groups drawn again by dynamic sampling.")


class Quantiles(_Frozen):
    """Of exp(logp - old) over the tokens of the loss: 1 is on policy."""

    q01: Figure = None
    q50: Figure = None
    q99: Figure = None
    largest: Figure = None


class Lengths(_Frozen):
    """Response lengths, tokens."""

    mean: Figure = None
    q50: Figure = None
    q95: Figure = None
    largest: int | None = None


class Seconds(_Frozen):
    """Wall-clock seconds of the step. `rewards` counts only the time the trainer waited for them."""

    generating: float = Field(default=0.0, ge=0)
    rewards: float = Field(default=0.0, ge=0)
    training: float = Field(default=0.0, ge=0)

    @property
    def total(self) -> float:
        """All three."""
        return self.generating + self.rewards + self.training


class StepRecord(_Frozen):
    """One optimizer step, from the rows drawn to the weights changed.

    >>> record = StepRecord(step=1, phase="math", domains={"math": DomainStats(responses=8, scored=6)},
    ...     outcomes={"correct": 4, "incorrect": 2, "undecidable": 2}, undecided={"deadline": 2}, rescued=1)
    >>> record.undecided_share, record.rescued_share
    (0.25, 0.25)
    """

    step: int = Field(ge=0)
    phase: str

    domains: Mapping[str, DomainStats]
    shares: Mapping[str, float] = Field(default={}, description="Of the batch, as the curriculum wanted them.")
    held_out: Mapping[str, Figure] = Field(default={}, description="Mean held-out reward, in steps that measured it.")

    decided_by: Counts = Field(default={}, description="Responses by who decided: rules, model, judge.")
    outcomes: Counts = Field(default={}, description="Responses by outcome.")
    undecided: Counts = Field(default={}, description="Responses without a reward, by reason.")
    rescued: int = Field(default=0, ge=0, description="Responses paid only because a model overruled the rules.")

    masked_sequences: Counts = Field(default={}, description="Sequences left out of the loss, by cause (`Mask`).")
    masked_tokens: Counts = Field(default={}, description="Single tokens left out of the loss, by cause.")
    penalised_tokens: Counts = Field(default={}, description="Tokens whose movement cost something, by cause.")
    shaping: Mapping[str, Figure] = Field(
        default={}, description="What each shaping term added to a scored response of the loss, on average."
    )

    loss: Figure = None
    entropy: Figure = Field(default=None, description="Nats a token.")
    kl: Figure = Field(default=None, description="Nats a token, to the reference model.")
    ratio: Quantiles = Quantiles()
    clip_fraction: Figure = Field(default=None, description="Share of tokens that the surrogate clipped.")
    learning_rate: Figure = None
    grad_norm: Figure = Field(default=None, description="Before clipping.")

    tokens: int = Field(default=0, ge=0, description="Tokens generated.")
    loss_tokens: int = Field(default=0, ge=0, description="Tokens in the loss, masks taken off.")
    tokens_saved: int = Field(default=0, ge=0, description="Up to the limit, not generated since a streak was stopped.")
    lengths: Lengths = Lengths()
    seconds: Seconds = Seconds()

    @property
    def responses(self) -> int:
        """Responses of all domains."""
        return sum(domain.responses for domain in self.domains.values())

    @property
    def reward_mean(self) -> float | None:
        """Mean over the scored responses of all domains."""
        scored = [(part.reward_mean, part.scored) for part in self.domains.values()]
        weighed = [(mean, count) for mean, count in scored if mean is not None and count]
        total = sum(count for _, count in weighed)
        return math.fsum(mean * count for mean, count in weighed) / total if total else None

    @property
    def undecided_share(self) -> float | None:
        """Share of responses that nobody could give a reward."""
        return sum(self.undecided.values()) / self.responses if self.responses else None

    @property
    def rescued_share(self) -> float | None:
        """Share of responses found correct that only a model's second look made so; as the service counts it."""
        correct = self.outcomes.get("correct", 0)
        return self.rescued / correct if correct else None

    @property
    def dead_share(self) -> float | None:
        """Share of groups that give no gradient."""
        groups = sum(part.groups for part in self.domains.values())
        return sum(part.dead_groups for part in self.domains.values()) / groups if groups else None


class Sink(Protocol):
    """Where records go."""

    def write(self, record: StepRecord, /) -> None:
        """Takes one step."""

    def close(self) -> None:
        """Ends it; whatever was written stays."""
