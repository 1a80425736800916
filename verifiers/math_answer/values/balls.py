"""Enclosures: the value of an expression at a point as a FLINT ball that certainly contains it.

Rule 1: two disjoint balls prove that two values differ, at any precision. Overlap proves nothing by itself.
Rule 2: a point is real or complex. At a real point the arithmetic is real: the root of a negative number is
        undefined there (NaN), so that sqrt(ab) and sqrt(a) sqrt(b) are compared only where both exist.
Rule 3: an undefined value, a pole and a ball too wide to tell are all NaN or infinite: "no value here".
Rule 4: FLINT's precision is one global number. It is changed only under LOCK, by `enclose` and `gap`.
Conventions: odd roots of negative reals are real, also for powers with a literal exponent p/q, q odd; arccot
is pi/2 - arctan; 0^0 is undefined; mod is x - m floor(x/m); n! is gamma(n + 1); deg is pi/180.
"""

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

import flint
from flint import acb

from verifiers.math_answer.tree import (
    Add,
    Based,
    BigOp,
    Call,
    Const,
    Div,
    Mul,
    Neg,
    Node,
    Num,
    Percent,
    Pow,
    Quantity,
    Sym,
)
from verifiers.math_answer.values.exact import Rational, rational
from verifiers.math_answer.values.functions import FUNCTIONS, exponential
from verifiers.math_answer.values.point import (
    MAX_ARGUMENT_BITS,
    Ball,
    NotAValueError,
    Point,
    magnitude,
    negative,
    no_value,
    whole,
)

LOCK = threading.Lock()
"""Guards FLINT's global precision."""

T = TypeVar("T")

MAX_TERMS = 2_500
"""Terms of a written-out sum or product."""


def enclose(node: Node, at: Point, precision: int) -> Ball:
    """The value of an expression at a point."""
    return _guarded(lambda: ball(node, at), at, precision)


class Gap(NamedTuple):
    """Whether each side has a value, and their difference (None unless both have)."""

    left: bool
    right: bool
    difference: Ball | None

    def apart(self) -> bool:
        """Certainly different."""
        return self.difference is not None and not self.difference.contains(0)


def gap(a: Node, b: Node, at: Point, precision: int) -> Gap:
    """Two expressions at one point."""

    def compare() -> Gap:
        left = ball(a, at)
        right = ball(b, at)
        finite = left.is_finite(), right.is_finite()
        return Gap(*finite, left - right if all(finite) else None)

    return _guarded(compare, at, precision)


def _guarded(work: Callable[[], T], at: Point, precision: int) -> T:
    at.cost = 1 + (precision >> 10) ** 2 // 2
    with LOCK:
        before = flint.ctx.prec
        flint.ctx.prec = precision
        try:
            return work()
        finally:
            flint.ctx.prec = before


def ball(node: Node, at: Point) -> Ball:
    """The enclosure of a node; the caller holds LOCK."""
    at.ctx.spend(at.cost)
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise NotAValueError
    value = handler(node, at)
    if at.measuring and value.is_finite():
        at.height += magnitude(value)
    return value


def _num(node: Num, at: Point) -> Ball:
    if at.measuring:
        at.height += node.num.bit_length() + node.den.bit_length()
    return at.field(node.num) if node.den == 1 else at.field(node.num) / node.den


def _sym(node: Sym, at: Point) -> Ball:
    value = at.names.get(node.name)
    if value is not None:
        return value
    if node.name == "e":
        return at.field(1).exp()
    if node.name == "i":
        return no_value(at) if at.real() else acb(0, 1)
    raise NotAValueError


def _const(node: Const, at: Point) -> Ball:
    return at.field.pi() if node.name == "pi" else no_value(at)


def _neg(node: Neg, at: Point) -> Ball:
    return -ball(node.x, at)


def _add(node: Add, at: Point) -> Ball:
    terms = node.terms
    total = ball(terms[0], at)
    for term in terms[1:]:
        total = total + ball(term, at)
    return total


