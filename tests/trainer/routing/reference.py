"""What each router must choose: written a second time, in float64 NumPy and loops, from the families' definitions.

A choice is `(experts, weights)` for every token: experts best first, equal scores by lower index.
"""

from collections.abc import Callable, Sequence
from math import erf
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Choice = list[tuple[list[int], Array]]


def as_array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().double().cpu().numpy(), dtype=np.float64)


def softmax(x: Array) -> Array:
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def root_softplus(x: Array) -> Array:
    return np.sqrt(np.log1p(np.exp(x)))


def best(values: Sequence[float] | Array, k: int) -> list[int]:
    return sorted(range(len(values)), key=lambda index: (-values[index], index))[:k]


def projected(router: Any, given: Sequence[Any]) -> Array:
    """Hidden states times the one weight with a row per expert."""
    weight = next(as_array(p) for p in router.parameters() if p.ndim == 2)
    bias = getattr(router, "bias", None)
    hidden = as_array(given[0]).reshape(-1, weight.shape[1])
    return np.asarray(hidden @ weight.T + (0.0 if bias is None else as_array(bias)))


def chosen(
    scores: Array,
    k: int,
    *,
    choose_by: Array | None = None,
    weigh: Callable[[Array], Array] = lambda picked: picked,
    scale: float = 1.0,
) -> Choice:
    """Top k of `choose_by` for each token; weights from the scores of the chosen."""
    by = scores if choose_by is None else choose_by
    picks = [best(row, k) for row in by]
    return [(pick, weigh(row[pick]) * scale) for pick, row in zip(picks, scores, strict=True)]


def share(picked: Array) -> Array:
    return np.asarray(picked / picked.sum())


def limited(scores: Array, groups: int, kept: int, strength: Callable[[Array], float], fill: float) -> Array:
    """Scores with everything outside the strongest groups replaced."""
    out = np.full_like(scores, fill)
    size = scores.shape[1] // groups
    for row, wanted in zip(scores, out, strict=True):
        strengths = [strength(row[g * size : (g + 1) * size]) for g in range(groups)]
        for g in best(strengths, kept):
            wanted[g * size : (g + 1) * size] = row[g * size : (g + 1) * size]
    return out


def two_best(group: Array) -> float:
    return float(np.sort(group)[-2:].sum())


def softmax_first(router: Any, given: Sequence[Any]) -> Choice:
    always = type(router).__name__.startswith(("Float64Qwen3_5", "Float64Qwen3VL", "Float64MiniMax", "Float64Mixtral"))
    renormalise = always or "HunYuan" in type(router).__name__ or getattr(router, "norm_topk_prob", False)
    return chosen(softmax(projected(router, given)), router.top_k, weigh=share if renormalise else np.asarray)


def softmax_last(router: Any, given: Sequence[Any]) -> Choice:
    scale = 1 / router.top_k if "PrivacyFilter" in type(router).__name__ else 1.0
    return chosen(projected(router, given), router.top_k, weigh=softmax, scale=scale)


def cohere(router: Any, given: Sequence[Any]) -> Choice:
    if router.expert_selection_fn == "softmax":
        return softmax_last(router, given)
    weigh = (lambda picked: share(sigmoid(picked))) if router.norm_topk_prob else sigmoid
    return chosen(projected(router, given), router.top_k, weigh=weigh)


def grouped_sigmoid(router: Any, given: Sequence[Any]) -> Choice:
    scores = sigmoid(projected(router, given))
    fill = 0.0 if "AXK2" in type(router).__name__ else -np.inf
    biased = scores + as_array(router.e_score_correction_bias)
    by = limited(biased, router.num_group, router.topk_group, two_best, fill)
    scale = getattr(router, "routed_scaling_factor", 1.0)
    return chosen(scores, router.top_k, choose_by=by, weigh=share if router.norm_topk_prob else np.asarray, scale=scale)


