r"""Reading notation for sets of reals: intervals, inequalities, set-builder, unions, named sets.

Rule 1: one variable. What is linear in it is solved, `|u| < c` is opened, anything else is not read.
Rule 2: relations side by side mean "and" when one excludes points or both together cover all (`x > 1, x < 3`), "or"
        when they cannot hold together (`x < -1, x > 3`), and are not read otherwise (`x > 1, x > 3`).
Rule 3: the ends of an interval need not be numbers (`(a, \infty)`): then the set stays unmerged.
"""

from collections.abc import Sequence
from typing import NamedTuple

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.real_sets import (
    EVERYTHING,
    Piece,
    RealSet,
    Unordered,
    above,
    below,
    complement,
    intersection,
    interval,
    point,
    union,
)
from verifiers.math_answer.tree import (
    Add,
    Call,
    Const,
    Div,
    Group,
    Logic,
    Mul,
    NamedSet,
    Neg,
    Node,
    Num,
    Pow,
    Rel,
    RelOp,
    Seq,
    SetBuilder,
    SetOf,
    SetOp,
    Sym,
    Text,
    Where,
)
from verifiers.math_answer.values.equality import order, same_value
from verifiers.math_answer.values.walk import expand_plus_minus, substitute, variables

ZERO, ONE = Num(0), Num(1)

REVERSED: dict[RelOp, RelOp] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
"""The relation with its sides swapped; also the relations of order that are read at all."""

BRACKETS = frozenset(("()", "[]", "(]", "[)", "][", "](", ")[", "]]", "[["))
"""Pairs that can enclose an interval; a reversed bracket is the French open end."""

NAMED: dict[str, RealSet] = {
    "R": EVERYTHING,
    "R+": above(ZERO, closed=False),
    "R-": below(ZERO, closed=False),
    "R*": complement(point(ZERO)),
}


_UPWARDS = frozenset(("<", "<=", "=", "!="))
_DOWNWARDS = frozenset((">", ">=", "=", "!="))


class Solution(NamedTuple):
    """A set, and the variable that ranges over it where one was written."""

    found: RealSet
    variable: str | None


class _Reading(NamedTuple):
    ctx: Context
    variable: str | None
    """The variable that the relations are solved for."""


def read_set(node: Node, ctx: Context, parameters: frozenset[str] = frozenset()) -> Solution | None:
    """The set that a node describes.

    `parameters` are names that the other answer uses in its ends: when two names could be the variable (`x > a`),
    it is the one that is no parameter.
    """
    variable = _variable(node, ctx, parameters)
    try:
        found = _read(node, _Reading(ctx, variable))
    except Unordered:
        return None
    # The variable of a set-builder is bound: `{x | x > 3}` is `{t | t > 3}`.
    return None if found is None else Solution(found, None if isinstance(node, SetBuilder) else variable)


def is_set_notation(node: Node) -> bool:
    """Whether the node can only be a set of reals: `(1, 2)` may be a point, `{1, 2}` a list; `[1, 2)` not."""
    match node:
        case SetOp() | SetBuilder():
            return True
        case Add(terms=(first, *_)):
            return is_set_notation(first)
        case NamedSet(name=name):
            return name in NAMED
        case Rel(operands=operands, ops=ops):
            if ops[-1] in ("in", "notin"):
                pair = isinstance(operands[-1], Group) and len(operands[-1].items) == 2
                return ops[-1] == "notin" or pair or is_set_notation(operands[-1])
            return any(op in REVERSED and op != "=" for op in ops)
        case Logic(args=args) | Seq(items=args):
            return any(isinstance(arg, Rel | SetOp | SetBuilder) and is_set_notation(arg) for arg in args)
        case Where(body=body):
            return is_set_notation(body)
        case Group(left=left, items=items, right=right) if len(items) == 2:
            return left + right not in ("()", "<>") or any(map(_infinite_sign, items))
        case _:
            return False


def _variable(node: Node, ctx: Context, parameters: frozenset[str]) -> str | None:
    match node:
        case SetBuilder(element=Sym(name=name)) | SetBuilder(element=Rel(operands=(Sym(name=name), *_))):
            return name
        case Rel(operands=operands):
            return _variable_of_chain(operands, ctx, parameters)
        case Logic(args=parts) | Seq(items=parts) | SetOp(args=parts):
            found = {_variable(part, ctx, parameters) for part in parts if isinstance(part, Rel | Logic | SetBuilder)}
            return found.pop() if len(found) == 1 else None
        case Where(body=body, conditions=conditions):
            return _variable(Seq((body, *conditions)), ctx, parameters)
        case _:
            return None