def _mul(node: Mul, at: Point) -> Ball:
    factors = node.factors
    total = ball(factors[0], at)
    for factor in factors[1:]:
        total = total * ball(factor, at)
    return total


def _div(node: Div, at: Point) -> Ball:
    return ball(node.top, at) / ball(node.bottom, at)


def _percent(node: Percent, at: Point) -> Ball:
    return ball(node.x, at) / 100


def _quantity(node: Quantity, at: Point) -> Ball:
    if node.unit != "deg":
        raise NotAValueError
    return ball(node.x, at) * at.field.pi() / 180


def _based(node: Based, at: Point) -> Ball:
    if node.value is None:
        raise NotAValueError
    return at.field(node.value)


def _pow(node: Pow, at: Point) -> Ball:
    exponent = _literal(node.exp, at)
    if type(node.base) is Sym and node.base.name == "e" and "e" not in at.names:
        return exponential(at.field(exponent) if isinstance(exponent, int) else ball(node.exp, at), at)
    base = ball(node.base, at)
    if isinstance(exponent, int):
        return _integer_power(base, exponent, at)
    if exponent is not None and int(exponent.q) % 2 and negative(base):
        root = -((-base) ** (at.field(1) / exponent.q))
        return root ** int(exponent.p)
    return _power(base, ball(node.exp, at), at)


def _literal(node: Node, at: Point) -> Rational | None:
    """The exponent when it is a literal number."""
    if type(node) is Num and node.den == 1:
        return node.num
    if type(node) in (Num, Neg, Div):
        return rational(node, at.ctx)
    return None


def _integer_power(base: Ball, exponent: int, at: Point) -> Ball:
    if exponent.bit_length() > 64 or (exponent == 0 and base == 0):
        return no_value(at)
    return base**exponent


def _power(base: Ball, exponent: Ball, at: Point) -> Ball:
    if not (base.is_finite() and exponent.is_finite()) or magnitude(exponent) > MAX_ARGUMENT_BITS:
        return no_value(at)
    count = whole(exponent)
    if count is not None:
        return _integer_power(base, count, at)
    return base**exponent if at.real() or base != 0 else no_value(at)


def _call(node: Call, at: Point) -> Ball:
    function = FUNCTIONS.get(node.name)
    if function is None:
        raise NotAValueError
    values = [ball(arg, at) for arg in node.args]
    if not all(value.is_finite() for value in values):
        return no_value(at)
    if node.name == "log":
        values.append(_log_base(node, at))
    at.ctx.spend(3 * at.cost)
    try:
        return function(*values, at)
    except TypeError as wrong_count:
        raise NotAValueError from wrong_count


def _log_base(node: Call, at: Point) -> Ball:
    if node.sub is not None:
        return ball(node.sub, at).log()
    at.bare_log = True
    return at.field(1) if at.log_base is None else at.field(at.log_base).log()


def _big_op(node: BigOp, at: Point) -> Ball:
    if node.op not in ("sum", "prod") or node.var is None or node.lower is None or node.upper is None:
        raise NotAValueError
    first, last = whole(ball(node.lower, at)), whole(ball(node.upper, at))
    if first is None or last is None or last - first >= MAX_TERMS:
        return no_value(at)
    total = at.field(0 if node.op == "sum" else 1)
    outer = at.names
    try:
        for index in range(first, last + 1):
            at.names = {**outer, node.var: at.field(index)}
            term = ball(node.body, at)
            total = total + term if node.op == "sum" else total * term
    finally:
        at.names = outer
    return total


_HANDLERS: Mapping[type[Node], Callable[..., Ball]] = {
    Num: _num,
    Sym: _sym,
    Const: _const,
    Neg: _neg,
    Add: _add,
    Mul: _mul,
    Div: _div,
    Pow: _pow,
    Call: _call,
    Percent: _percent,
    Quantity: _quantity,
    Based: _based,
    BigOp: _big_op,
}
