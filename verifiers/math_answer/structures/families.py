r"""Rules for answers with a free parameter: `x = k\pi, k \in Z`, `(3t, 1 - t)`, `2Cx + 1`, `x \equiv 3 \pmod 7`.

Rule 1: a name may be renamed when it is a parameter: declared (`k \in Z`), or no variable of the question. Without
        a question only the usual letters count: k, n, m, t beside pi, and C for a constant.
Rule 2: a stated range counts. `k \in Z` may stay unsaid; `k \in N` may not, unless the reference says it.
Rule 3: integer families are compared as sets: {a + bk} by their residues, tuples by shifting or reflecting k.
        2k pi is not k pi.
Rule 4: a condition that is no range of a name (`n \ge 3`) is compared, never dropped.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from typing import NamedTuple

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.definitions import definition
from verifiers.math_answer.structures.inequalities import as_line
from verifiers.math_answer.structures.matching import Same, in_any_order, in_order
from verifiers.math_answer.structures.naming import closed, named, one_name_for_all
from verifiers.math_answer.tree import (
    Add,
    Const,
    Group,
    Logic,
    Mul,
    NamedSet,
    Neg,
    Node,
    Num,
    Pow,
    Quantity,
    Rel,
    Seq,
    SetBuilder,
    SetOf,
    Sym,
    Where,
)
from verifiers.math_answer.values.equality import real_constant, same_value
from verifiers.math_answer.values.walk import expand_plus_minus, preorder, substitute, variables

ZERO = Num(0)

MAX_RENAMED = 3
"""Parameters renamed at once: six ways."""

MAX_RESIDUES = 48
"""Residue classes of a union of integer families, after all are brought to one period."""

INTEGER_LETTERS = frozenset("knmtl")
UNKNOWNS = frozenset("xyz")
CONSTANT_LETTERS = frozenset(("C", "c", "K", "C_1", "c_1", "C_2", "c_2"))

ORDERS = frozenset(("<", "<=", ">", ">=", "!="))

UNSAID = frozenset(("Z", "R", "Q", "C"))
"""Ranges that an answer may leave out: the parameter runs over all numbers of its sort."""

POSITIVE = {"N+": "Z+", "N*": "Z+", "Z0+": "N0"}
"""Names of one range. `N` is left alone: authors disagree about zero."""

PERIOD = "_k"
"""The parameter of a congruence written as a family."""


class Family(NamedTuple):
    """A body, the stated ranges of its names, the conditions that are no ranges, and the name in front."""

    body: Node
    ranges: Mapping[str, str]
    conditions: tuple[Node, ...]
    name: Node | None

    @property
    def stated(self) -> bool:
        """Whether any condition was written."""
        return bool(self.ranges or self.conditions)


def same_family(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Answers with parameters, renamed one to one, or as sets of integers times a period."""
    left, right = _family(reference, ctx), _family(response, ctx)
    ours, theirs = variables(left.body, ctx), variables(right.body, ctx)
    if ours == theirs and not (left.stated or right.stated):
        # The same letter beside pi on both sides, and not the question's: each side runs it over the integers.
        # Not inside a tuple, whose parts run together.
        counts = _periodic(left, right) or _of_integers(left, ctx)
        running = {name for name in ours & INTEGER_LETTERS - ctx.hints.variables if counts}
        if not running or ctx.nested:
            return None
        left, right = (family._replace(ranges=dict.fromkeys(running, "Z")) for family in (left, right))
    if _other_name(left.name, right.name) or len(left.conditions) != len(right.conditions):
        return None
    only_left, only_right = sorted(ours - theirs), sorted(theirs - ours)
    if len(only_left) != len(only_right) or len(only_left) > MAX_RENAMED:
        return None
    if not _all_parameters(left, only_left, right, only_right, ctx):
        return None
    verdicts = []
    for order in permutations(only_right):
        ctx.spend()
        names = dict(zip(order, only_left, strict=True))
        verdict = _same_renamed(left, _renamed(right, names), ctx, same)
        if verdict:
            return True
        verdicts.append(verdict)
    refuted = all(verdict is False for verdict in verdicts) and not (_alternates(left) or _alternates(right))
    return False if refuted else None