def _variable_of_chain(operands: Sequence[Node], ctx: Context, parameters: frozenset[str]) -> str | None:
    names = frozenset().union(*(variables(operand, ctx) for operand in operands))
    if len(names) == 1:
        return next(iter(names))
    if len(operands) == 3:
        return operands[1].name if isinstance(operands[1], Sym) else None
    lone = [operand.name for operand in operands if isinstance(operand, Sym)]
    for wanted in (names & set(ctx.hints.asked), names - parameters):
        chosen = [name for name in lone if name in wanted]
        if len(chosen) == 1:
            return chosen[0]
    return lone[0] if lone else None


def _read(node: Node, at: _Reading) -> RealSet | None:
    match node:
        case Rel():
            return _read_relation(node, at)
        case Group():
            return _read_interval(node, at.ctx)
        case SetOf(items=items):
            at.ctx.spend(len(items))
            return union([point(item) for item in items], at.ctx)
        case SetBuilder():
            return _read_builder(node, at)
        case SetOp(op=op, args=args):
            return _combine(op, [_read(arg, at) for arg in args], at)
        case NamedSet(name=name) | Sym(name=name):
            return NAMED.get(name)
        case Add(terms=(first, Neg(x=second))):
            # `A - B` of sets, written with a minus sign.
            return _combine("minus", [_read(first, at), _read(second, at)], at)
        case Logic(op=op, args=args):
            parts = [_read(arg, at) for arg in args]
            return _combine("union", parts, at) if op == "or" else _meet(parts, at)
        case Seq(items=items):
            return _read_listed(items, at)
        case Where(body=body, conditions=conditions):
            if any(isinstance(condition, Text) for condition in conditions):
                return None
            return _meet([_read(part, at) for part in (body, *conditions)], at)
        case _:
            return None


def _read_builder(node: SetBuilder, at: _Reading) -> RealSet | None:
    """`{x | ...}` and `{x in R | ...}`; anything else before the bar is a family."""
    match node.element:
        case Sym(name=name):
            return _read(node.condition, at._replace(variable=name))
        case Rel(operands=(Sym(name=name), _), ops=("in",)):
            inside = at._replace(variable=name)
            return _meet([_read(node.element, inside), _read(node.condition, inside)], at)
        case _:
            return None


def _combine(op: str, parts: Sequence[RealSet | None], at: _Reading) -> RealSet | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    match op:
        case "union":
            return union(known, at.ctx)
        case "intersect":
            return _meet(known, at)
        case _:
            return _meet([known[0], *(complement(part) for part in known[1:])], at)


def _meet(parts: Sequence[RealSet | None], at: _Reading) -> RealSet | None:
    result = EVERYTHING
    for part in parts:
        if part is None:
            return None
        result = intersection(result, part, at.ctx)
    return result


def _read_listed(items: Sequence[Node], at: _Reading) -> RealSet | None:
    r"""Rule 2. After `x \ne 1`, bare values are excluded too."""
    first = items[0]
    bare = not any(isinstance(item, Rel) for item in items[1:])
    if bare and isinstance(first, Rel) and first.ops == ("!=",):
        excluded = _read(Rel(first.operands, ("=",)), at)
        return None if excluded is None else complement(union([excluded, *map(point, items[1:])], at.ctx))
    if not all(isinstance(item, Rel | Group | SetOf) for item in items):
        return None
    parts = [_read(item, at) for item in items]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    meet, join = _meet(known, at), union(known, at.ctx)
    if meet is None or not join.merged:
        return None
    if not meet.pieces:
        return join
    restricts = any(isinstance(item, Rel) and item.ops == ("!=",) for item in items)
    return meet if restricts or join == EVERYTHING else None


def _read_interval(node: Group, ctx: Context) -> RealSet | None:
    if len(node.items) != 2 or node.left + node.right not in BRACKETS:
        return None
    low, high = node.items
    low_sign, high_sign = _infinite_sign(low), _infinite_sign(high)
    if low_sign > 0 or high_sign < 0:
        return None
    return interval(
        Piece(
            None if low_sign else low,
            node.left == "[" and not low_sign,
            None if high_sign else high,
            node.right == "]" and not high_sign,
        ),
        ctx,
    )


