"""FP64 routing for the mixture-of-experts families of transformers.

Rule 1: projection, scores, bias, group limit and top-k are all float64. A float64 projection alone is lost again
        when scores are rounded to float32 before the selection.
Rule 2: a router's own code runs, on float64 values: nothing about a family is written down here.
Rule 3: each output leaves in the dtype that the router itself would have given it, so nothing downstream changes.
Rule 4: equal scores go to the lower expert index, on every device.
Rule 5: what is not understood is refused before anything is changed, never patched on a guess.

It makes routing independent of the order of summation. Where another engine samples, it must route in float64 too,
or its choices must be replayed. Gates of shared experts weigh, they choose nothing: they are left alone.
"""

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as tree

ROUTER_NAME = re.compile(r"(Router|TopKGating|MoEV1Gate)$")
"""How transformers calls its routers. Blocks, experts and shared gates are called otherwise."""
ROUTING_OUTSIDE = {
    "DbrxRouter": "it only projects; its feed-forward block scores and selects",
    "DogeCDMoE": "it has no router module; its block projects, selects and computes at once",
}
NOT_EXPERTS = frozenset({"GraniteDoclingDensityRouter"})
"""Called a router, but it chooses a resolution, not experts."""
EXPERT_COUNTS = ("n_total_experts", "num_router_classes", "n_routed_experts", "num_experts")
"""Where a router or its configuration says how many rows its projection has."""
REDUCED = frozenset({torch.float32, torch.float16, torch.bfloat16})
NO_FLOAT64 = frozenset({"mps"})


class RoutingRefused(ValueError):
    """FP64 routing cannot be had on this model; the message says where and why. No router was changed."""


@dataclass(frozen=True, slots=True)
class Router:
    """A router found in a model: its module path and class."""

    name: str
    kind: str


def find_routers(model: nn.Module) -> tuple[Router, ...]:
    """The routers of a model, in its order.

    Raises RoutingRefused where there is none or one that is not understood.
    """
    return tuple(Router(name, _own_class(module).__name__) for name, module in _routers(model).items())


@contextmanager
def fp64_routing(model: nn.Module) -> Iterator[tuple[Router, ...]]:
    """Within the block, every router of `model` works in float64; the routers are yielded.

    With gradient checkpointing, call `backward` inside the block too: it runs the forward pass again.
    """
    # Routers that are already permanent stay as they are.
    changed = [module for module in _routers(model).values() if not isinstance(module, _Float64Router)]
    routers = enable_fp64_routing(model)
    try:
        yield routers
    finally:
        for module in changed:
            _restore(module)


def enable_fp64_routing(model: nn.Module) -> tuple[Router, ...]:
    """Make every router of `model` work in float64 for good; returns the routers. Calling it again changes nothing.

    Weights, state dict and `save_pretrained` stay as they were, and copies of the model keep the property.
    """
    routers = _routers(model)
    for module in routers.values():
        if not isinstance(module, _Float64Router):
            module.__class__ = _float64_class(type(module))  # type: ignore[arg-type] # a class can be hashed
    return find_routers(model)


def disable_fp64_routing(model: nn.Module) -> None:
    """Undo `enable_fp64_routing`."""
    for module in _routers(model).values():
        if isinstance(module, _Float64Router):
            _restore(module)


def _routers(model: nn.Module) -> dict[str, nn.Module]:
    named = {name: module for name, module in model.named_modules() if _looks_like_router(module)}
    if not named:
        raise RoutingRefused(
            f"{type(model).__name__} has no router: FP64 routing is for mixture-of-experts models; "
            "for others leave it out"
        )
    for name, module in named.items():
        if (trouble := _trouble(module)) is not None:
            raise RoutingRefused(f"{name or 'the model'} ({type(module).__name__}): {trouble}")
    return named


def _looks_like_router(module: nn.Module) -> bool:
    kind = _own_class(module).__name__
    return kind in ROUTING_OUTSIDE or (bool(ROUTER_NAME.search(kind)) and kind not in NOT_EXPERTS)


def _trouble(module: nn.Module) -> str | None:
    """Why this router cannot be taken to float64; None when it can."""
    if (reason := ROUTING_OUTSIDE.get(_own_class(module).__name__)) is not None:
        return f"FP64 routing does not cover this family: {reason}"
    if "forward" in vars(module):
        return "its forward was replaced, as device maps do; enable FP64 routing before the model is dispatched"
    counts = {
        getattr(holder, name, None) for holder in (module, getattr(module, "config", None)) for name in EXPERT_COUNTS
    }
    weights = [weight for weight in module.parameters() if weight.ndim == 2 and weight.is_floating_point()]
    if not any(weight.shape[0] in counts for weight in weights):
        return "no floating-point weight with one row per expert was found, so its shape is unknown here"
    return next((_device_trouble(weight.device) for weight in weights if weight.device.type in NO_FLOAT64), None)


def _device_trouble(device: torch.device) -> str:
    return f"{device.type} devices have no float64; move the model to cpu or cuda, or leave FP64 routing out"


def _own_class(module: nn.Module) -> type[nn.Module]:
    return module.routing_class if isinstance(module, _Float64Router) else type(module)


