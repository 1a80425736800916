r"""The rule for sets of integers that are periodic in the end: `n \ge 3`, `n = 4k + 1`, `4 \mid n`, `5, 8, \ldots`.

Rule 1: somebody must have said that integers are meant: an answer, or the question of the variable.
Rule 2: sets are compared by their members up to where both have become periodic, which decides them.
Rule 3: what the question calls positive is positive. An answer that names no numbers means those of the reference; one
        that names other numbers means others.
Rule 4: `N` is read with zero and without; the verdict must be the same.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.inequalities import REVERSED, as_line, read_set
from verifiers.math_answer.structures.matching import Same
from verifiers.math_answer.tree import (
    Dots,
    Logic,
    NamedSet,
    Node,
    Not,
    Rel,
    Seq,
    SetBuilder,
    SetOf,
    SetOp,
    Sym,
    Where,
)
from verifiers.math_answer.values.exact import exact
from verifiers.math_answer.values.walk import preorder, symbols, variables

MAX_PERIOD = 600
MAX_BOUND = 2_000
"""Integers looked at per comparison: some thousand calls of a predicate, about a millisecond."""

LEAST_PROGRESSION = 3
"""Members before dots that show a step."""

LEAST = {"Z+": 1, "N+": 1, "N*": 1, "N0": 0, "Z0+": 0, "Z": None}


class Integers(NamedTuple):
    """Members below -bound and above bound repeat with the period."""

    has: Callable[[int], bool]
    bound: int
    period: int


class _At(NamedTuple):
    name: str | None
    zero: bool
    """Whether N holds zero."""
    ctx: Context


def same_integers(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Two descriptions of sets of integers, one of them no plain list."""
    if not (_describes(reference) or _describes(response)):
        return None
    names = _subject(reference), _subject(response)
    if None not in names and names[0] != names[1]:
        return None
    name = names[0] or names[1]
    if not (_says_integers(reference) or name in ctx.hints.integers):
        return None
    verdicts = {_compared(reference, response, _At(name, zero, ctx)) for zero in (False, True)}
    verdict = verdicts.pop() if len(verdicts) == 1 else None
    return verdict if verdict or (_describes(reference) and _describes(response)) else None


def _describes(node: Node) -> bool:
    """Whether the node is no value, list or interval."""
    match node:
        case Rel(ops=ops, modulus=modulus):
            return (
                modulus is not None or ops[-1] in ("divides", "in") or any(op in REVERSED and op != "=" for op in ops)
            )
        case Where() | Logic() | Not() | NamedSet() | SetBuilder() | SetOp():
            return True
        case Seq(items=items) | SetOf(items=items):
            return Dots() in items or any(isinstance(item, Rel) and _describes(item) for item in items)
        case _:
            return False


def _subject(node: Node) -> str | None:
    """The variable that is described, None where it is bound or unnamed."""
    match node:
        case Rel(operands=operands, ops=ops):
            if ops == ("divides",):
                return operands[1].name if isinstance(operands[1], Sym) else None
            names = [operand.name for operand in operands if isinstance(operand, Sym) and operand.name != "_"]
            return names[0] if names else None
        case Where(body=body):
            return _subject(body)
        case Not(x=x):
            return _subject(x)
        case Logic(args=parts) | Seq(items=parts) if parts:
            return _subject(parts[0])
        case _:
            return None


def _says_integers(node: Node) -> bool:
    return any(
        (isinstance(part, NamedSet) and (part.name in LEAST or part.name == "N"))
        or (isinstance(part, Rel) and (part.modulus is not None or part.ops == ("divides",)))
        or (isinstance(part, Seq | SetOf) and Dots() in part.items)
        for part in preorder(node)
    )


def _compared(reference: Node, response: Node, at: _At) -> bool | None:
    ours, theirs = _read(reference, at), _read(response, at)
    if ours is None or theirs is None:
        return None
    if at.name in at.ctx.hints.positive:
        ours, theirs = (_meet((one, _from(1))) for one in (ours, theirs))
    base = _base(reference, at)
    if base is not None and _base(response, at) is None:
        theirs = _meet((theirs, base))
    period = math.lcm(ours.period, theirs.period)
    reach = max(ours.bound, theirs.bound) + 1
    if period > MAX_PERIOD or reach > MAX_BOUND:
        return None
    at.ctx.spend(reach + period)
    apart = [k for k in range(-reach - period, reach + period + 1) if ours.has(k) != theirs.has(k)]
    if not apart:
        return True
    # Where only numbers below 1 tell them apart, somebody may have meant positive numbers without saying so.
    return None if max(apart) <= 0 else False


