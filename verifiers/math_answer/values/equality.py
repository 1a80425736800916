"""Equality and order of values: the tiers, cheapest first.

Rule 1: True only on proof or by a convention that this file or `sampling` states; False when refuted; None
        when the pair is not values, or could not be decided within the sizes allowed.
Rule 2: tiers: written alike; exact rationals; residues (rational functions, square roots); balls.
Conventions: Sym("e") is Euler's number and Sym("i") the imaginary unit unless ctx.hints.variables holds them;
(x^2 - 1)/(x - 1) is x + 1; infinities equal themselves and differ from everything finite.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

from flint import arb

from verifiers.math_answer.context import Context, OutOfSteps
from verifiers.math_answer.tree import Add, Const, Mul, Neg, Node, Num
from verifiers.math_answer.values.balls import enclose, gap
from verifiers.math_answer.values.exact import rational
from verifiers.math_answer.values.opaque import name_opaque
from verifiers.math_answer.values.point import NotAValueError, Point, magnitude
from verifiers.math_answer.values.residues import identical
from verifiers.math_answer.values.sampling import FIRST_PRECISION, agree, seed_of
from verifiers.math_answer.values.walk import calls, size, substitute, variables

ORDER_PRECISIONS = (64, 512, 4096)
"""Bits at which the sign of a difference is looked for before equality is."""

MAX_DOUBLE_BITS = 900
"""Magnitude that a double holds safely."""

BRANCHED = frozenset(("tan", "cot", "atan", "acot", "ln", "log", "lg", "floor", "ceil", "sgn", "abs", "asec", "acsc"))
"""Functions whose antiderivatives may differ by another constant on every branch."""

INTEGRATION_NAMES = ("x", "t", "u", "y", "z", "s", "r")
"""The variable of integration when there are several names: the first of these that occurs."""

ANCHORS = (Fraction(7, 5), Fraction(11, 3), Fraction(3, 8), Fraction(-5, 4), Fraction(-22, 7))
"""Values at which one variable is held while another expression is compared along it."""


def same_value(a: Node, b: Node, ctx: Context) -> bool | None:
    """Whether two expressions have the same value, for every value of their variables."""
    if type(a) is Num and type(b) is Num:
        return a.num * b.den == b.num * a.den
    if a == b:
        return True
    first = rational(a, ctx)
    if first is not None:
        second = rational(b, ctx)
        if second is not None:
            return bool(first == second)
    infinite = _signed_infinity(a), _signed_infinity(b)
    if any(infinite):
        return _same_infinity(a, b, infinite, ctx)
    try:
        return _same_finite(a, b, ctx)
    except NotAValueError:
        ctx.spend(size(a) + size(b))
        opened = name_opaque(a, b, lambda x, y: same_value(x, y, ctx))
    if opened is None:
        return None
    try:
        result = opened.a == opened.b or _same_finite(opened.a, opened.b, ctx)
    except NotAValueError:
        return None
    return result if result or opened.certain else None


def _same_finite(a: Node, b: Node, ctx: Context) -> bool | None:
    seed = seed_of(a, b)
    result = identical(a, b, seed, ctx)
    return agree(a, b, seed, ctx) if result is None else result


def _signed_infinity(node: Node) -> int:
    """1 or -1 for an infinity, 0 for anything else."""
    if type(node) is Const and node.name == "inf":
        return 1
    return -_signed_infinity(node.x) if type(node) is Neg else 0


def _same_infinity(a: Node, b: Node, infinite: tuple[int, int], ctx: Context) -> bool | None:
    if all(infinite):
        return infinite[0] == infinite[1]
    finite = b if infinite[0] else a
    return False if real_constant(finite, ctx) is not None else None


def is_zero(a: Node, ctx: Context) -> bool | None:
    """Whether an expression is zero everywhere."""
    return same_value(a, Num(0), ctx)


def order(a: Node, b: Node, ctx: Context) -> int | None:
    """The proven sign of a - b for real constants, infinities allowed; None for anything else."""
    first, second = rational(a, ctx), rational(b, ctx)
    if first is not None and second is not None:
        return int(first > second) - int(first < second)
    low, high = _signed_infinity(a), _signed_infinity(b)
    if low or high:
        other = b if low else a
        if not (low and high) and real_constant(other, ctx) is None:
            return None
        return (low > high) - (low < high)
    at = Point({}, arb, None, ctx)
    try:
        for precision in ORDER_PRECISIONS:
            seen = gap(a, b, at, precision)
            if seen.difference is not None and seen.apart():
                return 1 if seen.difference > 0 else -1
            if precision == ORDER_PRECISIONS[0] and same_value(a, b, ctx):
                return 0
            if seen.difference is None:
                return None
    except NotAValueError:
        return None
    return None


def real_constant(node: Node, ctx: Context | None = None) -> float | None:
    """A double near a real constant's value, infinities included; None when it has variables or is not
    real.
    """
    infinite = _signed_infinity(node)
    if infinite:
        return math.copysign(math.inf, infinite)
    if type(node) is Num and node.num.bit_length() < MAX_DOUBLE_BITS > node.den.bit_length():
        return node.num / node.den
    try:
        value = enclose(node, Point({}, arb, None, ctx or Context()), FIRST_PRECISION)
    except NotAValueError:
        return None
    except OutOfSteps:
        if ctx is None:
            return None
        raise
    if not value.is_finite() or magnitude(value) > MAX_DOUBLE_BITS:
        return None
    return float(value.mid()) if value.rel_accuracy_bits() >= 30 or abs(value) < 1e-12 else None


def proportional(a: Node, b: Node, ctx: Context) -> bool | None:
    """Whether a = k b for one constant k other than zero."""
    zeros = is_zero(a, ctx), is_zero(b, ctx)
    if None in zeros:
        return None
    if any(zeros):
        return all(zeros)
    names = variables(a, ctx) | variables(b, ctx)
    if not names:
        return True
    for anchor in _anchors(names):
        ctx.spend(size(a) + size(b))
        held_a, held_b = substitute(a, anchor), substitute(b, anchor)
        zero_a, zero_b = is_zero(held_a, ctx), is_zero(held_b, ctx)
        if zero_a is False and zero_b is False:
            return same_value(Mul((a, held_b)), Mul((b, held_a)), ctx)
        if (zero_a, zero_b) in ((True, False), (False, True)):
            return False
    return None


def equal_up_to_constant(a: Node, b: Node, name_a: str | None, name_b: str | None, ctx: Context) -> bool | None:
    """Whether two antiderivatives differ by a constant. `name_a` and `name_b` are their constants of
    integration, None where a side has none; each must enter as k C with a constant k other than zero.
    """
    names = variables(a, ctx) | variables(b, ctx)
    along = _integration_name(names - {name_a, name_b})
    if along is None:
        return None
    sides = []
    for side, constant in ((a, name_a), (b, name_b)):
        if constant is not None and _enters_as_constant(side, constant, along, ctx) is not True:
            return None
        sides.append(substitute(side, {} if constant is None else {constant: Num(0)}))
    result = _same_increments(sides[0], sides[1], along, ctx)
    return None if result is False and (calls(a) | calls(b)) & BRANCHED else result


def _integration_name(names: frozenset[str]) -> str | None:
    if len(names) == 1:
        return next(iter(names))
    return next((name for name in INTEGRATION_NAMES if name in names), None)


def _enters_as_constant(side: Node, constant: str, along: str, ctx: Context) -> bool | None:
    step = Add((substitute(side, {constant: Num(1)}), Neg(substitute(side, {constant: Num(0)}))))
    double = Add((substitute(side, {constant: Num(2)}), Neg(substitute(side, {constant: Num(0)}))))
    if is_zero(step, ctx) is not False or same_value(double, Mul((Num(2), step)), ctx) is not True:
        return None
    return _same_increments(step, Num(0), along, ctx)


def _same_increments(a: Node, b: Node, along: str, ctx: Context) -> bool | None:
    for value in ANCHORS:
        anchor = {along: Num(value.numerator, value.denominator)}
        held_a, held_b = substitute(a, anchor), substitute(b, anchor)
        result = same_value(Add((a, Neg(held_a))), Add((b, Neg(held_b))), ctx)
        if result is not None:
            return result
    return None


def _anchors(names: frozenset[str]) -> Iterator[dict[str, Node]]:
    for shift in range(len(ANCHORS)):
        yield {
            name: Num(value.numerator + place, value.denominator)
            for place, name in enumerate(sorted(names))
            for value in (ANCHORS[(shift + place) % len(ANCHORS)],)
        }
