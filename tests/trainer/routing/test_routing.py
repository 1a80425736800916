"""FP64 routing beyond the families: exactness, ties, refusals, the auxiliary loss, copies, the audit."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import MixtralConfig, MixtralForCausalLM, Qwen2Config, Qwen2ForCausalLM
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3TopkRouter
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssTopKRouter
from transformers.models.mixtral.modeling_mixtral import MixtralTopKRouter

from tests.trainer.routing.families import SMALL, build, in_dtype, run
from touchstone_trainer.routing import Router, RoutingRefused, enable_fp64_routing, find_routers, fp64_routing
from touchstone_trainer.routing_audit import audit_routing

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "fp64_router.json"
IDS = torch.arange(3, 17).reshape(2, 7)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def mixtral(**changes: Any) -> Any:
    names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    sizes = {name: SMALL[name] for name in names} | {"num_key_value_heads": 2, "num_local_experts": 4}
    torch.manual_seed(3)
    model: Any = MixtralForCausalLM(MixtralConfig(**(sizes | changes)))
    return model.eval()


def router_of(kind: type[Any], experts: int, hidden: int, weight: torch.Tensor, **extra: Any) -> Any:
    config = MixtralConfig(hidden_size=hidden, num_local_experts=experts, num_experts_per_tok=2)
    for name, value in extra.items():
        setattr(config, name, value)
    router = kind(config).to(weight.dtype)
    for tensor in (*router.parameters(), *router.buffers()):
        tensor.data.zero_()
    router.weight.data.copy_(weight)
    return router


GROUPS = {"routed_scaling_factor": 1.0, "n_group": 1, "topk_group": 1, "norm_topk_prob": True}
SCHEMES = {
    "softmax_then_topk_renorm": (MixtralTopKRouter, {}),
    "topk_then_softmax": (GptOssTopKRouter, {}),
    "sigmoid_topk_renorm": (DeepseekV3TopkRouter, GROUPS),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_near_ties_in_bfloat16_are_told_apart(scheme: str) -> None:
    """Logits that bfloat16 and float32 scores cannot tell apart choose as exact arithmetic does, for three schemes."""
    if not VECTORS.exists():
        pytest.skip(f"no test vectors in {VECTORS.parent}")
    case = json.loads(VECTORS.read_text())["small_case"]
    hidden, weight = (torch.tensor(case[name], dtype=torch.bfloat16) for name in ("hidden", "weight"))
    kind, extra = SCHEMES[scheme]
    router = router_of(kind, 4, 8, weight, **extra)
    wanted = case["routing_fp64"][scheme]
    with fp64_routing(router):
        _, weights, experts = router(hidden)
    assert experts.tolist() == wanted["indices"]
    expected = torch.tensor(wanted["weights"], dtype=weights.dtype)
    torch.testing.assert_close(weights, expected, rtol=torch.finfo(weights.dtype).eps, atol=0)


def test_a_difference_below_float32_decides() -> None:
    """10 + 2**-40 beats 10, though float32 scores are equal; without the patch the lower index wins by accident."""
    # Two of three: the pair that survives is experts 1 and 2 only if 2**-40 counts.
    weight = torch.tensor([[10.0, 0.0], [10.0, 1.0], [10.0, 2.0]])
    router = router_of(MixtralTopKRouter, 3, 2, weight)
    hidden = torch.tensor([[1.0, 2.0**-40]])
    with fp64_routing(router):
        assert router(hidden)[2].tolist() == [[2, 1]]
    assert set(router(hidden)[2][0].tolist()) != {1, 2}


def test_logits_do_not_depend_on_the_order_of_summation() -> None:
    """A permuted hidden dimension gives the same experts and weights, bit for bit; bfloat16 products are exact."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(512, 512, generator=generator).bfloat16()
    weight = torch.randn(16, 512, generator=generator).bfloat16()
    order = torch.randperm(512, generator=generator)
    outs = []
    for columns in (torch.arange(512), order):
        router = router_of(MixtralTopKRouter, 16, 512, weight[:, columns])
        with fp64_routing(router):
            outs.append(router(hidden[:, columns]))
    assert all(torch.equal(first, second) for first, second in zip(*outs, strict=True))