def _base(node: Node, at: _At) -> Integers | None:
    """The numbers that an answer names as its own: "positive integers n"."""
    match node:
        case NamedSet():
            return _read(node, at)
        case SetBuilder(element=Rel(operands=(_, NamedSet() as numbers), ops=("in",))):
            return _read(numbers, at)
        case Rel(operands=(_, NamedSet() as numbers), ops=("in",)):
            return _read(numbers, at)
        case Where(conditions=conditions):
            found = [c for c in conditions if isinstance(c, Rel) and c.operands[0] == Sym(at.name or "")]
            return next((base for c in found if (base := _base(c, at)) is not None), None)
        case _:
            return None


def _from(least: int | None) -> Integers:
    return Integers(lambda k: least is None or k >= least, abs(least or 0), 1)


def _finite(members: Sequence[int]) -> Integers:
    kept = frozenset(members)
    return Integers(lambda k: k in kept, max(map(abs, kept), default=0), 1)


def _meet(parts: Sequence[Integers]) -> Integers:
    return _joined(parts, all)


def _joined(parts: Sequence[Integers], how: Callable[..., bool]) -> Integers:
    period = math.lcm(*(part.period for part in parts))
    return Integers(lambda k: how(part.has(k) for part in parts), max(part.bound for part in parts), period)


def _without(one: Integers) -> Integers:
    return Integers(lambda k: not one.has(k), one.bound, one.period)


def _read(node: Node, at: _At) -> Integers | None:
    match node:
        case NamedSet(name=kind):
            least = LEAST.get(kind, 0 if at.zero else 1) if kind == "N" or kind in LEAST else ...
            return None if least is ... else _from(least)
        case SetBuilder(element=element, condition=condition):
            return _read_builder(element, condition, at)
        case Where(body=body, conditions=conditions):
            return _read_where(body, conditions, at)
        case Rel():
            return _read_relation(node, at)
        case Not(x=x):
            inner = _read(x, at)
            return None if inner is None else _without(inner)
        case Logic(op=op, args=args):
            return _residues(args, at) or _read_parts(args, at, union=op == "or")
        case SetOp(op=op, args=args):
            return _read_operation(op, args, at)
        case Seq(items=items) | SetOf(items=items):
            return _read_listed(items, at)
        case _:
            value = exact(node, at.ctx)
            return None if value is None or value.denominator != 1 else _finite((int(value),))


def _read_parts(args: Sequence[Node], at: _At, *, union: bool) -> Integers | None:
    parts = [_read(arg, at) for arg in args]
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    if union:
        return _joined(known, any)
    meet = _meet(known)
    reach = meet.bound + meet.period
    if reach > MAX_BOUND:
        return None
    # "n = 1 and n >= 3" lists what there is: together they would be nothing.
    return meet if any(map(meet.has, range(-reach, reach + 1))) else _joined(known, any)


def _read_operation(op: str, args: Sequence[Node], at: _At) -> Integers | None:
    parts = [_read(arg, at) for arg in args]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if op == "minus":
        return _meet((known[0], *map(_without, known[1:])))
    return _joined(known, any) if op == "union" else _meet(known)


def _read_builder(element: Node, condition: Node, at: _At) -> Integers | None:
    match element:
        case Sym(name=name):
            return _read(condition, at._replace(name=name))
        case Rel(operands=(Sym(name=name), numbers), ops=("in",)):
            base, rest = _read(numbers, at), _read(condition, at._replace(name=name))
            return None if base is None or rest is None else _meet((base, rest))
        case _:
            return _progression(element, (condition,), at)


def _read_where(body: Node, conditions: Sequence[Node], at: _At) -> Integers | None:
    match body:
        case Rel(operands=(Sym(name=name), value), ops=("=",)) if name == at.name and symbols(value):
            return _progression(value, conditions, at)
        case Logic(op="or", args=args):
            parts = [_read_where(arg, conditions, at) for arg in args]
            known = [part for part in parts if part is not None]
            return _joined(known, any) if len(known) == len(parts) else None
        case _:
            return _read_parts((body, *conditions), at, union=False)


def _read_relation(node: Rel, at: _At) -> Integers | None:
    left, right = node.operands[0], node.operands[-1]
    subject = Sym(at.name or "")
    if node.ops == ("divides",):
        step = exact(left, at.ctx)
        return None if not step or right != subject else _class(0, int(abs(step)))
    if node.modulus is not None:
        residue, step = exact(right, at.ctx), exact(node.modulus, at.ctx)
        if node.ops != ("equiv",) or left != subject or residue is None or not step:
            return None
        return None if residue.denominator * step.denominator != 1 else _class(int(residue), int(abs(step)))
    if left == subject and node.ops in (("in",), ("notin",)):
        inside = _read(right, at)
        return inside if inside is None or node.ops == ("in",) else _without(inside)
    if left == subject and node.ops == ("=",) and variables(right, at.ctx):
        return _progression(right, (), at)
    return _by_reals(node, at)