def grouped_softmax(router: Any, given: Sequence[Any]) -> Choice:
    scores = softmax(projected(router, given))
    by = limited(scores, router.num_group, router.topk_group, two_best, 0.0)
    renormalise = getattr(router, "norm_topk_prob", True)
    weigh = share if renormalise else np.asarray
    return chosen(scores, router.top_k, choose_by=by, weigh=weigh, scale=router.routed_scaling_factor)


def deepseek_v2(router: Any, given: Sequence[Any]) -> Choice:
    scores = softmax(projected(router, given))
    if router.topk_method == "group_limited_greedy":
        scores = limited(scores, router.num_group, router.topk_group, lambda group: float(group.max()), 0.0)
    return chosen(scores, router.top_k, scale=router.routed_scaling_factor)


def biased_sigmoid(router: Any, given: Sequence[Any]) -> Choice:
    """Sigmoid scores, a bias for the choice alone, shares of the chosen."""
    logits = projected(router, given) * getattr(router, "output_multiplier", 1.0)
    cap = getattr(router, "router_logit_softcapping", 0.0)
    scores = sigmoid(np.tanh(logits / cap) * cap if cap else logits)
    names = ("route_scale", "router_scaling_factor", "routed_scaling_factor")
    scale = next((getattr(router, name) for name in names if hasattr(router, name)), 1.0)
    bias = given[1] if len(given) > 1 else getattr(router, "e_score_correction_bias", None)
    by = scores if bias is None else scores + as_array(bias)
    return chosen(scores, router.top_k, choose_by=by, weigh=share, scale=scale)


def lfm2(router: Any, given: Sequence[Any]) -> Choice:
    scores = sigmoid(projected(router, given))
    by = scores + as_array(given[1]) if router.use_expert_bias else scores
    weigh = (lambda picked: picked / (picked.sum() + 1e-6)) if router.norm_topk_prob else np.asarray
    return chosen(scores, router.top_k, choose_by=by, weigh=weigh, scale=router.routed_scaling_factor)


def kolibri(router: Any, given: Sequence[Any]) -> Choice:
    logits = projected(router, given)
    by = logits + as_array(router.e_score_correction_bias)
    weigh = (lambda picked: share(sigmoid(picked))) if router.norm_topk_prob else sigmoid
    return chosen(logits, router.top_k, choose_by=by, weigh=weigh)


def flint(router: Any, given: Sequence[Any]) -> Choice:
    weigh = share if router.norm_topk_prob else np.asarray
    return chosen(sigmoid(projected(router, given)), router.top_k, weigh=weigh)


def deepseek_v4(router: Any, given: Sequence[Any]) -> Choice:
    scores = root_softplus(projected(router, given))
    by = scores + as_array(router.e_score_correction_bias)
    return chosen(scores, router.top_k, choose_by=by, weigh=share, scale=router.routed_scaling_factor)


def hashed(router: Any, given: Sequence[Any]) -> Choice:
    """The table chooses; the scores only weigh."""
    scores = root_softplus(projected(router, given))
    picks = router.tid2eid[given[1].reshape(-1)].tolist()
    return [(pick, share(row[pick]) * router.routed_scaling_factor) for pick, row in zip(picks, scores, strict=True)]


def longcat(router: Any, given: Sequence[Any]) -> Choice:
    scores = softmax(projected(router, given))
    by = scores + as_array(router.e_score_correction_bias)
    return chosen(scores, router.top_k, choose_by=by, scale=router.routed_scaling_factor)


def ernie(router: Any, given: Sequence[Any]) -> Choice:
    scores = softmax(projected(router, given))
    by = scores + as_array(router.moe_statics.e_score_correction_bias)
    return chosen(scores, router.top_k, choose_by=by, weigh=lambda picked: picked / max(picked.sum(), router.norm_min))


