"""TRL's `GRPOTrainer` with this package's stability tools, for trl 1.16.

    TouchstoneGRPOTrainer(..., stability=Stability(clip_cov=ClipCov(), fp64_routing=True))

Rule 1: private methods are overridden, so another version of TRL is refused, not tried.
Rule 2: nothing of TRL's loss is repeated. Weights and choices go in as per-token advantages, left-out tokens as
        `tool_mask`; TRL takes both. For w >= 0, w min(r A, clip(r) A) = min(r wA, clip(r) wA): nothing is lost by it.
Rule 3: IcePop and the anomaly mask need what the engine thought of its tokens: vLLM and a `rollout_func` say it, and
        for transformers' `generate` it is noted here.
Rule 4: Clip-Cov is drawn over a micro-batch, anomalies over a process's rollouts: TRL never holds the whole step.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import trl
from torch import Tensor
from trl import GRPOTrainer

from touchstone_trainer.adapters.rows import text_of
from touchstone_trainer.anomaly import AnomalyLimits, Cause, mask_anomalies
from touchstone_trainer.clip_cov import ClipCov, select_clip_cov
from touchstone_trainer.corrections import ICEPOP, Correction, engine_log_ratio, importance_weights
from touchstone_trainer.generation.sampled import SampledLogprobs
from touchstone_trainer.generation.stopping import StreakStop
from touchstone_trainer.losses import Clip
from touchstone_trainer.masked import per_token
from touchstone_trainer.routing import enable_fp64_routing
from touchstone_trainer.streak import DEFAULT_REPETITION_REWARD, RepetitionReward, StreakRule, stop_after
from touchstone_trainer.text_features import TextLimits, flags, text_features

TRL_VERSION = "1.16."
WEIGHTS = "touchstone_weights"
"""Beside the columns that TRL shuffles and cuts into micro-batches."""
MULTIMODAL = (
    "pixel_values image_grid_thw num_images num_tiles pixel_attention_mask spatial_shapes image_sizes token_type_ids "
    "mm_token_type_ids image_position_ids"
).split()

if not trl.__version__.startswith(TRL_VERSION):
    raise ImportError(
        f"TouchstoneGRPOTrainer is written for trl {TRL_VERSION}* and this is {trl.__version__}: install that version, "
        "or use TRL's own trainer with touchstone_trainer.adapters.trl"
    )


@dataclass(frozen=True)
class Stability:
    """Which tools are on. None and False are off."""

    importance: Correction | None = ICEPOP
    anomaly: AnomalyLimits | None = field(default_factory=AnomalyLimits)
    text: TextLimits = field(default_factory=TextLimits)
    clip_cov: ClipCov | None = None
    """Its `clip` is TRL's `epsilon` and `epsilon_high`; the authors' recipes set both to 1."""
    streak: StreakRule | None = field(default_factory=StreakRule)
    streak_reward: RepetitionReward = DEFAULT_REPETITION_REWARD
    fp64_routing: bool = False
    """For mixture-of-experts models. The engine must route alike, which vLLM does not."""

    @property
    def needs_engine(self) -> bool:
        """Whether the engine's log-probabilities are needed."""
        return self.importance is not None or self.anomaly is not None


