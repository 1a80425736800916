"""In which dtype a model routes, seen from outside: what its routers really computed in one forward pass.

Rule 1: observed, not read off the code. A fused kernel that goes around the router shows as a router never called.
Rule 2: of several dtypes at one stage the shortest is told: it is the one that rounds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as tree

from touchstone_trainer.routing import find_routers

PROJECTIONS = frozenset({"linear", "matmul", "__matmul__", "mm", "addmm", "bmm"})
SCORINGS = frozenset({"softmax", "log_softmax", "sigmoid", "logsigmoid", "softplus"})
SELECTIONS = frozenset({"topk", "sort", "argmax", "max"})


@dataclass(frozen=True, slots=True)
class RouterAudit:
    """The dtypes of one router. `output` is what leaves the router. None: not seen."""

    name: str
    kind: str
    calls: int
    parameter: torch.dtype
    projection: torch.dtype | None
    scores: torch.dtype | None
    output: torch.dtype | None

    @property
    def routes_in_float64(self) -> bool:
        """Projection and scores were both float64."""
        return self.projection == self.scores == torch.float64


def audit_routing(model: nn.Module, forward: Callable[[], Any]) -> tuple[RouterAudit, ...]:
    """What each router of `model` computed in while `forward()` ran; `forward` is usually `lambda: model(**batch)`.

    Runs without gradients. Raises RoutingRefused where the model has no router.
    """
    routers = find_routers(model)
    watchers = [_Watcher(model.get_submodule(router.name)) for router in routers]
    try:
        with torch.no_grad():
            forward()
    finally:
        for watcher in watchers:
            watcher.remove()
    return tuple(
        RouterAudit(
            router.name,
            router.kind,
            watcher.calls,
            _shortest([weight.dtype for weight in watcher.router.parameters() if weight.is_floating_point()])
            or torch.get_default_dtype(),
            _shortest(watcher.projections),
            _shortest(watcher.scores),
            _shortest(watcher.outputs),
        )
        for router, watcher in zip(routers, watchers, strict=True)
    )


class _Watcher(TorchFunctionMode):
    """Notes dtypes while its router runs. Entered before the router, it sees what FP64 routing makes of each call."""

    def __init__(self, router: nn.Module) -> None:
        super().__init__()
        self.router = router
        self.calls = 0
        self.projections: list[torch.dtype] = []
        self.scores: list[torch.dtype] = []
        self.outputs: list[torch.dtype] = []
        self._hooks = (
            router.register_forward_pre_hook(self._begin),
            router.register_forward_hook(self._end, always_call=True),
        )

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if name in PROJECTIONS:
            self.projections += _dtypes(out)
        elif name in SCORINGS:
            self.scores += _dtypes(out)
        elif name in SELECTIONS:
            self.scores += _dtypes(args[:1])
        return out

    def _begin(self, module: nn.Module, args: Any) -> None:
        self.calls += 1
        self.__enter__()  # type: ignore[no-untyped-call]

    def _end(self, module: nn.Module, args: Any, out: Any) -> None:
        self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self.outputs += _dtypes(out)


def _dtypes(values: Any) -> list[torch.dtype]:
    return [leaf.dtype for leaf in tree.tree_leaves(values) if isinstance(leaf, Tensor) and leaf.is_floating_point()]


def _shortest(dtypes: list[torch.dtype]) -> torch.dtype | None:
    return min(dtypes, key=lambda dtype: torch.finfo(dtype).bits, default=None)