class _Float64Router(nn.Module):
    """Goes before the router's own class. A class, not a replaced `forward`: it survives copies of the model."""

    routing_class: type[nn.Module]

    @torch.compiler.disable  # type: ignore[untyped-decorator] # a compiler cannot trace the mode: the router runs as written, between two graphs
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        leaves, spec = tree.tree_flatten((args, kwargs))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        device = tensors[0].device.type
        if device in NO_FLOAT64:
            raise RoutingRefused(_device_trouble(tensors[0].device))
        dtypes = self._natural_dtypes(leaves, spec, device)
        doubled = [_doubled(leaf) if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        args, kwargs = tree.tree_unflatten(doubled, spec)
        mode = _InFloat64()
        with torch.autocast(device, enabled=False), _presented(self, _doubled), mode:
            routed, out_spec = tree.tree_flatten(super().forward(*args, **kwargs))
        if not mode.selected and not any(isinstance(leaf, Tensor) and not leaf.is_floating_point() for leaf in routed):
            raise RoutingRefused(f"{self.routing_class.__name__} selects no expert: its shape is unknown here")
        back = [leaf if dtype is None else leaf.to(dtype) for leaf, dtype in zip(routed, dtypes, strict=True)]
        return tree.tree_unflatten(back, out_spec)

    def _natural_dtypes(self, leaves: list[Any], spec: Any, device: str) -> tuple[torch.dtype | None, ...]:
        """The dtype of each output without this class; None where it is no float. Found by one unpatched run."""
        autocast = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        given = tuple(leaf.dtype if isinstance(leaf, Tensor) else None for leaf in leaves)
        key = (autocast, given, tuple(weight.dtype for weight in self.parameters()))
        known = vars(self).setdefault("_natural", {})
        if key not in known:
            # Some routers draw noise or work in place: neither may show.
            cloned = [leaf.clone() if isinstance(leaf, Tensor) else leaf for leaf in leaves]
            args, kwargs = tree.tree_unflatten(cloned, spec)
            indices = [leaf.device for leaf in cloned if isinstance(leaf, Tensor) and leaf.is_cuda]
            with (
                torch._C.DisableTorchFunction(),  # nobody who watches the router is to see this run
                torch.no_grad(),
                torch.random.fork_rng(set(indices)),
                _presented(self, Tensor.clone),
            ):
                natural = tree.tree_leaves(super().forward(*args, **kwargs))
            known[key] = tuple(_float_dtype(leaf) for leaf in natural)
        return known[key]  # type: ignore[no-any-return]


@functools.cache
def _float64_class(kind: type[nn.Module]) -> type[nn.Module]:
    return type(f"Float64{kind.__name__}", (_Float64Router, kind), {"routing_class": kind})


def _restore(module: nn.Module) -> None:
    if not isinstance(module, _Float64Router):
        raise RuntimeError(f"{type(module).__name__} is no longer the class that FP64 routing gave it")
    vars(module).pop("_natural", None)
    module.__class__ = module.routing_class  # type: ignore[assignment] # which it was before


def _float_dtype(leaf: Any) -> torch.dtype | None:
    return leaf.dtype if isinstance(leaf, Tensor) and leaf.is_floating_point() else None


def _doubled(tensor: Tensor) -> Tensor:
    """A float64 copy that autograd follows. Always a copy: a router may work on its input in place."""
    return tensor.to(torch.float64, copy=True) if tensor.is_floating_point() else tensor


@contextmanager
def _presented(module: nn.Module, convert: Any) -> Iterator[None]:
    """Within the block, the module and its children see their parameters and buffers converted."""
    stores = [store for part in module.modules() for store in (part._parameters, part._buffers)]
    before = [dict(store) for store in stores]
    try:
        for store in stores:
            store.update({name: convert(value) for name, value in store.items() if value is not None})
        yield
    finally:
        for store, values in zip(stores, before, strict=True):
            store.update(values)  # type: ignore[arg-type]


class _InFloat64(TorchFunctionMode):
    """Turns every conversion to a shorter float into one to float64, and top-k into one with an order for ties."""

    def __init__(self) -> None:
        super().__init__()
        self.selected = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _SHORTENING:
            return args[0].double()
        if func == _GRADIENT:
            # A router that converts its own projection asks for the gradient of what it converts: there is none yet.
            return None
        given = {name: _lengthened(value) for name, value in (kwargs or {}).items() if name != "out_dtype"}
        self.selected = self.selected or func in _SELECTING
        if func in _TOP_K:
            return _stable_top_k(*args, **given)
        return func(*map(_lengthened, args), **given)


_SHORTENING = frozenset({Tensor.float, Tensor.half, Tensor.bfloat16})
_GRADIENT = Tensor.grad.__get__  # type: ignore[union-attr]
_TOP_K = frozenset({torch.topk, Tensor.topk})
_SELECTING = _TOP_K | {torch.argmax, Tensor.argmax, torch.max, Tensor.max, torch.sort, Tensor.sort}


def _lengthened(value: Any) -> Any:
    return torch.float64 if isinstance(value, torch.dtype) and value in REDUCED else value


def _stable_top_k(values: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:  # noqa: A002
    """What `torch.topk` returns, sorted, with equal values in the order of their indices."""
    ordered, indices = torch.sort(values, dim=dim, descending=largest, stable=True)
    return torch.return_types.topk((ordered.narrow(dim, 0, k), indices.narrow(dim, 0, k)))