def _alternates(family: Family) -> bool:
    """`(-1)^n a + n b` is two progressions in one, which nobody here takes apart."""
    return any(isinstance(part, Pow) and isinstance(part.base, Neg) for part in preorder(family.body))


def _family(node: Node, ctx: Context) -> Family:
    match node:
        case Where(body=body, conditions=conditions):
            inner = _family(body, ctx)
            ranges, rest = _ranges(conditions)
            return Family(inner.body, {**inner.ranges, **ranges}, (*inner.conditions, *rest), inner.name)
        case SetBuilder(element=element, condition=condition) if not isinstance(element, Sym | Rel):
            ranges, rest = _ranges((condition,))
            return Family(element, ranges, tuple(rest), None)
        case SetOf(items=(Where() as only,)):
            return _family(only, ctx)
        case Seq(items=items) | Logic(op="or", args=items):
            return _shared(items, ctx)
        case Rel(operands=(Sym() as name, residue), ops=("equiv",), modulus=modulus) if modulus is not None:
            known = None if name.name == "_" else name
            return Family(Add((residue, Mul((modulus, Sym(PERIOD))))), {PERIOD: "Z"}, (), known)
        case _:
            pair = None if definition(node, ctx) else named(node)
            return Family(node, {}, (), None) if pair is None else Family(pair[1], {}, (), pair[0])


def _shared(items: Sequence[Node], ctx: Context) -> Family:
    """`x = a + k or x = b + k, k in Z`: a range after the last member holds for all that use its name."""
    ranges: dict[str, str] = {}
    bodies: list[Node] = []
    for item in items:
        if isinstance(item, Where):
            found, rest = _ranges(item.conditions)
            ranges.update(found)
            bodies.append(Where(item.body, tuple(rest)) if rest else item.body)
        else:
            bodies.append(item)
    limits = () if _is_limit(bodies[0]) else tuple(filter(_is_limit, bodies))
    bodies = [body for body in bodies if body not in limits]
    if len(bodies) == 1:
        return _family(bodies[0], ctx)._replace(ranges=ranges, conditions=limits)
    values = one_name_for_all(bodies)
    pair = None if values is None else named(bodies[0])
    return Family(Seq(values or tuple(bodies)), ranges, limits, None if pair is None else pair[0])


def _is_limit(node: Node) -> bool:
    """`n >= 3` after a value."""
    return isinstance(node, Rel) and ORDERS.issuperset(node.ops)


def _ranges(conditions: Sequence[Node]) -> tuple[dict[str, str], list[Node]]:
    """The memberships of single names, and the other conditions."""
    ranges: dict[str, str] = {}
    rest: list[Node] = []
    for condition in _flat(conditions):
        match condition:
            case Rel(operands=(Sym(name=name), NamedSet(name=domain)), ops=("in",)):
                ranges[name] = POSITIVE.get(domain, domain)
            case _:
                rest.append(condition)
    return ranges, rest


def _flat(conditions: Sequence[Node]) -> Iterator[Node]:
    for condition in conditions:
        if isinstance(condition, Logic) and condition.op == "and":
            yield from _flat(condition.args)
        else:
            yield condition


def _other_name(a: Node | None, b: Node | None) -> bool:
    return isinstance(a, Sym | Group) and isinstance(b, Sym | Group) and a != b


def _all_parameters(
    left: Family, only_left: Sequence[str], right: Family, only_right: Sequence[str], ctx: Context
) -> bool:
    """Rule 1, for every name that one side alone uses."""
    sides = [(left, name) for name in only_left] + [(right, name) for name in only_right]
    if any(name in _arguments(side, ctx) for side, name in sides):
        return False
    asked = ctx.hints.variables
    if asked:
        return all(name in side.ranges or name not in asked for side, name in sides)
    declared = [name in side.ranges for side, name in sides]
    if any(declared):
        # One author says "t an integer", the other leaves it unsaid. A bare x is a variable all the same.
        return all(name in side.ranges or name not in UNKNOWNS for side, name in sides)
    names = {name for _, name in sides}
    capitals = {name for name in names if len(name) == 1 and name.isupper()}
    constants = names <= CONSTANT_LETTERS | (capitals if names & CONSTANT_LETTERS else set())
    return constants or (names <= INTEGER_LETTERS and _periodic(left, right))


