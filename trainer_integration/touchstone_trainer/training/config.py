"""A run as a file: TOML or JSON, with overrides from the command line.

Rule 1: frozen and typed, units in the names, every limit a field with its default here and nowhere else.
Rule 2: an unknown field or a bad value is refused before anything is loaded, with its path and what to fix.
Rule 3: what decides a run's results is all in here; a checkpoint keeps a copy, and a resume that differs is refused.
"""

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from touchstone_trainer.advantages import GROUP_EPS, Estimator
from touchstone_trainer.anomaly import AnomalyLimits
from touchstone_trainer.clip_cov import ClipCov, KlCov
from touchstone_trainer.corrections import ICEPOP, Correction
from touchstone_trainer.generation.streaming import DEADLINE_S, MAX_CONCURRENT
from touchstone_trainer.kl import Divergence
from touchstone_trainer.losses import Aggregation, Clip, RatioLevel
from touchstone_trainer.mixing import MixingPlan, RewardKind
from touchstone_trainer.streak import DEFAULT_REPETITION_REWARD, RepetitionReward, StreakRule

Off = Literal[False]
"""Switches a tool off: TOML has no null."""
WITHOUT_SCALE = (Estimator.NO_STD, Estimator.LEAVE_ONE_OUT)
"""Estimators that leave a spread its size."""


class ConfigError(ValueError):
    """The configuration cannot be used; the message names each field and what to fix."""


class Frozen(BaseModel):
    """Settings: no field is added by mistake and none changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PolicyConfig(Frozen):
    """What is trained: weights in a folder (or by hub name), or a model built at random from a configuration."""

    path: str | None = Field(default=None, description="Folder or hub name of weights to start from.")
    build: Mapping[str, Any] | None = Field(
        default=None, description='A model with random weights: {"model_type": "qwen3", "hidden_size": 48, ...}.'
    )
    tokenizer: str | None = Field(default=None, description="Folder or name; null: beside the weights.")
    dtype: Literal["float32", "float64", "bfloat16"] = Field(default="float32", description="Of all parameters.")
    device: str = Field(default="auto", description="`auto`: cuda where there is one, else cpu.")
    fp64_routing: bool = Field(default=False, description="Route experts in float64; refused for dense models.")
    gradient_checkpointing: bool = Field(default=False, description="Recompute activations in the backward pass.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.build is None):
            raise ValueError("give either path (weights) or build (a configuration for random weights)")
        if self.build is not None and (self.tokenizer is None or "model_type" not in self.build):
            raise ValueError("a built model needs model_type in build, and a tokenizer")
        return self


class PromptConfig(Frozen):
    """How a row becomes a prompt."""

    template: str = Field(default="{question}", description="Text around the question.")
    chat: bool = Field(default=False, description="Put the text into the tokenizer's chat template as the user's turn.")
    max_tokens: int = Field(default=2_048, gt=0, description="Rows with longer prompts are refused as the run starts.")

    @model_validator(mode="after")
    def _has_question(self) -> Self:
        if "{question}" not in self.template:
            raise ValueError("template: must contain {question}")
        return self


class ServerConfig(Frozen):
    """An OpenAI-compatible server that holds the policy's weights (vLLM)."""

    url: str = Field(description="With /v1, as `http://127.0.0.1:8000/v1`.")
    model: str = Field(description="The name it serves the policy under.")
    api_key_env: str | None = Field(default=None, description="Environment variable with the key.")
    concurrency: int = Field(default=MAX_CONCURRENT, gt=0, description="Responses asked for at once.")
    deadline_s: float = Field(default=DEADLINE_S, gt=0, description="Of one response, first try to last token.")
    tries: int = Field(default=3, ge=1, description="Of a response whose stream broke, with the same seed.")
    reload_command: tuple[str, ...] = Field(
        min_length=1, description="Run after each step, the folder of fresh weights as its last argument."
    )

    @property
    def api_key(self) -> str | None:
        """The key from the environment."""
        return _key(self.api_key_env)


class RolloutConfig(Frozen):
    """How responses are sampled. Never top-p or top-k: log-probabilities would no longer be comparable."""

    engine: Literal["transformers", "server"] = "transformers"
    server: ServerConfig | None = None
    prompts_per_step: int = Field(default=16, gt=0, description="Groups in one step's batch.")
    group_size: int = Field(default=8, ge=2, description="Responses to one prompt; one alone has no baseline.")
    max_new_tokens: int = Field(default=1_024, gt=0)
    temperature: float = Field(default=1.0, gt=0)
    rows_at_once: int = Field(default=64, gt=0, description="Responses generated, and then scored, together.")
    streak: StreakRule | Off = Field(default=StreakRule(), description="false: never stop early.")
    max_generation_batches: int = Field(
        default=4, ge=1, description="Dynamic sampling: batches drawn for one step until enough groups have a spread."
    )
    dynamic_sampling: bool = Field(default=True, description="Draw again, in the same domain, for dead groups.")

    @model_validator(mode="after")
    def _server_given(self) -> Self:
        if (self.engine == "server") != (self.server is not None):
            raise ValueError('engine "server" goes with [rollouts.server], and no other engine does')
        return self


