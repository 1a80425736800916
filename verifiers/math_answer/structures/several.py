"""Reading several values: what a node holds, and whether as list, set, tuple or values under names. No comparison here.

Rule 1: plus-minus stands for both values. A point with signs in several coordinates may mean two points or four, and
        stays as it is written.
Rule 2: a relation that gives no value (`n >= 3`) is a condition on the values beside it, not another one.
Rule 3: "or" between values makes alternatives, a set; so does one name given several values.
"""

import re
from collections.abc import Sequence
from enum import Enum
from itertools import permutations
from typing import NamedTuple

from verifiers.math_answer.structures.naming import (
    COMPUTES,
    Assignment,
    alternating,
    assignments,
    closed,
    is_name,
    named,
    one_name_for_all,
)
from verifiers.math_answer.tree import (
    Add,
    Apply,
    Call,
    Const,
    Div,
    Group,
    Labelled,
    Logic,
    Mul,
    Neg,
    Node,
    Num,
    Percent,
    PlusMinus,
    Pow,
    Quantity,
    Ratio,
    Rel,
    Seq,
    SetBuilder,
    SetOf,
    Sym,
    Text,
)
from verifiers.math_answer.values.walk import expand_plus_minus, preorder

EXPRESSIONS = (Num, Sym, Const, Add, Neg, Mul, Div, Pow, Call, Apply, Percent, Quantity, PlusMinus)
"""Nodes that are one value."""


MAX_PERMUTED = 4
"""Coordinates that are permuted: 24 points."""

_PERMUTATIONS = re.compile(
    r"(?:and )?(?:all |any |every )?(?:of )?(?:its |their |the |other )?(?P<cyclic>cyclic )?permutations?"
    r"(?: thereof| of (?:it|them|these|this|that|those))?"
)


class Kind(Enum):
    """How several values are held together."""

    LIST = "list"
    SET = "set"
    TUPLE = "tuple"
    BRACKETS = "brackets"
    """`[1, 2]`: a list as programs print it, an interval, or a vector."""
    NAMED = "named"
    ONE = "one"


class Several(NamedTuple):
    """Values, and how they are held together; `names` belong to the values one by one for Kind.NAMED."""

    kind: Kind
    items: tuple[Node, ...]
    names: tuple[Node, ...] = ()


def several(node: Node) -> Several:
    """How the node holds several values together, Kind.ONE where it does not."""
    match node:
        case Seq(items=items) | Logic(op="or", args=items):
            return _listed(node, items)
        case SetOf(items=items):
            return Several(Kind.SET, _signs_expanded(items))
        case Group(left=left, items=items, right=right):
            signed = signed_coordinates(node)
            if signed:
                both = expand_plus_minus(node, linked=False) if signed == 1 else (node,)
                return Several(Kind.SET if signed == 1 else Kind.ONE, both)
            if left + right == "[]":
                return Several(Kind.BRACKETS, items)
            return Several(Kind.TUPLE, items) if left + right in ("()", "<>") else Several(Kind.ONE, (node,))
        case Rel(operands=(name, values), ops=("in",)) if is_name(name) and isinstance(values, SetOf):
            return several(values)
        case SetBuilder(condition=Logic(op="or", args=args)):
            return _listed(node, args)
        case Logic(args=args) if one_name_for_all(args) is not None:
            return _listed(node, args)
        case Rel() | Logic():
            pairs = assignments(node)
            return _one_named(node) if pairs is None else _named(pairs)
        case Add() | PlusMinus() | Mul() | Div() | Neg() | Quantity():
            both = expand_plus_minus(node, linked=False)
            return Several(Kind.SET if len(both) > 1 else Kind.ONE, both)
        case _:
            return Several(Kind.ONE, (node,))


def _one_named(node: Node) -> Several:
    r"""`x = 1 \pm 2` stands for two values, `3x \pm 4y = 0` for two equations."""
    pair = named(node)
    if pair is not None and isinstance(pair[1], Group) and signed_coordinates(pair[1]) > 1:
        return Several(Kind.ONE, (node,))
    if isinstance(node, Rel) and node.ops == ("=",) and (pair is None or not closed(pair[1])):
        lines = expand_plus_minus(node, linked=False)
        return Several(Kind.SET if len(lines) > 1 else Kind.ONE, lines)
    if pair is None:
        return Several(Kind.ONE, (node,))
    both = expand_plus_minus(pair[1], linked=False)
    return Several(Kind.SET, both) if len(both) > 1 else Several(Kind.ONE, (node,))


