r"""Rules for answers whose parameter starts somewhere: `n = k^2 - 1, k \ge 2` is `n = k(k + 2), k \ge 1`.

Rule 1: the one shift that brings the starts together must bring the bodies together; else nothing is said.
Rule 2: a name of the question is no parameter, and the n of a sequence counts its terms: neither is shifted.
Rule 3: a condition that only keeps a denominator from being zero (`\frac{a}{1 - a}, a \ne 1`) may stay unsaid.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.matching import Same
from verifiers.math_answer.structures.naming import assignments, named
from verifiers.math_answer.tree import (
    Add,
    Div,
    Dots,
    Group,
    Logic,
    NamedSet,
    Node,
    Num,
    Rel,
    Seq,
    SetBuilder,
    Sym,
    Where,
)
from verifiers.math_answer.values.equality import is_zero
from verifiers.math_answer.values.exact import exact
from verifiers.math_answer.values.walk import preorder, substitute, symbols

STARTS = {"Z+": 1, "N+": 1, "N*": 1, "N0": 0, "Z0+": 0}
COUNTING_LETTERS = frozenset("kmnlj")
"""Letters that run over integers where nothing else is said."""

MIN_LISTED = 2
"""`k = 2, 3, \\ldots`: members before the dots."""


class _Started(NamedTuple):
    body: Node
    name: Node | None
    parameter: str
    start: int


def same_shifted(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """One parameter from a start on, counted from another start."""
    left, right = _started(reference, ctx), _started(response, ctx)
    if left is None or right is None or not _names_agree(left.name, right.name):
        return None
    moved: Node = Sym(left.parameter)
    if right.start != left.start:
        moved = Add((moved, Num(right.start - left.start)))
    return True if same(left.body, substitute(right.body, {right.parameter: moved})) else None


def _names_agree(a: Node | None, b: Node | None) -> bool:
    return a is None or b is None or a == b


def _started(node: Node, ctx: Context) -> _Started | None:
    """The body, its name, its only parameter and where that starts."""
    parts = list(_parts(node))
    conditions = [part for part in parts if _start(part) is not None or _is_integer(part)]
    bodies = [part for part in parts if part not in conditions]
    starts = {found for part in conditions if (found := _start(part)) is not None}
    if len(starts) != 1 or not bodies:
        return None
    ((parameter, start),) = starts
    declared = any(_is_integer(part) or _membership(part) for part in conditions)
    if parameter in ctx.hints.variables or not (declared or parameter in COUNTING_LETTERS):
        return None
    body, name = _tuple_of(bodies)
    counts = (isinstance(name, Sym) and "_" in name.name) or not isinstance(name, Sym | Group | None)
    doubtful = not ctx.hints.variables and name is None and not isinstance(body, Group | Seq)
    if counts or doubtful or parameter not in symbols(body):
        return None
    return _Started(body, name, parameter, start)


def _parts(node: Node) -> Iterator[Node]:
    """Bodies and conditions of an answer, side by side; `k = 2, 3, \\ldots` as `k \\ge 2`."""
    match node:
        case Where(body=body, conditions=conditions):
            yield from _parts(body)
            for condition in conditions:
                yield from _parts(condition)
        case Logic(op="and", args=args):
            for arg in args:
                yield from _parts(arg)
        case Seq(items=items):
            for item in _with_starts(items):
                yield from _parts(item)
        case SetBuilder(element=element, condition=condition) if not isinstance(element, Sym | Rel):
            yield element
            yield from _parts(condition)
        case _:
            yield node


def _with_starts(items: Sequence[Node]) -> Sequence[Node]:
    if items[-1] != Dots():
        return items
    for k, item in enumerate(items):
        if isinstance(item, Rel) and item.ops == ("=",) and isinstance(item.operands[0], Sym):
            listed = [exact(value) for value in (item.operands[1], *items[k + 1 : -1])]
            first = listed[0]
            if first is not None and len(listed) >= MIN_LISTED and listed == [first + j for j in range(len(listed))]:
                return (*items[:k], Rel((item.operands[0], item.operands[1]), (">=",)))
    return items


def _start(part: Node) -> tuple[str, int] | None:
    """`k \\ge 2`, `k > 1`, `1 \\le k`, `k \\in \\mathbb{Z}^+`."""
    match part:
        case Rel(operands=(Sym(name=name), NamedSet(name=kind)), ops=("in",)) if kind in STARTS:
            return name, STARTS[kind]
        case (
            Rel(operands=(Sym(name=name), least), ops=((">=" | ">") as op,))
            | Rel(operands=(least, Sym(name=name)), ops=(("<=" | "<") as op,))
        ):
            value = exact(least)
            return (name, int(value) + (op in (">", "<"))) if value is not None and value.denominator == 1 else None
        case _:
            return None


def _membership(part: Node) -> bool:
    return isinstance(part, Rel) and part.ops == ("in",)


def _is_integer(part: Node) -> bool:
    return _membership(part) and isinstance(part, Rel) and part.operands[1] == NamedSet("Z")


def _tuple_of(bodies: Sequence[Node]) -> tuple[Node, Node | None]:
    """`x = k^2, y = k` as the pair under the names (x, y); one body under its own name."""
    if len(bodies) == 1:
        pair = named(bodies[0])
        return (bodies[0], None) if pair is None else (pair[1], pair[0])
    pairs = assignments(Seq(tuple(bodies)))
    if pairs is None:
        return Seq(tuple(bodies)), None
    return Group("(", tuple(v for _, v in pairs), ")"), Group("(", tuple(n for n, _ in pairs), ")")


def same_named_family(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`x = 2 + 3t, y = 1 - 2t, t \\in Z` as a tuple with a parameter."""
    left, right = _as_tuple(reference), _as_tuple(response)
    return None if left is reference and right is response else same(left, right)


def _as_tuple(node: Node) -> Node:
    parts = list(_parts(node)) if isinstance(node, Seq | Where | Logic) else []
    ranges = [part for part in parts if _membership(part)]
    bodies = [part for part in parts if part not in ranges]
    pairs = assignments(Seq(tuple(bodies))) if ranges and len(bodies) > 1 else None
    if pairs is None or not all(isinstance(name, Sym) for name, _ in pairs):
        return node
    names = [name.name for name, _ in pairs if isinstance(name, Sym)]
    if names != sorted(names):
        return node
    return Where(Group("(", tuple(value for _, value in pairs), ")"), tuple(ranges))


def same_where_defined(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Rule 3, for conditions of the reference."""
    body = _without_needed(reference, ctx)
    return None if body is None or isinstance(response, Where | Seq | Logic) else same(body, response) or None


def _without_needed(node: Node, ctx: Context) -> Node | None:
    parts = list(_parts(node)) if isinstance(node, Seq | Where) else []
    if len(parts) < 2 or not all(_is_needed(part, parts[0], ctx) for part in parts[1:]):
        return None
    return parts[0]


def _is_needed(condition: Node, body: Node, ctx: Context) -> bool:
    """Whether the body divides by zero where the condition fails."""
    match condition:
        case Rel(operands=(Sym(name=name), excluded), ops=("!=",)):
            bottoms = [part.bottom for part in preorder(body) if isinstance(part, Div)]
            return any(is_zero(substitute(bottom, {name: excluded}), ctx) for bottom in bottoms)
        case _:
            return False