class RewardConfig(Frozen):
    """The Touchstone service that pays."""

    url: str = "http://127.0.0.1:8080"
    api_key_env: str | None = Field(default=None, description="Environment variable with the key.")
    recall: Literal["auto", "never", "always"] = Field(default="auto", description="The second look of a model.")
    deadline_s: float = Field(default=120.0, gt=0, description="Of one batch; what is not decided by then is left out.")
    max_undecided_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="A step with more rewards missing stops the run.",
    )

    @property
    def api_key(self) -> str | None:
        """The key from the environment."""
        return _key(self.api_key_env)


CLIP_HIGHER = Clip(low=0.2, high=0.28)
"""arXiv 2503.14476: room for unlikely tokens to rise."""


class OffPolicyConfig(Frozen):
    """OPSM: how far the policy may have moved away from a bad response."""

    delta: float = Field(gt=0, description="Nats a token, mean over the response; slime 1e-4, TRL 0.5.")


class LossConfig(Frozen):
    """The objective and the stability tools of one optimizer step."""

    advantage: Estimator = Estimator.GROUP_STD
    advantage_eps: float = Field(default=GROUP_EPS, ge=0, description="Reward units, added to the standard deviation.")
    ratio: RatioLevel = RatioLevel.TOKEN
    clip: Clip = CLIP_HIGHER
    aggregation: Aggregation = Aggregation.TOKEN_MEAN
    kl_weight: float = Field(default=0.0, ge=0, description="Weight of the KL to a reference; 0: none is kept.")
    kl_estimator: Divergence = Divergence.K3
    correction: Correction | Off = Field(default=ICEPOP, description="Weights against a rollout engine that differs.")
    anomaly: AnomalyLimits | Off = Field(
        default=AnomalyLimits(), description="Leave out responses that differ too much or read as broken."
    )
    opsm: OffPolicyConfig | Off = Field(
        default=False, description="Silence bad responses that the policy, as each update finds it, no longer gives."
    )
    clip_cov: ClipCov | Off = Field(
        default=False, description="Hold back a few tokens that drive the entropy down; `{}` for the defaults."
    )
    kl_cov: KlCov | Off = Field(
        default=False, description="In place of the clip: a penalty on moving the tokens that drive the entropy down."
    )
    truncated: Literal["mask", "keep"] = Field(
        default="mask", description="Responses cut at the limit: out of the loss?"
    )
    repetition: RepetitionReward = Field(
        default=DEFAULT_REPETITION_REWARD, description="What a response earns that the streak stop cut."
    )

    @model_validator(mode="after")
    def _one_way_to_hold_entropy(self) -> Self:
        if self.kl_cov and self.clip_cov:
            raise ValueError("clip_cov and kl_cov exclude each other: switch one off")
        if self.kl_cov and (self.clip != CLIP_HIGHER or self.ratio is not RatioLevel.TOKEN):
            raise ValueError("kl_cov takes the place of the clip, token by token: leave out clip and ratio")
        return self


class OverlongConfig(Frozen):
    """DAPO's soft penalty of responses that come near rollouts.max_new_tokens."""

    margin: int = Field(gt=0, description="Tokens before the limit from which the penalty grows.")
    weight: float = Field(default=1.0, gt=0, description="Reward units that a response at the limit loses.")


class BrevityConfig(Frozen):
    """Kimi k1.5's reward of short right responses, within each group."""

    weight: float = Field(gt=0, description="Reward units between the shortest and the longest right response.")
    warmup_steps: int = Field(default=0, ge=0, description="Steps over which the weight rises from 0.")


class ShapingConfig(Frozen):
    """What else than being right counts. It acts in groups whose rewards differ without it, and in the loss alone:
    dynamic sampling, evaluation and the reward curves go by the rewards as paid.
    """

    rules: Mapping[str, Literal["judge", "verifier_then_process", "stratified"]] = Field(
        default={}, description="The service's rule for a domain of kind `both`; a row's own rule wins."
    )
    overlong: OverlongConfig | Off = False
    brevity: BrevityConfig | Off = False


class OptimizerConfig(Frozen):
    """AdamW and its schedule; steps are optimizer steps."""

    learning_rate: float = Field(default=1e-6, gt=0)
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    warmup_steps: int = Field(default=0, ge=0, description="Again after each reset of the moments.")
    decay_steps: int | None = Field(default=None, gt=0, description="Cosine to final_share; null: constant.")
    final_share: float = Field(default=0.1, ge=0, le=1)
    max_grad_norm: float = Field(default=1.0, gt=0)
    updates_per_batch: int = Field(default=1, ge=1, description="Optimizer steps that a batch is cut into.")
    micro_batch_rows: int = Field(default=16, gt=0, description="Responses in one forward and backward pass.")