@pytest.mark.parametrize("kind", [MixtralTopKRouter, GptOssTopKRouter], ids=["softmax first", "softmax last"])
def test_equal_scores_go_to_the_lower_index(kind: type[Any]) -> None:
    """With 64 equal experts the first two are chosen, for every token."""
    router = router_of(kind, 64, 8, torch.ones(64, 8))
    with fp64_routing(router):
        experts = router(torch.randn(50, 8))[2]
    assert experts.tolist() == [[0, 1]] * 50


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_auxiliary_loss_is_recorded_and_trains(dtype: torch.dtype) -> None:
    """Recorded logits are the patched router's, the loss contains the auxiliary part and reaches every router."""
    model = mixtral(router_aux_loss_coef=1.0).to(dtype)
    plain = model(input_ids=IDS, labels=IDS, output_router_logits=True)
    with fp64_routing(model) as routers:
        out = model(input_ids=IDS, labels=IDS, output_router_logits=True)
        out.aux_loss.backward()
    assert len(out.router_logits) == len(routers) == 2
    assert [logits.dtype for logits in out.router_logits] == [logits.dtype for logits in plain.router_logits]
    assert out.loss.dtype == plain.loss.dtype
    torch.testing.assert_close(out.aux_loss, plain.aux_loss, rtol=2e-2, atol=0)
    gradients = [model.get_submodule(router.name).weight.grad for router in routers]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)