def _periodic(left: Family, right: Family) -> bool:
    return all(any(map(_is_angle, preorder(side.body))) for side in (left, right))


def _of_integers(family: Family, ctx: Context) -> bool:
    """Whether what is named or asked for are whole numbers by the question, so that their parameter is one."""
    if family.name is None:
        asked = ctx.hints.integers.intersection(ctx.hints.asked or ctx.hints.integers)
        return isinstance(family.body, Group) and len(family.body.items) == len(asked)
    names = family.name.items if isinstance(family.name, Group) else (family.name,)
    return all(isinstance(name, Sym) and name.name in ctx.hints.integers for name in names)


def _is_angle(node: Node) -> bool:
    return node == Const("pi") or (isinstance(node, Quantity) and node.unit == "deg")


def _arguments(family: Family, ctx: Context) -> tuple[str, ...]:
    """The arguments of the function that the body defines: bound there, and no parameters."""
    function = definition(family.body, ctx)
    return () if function is None else function.arguments


def _renamed(family: Family, names: Mapping[str, str]) -> Family:
    symbols = {old: Sym(new) for old, new in names.items()}
    return family._replace(
        body=substitute(family.body, symbols),
        ranges={names.get(name, name): domain for name, domain in family.ranges.items()},
        conditions=tuple(substitute(condition, symbols) for condition in family.conditions),
    )


def _same_renamed(left: Family, right: Family, ctx: Context, same: Same) -> bool | None:
    if not _same_ranges(left, right, ctx) or not in_any_order(left.conditions, right.conditions, ctx, same):
        return None
    verdict = same(left.body, right.body)
    if verdict:
        return True
    used = variables(left.body, ctx)
    integers = [
        name
        for name in sorted(used)
        if "Z" in (left.ranges.get(name), right.ranges.get(name)) or name in ctx.hints.integers
    ]
    if len(integers) == 1:
        return _same_over_integers(left.body, right.body, integers[0], ctx, same)
    reals = [name for name in sorted(used) if "R" in (left.ranges.get(name), right.ranges.get(name))]
    if len(reals) == 1 and isinstance(left.body, Group) and isinstance(right.body, Group):
        return True if _same_line(left.body, right.body, reals[0], ctx) else None
    return verdict if not used & (left.ranges.keys() | right.ranges.keys()) else None


def _same_ranges(left: Family, right: Family, ctx: Context) -> bool:
    """Rule 2, for the names that the bodies use."""
    for name in variables(left.body, ctx):
        ours, theirs = left.ranges.get(name), right.ranges.get(name)
        if ours == theirs or theirs is None:
            continue
        if ours is not None or theirs not in UNSAID:
            return False
        if theirs != "Z" and name in INTEGER_LETTERS and _periodic(left, right):
            return False  # unsaid beside pi, k runs over the integers
    return True


def _same_over_integers(left: Node, right: Node, name: str, ctx: Context, same: Same) -> bool | None:
    if isinstance(left, Group) and isinstance(right, Group):
        return _same_tuples(left, right, name, ctx, same)
    ours, theirs = _progressions(left, name, ctx), _progressions(right, name, ctx)
    return None if not ours or not theirs else _same_residues(ours, theirs, ctx)


class Progression(NamedTuple):
    """All `offset + k step` for integers k."""

    offset: Node
    step: Node


def _progressions(body: Node, name: str, ctx: Context) -> list[Progression] | None:
    """The progressions that a body lists; None when a member is no line in the parameter."""
    found: list[Progression] = []
    for member in _members(body):
        line = as_line(member, name, ctx)
        if line is None or not closed(line[0]) or not closed(line[1]):
            return None
        found.append(Progression(line[1], line[0]))
    return found


