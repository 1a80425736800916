"""Walking the tree: children, names, substitution, sizes, sign choices. No arithmetic here.

Rule 1: `symbols` reports every free name, `e` and `i` among them; `variables` leaves out what the context
        takes for a constant. The variable of a sum, product, integral or limit is bound: neither has it.
Rule 2: every plus-minus of one expression takes its sign from the same choice (plus-minus the upper sign,
        minus-plus the lower) unless asked otherwise.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from operator import is_

from verifiers.math_answer.context import Context
from verifiers.math_answer.tree import BigOp, Call, Cases, Neg, Node, PlusMinus, Sym

MAX_FREE_SIGNS = 4
"""Independent plus-minus signs that are expanded: 16 sign choices; no answer in practice has more."""

CONSTANT_NAMES = frozenset(("e", "i"))
"""Names that stand for a constant unless the question uses them as a variable."""


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in written order."""
    found: list[Node] = []
    for field in node.__struct_fields__:
        _gather(getattr(node, field), found)
    return tuple(found)


def _gather(value: object, found: list[Node]) -> None:
    if isinstance(value, Node):
        found.append(value)
    elif isinstance(value, tuple):
        for part in value:
            _gather(part, found)


def preorder(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents first."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(children(current)))


def size(node: Node) -> int:
    """How many nodes the tree has."""
    return sum(1 for _ in preorder(node))


def symbols(node: Node) -> frozenset[str]:
    """Free names."""
    if type(node) is Sym:
        return frozenset((node.name,))
    found: set[str] = set()
    _collect(node, frozenset(), found)
    return frozenset(found)


def _collect(node: Node, bound: frozenset[str], found: set[str]) -> None:
    if type(node) is Sym:
        if node.name not in bound:
            found.add(node.name)
        return
    if type(node) is BigOp and node.var is not None:
        for limit in (node.lower, node.upper):
            if limit is not None:
                _collect(limit, bound, found)
        _collect(node.body, bound | {node.var}, found)
        return
    for child in children(node):
        _collect(child, bound, found)


def constant_names(ctx: Context) -> frozenset[str]:
    """Which of `e` and `i` are constants here."""
    return CONSTANT_NAMES - ctx.hints.variables


def variables(node: Node, ctx: Context) -> frozenset[str]:
    """Free names that are variables in this context."""
    return symbols(node) - constant_names(ctx)


def substitute(node: Node, replacements: Mapping[str, Node]) -> Node:
    """Free names replaced, all at once. A bound variable shields its body."""
    if type(node) is Sym:
        return replacements.get(node.name, node)
    if type(node) is BigOp and node.var in replacements:
        outer = node
        inner = {name: value for name, value in replacements.items() if name != node.var}
        return BigOp(
            outer.op,
            outer.var,
            outer.lower and substitute(outer.lower, replacements),
            outer.upper and substitute(outer.upper, replacements),
            substitute(outer.body, inner),
        )
    return rebuild(node, lambda child: substitute(child, replacements))


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """The same node over changed children; the node itself when no child changed."""
    fields = []
    same = True
    for field in node.__struct_fields__:
        old = getattr(node, field)
        new = _changed(old, change) if isinstance(old, tuple) else change(old) if isinstance(old, Node) else old
        same = same and new is old
        fields.append(new)
    return node if same else type(node)(*fields)


def _changed(parts: tuple[object, ...], change: Callable[[Node], Node]) -> tuple[object, ...]:
    changed: list[object] = []
    for part in parts:  # a plain loop: every frame counts where trees are deep
        if isinstance(part, Node):
            changed.append(change(part))
        else:
            changed.append(_changed(part, change) if isinstance(part, tuple) else part)
    return parts if all(map(is_, parts, changed)) else tuple(changed)


def calls(node: Node) -> frozenset[str]:
    """Names of the known functions used."""
    return frozenset(part.name for part in preorder(node) if type(part) is Call)


def expand_plus_minus(node: Node, *, linked: bool = True) -> tuple[Node, ...]:
    """Every sign choice, upper signs first.

    Linked: one choice for all signs, `a +- b -+ c` gives two values. Not linked: each sign on its own, so
    that `+-1 +- sqrt 2` gives four; more than MAX_FREE_SIGNS signs fall back to linked.
    """
    count = sum(1 for part in preorder(node) if type(part) is PlusMinus)
    if count == 0:
        return (node,)
    if linked or count > MAX_FREE_SIGNS:
        return tuple(_signed(node, iter([choice] * count)) for choice in (True, False))
    return tuple(_signed(node, iter(choice)) for choice in product((True, False), repeat=count))


def _signed(node: Node, choices: Iterator[bool]) -> Node:
    if type(node) is PlusMinus:
        plus = next(choices) == node.upper
        inner = _signed(node.x, choices)
        return inner if plus else Neg(inner)
    if type(node) is Cases:
        return node
    return rebuild(node, lambda child: _signed(child, choices))