def test_autocast_does_not_reach_the_router() -> None:
    """Under bfloat16 autocast a float32 model routes as without it, and the outputs have autocast's dtypes."""
    router = router_of(MixtralTopKRouter, 8, 16, torch.randn(8, 16))
    hidden = torch.randn(64, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        plain = router(hidden)
        with fp64_routing(router):
            under = router(hidden)
    with fp64_routing(router):
        free = router(hidden)
    assert torch.equal(under[2], free[2])
    assert [out.dtype for out in under] == [out.dtype for out in plain]


def test_compiled_code_routes_the_same() -> None:
    """Under torch.compile the router runs as written, between two graphs."""
    router = router_of(MixtralTopKRouter, 8, 16, torch.randn(8, 16))
    hidden = torch.randn(64, 16)

    def weights(given: torch.Tensor) -> Any:
        return router(given * 2)[1] + 1

    with torch.no_grad(), fp64_routing(router):
        compiled: Any = torch.compile(weights, backend="eager")
        assert torch.equal(compiled(hidden), weights(hidden))


def test_gradient_checkpointing_gives_the_same_gradients() -> None:
    """With the backward pass inside the block, recomputation routes the same."""
    gradients = []
    for checkpointing in (False, True):
        model = mixtral().train()
        if checkpointing:
            model.activation_checkpointing_enable()
        with fp64_routing(model):
            model(input_ids=IDS, labels=IDS).loss.backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert all(torch.equal(first, second) for first, second in zip(*gradients, strict=True))


def test_noise_of_the_router_is_drawn_once() -> None:
    """Finding out the dtypes of the outputs moves no random generator."""
    model = build("phimoe").train()
    after: list[float] = []
    for _ in range(2):
        torch.manual_seed(0)
        with fp64_routing(model):
            run(model)
            if not after:
                torch.manual_seed(0)
                run(model)
        after.append(torch.rand(1).item())
    assert after[0] == after[1]


def test_a_copy_routes_with_its_own_weights() -> None:
    """The permanent form survives a deep copy, which keeps nothing of the original: a reference model is safe."""
    model = mixtral()
    enable_fp64_routing(model)
    reference = copy.deepcopy(model)
    before = reference(input_ids=IDS).logits
    with torch.no_grad():
        for router in find_routers(model):
            model.get_submodule(router.name).weight.add_(1e3 * torch.randn(4, 32))
    assert torch.equal(reference(input_ids=IDS).logits, before)
    assert audit_routing(reference, lambda: reference(input_ids=IDS))[0].routes_in_float64


def test_a_block_within_the_permanent_form_leaves_it() -> None:
    """Leaving a block undoes only what the block did."""
    model = mixtral()
    names = enable_fp64_routing(model)
    with fp64_routing(model) as routers:
        assert routers == names
    assert audit_routing(model, lambda: model(input_ids=IDS))[0].routes_in_float64


def test_an_error_inside_leaves_the_model_as_it_was() -> None:
    """The block is left cleanly by an exception, also by one from within a router."""
    model = mixtral()
    kinds = [type(module) for module in model.modules()]
    with pytest.raises(RuntimeError), fp64_routing(model):
        model.model.layers[0].mlp.gate(torch.randn(3, 5))
    assert [type(module) for module in model.modules()] == kinds
    assert all(isinstance(value, nn.Parameter) for value in model.model.layers[0].mlp.gate._parameters.values())


def test_the_routers_are_reported() -> None:
    """What was patched is told by path and class."""
    with fp64_routing(mixtral()) as routers:
        assert routers == tuple(Router(f"model.layers.{at}.mlp.gate", "MixtralTopKRouter") for at in range(2))


def test_a_shared_experts_gate_is_no_router() -> None:
    """Qwen2-MoE's shared_expert_gate weighs one expert and stays as it is."""
    model = build("qwen2_moe")
    with fp64_routing(model) as routers:
        assert all("shared_expert_gate" not in router.name for router in routers)
        assert type(model.layers[0].mlp.shared_expert_gate) is nn.Linear


def test_a_dense_model_is_refused() -> None:
    """No router found: the message says what FP64 routing is for."""
    config = Qwen2Config(vocab_size=32, hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    model = Qwen2ForCausalLM(config)
    with pytest.raises(RoutingRefused, match="no router"):
        enable_fp64_routing(model)


class StrangeRouter(nn.Module):
    """Called a router, with no weight that has a row per expert."""

    def __init__(self) -> None:
        super().__init__()
        self.num_experts = 8
        self.mix = nn.Parameter(torch.zeros(8))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden


class ProjectingRouter(nn.Module):
    """Looks like a router, but its caller selects."""

    def __init__(self) -> None:
        super().__init__()
        self.num_experts = 8
        self.weight = nn.Parameter(torch.zeros(8, 4))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden @ self.weight.T


def test_an_unknown_shape_is_refused_and_nothing_is_changed() -> None:
    """One router that is not understood refuses the model, the routers before it included."""
    model = nn.Sequential(router_of(MixtralTopKRouter, 4, 8, torch.ones(4, 8)), StrangeRouter())
    with pytest.raises(RoutingRefused, match=r"1 \(StrangeRouter\).*one row per expert"):
        enable_fp64_routing(model)
    assert [type(module) for module in model] == [MixtralTopKRouter, StrangeRouter]


def test_a_router_that_selects_nothing_is_refused_when_it_runs() -> None:
    """A projection alone in float64 would be lost again: this is said at the first call, not hidden."""
    with pytest.raises(RoutingRefused, match="selects no expert"), fp64_routing(router := ProjectingRouter()):
        router(torch.ones(2, 4))


def test_a_device_without_float64_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model on such a device is refused with what to do. The meta device stands in for it here."""
    monkeypatch.setattr("touchstone_trainer.routing.NO_FLOAT64", frozenset({"meta"}))
    with pytest.raises(RoutingRefused, match=r"no float64.*cpu or cuda"):
        enable_fp64_routing(mixtral().to("meta"))
    router = router_of(MixtralTopKRouter, 4, 8, torch.ones(4, 8))
    enable_fp64_routing(router)
    with pytest.raises(RoutingRefused, match="no float64"):
        router(torch.ones(2, 8, device="meta"))


def test_a_replaced_forward_is_refused() -> None:
    """Device maps replace `forward` on the module, which would go around the patch."""
    model = mixtral()
    gate = model.model.layers[1].mlp.gate
    gate.forward = gate.forward
    with pytest.raises(RoutingRefused, match=r"layers\.1\.mlp\.gate.*before the model is dispatched"):
        enable_fp64_routing(model)


@pytest.mark.parametrize(
    ("family", "projection", "scores", "output"),
    [
        ("mixtral", torch.bfloat16, torch.float32, torch.bfloat16),
        ("granitemoe", torch.bfloat16, torch.float32, torch.bfloat16),
        ("gpt_oss", torch.bfloat16, torch.bfloat16, torch.bfloat16),
        ("deepseek_v3", torch.float32, torch.float32, torch.float32),
    ],
)
def test_the_audit_tells_the_four_stages(family: str, projection: Any, scores: Any, output: Any) -> None:
    """Parameter, projection, scores and output: as the family does it, then float64 in the middle only."""
    model = in_dtype(build(family), torch.bfloat16)
    before = audit_routing(model, lambda: run(model))[0]
    assert (before.parameter, before.projection, before.scores, before.output) == (
        torch.bfloat16,
        projection,
        scores,
        output,
    )
    assert not before.routes_in_float64
    with fp64_routing(model):
        after = audit_routing(model, lambda: run(model))[0]
    assert (after.parameter, after.projection, after.scores) == (torch.bfloat16, torch.float64, torch.float64)
    assert (after.output, after.calls) == (before.output, 1)


def test_the_audit_shows_a_router_that_was_gone_around() -> None:
    """A router that the forward pass never called has no calls and no dtypes."""
    model = mixtral()
    audits = audit_routing(model, lambda: None)
    assert [(audit.calls, audit.projection, audit.routes_in_float64) for audit in audits] == [(0, None, False)] * 2
