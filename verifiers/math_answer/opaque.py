"""What has no numeric value, replaced by names: unknown functions, integrals, limits, endless sums.

Rule 1: two applications of one unknown function get one name only when their arguments are proved equal.
Rule 2: whatever else has no value gets one name only when it is written alike; then a difference proves
        nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

from verifiers.math_answer.functions import FUNCTIONS
from verifiers.math_answer.tree import Apply, BigOp, Call, Const, Node, Sym
from verifiers.math_answer.walk import preorder, rebuild

SameValue = Callable[[Node, Node], bool | None]

MAX_OPAQUE = 12
"""Distinct opaque parts per comparison: pairs of arguments are compared with one another."""


class Opened(NamedTuple):
    """Both sides over names. `certain` is False where different names might still have equal values."""

    a: Node
    b: Node
    certain: bool


def name_opaque(a: Node, b: Node, same: SameValue) -> Opened | None:
    """Both sides with opaque parts named, None when there are none or too many."""
    names: dict[Node, str] = {}
    certain = True
    for node in (*_opaque_parts(a), *_opaque_parts(b)):
        if node in names:
            continue
        if len(names) == MAX_OPAQUE:
            return None
        equal, sure = _equal_to(node, names, same)
        certain = certain and sure
        names[node] = names[equal] if equal is not None else f"\\opaque{len(names)}"
    if not names:
        return None
    return Opened(_renamed(a, names), _renamed(b, names), certain)


def _opaque_parts(side: Node) -> list[Node]:
    return [node for node in preorder(side) if _is_opaque(node)]


def _is_opaque(node: Node) -> bool:
    if type(node) is Apply:
        return True
    if type(node) is Call:
        return node.name not in FUNCTIONS
    if type(node) is not BigOp:
        return False
    if node.op in ("int", "lim") or node.var is None or node.lower is None or node.upper is None:
        return True
    return any(part == Const("inf") for limit in (node.lower, node.upper) for part in preorder(limit))


def _equal_to(node: Node, names: dict[Node, str], same: SameValue) -> tuple[Node | None, bool]:
    if type(node) is not Apply:
        return None, False
    sure = True
    for other in names:
        if type(other) is not Apply or other.name != node.name or len(other.args) != len(node.args):
            continue
        verdicts = [same(x, y) for x, y in zip(node.args, other.args, strict=True)]
        if all(verdicts):
            return other, True
        sure = sure and False in verdicts
    return None, sure


def _renamed(node: Node, names: dict[Node, str]) -> Node:
    name = names.get(node) if _is_opaque(node) else None
    return Sym(name) if name is not None else rebuild(node, lambda child: _renamed(child, names))