def inkling(router: Any, given: Sequence[Any]) -> Choice:
    """Shared experts take part in the shares of the chosen, not in the choice."""
    logits = projected(router, given)
    routed, shared = logits[:, : -router.n_shared_experts], logits[:, -router.n_shared_experts :]
    by = sigmoid(routed) + as_array(router.e_score_correction_bias)
    scale = router.route_scale * float(as_array(router.global_scale)[0])
    picks = [best(row, router.top_k) for row in by]
    together = [np.concatenate([row[pick], rest]) for pick, row, rest in zip(picks, routed, shared, strict=True)]
    return [(pick, share(sigmoid(row))[: router.top_k] * scale) for pick, row in zip(picks, together, strict=True)]


def gemma(router: Any, given: Sequence[Any]) -> Choice:
    hidden = as_array(given[0])
    normed = hidden / np.sqrt((hidden**2).mean(axis=-1, keepdims=True) + router.eps)
    scaled = normed * as_array(router.scale) * router.scalar_root_size
    scores = softmax(scaled @ as_array(router.proj.weight).T)
    picked = chosen(scores, router.config.top_k_experts, weigh=share)
    own = as_array(router.per_expert_scale)
    return [(pick, weights * own[pick]) for pick, weights in picked]


def zaya(router: Any, given: Sequence[Any]) -> Choice:
    """A small network scores; the last class means: no expert."""
    hidden = as_array(given[0]).reshape(-1, router.hidden_size)
    at = hidden @ as_array(router.down_proj.weight).T + as_array(router.down_proj.bias)
    if router.use_eda and len(given) > 1:
        at = at + as_array(given[1]).reshape(at.shape) * as_array(router.router_states_scale)
    mlp = router.router_mlp
    at = at / np.sqrt((at**2).mean(axis=-1, keepdims=True) + mlp.norm.variance_epsilon) * as_array(mlp.norm.weight)
    for layer in (mlp.fc1, mlp.fc2):
        at = gelu(at @ as_array(layer.weight).T + as_array(layer.bias))
    scores = softmax(at @ as_array(mlp.out_proj.weight).T)
    picked = chosen(scores, router.top_k, choose_by=scores + as_array(router.balancing_biases))
    return [([0], np.zeros(1)) if pick == [router.num_experts] else (pick, weights) for pick, weights in picked]


def gelu(x: Array) -> Array:
    return np.asarray(x * 0.5 * (1.0 + np.vectorize(erf)(x / np.sqrt(2.0))))


def phimoe(router: Any, given: Sequence[Any]) -> Choice:
    """Twice the best of what is left, each weighed among those within the jitter of it."""
    choices: Choice = []
    for row in projected(router, given):
        left, picks, weights = row.copy(), [], []
        for _ in range(2):
            pick = best(left, 1)[0]
            top = left[pick]
            near = (top - row) / np.maximum(np.abs(row), top) <= 2 * router.router_jitter_noise
            near &= np.isfinite(left)
            weights.append(float(softmax(np.where(near, row, -np.inf))[pick]))
            picks.append(pick)
            left[pick] = -np.inf
        choices.append((picks, np.array(weights)))
    return choices


def llama4(router: Any, given: Sequence[Any]) -> Choice:
    return chosen(projected(router, given), router.top_k, weigh=sigmoid)


def switch(router: Any, given: Sequence[Any]) -> Choice:
    return chosen(softmax(projected(router, given)), 1)


def nllb(router: Any, given: Sequence[Any]) -> Choice:
    return chosen(softmax(projected(router, given)), 2, weigh=share)


