"""What has no numeric value, replaced by names: unknown functions, integrals, limits, endless sums.

Rule 1: two applications of one unknown function get one name only when their arguments are proved equal.
Rule 2: whatever else has no value gets one name only when it is written alike; then a difference proves
        nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

from verifiers.math_answer.tree import Apply, BigOp, Call, Const, Node, Sym
from verifiers.math_answer.values.functions import FUNCTIONS
from verifiers.math_answer.values.walk import preorder, rebuild

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
    names = _Names(same)
    opened = names.open(a), names.open(b)
    if not names.given or len(names.given) > MAX_OPAQUE:
        return None
    return Opened(*opened, names.certain)


class _Names:
    """The names given so far, by the part that each stands for (inner parts already named)."""

    def __init__(self, same: SameValue) -> None:
        self._same = same
        self.given: dict[Node, Sym] = {}
        self.certain = True

    def open(self, node: Node) -> Node:
        """The node with its opaque parts named, innermost first."""
        inner = rebuild(node, self.open)
        if not _is_opaque(inner):
            return inner
        if inner not in self.given and len(self.given) <= MAX_OPAQUE:
            self.given[inner] = self._equal_to(inner) or Sym(f"\\opaque{len(self.given)}")
        return self.given.get(inner, inner)

    def _equal_to(self, node: Node) -> Sym | None:
        if type(node) is not Apply:
            self.certain = False
            return None
        for other, name in self.given.items():
            if type(other) is not Apply or other.name != node.name or len(other.args) != len(node.args):
                continue
            verdicts = [self._same(x, y) for x, y in zip(node.args, other.args, strict=True)]
            if all(verdicts):
                return name
            self.certain = self.certain and False in verdicts
        return None


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