def _class(residue: int, step: int) -> Integers | None:
    return Integers(lambda k: (k - residue) % step == 0, 0, step) if 0 < step <= MAX_PERIOD else None


def _by_reals(node: Node, at: _At) -> Integers | None:
    """The integers of the real numbers that an inequality leaves."""
    if at.name is None or variables(node, at.ctx) != {at.name}:
        return None
    solution = read_set(SetBuilder(Sym(at.name), node), at.ctx)
    if solution is None or not solution.found.merged:
        return None
    ranges: list[tuple[int | None, int | None]] = []
    for piece in solution.found.pieces:
        low = None if piece.low is None else exact(piece.low, at.ctx)
        high = None if piece.high is None else exact(piece.high, at.ctx)
        if (low is None) != (piece.low is None) or (high is None) != (piece.high is None):
            return None
        first = None if low is None else math.ceil(low) + (low.denominator == 1 and not piece.low_closed)
        last = None if high is None else math.floor(high) - (high.denominator == 1 and not piece.high_closed)
        ranges.append((first, last))
    bound = max((abs(end) for pair in ranges for end in pair if end is not None), default=0)
    return Integers(lambda k: any((a is None or a <= k) and (b is None or k <= b) for a, b in ranges), bound, 1)


def _progression(value: Node, conditions: Sequence[Node], at: _At) -> Integers | None:
    """All `a k + b` for the integers k that the conditions leave."""
    names = variables(value, at.ctx)
    if len(names) != 1:
        return None
    (name,) = names
    line = as_line(value, name, at.ctx)
    slope, offset = (None, None) if line is None else (exact(part, at.ctx) for part in line)
    if not slope or offset is None or slope.denominator * offset.denominator != 1:
        return None
    step, start = int(slope), int(offset)
    index = _read_parts(conditions, at._replace(name=name), union=False) if conditions else _from(None)
    if index is None or abs(step) * index.period > MAX_PERIOD:
        return None
    return Integers(
        lambda k: (k - start) % step == 0 and index.has((k - start) // step),
        abs(step) * index.bound + abs(start),
        abs(step) * index.period,
    )


def _residues(items: Sequence[Node], at: _At) -> Integers | None:
    """`n \\equiv 0, 1 \\pmod 4`: the modulus after the last residue holds for all."""
    match items:
        case (
            Rel(operands=(Sym(name=name), first), ops=("=",)),
            *between,
            Rel(operands=(Sym(name="_"), last)) as end,
        ):
            if name != at.name or end.ops != ("equiv",):
                return None
            classes = [Rel((Sym(name), value), ("equiv",), end.modulus) for value in (first, *between, last)]
            return _read_parts(classes, at, union=True)
        case _:
            return None


def _read_listed(items: Sequence[Node], at: _At) -> Integers | None:
    """`1, 2, 3`; `5, 8, 11, \\ldots`; `1, 2, \\ldots, 10`; `n = 1, n \\ge 3`; `k = 0, 1, 2, \\ldots`."""
    if (classes := _residues(items, at)) is not None:
        return classes
    match items:
        case (Rel(operands=(Sym(name=name), first), ops=("=",)), *rest) if name == at.name and not any(
            isinstance(item, Rel) for item in rest
        ):
            items = (first, *rest)
        case (Rel(operands=(Sym(name=name), value), ops=("=",)), Rel() as limit) if name == at.name and symbols(
            value
        ) - symbols(limit) != symbols(value):
            return _progression(value, (limit,), at)
    if any(isinstance(item, Rel) for item in items):
        return _read_parts(items, at, union=False)
    values = [None if item == Dots() else exact(item, at.ctx) for item in items]
    if any(
        value is None or value.denominator != 1 for value, item in zip(values, items, strict=True) if item != Dots()
    ):
        return None
    numbers = [None if value is None else int(value) for value in values]
    if None not in numbers:
        return _finite([number for number in numbers if number is not None])
    return _with_dots(numbers)


def _with_dots(numbers: Sequence[int | None]) -> Integers | None:
    cut = numbers.index(None)
    head = [number for number in numbers[:cut] if number is not None]
    tail = [number for number in numbers[cut + 1 :] if number is not None]
    if len(head) < (2 if tail else LEAST_PROGRESSION) or cut + 1 + len(tail) != len(numbers):
        return None
    step = head[1] - head[0]
    if step <= 0 or any(b - a != step for a, b in pairwise(head)):
        return None
    first = head[0]
    if not tail:
        return Integers(lambda k: k >= first and (k - first) % step == 0, abs(first), step)
    rest = (tail[0] - head[-1]) % step or any(b - a != step for a, b in pairwise(tail))
    doubtful = len(head) == 2 and step != 1
    if rest or doubtful or tail[0] <= head[-1] or tail[-1] - first > MAX_BOUND:
        return None
    return _finite(range(first, tail[-1] + 1, step))