RULES: dict[str, Callable[..., Choice]] = {
    "AfmoeTokenChoiceRouter": biased_sigmoid,
    "AriaTextTopKRouter": softmax_last,
    "AXK1TopkRouter": grouped_sigmoid,
    "AXK2TopkRouter": grouped_sigmoid,
    "BailingHybridTopkRouter": grouped_sigmoid,
    "BeamTopKRouter": grouped_sigmoid,
    "Cohere2MoeTopKRouter": cohere,
    "DeepseekOcr2TextTopkRouter": deepseek_v2,
    "DeepseekV2TopkRouter": deepseek_v2,
    "DeepseekV32TopkRouter": grouped_sigmoid,
    "DeepseekV3TopkRouter": grouped_sigmoid,
    "DeepseekV4HashRouter": hashed,
    "DeepseekV4TopKRouter": deepseek_v4,
    "DiffusionGemmaTextRouter": gemma,
    "Dots1TopkRouter": grouped_sigmoid,
    "Dots3NoteTextTopkRouter": grouped_sigmoid,
    "Ernie4_5_MoeTopKRouter": ernie,
    "Ernie4_5_VLMoeMoeTopKRouter": ernie,
    "ExaoneMoeTopkRouter": grouped_sigmoid,
    "FlexOlmoTopKRouter": softmax_first,
    "FlintTopKRouter": flint,
    "Gemma4TextRouter": gemma,
    "Glm4MoeLiteTopkRouter": grouped_sigmoid,
    "Glm4MoeTopkRouter": grouped_sigmoid,
    "Glm4vMoeTextTopkRouter": grouped_sigmoid,
    "Glm5NextTextTopkRouter": grouped_sigmoid,
    "GlmMoeDsaTopkRouter": grouped_sigmoid,
    "GptOssTopKRouter": softmax_last,
    "GraniteMoeHybridTopKRouter": softmax_last,
    "GraniteMoeSWATopKRouter": softmax_last,
    "GraniteMoeSharedTopKRouter": softmax_last,
    "GraniteMoeTopKRouter": softmax_last,
    "HYV3TopKRouter": biased_sigmoid,
    "HYV4TopkRouter": grouped_sigmoid,
    "HunYuanMoEV1Gate": softmax_first,
    "Inkling2TopKRouter": biased_sigmoid,
    "InklingTopkRouter": inkling,
    "JambaTopKRouter": softmax_first,
    "JetMoeTopKGating": softmax_last,
    "KimiLinearTopkRouter": grouped_sigmoid,
    "Kolibri1TopKRouter": kolibri,
    "LagunaTopKRouter": biased_sigmoid,
    "Lfm2MoeTopKRouter": lfm2,
    "Llama4Router": llama4,
    "LongcatFlashTopkRouter": longcat,
    "MellumTopKRouter": softmax_first,
    "MiMoV2FlashTopkRouter": grouped_sigmoid,
    "MiniMaxM2TopKRouter": biased_sigmoid,
    "MiniMaxM3VLTopKRouter": biased_sigmoid,
    "MiniMaxTopKRouter": softmax_first,
    "Mistral4TopkRouter": grouped_softmax,
    "MistralLarge4TextTopkRouter": grouped_softmax,
    "MixtralTopKRouter": softmax_first,
    "MuseSparkTopkRouter": biased_sigmoid,
    "NemotronHTopkRouter": grouped_sigmoid,
    "NllbMoeTop2Router": nllb,
    "OlmoeTopKRouter": softmax_first,
    "OpenAIPrivacyFilterTopKRouter": softmax_last,
    "PhimoeTopKRouter": phimoe,
    "Qwen2MoeTopKRouter": softmax_first,
    "Qwen3MoeTopKRouter": softmax_first,
    "Qwen3NextTopKRouter": softmax_first,
    "Qwen3OmniMoeThinkerTextTopKRouter": softmax_first,
    "Qwen3VLMoeTextTopKRouter": softmax_first,
    "Qwen3_5MoeTopKRouter": softmax_first,
    "Qwen4ExpTextTopKRouter": softmax_first,
    "SolarOpenTopkRouter": grouped_sigmoid,
    "Step3p7TopKRouter": biased_sigmoid,
    "SwitchTransformersTop1Router": switch,
    "UnlimitedOcrTextTopkRouter": deepseek_v2,
    "ZayaRouter": zaya,
}
"""A router class that is missing here fails its family's test: each was read before it was trusted."""