def _members(body: Node) -> list[Node]:
    match body:
        case Seq(items=items) | SetOf(items=items) | Logic(op="or", args=items):
            values = one_name_for_all(items) or items
            return [member for value in values for member in _members(value)]
        case _:
            return list(expand_plus_minus(body))


def _same_residues(ours: list[Progression], theirs: list[Progression], ctx: Context) -> bool | None:
    """Both unions as residues of one period, in units of the first step."""
    unit, origin = ours[0].step, ours[0].offset
    steps = [_multiple(member.step, unit, ctx) for member in (*ours, *theirs)]
    known = [abs(step) for step in steps if step]
    if len(known) < len(steps):
        return None
    period = Fraction(1)
    for step in known:
        period = _common_multiple(period, step)
    if sum(period / step for step in known) > MAX_RESIDUES:
        return None
    classes: list[set[Fraction]] = []
    for members, sizes in ((ours, known[: len(ours)]), (theirs, known[len(ours) :])):
        found: set[Fraction] = set()
        for member, step in zip(members, sizes, strict=True):
            start = _multiple(Add((member.offset, Neg(origin))), unit, ctx)
            if start is None:
                return None
            found |= {(start + j * step) % period for j in range(int(period / step))}
        classes.append(found)
    return classes[0] == classes[1]


def _common_multiple(a: Fraction, b: Fraction) -> Fraction:
    """The least positive number that both divide a whole number of times."""
    ratio = a / b
    return a * ratio.denominator


def _multiple(node: Node, unit: Node, ctx: Context) -> Fraction | None:
    """The rational r with `node = r unit`: guessed from doubles, then proved."""
    ctx.spend()
    top, bottom = real_constant(node, ctx), real_constant(unit, ctx)
    if top is None or not bottom or not math.isfinite(top / bottom):
        return None
    ratio = Fraction(top / bottom).limit_denominator(MAX_RESIDUES)
    proved = same_value(node, Mul((Num(ratio.numerator, ratio.denominator), unit)), ctx)
    return ratio if proved else None


def _same_line(left: Group, right: Group, name: str, ctx: Context) -> bool:
    """Whether two points that move along lines with a real parameter move along one line."""
    if (left.left, left.right, len(left.items)) != (right.left, right.right, len(right.items)):
        return False
    ours = [as_line(item, name, ctx) for item in left.items]
    theirs = [as_line(item, name, ctx) for item in right.items]
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    if len(pairs) < len(ours):
        return False
    pivot = next(((a, b) for a, b in pairs if closed(a[0]) and same_value(a[0], ZERO, ctx) is False), None)
    if pivot is None or same_value(pivot[1][0], ZERO, ctx) is not False or not closed(pivot[1][0]):
        return False
    (slope, offset), (other, start) = pivot
    shift = Add((start, Neg(offset)))
    return all(
        same_value(Mul((b[0], slope)), Mul((a[0], other)), ctx)
        and same_value(Mul((Add((b[1], Neg(a[1]))), slope)), Mul((a[0], shift)), ctx)
        for a, b in pairs
    )


def _same_tuples(left: Group, right: Group, name: str, ctx: Context, same: Same) -> bool | None:
    """Whether k -> s + k or k -> s - k turns one into the other; the first coordinate that moves gives s."""
    if (left.left, left.right, len(left.items)) != (right.left, right.right, len(right.items)):
        return None
    for a, b in zip(left.items, right.items, strict=True):
        ours, theirs = as_line(a, name, ctx), as_line(b, name, ctx)
        if ours is None or theirs is None:
            return None
        if same_value(ours[0], ZERO, ctx) and same_value(theirs[0], ZERO, ctx):
            continue
        turn = _multiple(theirs[0], ours[0], ctx)
        shift = _multiple(Add((theirs[1], Neg(ours[1]))), ours[0], ctx)
        if turn is None or shift is None:
            return None
        if turn not in (1, -1) or shift.denominator != 1:
            return False
        moved = Add((Num(int(shift)), Sym(name) if turn == 1 else Neg(Sym(name))))
        shifted = substitute(left, {name: moved})
        assert isinstance(shifted, Group)
        return in_order(shifted.items, right.items, ctx, same)
    return None
