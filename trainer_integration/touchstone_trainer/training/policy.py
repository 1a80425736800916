"""The policy: a causal language model of transformers, its tokenizer, and log-probabilities under it.

Rule 1: dropout never acts. The ratio of a policy to itself must be 1, or every correction corrects dropout.
Rule 2: logits are divided by the sampling temperature before the softmax, as they were when the token was drawn.
Rule 3: FP64 routing is switched on before the model is sharded, and the model is sharded before the optimizer is made.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.modeling_layers import GradientCheckpointingLayer

from touchstone_trainer.logprobs import TokenLogprobs, token_logprobs
from touchstone_trainer.routing import enable_fp64_routing
from touchstone_trainer.training.batch import TokenBatch, token_batch
from touchstone_trainer.training.config import ConfigError, PolicyConfig


@dataclass
class Policy:
    """A model with its tokenizer.

    `end_ids` are the tokens that end a response; `published` are the generation settings that came with the weights:
    they go out with them again and rule no rollout.
    """

    model: Any
    tokenizer: Any
    device: torch.device
    temperature: float
    end_ids: tuple[int, ...]
    published: GenerationConfig

    @property
    def filler(self) -> int:
        """What padding is filled with. Which id it is never matters: masks go by length."""
        return self.end_ids[0]

    def batch(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> TokenBatch:
        """Prompts and responses as tensors on the policy's device."""
        return token_batch(prompts, responses, self.filler, self.device)

    def logprobs(self, batch: TokenBatch, *, with_entropy: bool = False) -> TokenLogprobs:
        """Log-probabilities of the responses' tokens at the sampling temperature, in the shape of `batch.mask`."""
        return model_logprobs(self.model, batch, self.temperature, with_entropy=with_entropy)

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of a response, end token left out."""
        return str(self.tokenizer.decode(token_ids, skip_special_tokens=True))


def model_logprobs(model: Any, batch: TokenBatch, temperature: float, *, with_entropy: bool = False) -> TokenLogprobs:
    """Log-probabilities of the responses' tokens under any model of the policy's shape: itself, or its reference."""
    columns = batch.mask.shape[1]
    logits = model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention,
        position_ids=batch.positions,
        # The position before the first response token predicts it; the last token predicts nothing that was sampled.
        logits_to_keep=columns + 1,
        use_cache=False,
    ).logits[:, :-1]
    return token_logprobs(logits, batch.responses, batch.mask, temperature=temperature, with_entropy=with_entropy)


def load_policy(config: PolicyConfig, *, temperature: float, seed: int, device: torch.device) -> Policy:
    """The policy as the configuration says, not yet sharded.

    Raises:
        ConfigError: weights or tokenizer cannot be had, or lack what training needs.
        RoutingRefused: FP64 routing was asked of a model that has none.

    """
    tokenizer = _tokenizer(config)
    model = _built(config, len(tokenizer), seed) if config.build is not None else _read(config)
    prepare(model, config)
    published = model.generation_config
    # `generate` fills what a call leaves open from here: a repetition penalty of the weights' would bend every rollout.
    model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    ends = published.eos_token_id if config.build is None else None
    ends = tokenizer.eos_token_id if ends is None else ends
    if ends is None:
        raise ConfigError("policy.tokenizer: it has no end token, so no response could ever end; set eos_token")
    end_ids = (ends,) if isinstance(ends, int) else tuple(ends)
    return Policy(model.to(device=device), tokenizer, device, temperature, end_ids, published)


def prepare(model: Any, config: PolicyConfig) -> None:
    """Routing and gradient checkpointing; no dropout."""
    model.eval()
    if config.fp64_routing:
        enable_fp64_routing(model)
    if config.gradient_checkpointing:
        # transformers 5.23 has a new name for it; the old one warns.
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
        for layer in model.modules():
            # Only the layer itself, which checkpoints while in training mode; attention and dropout inside it stay off.
            if isinstance(layer, GradientCheckpointingLayer):
                layer.training = True


def frozen_copy(model: nn.Module) -> nn.Module:
    """The model as it is now, for a reference."""
    return copy.deepcopy(model).requires_grad_(False)


def prompt_ids(policy: Policy, text: str, *, chat: bool) -> tuple[int, ...]:
    """Token ids of a prompt, once and for all: every engine gets these."""
    if chat:
        turns = [{"role": "user", "content": text}]
        encoded = policy.tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    else:
        encoded = policy.tokenizer.encode(text)
    return tuple(encoded)


def _tokenizer(config: PolicyConfig) -> Any:
    name = config.tokenizer or config.path
    assert name is not None, "the configuration has one of the two"
    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ConfigError(f"policy.tokenizer: {name} cannot be loaded: {error}") from error


def _read(config: PolicyConfig) -> Any:
    assert config.path is not None, "a configuration has path or build"
    try:
        return AutoModelForCausalLM.from_pretrained(config.path, dtype=getattr(torch, config.dtype))
    except (OSError, ValueError) as error:
        raise ConfigError(f"policy.path: {config.path} cannot be loaded: {error}") from error


def _built(config: PolicyConfig, vocabulary: int, seed: int) -> Any:
    given: Mapping[str, Any] = config.build or {}
    settings = {"vocab_size": vocabulary} | {name: value for name, value in given.items() if name != "model_type"}
    try:
        model_config = AutoConfig.for_model(given["model_type"], **settings)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"policy.build: {error}") from error
    # On the CPU and from its own seed: the same weights on every device and in every process.
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        # transformers does not annotate it.
        return AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
            model_config, dtype=getattr(torch, config.dtype)
        )