def _named(pairs: Sequence[Assignment]) -> Several:
    return Several(Kind.NAMED, tuple(value for _, value in pairs), tuple(name for name, _ in pairs))


def _permuted(items: Sequence[Node]) -> tuple[Node, ...] | None:
    """`(1, 2, 3) and its permutations`, written out."""
    *points, words = items
    found = _PERMUTATIONS.fullmatch(words.words) if isinstance(words, Text) else None
    if found is None or not all(isinstance(point, Group) and len(point.items) <= MAX_PERMUTED for point in points):
        return None
    written: list[Node] = []
    for point in points:
        assert isinstance(point, Group)
        size = len(point.items)
        turns = [point.items[k:] + point.items[:k] for k in range(size)]
        orders = turns if found["cyclic"] else permutations(point.items)
        written.extend(Group(point.left, tuple(order), point.right) for order in orders)
    return tuple(dict.fromkeys(written))


def _listed(node: Node, items: Sequence[Node]) -> Several:
    if len(items) > 1 and (written := _permuted(items)) is not None:
        return Several(Kind.SET, written)
    pairs = None if isinstance(node, Logic | SetBuilder) else assignments(node)
    if pairs is not None:
        return _named(pairs)
    if any(map(_restricts, items)) and not all(map(_restricts, items)):
        return Several(Kind.ONE, (node,))
    kind = Kind.LIST if isinstance(node, Seq) and node.joint != "or" else Kind.SET
    systems = _chained(items)
    if systems is not None:
        return Several(Kind.SET, systems)
    values = one_name_for_all(items)
    if values is not None:
        # Functions stay whole: the argument is bound in each by itself.
        kept = items if isinstance(items[0], Rel) and isinstance(items[0].operands[0], Apply) else values
        return Several(Kind.SET, _signs_expanded(kept))
    items = _without_part_labels(items)
    systems = alternating(items)
    if systems is not None:
        return Several(kind, systems)
    if isinstance(node, Logic) and not all(isinstance(item, Logic) or assignments(item) for item in items):
        return Several(Kind.ONE, (node,))
    return Several(kind, _signs_expanded(items))


def _chained(items: Sequence[Node]) -> tuple[Node, ...] | None:
    """`a = b = 0 or a = b = 1` as the points (0, 0) and (1, 1)."""
    if not all(isinstance(item, Rel) and len(item.ops) > 1 for item in items):
        return None
    systems = [assignments(item) or () for item in items]
    names = [tuple(name for name, _ in system) for system in systems]
    letters = [name.name for name in names[0] if isinstance(name, Sym)]
    if not names[0] or len(set(names)) != 1 or letters != sorted(letters) or len(letters) < len(names[0]):
        return None
    return tuple(Group("(", tuple(value for _, value in system), ")") for system in systems)


def _restricts(item: Node) -> bool:
    r"""`n \ge 3` or `n even` beside a value: a condition on it, not another value."""
    if isinstance(item, Rel):
        return not COMPUTES.issuperset(item.ops) and item.ops != ("in",)
    return isinstance(item, Quantity) and isinstance(item.x, Sym)


def _without_part_labels(items: Sequence[Node]) -> tuple[Node, ...]:
    """`Sequence 1: -2, -1 and Sequence 2: 10, 11` as one list: a label stands before several values."""
    labelled = [item for item in items if isinstance(item, Labelled)]
    if len(labelled) in (0, len(items)):
        return tuple(items)
    return tuple(_under_label(item) for item in items)


def _under_label(item: Node) -> Node:
    match item:
        case Labelled(x=Ratio(items=(Num(decimals=None, den=1), value))):
            # "Sequence 1: -2" reads as the label "sequence" before 1 : -2.
            return value
        case Labelled(x=value):
            return value
        case _:
            return item


def _signs_expanded(items: Sequence[Node]) -> tuple[Node, ...]:
    """Both values for each plus-minus, points with a sign in several coordinates apart (Rule 4)."""
    found: list[Node] = []
    for item in items:
        linked = isinstance(item, Group) and signed_coordinates(item) == 1
        if isinstance(item, Group) and not linked:
            found.append(item)
        else:
            found.extend(expand_plus_minus(item, linked=linked))
    return tuple(found)


def signed_coordinates(item: Group) -> int:
    """How many coordinates of a point carry a plus-minus."""
    return sum(any(isinstance(part, PlusMinus) for part in preorder(coordinate)) for coordinate in item.items)
