"""Every mixture-of-experts family of the installed transformers, built small.

A family is a model folder whose source defines a router. Nothing is downloaded: weights are random.
"""

import dataclasses
import functools
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import torch
import transformers

MODELS = Path(transformers.__file__).parent / "models"
DEFINES_ROUTER = re.compile(r"^class \w*(?<!Density)(?:Router|TopKGating|MoEV1Gate)\(|^class DogeCDMoE\(", re.M)
SMALL: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 8,
    "intermediate_size": 48,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
    "num_experts": 8,
    "num_local_experts": 8,
    "n_routed_experts": 8,
    "moe_num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_topk": 2,
    "moe_k": 2,
    "n_group": 2,
    "topk_group": 1,
    "n_shared_experts": 1,
    "first_k_dense_replace": 0,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "qk_head_dim": 16,
    "v_head_dim": 8,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
    "mlp_layer_types": ["sparse", "sparse"],
}
"""Sizes for every family; a configuration takes those that it knows."""
HYBRID = {"layer_types": ["linear_attention", "full_attention"]}
PLAIN = {"layer_types": ["full_attention", "full_attention"]}
OWN: dict[str, dict[str, Any]] = {
    "bailing_hybrid": HYBRID,
    "dbrx": {"attn_config": {"rope_theta": 1e4, "clip_qkv": 8.0}, "d_model": 32, "n_heads": 4, "n_layers": 2},
    "deepseek_v4": {"mlp_layer_types": ["hash_moe", "moe"]},
    "diffusion_gemma": PLAIN | {"head_dim": 8, "global_head_dim": 8, "num_attention_heads": 4, "top_k_experts": 2},
    "doge": {"is_moe": True, "num_experts": 16},
    "dots3_note": {"use_dsa": False, "use_sliding_window": False, "num_attention_heads": 4, "num_key_value_heads": 4},
    "ernie4_5_vl_moe": {
        "moe_intermediate_size": [16, 16],
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]},
    },
    "flint": {"mlp_only_layers": []},
    "gemma4": PLAIN
    | {
        "head_dim": 8,
        "global_head_dim": 8,
        "enable_moe_block": True,
        "top_k_experts": 2,
        "vocab_size_per_layer_input": 64,
        "hidden_size_per_layer_input": 0,
    },
    "glm4v_moe": {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 0]}},
    "glm5_next": HYBRID | {"qk_rope_head_dim": 0, "linear_num_heads": 2, "linear_head_dim": 8},
    "granitemoehybrid": {"layer_types": ["attention", "attention"], "mamba_n_heads": 4, "mamba_d_head": 16},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "kimi_linear": HYBRID | {"linear_num_heads": 2, "linear_head_dim": 8},
    "lfm2_moe": PLAIN | {"num_dense_layers": 0},
    "mimo_v2_flash": PLAIN | {"swa_num_key_value_heads": 4},
    "mistral4": {
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e4,
            "llama_4_scaling_beta": 0.1,
            "partial_rotary_factor": 0.5,
            "original_max_position_embeddings": 64,
        },
        "qk_nope_head_dim": 0,
        "qk_head_dim": 8,
    },
    "nemotron_h": {"layers_block_type": ["full_attention", "moe"], "num_hidden_layers": 2},
    "qwen3_5_moe": HYBRID,
    "qwen3_next": HYBRID,
    "qwen4_exp": PLAIN
    | {
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 8,
        "indexer_budget": 8,
        "indexer_compress_ratio": 4,
    },
    "step3p7": {"sliding_window": 16},
    "zaya": {"num_experts_per_tok": 1},
}
"""What a family needs beside or instead of them."""


def families() -> list[str]:
    """Model folders whose source defines a router."""
    sources = sorted(MODELS.glob("*/modeling_*.py"))
    return [path.parent.name for path in sources if DEFINES_ROUTER.search(path.read_text())]


@functools.cache
def model_class(family: str) -> type[Any]:
    """The family's bare text model."""
    name = f"transformers.models.{family}.modeling_{family}"
    module = importlib.import_module(name)
    models = [
        kind
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, transformers.PreTrainedModel) and kind.__module__ == name
    ]
    bare = [
        kind for kind in models if kind.__name__.endswith("Model") and not kind.__name__.endswith("PreTrainedModel")
    ]
    text = [kind for kind in bare if kind.__name__.endswith(("TextModel", "DecoderModel", "EncoderTextModel"))]
    return (text or bare)[0]


def build(family: str, **changes: Any) -> Any:
    """A small model in float32, in evaluation mode, with random weights."""
    kind = model_class(family)
    # By the class, not by an example: some configurations refuse to answer for what differs between layers.
    known = {field.name for field in dataclasses.fields(kind.config_class)} | set(kind.config_class.attribute_map)
    sizes = {name: value for name, value in SMALL.items() if name in known}
    config = kind.config_class(**(sizes | OWN.get(family, {}) | changes))
    config._attn_implementation = "eager"
    torch.manual_seed(5)
    return _spread(kind(config).eval())


def in_dtype(model: Any, dtype: torch.dtype) -> Any:
    """The model in a dtype, apart from what it says must stay in float32, with experts that hardly differ."""
    kept = tuple(model._keep_in_fp32_modules_strict or ())
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_floating_point() and not any(part in name for part in kept):
            tensor.data = tensor.data.to(dtype)
    for module in model.modules():
        if _is_router(module):
            for tensor in [*module.parameters(), *module.buffers(), *_beside(model, module)]:
                _nearly_equal_in_threes(tensor.data)
    return model


def _nearly_equal_in_threes(tensor: torch.Tensor) -> None:
    """Two of three are chosen: by differences of one unit in the last place of one weight."""
    if not tensor.is_floating_point():
        return
    rows = tensor if tensor.ndim == 2 else tensor[:, None] if tensor.ndim == 1 else tensor.flatten(1)
    for index in range(1, len(rows)):
        if index % 3:
            rows[index] = rows[index - 1]
            if tensor.ndim == 2:
                rows[index, 0] = torch.nextafter(rows[index, 0], torch.tensor(torch.inf, dtype=rows.dtype))


def run(model: Any) -> Any:
    """One forward pass over fixed tokens: the last hidden state."""
    ids = torch.arange(3, 17).reshape(2, 7)
    decoder = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    return model(input_ids=ids, use_cache=False, **decoder)[0]


def _spread(model: Any) -> Any:
    """Routers start at zero or nearly so: give them weights, biases and tables that tell experts apart."""
    for module in model.modules():
        if _is_router(module):
            tensors = [*module.parameters(), *module.buffers(), *_beside(model, module)]
            for tensor in tensors:
                if tensor.is_floating_point():
                    tensor.data.normal_()
                else:
                    tensor.data.random_(0, 8)
    return model


def _is_router(module: Any) -> bool:
    return DEFINES_ROUTER.match(f"class {type(module).__name__}(") is not None


def _beside(model: Any, router: Any) -> list[torch.Tensor]:
    """The selection biases that some blocks keep beside their router."""
    (block,) = [module for module in model.modules() if router in module.children()]
    names = ("expert_bias", "e_score_correction_bias")
    return [value for name in names if isinstance(value := getattr(block, name, None), torch.Tensor)]
