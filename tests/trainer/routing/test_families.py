"""FP64 routing on every mixture-of-experts family that the installed transformers can build small."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.routing.families import build, families, in_dtype, model_class, run
from tests.trainer.routing.reference import RULES, Array, Choice, as_array
from touchstone_trainer.routing import (
    RoutingRefused,
    disable_fp64_routing,
    enable_fp64_routing,
    find_routers,
    fp64_routing,
)

NOT_COVERED = {"dbrx": "scores and selects", "doge": "no router module"}
COVERED = [family for family in families() if family not in NOT_COVERED]
Call = tuple[Any, tuple[Any, ...], dict[str, Any], Any]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@contextmanager
def watching(model: Any) -> Iterator[list[Call]]:
    """Every call of a router: the module, what it was given and what it returned."""
    calls: list[Call] = []
    hooks = [
        model.get_submodule(router.name).register_forward_hook(
            lambda module, given, named, out: calls.append((module, given, named, out)), with_kwargs=True
        )
        for router in find_routers(model)
    ]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def told(kind: str, out: Any, top_k: int) -> list[tuple[set[int], Array, torch.dtype]]:
    """What a router's output says: for each token the experts, their weights by expert, and the weights' dtype."""
    if kind == "Llama4Router":
        return [_dense(row) for row in out[0]]
    if kind == "NllbMoeTop2Router":
        return [_dense(row) for row in out[1]]
    if kind == "SwitchTransformersTop1Router":
        return [_dense(mask * p) for mask, p in zip(out[0].flatten(0, -2), out[1].flatten(0, -2), strict=True)]
    if kind == "JetMoeTopKGating":
        by_expert, tokens, gates, sizes, _ = out
        experts = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
        table = torch.zeros(len(by_expert) // top_k, len(sizes), dtype=gates.dtype)
        table[tokens, experts] = gates.detach()
        return [_dense(row) for row in table]
    weights, experts = out[1].flatten(0, -2), out[2].flatten(0, -2)
    rows = zip(experts, weights, strict=True)
    return [(set(e.tolist()), as_array(w)[np.argsort(e.numpy())], weights.dtype) for e, w in rows]


def _dense(row: torch.Tensor) -> tuple[set[int], Array, torch.dtype]:
    picked = row.nonzero().flatten()
    return set(picked.tolist()), as_array(row[picked]), row.dtype


def wanted(router: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Choice:
    rule = RULES[router.routing_class.__name__]
    return rule(router, (*given, *(value for value in named.values() if value is not None)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("family", COVERED)
def test_routes_as_float64_does(family: str, dtype: torch.dtype) -> None:
    """The experts are those of an independent float64 computation, the weights its weights to the last bit or so."""
    model = in_dtype(build(family), dtype)
    with torch.no_grad(), fp64_routing(model), watching(model) as calls:
        run(model)
        assert calls
        for router, given, named, out in calls:
            choice = wanted(router, given, named)
            said = told(router.routing_class.__name__, out, getattr(router, "top_k", 0))
            assert [experts for experts, _, _ in said] == [set(experts) for experts, _ in choice]
            for (_, weights, kept), (experts, expected) in zip(said, choice, strict=True):
                np.testing.assert_allclose(
                    weights, expected[np.argsort(experts)], rtol=2 * torch.finfo(kept).eps, atol=1e-30
                )


@pytest.mark.parametrize("family", COVERED)
def test_gradients_flow_and_nothing_stays(family: str) -> None:
    """Routers learn as without the patch, and outside the block the model is what it was, byte for byte."""
    model = build(family)
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    plain, plain_gradients = _learned(model)
    kinds = [(type(module), sorted(vars(module))) for module in model.modules()]
    with fp64_routing(model):
        doubled, doubled_gradients = _learned(model)
    assert doubled.dtype == plain.dtype
    torch.testing.assert_close(doubled, plain, rtol=1e-3, atol=1e-4)
    assert set(doubled_gradients) == set(plain_gradients)
    assert doubled_gradients
    torch.testing.assert_close(doubled_gradients, plain_gradients, rtol=1e-2, atol=1e-3)
    assert [(type(module), sorted(vars(module))) for module in model.modules()] == kinds
    after = model.state_dict()
    assert all(torch.equal(after[name], tensor) and after[name].dtype == tensor.dtype for name, tensor in kept.items())
    torch.testing.assert_close(_learned(model)[0], plain, rtol=0, atol=0)


def _learned(model: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The output, and the gradient of every router parameter."""
    model.zero_grad()
    output = run(model)
    output.square().mean().backward()
    routers = [router.name for router in find_routers(model)]
    gradients = {
        f"{router}.{name}": parameter.grad
        for router in routers
        for name, parameter in model.get_submodule(router).named_parameters()
        if parameter.grad is not None
    }
    return output.detach(), gradients


@pytest.mark.parametrize("family", NOT_COVERED)
def test_families_that_are_not_covered_are_refused(family: str) -> None:
    """A family whose routing lies outside a router module is refused with the reason, and left as it was."""
    model = build(family)
    kinds = [type(module) for module in model.modules()]
    with pytest.raises(RoutingRefused, match=NOT_COVERED[family]):
        enable_fp64_routing(model)
    assert [type(module) for module in model.modules()] == kinds


def test_no_family_is_forgotten() -> None:
    """Every family with a router is either covered or refused: none fails to build."""
    assert len(COVERED) >= 60
    assert all(issubclass(model_class(family), torch.nn.Module) for family in families())


def test_disable_undoes_enable() -> None:
    """The permanent form can be taken back."""
    model = build("mixtral")
    kinds = [type(module) for module in model.modules()]
    enable_fp64_routing(model)
    disable_fp64_routing(model)
    assert [type(module) for module in model.modules()] == kinds