def _infinite_sign(node: Node) -> int:
    if isinstance(node, Neg):
        return -_infinite_sign(node.x)
    return 1 if isinstance(node, Const) and node.name == "inf" else 0


def _read_relation(node: Rel, at: _Reading) -> RealSet | None:
    if node.modulus is not None:
        return None
    if len(node.ops) == 1 and node.ops[0] in ("in", "notin"):
        inside = _read(node.operands[1], at) if isinstance(node.operands[0], Sym) else None
        return inside if inside is None or node.ops[0] == "in" else complement(inside)
    if at.variable is None or any(op not in REVERSED for op in node.ops):
        # "x > 2 in R": the last link only says where x lives.
        return None
    if not (_UPWARDS.issuperset(node.ops) or _DOWNWARDS.issuperset(node.ops)):
        # `1 < x > 0` is no chain that anybody means.
        return None
    links = zip(node.operands, node.ops, node.operands[1:], strict=False)
    return _meet([_solve(left, op, right, at.variable, at.ctx) for left, op, right in links], at)


def _solve(left: Node, op: RelOp, right: Node, variable: str, ctx: Context) -> RealSet | None:
    """All x with `left op right`."""
    in_left, in_right = variable in variables(left, ctx), variable in variables(right, ctx)
    if in_right and not in_left:
        return _solve(right, REVERSED[op], left, variable, ctx)
    if not in_left:
        return None
    if not in_right:
        if isinstance(left, Sym):
            return _half(op, right)
        if isinstance(left, Call) and left.name == "abs" and order(right, ZERO, ctx) == 1:
            return _solve_absolute(left.args[0], op, right, variable, ctx)
        if isinstance(left, Pow) and left.exp == Num(2) and order(right, ZERO, ctx) == 1:
            return _solve_absolute(left.base, op, Call("sqrt", (right,)), variable, ctx)
    return _solve_linear(left, op, right, variable, ctx)


def _half(op: RelOp, bound: Node) -> RealSet | None:
    sign = _infinite_sign(bound)
    if sign:
        # `x < \infty` excludes nothing; `x > \infty` is no inequality that anyone means.
        return EVERYTHING if op in (("<", "<=", "!=") if sign > 0 else (">", ">=", "!=")) else None
    match op:
        case "<" | "<=":
            return below(bound, closed=op == "<=")
        case ">" | ">=":
            return above(bound, closed=op == ">=")
        case "=":
            return point(bound)
        case _:
            values = expand_plus_minus(bound, linked=False)
            return complement(point(bound) if len(values) == 1 else _points(values))


def _points(values: Sequence[Node]) -> RealSet:
    """The values of `\\pm 1`, in their order. Raises Unordered where that is not known."""
    found: RealSet = union([point(value) for value in values], Context())
    if not found.merged:
        raise Unordered
    return found


def _solve_absolute(inner: Node, op: RelOp, bound: Node, variable: str, ctx: Context) -> RealSet | None:
    """|u| op c for a positive c."""
    lower = _solve(inner, REVERSED[op], Neg(bound), variable, ctx)
    upper = _solve(inner, op, bound, variable, ctx)
    if lower is None or upper is None:
        return None
    return intersection(lower, upper, ctx) if op in ("<", "<=", "!=") else union([lower, upper], ctx)


def _solve_linear(left: Node, op: RelOp, right: Node, variable: str, ctx: Context) -> RealSet | None:
    """The solutions where `left - right` is proved to be a x + b with a known sign of a."""
    difference = Add((left, Neg(right)))
    line = as_line(difference, variable, ctx)
    if line is None:
        return None
    slope, offset = line
    sign = order(slope, ZERO, ctx)
    if not sign:
        return None
    return _half(op if sign > 0 else REVERSED[op], Div(Neg(offset), slope))


def _constant(node: Node, ctx: Context) -> Node:
    """The node without names where they are proved to cancel, else the node itself."""
    names = variables(node, ctx)
    fixed = substitute(node, dict.fromkeys(names, ONE)) if names else node
    return fixed if names and same_value(node, fixed, ctx) else node


def as_line(node: Node, variable: str, ctx: Context) -> tuple[Node, Node] | None:
    """(a, b) when the node is identically a x + b."""
    offset = substitute(node, {variable: ZERO})
    slope = _constant(Add((substitute(node, {variable: ONE}), Neg(offset))), ctx)
    line = Add((Mul((slope, Sym(variable))), offset))
    return (slope, offset) if same_value(node, line, ctx) else None