class TouchstoneGRPOTrainer(GRPOTrainer):  # type: ignore[misc]  # TRL has no types here
    """`GRPOTrainer` with `stability`; else it takes what that takes."""

    def __init__(self, *args: Any, stability: Stability = Stability(), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stability = stability
        if stability.streak is not None and (self.tools or self.environments is not None):
            raise ValueError("a streak is counted over one turn: with tools or environments set Stability(streak=None)")
        if stability.importance is not None and self.use_vllm and self.vllm_importance_sampling_correction:
            raise ValueError("two corrections would multiply: set vllm_importance_sampling_correction=False")
        self._draw = torch.Generator().manual_seed(self.args.seed + self.accelerator.process_index)
        self._cut: list[bool] = []
        self._loss_inputs: dict[str, Any] | None = None
        if stability.fp64_routing:
            for model in (self.model, self.ref_model):
                if model is not None:
                    enable_fp64_routing(self.accelerator.unwrap_model(model))

    def _generate_single_turn(
        self, prompt_ids: Any, *args: Any, **kwargs: Any
    ) -> tuple[list[list[int]], list[list[float]] | None]:
        """Rows of ids with the engine's log-probabilities, each cut where its streak was complete."""
        rule = self.stability.streak
        if self.use_vllm or self.use_transformers_continuous_batching:
            ids, logprobs = super()._generate_single_turn(prompt_ids, *args, **kwargs)
            # vLLM says None where it could not score a token.
            known = [[math.nan if one is None else one for one in row] for row in logprobs or [[]] * len(ids)]
            kept = [stop_after(row, rule) if rule else None for row in known]
        else:
            sampled = SampledLogprobs(self.temperature)
            stop = StreakStop({*self.eos_token_ids, self._tokenizer.pad_token_id}, rule) if rule else None
            with _while_generating(self.accelerator.unwrap_model(self.model_wrapped), sampled, stop):
                ids, _ = super()._generate_single_turn(prompt_ids, *args, **kwargs)
            logprobs = sampled.rows(ids)
            kept = list(stop.stopped_after) if stop else [None] * len(ids)
        self._cut = [length is not None for length in kept]
        self._note("streak/cut_share", sum(self._cut) / max(1, len(self._cut)))
        ids = [row[:length] for row, length in zip(ids, kept, strict=True)]
        if logprobs is not None:
            logprobs = [row[:length] for row, length in zip(logprobs, kept, strict=True)]
        return ids, logprobs

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> Tensor:
        """The rewards of all processes; those of cut rows as `streak_reward` says."""
        rewards: Tensor = super()._calculate_rewards(*args, **kwargs)
        if any(self.accelerator.gather(torch.tensor([any(self._cut)], device=rewards.device)).tolist()):
            cut = self.accelerator.gather(torch.tensor(self._cut, device=rewards.device))
            for row in cut.nonzero().flatten().tolist():
                for column, scored in enumerate(rewards[row].tolist()):
                    settled = self.stability.streak_reward.settle(None if math.isnan(scored) else scored)
                    rewards[row, column] = torch.nan if settled is None else settled
        return rewards

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's columns, with what is left out of the loss and the weights of the rest."""
        self._cut = [False] * len(inputs)
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        mask = _mask(output)
        keep = mask
        if self.stability.streak_reward is RepetitionReward.MASK:
            keep = keep & ~torch.tensor(self._cut, device=mask.device).unsqueeze(-1)
        if self.stability.needs_engine:
            ratio, train, infer = self._against_engine(output, mask)
            if self.stability.anomaly is not None:
                keep = keep & self._healthy(inputs, output, train, infer, mask)
            if self.stability.importance is not None:
                found = importance_weights(ratio, mask, self.stability.importance)
                output[WEIGHTS] = found.weights
                self._note("importance/out_of_bounds", found.out_of_bounds.item())
                self._note("importance/effective_size", found.effective_size.item())
        output["tool_mask"] = keep.to(output["completion_mask"].dtype)
        output["num_items_in_batch"] = self.accelerator.gather(keep.sum()).sum()
        return output

    def _compute_loss(self, model: Any, inputs: Mapping[str, Any]) -> Tensor:
        """TRL's loss of weighted per-token advantages."""
        self._loss_inputs = dict(inputs)
        try:
            loss: Tensor = super()._compute_loss(model, self._loss_inputs)
        finally:
            self._loss_inputs = None
        return loss

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        """TRL's forward pass. In the loss TRL reads the advantages after it, so Clip-Cov needs no second one."""
        found = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        if self._loss_inputs is not None:
            self._weigh(self._loss_inputs, found[0].detach())
        return found

    def _weigh(self, inputs: dict[str, Any], logp: Tensor) -> None:
        mask, raw = _mask(inputs), inputs["advantages"]
        advantages = per_token(raw, mask)
        if WEIGHTS in inputs:
            advantages = advantages * inputs[WEIGHTS]
        if self.stability.clip_cov is not None and self.model.training:
            old = inputs.get("old_per_token_logps")
            settings = replace(self.stability.clip_cov, clip=Clip(self.epsilon_low, self.epsilon_high))
            held = select_clip_cov(logp, logp if old is None else old, raw, mask, settings, generator=self._draw)
            advantages = advantages.masked_fill(held.chosen, 0.0)
            self._note("clip_cov/held_share", held.chosen.sum().item() / max(1, int(mask.sum())))
        inputs["advantages"] = advantages

    def _against_engine(self, output: Mapping[str, Any], mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The log-ratio train - infer in nats, and its two parts."""
        infer = output.get("sampling_per_token_logps")
        if infer is None:
            raise ValueError(
                "this engine reports no log-probabilities, which IcePop and the anomaly mask need: "
                "turn them off in Stability, or generate with vLLM or plain transformers"
            )
        train = output.get("old_per_token_logps")
        if train is None:
            train = self._scored_again(output)
        return engine_log_ratio(train, infer, mask), train, infer

    def _scored_again(self, output: Mapping[str, Any]) -> Tensor:
        """Log-probabilities of the rollouts under the weights that sampled them, where TRL saves itself that pass."""
        ids = torch.cat([output["prompt_ids"], output["completion_ids"]], 1)
        attention = torch.cat([output["prompt_mask"], output["completion_mask"]], 1)
        rest = {name: output[name] for name in MULTIMODAL if name in output}
        rows = self.args.per_device_train_batch_size
        with torch.no_grad():
            found = self._get_per_token_logps_and_entropies(
                self.model, ids, attention, output["completion_ids"].shape[1], batch_size=rows, **rest
            )
        logp: Tensor = found[0]
        return logp

    def _healthy(
        self, inputs: Sequence[Mapping[str, Any]], output: Mapping[str, Any], train: Tensor, infer: Tensor, mask: Tensor
    ) -> Tensor:
        assert self.stability.anomaly is not None
        texts = self.processing_class.batch_decode(
            [ids[kept].tolist() for ids, kept in zip(output["completion_ids"], mask, strict=True)],
            skip_special_tokens=True,
        )
        odd = [
            bool(flags(text_features(text), text_features(text_of(row.get("prompt"))), limits=self.stability.text))
            for row, text in zip(inputs, texts, strict=True)
        ]
        found = mask_anomalies(train, infer, mask, torch.tensor(odd, device=mask.device), self.stability.anomaly)
        shares = found.shares()
        for cause in Cause:
            self._note(f"anomaly/{cause}", shares.get(cause, 0.0))
        return found.keep

    def _note(self, name: str, value: float) -> None:
        self._metrics["train" if self.model.training else "eval"][f"touchstone/{name}"].append(value)


def _mask(inputs: Mapping[str, Any]) -> Tensor:
    """The tokens of the loss, as TRL takes them."""
    mask: Tensor = inputs["completion_mask"].bool()
    return mask & inputs["tool_mask"].bool() if "tool_mask" in inputs else mask


@contextmanager
def _while_generating(model: Any, sampled: SampledLogprobs, stop: StreakStop | None) -> Iterator[None]:
    """Adds to the model's `generate` what TRL has no argument for."""
    generate = model.generate
    processors = [sampled, stop.processor] if stop else [sampled]
    criteria = [stop.criterion] if stop else []

    def watched(*args: Any, **kwargs: Any) -> Any:
        return generate(*args, **kwargs, logits_processor=processors, stopping_criteria=criteria)

    model.generate = watched
    try:
        yield
    finally:
        del model.generate
