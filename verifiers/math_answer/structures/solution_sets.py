r"""The rule for sets of reals, in whatever notation: `x \ge 2` and `[2, \infty)`, `\{x | x < 1\}` and `x < 1`.

Rule 1: one side at least must be notation that only sets have. `(1, 2)` and `(1, 2)` are equal either way.
Rule 2: an open end is not a closed end, and a set with an inside is not a number.
Rule 3: two different variables (`x > 2`, `y > 2`) are not known to be the same.
"""

import math

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.inequalities import Solution, is_set_notation, read_set
from verifiers.math_answer.structures.matching import Same
from verifiers.math_answer.structures.real_sets import Piece, is_finite, same_set
from verifiers.math_answer.structures.several import EXPRESSIONS
from verifiers.math_answer.tree import (
    Apply,
    Group,
    NamedSet,
    Neg,
    Node,
    Num,
    Pow,
    Rel,
    Seq,
    SetBuilder,
    SetOf,
    Sym,
    Where,
)
from verifiers.math_answer.values.exact import exact
from verifiers.math_answer.values.walk import symbols

MAX_INTEGERS = 1_000
"""Integers listed from one interval: a set that anyone writes out has fewer."""

VALUES = "y"
"""The usual name for what a function takes."""

LEAST_INTEGER = {"Z": None, "Z+": 1, "N+": 1, "N*": 1, "N0": 0, "Z0+": 0}
"""The least member of each set of integers. `N` is left out: authors disagree about zero."""


def same_real_set(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Intervals, inequalities, set-builders, unions, differences."""
    if not (is_set_notation(reference) or is_set_notation(response)) or _both_pairs(reference, response, ctx):
        return None
    if _unsolved(response) and not _unsolved(reference):
        return None
    reference, response = _of_values(reference), _of_values(response)
    left = read_set(reference, ctx, _parameters(response))
    right = read_set(response, ctx, _parameters(reference))
    if left is None:
        return _set_against_number(right, reference)
    if right is None:
        return _set_against_number(left, response)
    verdict = same_set(left.found, right.found, ctx, same)
    return None if _other_variable(left, right) else verdict


def _unsolved(node: Node) -> bool:
    """`x^2 < 4` may only repeat the question where the reference says `(-2, 2)`."""
    return isinstance(node, Rel) and any(isinstance(side, Pow) for side in node.operands)


def _of_values(node: Node) -> Node:
    """`1 \\le f(x) \\le 5`: the values of a function as its range."""
    match node:
        case Rel(operands=(low, Apply(), high)):
            return Rel((low, Sym(VALUES), high), node.ops)
        case Rel(operands=(Apply(), bound), ops=(op,)) if op in ("<", "<=", ">", ">=", "in"):
            return Rel((Sym(VALUES), bound), (op,))
        case _:
            return node


def same_integer_set(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`{x in Z | 0 < x < 4}` against `{1, 2, 3}`: bounded sets of integers, listed."""
    left, right = _listed_integers(reference, ctx), _listed_integers(response, ctx)
    return None if left is None and right is None else same(left or reference, right or response)


def _listed_integers(node: Node, ctx: Context) -> Node | None:
    match node:
        case SetBuilder(element=Rel(operands=(Sym(name=name), NamedSet(name=kind)), ops=("in",)), condition=limits):
            pass
        case Where(
            body=Rel() as limits,
            conditions=(Rel(operands=(Sym(name=name), NamedSet(name=kind)), ops=("in",)),),
        ):
            pass
        case _:
            return None
    solution = read_set(SetBuilder(Sym(name), limits), ctx)
    if kind not in LEAST_INTEGER or solution is None or not solution.found.merged:
        return None
    found: set[int] = set()
    for piece in solution.found.pieces:
        inside = _integers_in(piece, LEAST_INTEGER[kind], ctx)
        if inside is None:
            return None
        found.update(inside)
    ctx.spend(len(found))
    return SetOf(tuple(Num(k) if k >= 0 else Neg(Num(-k)) for k in sorted(found)))


def _integers_in(piece: Piece, least: int | None, ctx: Context) -> range | None:
    """The integers of an interval from `least` on; None where they are too many to list."""
    first: int | None = None
    if piece.low is not None:
        low = exact(piece.low, ctx)
        first = None if low is None else math.ceil(low) + (low.denominator == 1 and not piece.low_closed)
    elif least is not None:
        first = least
    high = None if piece.high is None else exact(piece.high, ctx)
    if first is None or high is None:
        return None
    last = math.floor(high) - (high.denominator == 1 and not piece.high_closed)
    first = first if least is None else max(first, least)
    return range(first, last + 1) if last - first < MAX_INTEGERS else None


def _both_pairs(reference: Node, response: Node, ctx: Context) -> bool:
    """`[1, 2]` against `(1, 2)` where an ordered pair is asked for: no intervals."""
    groups = isinstance(reference, Group) and isinstance(response, Group)
    return groups and ctx.hints.ordered and not ctx.hints.interval


def _parameters(node: Node) -> frozenset[str]:
    """Names that an answer without a variable of its own uses in its ends."""
    return frozenset() if isinstance(node, Rel | Seq) else symbols(node)


def _other_variable(left: Solution, right: Solution) -> bool:
    return left.variable is not None and right.variable is not None and left.variable != right.variable


def _is_number(node: Node) -> bool:
    """One value; also in square brackets, which then are no interval."""
    return isinstance(node, EXPRESSIONS) or (isinstance(node, Group) and len(node.items) == 1)


def _set_against_number(one: Solution | None, other: Node) -> bool | None:
    """A set with an inside is refuted as a number; anything else is left open."""
    if one is None or is_set_notation(other) or not _is_number(other) or is_finite(one.found):
        return None
    return False