class EvaluationConfig(Frozen):
    """Greedy responses to the held-out rows, for the plateau switch, ratio control and the curves."""

    every_steps: int = Field(default=50, gt=0)
    max_rows_per_domain: int = Field(default=64, gt=0)


class CheckpointConfig(Frozen):
    """When the whole state of the run is written, and how much of it is kept."""

    every_steps: int = Field(default=50, gt=0)
    keep: int = Field(default=3, ge=1, description="Newest checkpoints kept.")


class RunConfig(Frozen):
    """One run."""

    folder: Path = Field(description="Where checkpoints and curves go.")
    seed: int = Field(default=0, ge=0)
    plan: MixingPlan
    policy: PolicyConfig
    prompt: PromptConfig = PromptConfig()
    rollouts: RolloutConfig = RolloutConfig()
    rewards: RewardConfig = RewardConfig()
    shaping: ShapingConfig = ShapingConfig()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        last = self.plan.phases[-1]
        endless = any(domain.epochs is None and domain.cap is None for domain in last.domains.values())
        if last.steps is None and last.plateau is None and endless:
            raise ValueError("plan: the last phase never ends: give it steps, a plateau, or each domain epochs or cap")
        if self.loss.kl_cov and self.optimizer.updates_per_batch < 2:
            raise ValueError(
                "loss.kl_cov: in a batch's first update the policy has not moved and there is nothing to penalise: "
                "set optimizer.updates_per_batch to 2 or more, or take clip_cov"
            )
        return self

    @model_validator(mode="after")
    def _shaping_acts(self) -> Self:
        overlong, limit = self.shaping.overlong, self.rollouts.max_new_tokens
        if overlong and overlong.margin > limit:
            raise ValueError(f"shaping.overlong.margin: beyond rollouts.max_new_tokens, {limit}")
        both = {
            name
            for phase in self.plan.phases
            for name, domain in phase.domains.items()
            if domain.kind is RewardKind.BOTH
        }
        if wrong := sorted(self.shaping.rules.keys() - both):
            raise ValueError(f"shaping.rules: {', '.join(wrong)}: no domain of that name has kind both in any phase")
        if "stratified" in self.shaping.rules.values() and self.loss.advantage not in WITHOUT_SCALE:
            raise ValueError(
                "shaping.rules: stratified gives a group of wrong responses a small spread, which "
                f"loss.advantage = {self.loss.advantage} blows up to full size: set loss.advantage to no_std"
            )
        return self

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """The configuration in a dict.

        Raises:
            ConfigError: naming each field that is wrong.

        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            # "Input should be False" beside each mistake in a tool's settings helps nobody.
            told = [one for one in error.errors() if one["loc"][-1:] != ("literal[False]",)] or error.errors()
            problems = "\n  ".join(map(_problem, told))
            raise ConfigError(f"the configuration cannot be used:\n  {problems}") from None

    @classmethod
    def read(cls, path: Path, overrides: Sequence[str] = ()) -> Self:
        """The configuration in a .toml or .json file, with overrides of the form `optimizer.learning_rate=1e-5`.

        Raises:
            ConfigError: the file cannot be read, or what it says cannot be used.

        """
        readers = {".toml": tomllib.loads, ".json": json.loads}
        if path.suffix not in readers:
            raise ConfigError(f"{path}: a configuration is a .toml or a .json file")
        try:
            data = readers[path.suffix](path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:  # both decoders' errors are ValueErrors
            raise ConfigError(f"{path}: {error}") from None
        if not isinstance(data, dict):
            raise ConfigError(f"{path}: expected a table of settings at the top")
        for override in overrides:
            _override(data, override)
        return cls.parse(data)


def _key(variable: str | None) -> str | None:
    if variable is not None and variable not in os.environ:
        raise ConfigError(f"api_key_env: the environment has no variable {variable}")
    return None if variable is None else os.environ[variable]


def _override(data: dict[str, Any], text: str) -> None:
    """Sets one field. The value is JSON where it reads as JSON, else a text."""
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise ConfigError(f"{text!r}: an override is written section.field=value")
    *sections, field = path.split(".")
    for section in sections:
        data = data.setdefault(section, {})
        if not isinstance(data, dict):
            raise ConfigError(f"{text!r}: {section} is a value, not a section")
    try:
        data[field] = json.loads(value)
    except ValueError:
        data[field] = value


def _problem(problem: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    what = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        what = "no such field, check its spelling"
    return f"{where}: {what}" if where else what
