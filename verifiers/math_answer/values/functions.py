"""The known functions on balls.

Rule 1: each takes its arguments as finite balls and the point last, and returns a ball; "no value" is NaN.
Rule 2: sizes are checked before a function is called on them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flint import acb, fmpz

from verifiers.math_answer.values.point import (
    MAX_ARGUMENT_BITS,
    Ball,
    Point,
    as_real,
    magnitude,
    negative,
    no_value,
    whole,
)


def _method(name: str) -> Callable[[Ball, Point], Ball]:
    def apply(x: Ball, at: Point) -> Ball:
        size = magnitude(x)
        if size > MAX_ARGUMENT_BITS:
            return no_value(at)
        return getattr(x, name)()

    return apply


def _saturating(name: str) -> Callable[[Ball, Point], Ball]:
    """Tanh and its like come exponentially close to a constant: the argument's size is part of the height."""

    def apply(x: Ball, at: Point) -> Ball:
        if magnitude(x) > 64:
            return no_value(at)
        if at.measuring:
            at.height += 3 * int(float(abs(x).mid()))
        return getattr(x, name)()

    return apply


def exponential(x: Ball, at: Point) -> Ball:
    """The exponential function."""
    return x.exp() if x.is_finite() and magnitude(x) <= MAX_ARGUMENT_BITS else no_value(at)


def _log(x: Ball, base: Ball, at: Point) -> Ball:
    return x.log() / base


def _lg(x: Ball, at: Point) -> Ball:
    return x.log() / at.field(10).log()


def _root(x: Ball, index: Ball, at: Point) -> Ball:
    n = whole(index)
    if n is None or not 0 < n <= 1 << 20:
        return no_value(at)
    return -((-x).root(n)) if n % 2 and negative(x) else x.root(n)


def _abs(x: Ball, at: Point) -> Ball:
    return at.field(abs(x))


def _real_only(name: str) -> Callable[..., Ball]:
    def apply(*values: Any) -> Ball:
        at: Point = values[-1]
        reals = [as_real(value) for value in values[:-1]]
        if not reals or any(real is None for real in reals):
            return no_value(at)
        if name in ("floor", "ceil", "sgn"):
            return at.field(getattr(reals[0], name)()) if len(reals) == 1 else no_value(at)
        result = reals[0]
        for other in reals[1:]:
            result = getattr(result, name)(other)
        return at.field(result)

    return apply


def _factorial(x: Ball, at: Point) -> Ball:
    n = whole(x)
    if n is not None and 0 <= n <= 64:
        return at.field(int(fmpz.fac_ui(fmpz(n))))
    return (x + 1).gamma() if magnitude(x) <= 128 else no_value(at)


def _factorial2(x: Ball, at: Point) -> Ball:
    n = whole(x)
    if n is None or not -1 <= n <= 500:
        return no_value(at)
    result = at.field(1)
    for factor in range(n, 1, -2):
        result = result * factor
    return result


def _binom(n: Ball, k: Ball, at: Point) -> Ball:
    return _perm(n, k, at) * (k + 1).rgamma() if magnitude(k) <= 128 else no_value(at)


def _perm(n: Ball, k: Ball, at: Point) -> Ball:
    count = whole(k)
    if count is not None and 0 <= count <= 64:
        result = at.field(1)
        for step in range(count):
            result = result * (n - step)
        return result
    if max(magnitude(n), magnitude(k)) > 128:
        return no_value(at)
    return (n + 1).gamma() * (n - k + 1).rgamma()


def _mod(x: Ball, m: Ball, at: Point) -> Ball:
    quotient = as_real(x / m)
    return no_value(at) if quotient is None else x - m * quotient.floor()


def _integers(name: str) -> Callable[..., Ball]:
    def apply(*values: Any) -> Ball:
        at: Point = values[-1]
        result = fmpz(0) if name == "gcd" else fmpz(1)
        for value in values[:-1]:
            n = whole(value)
            if n is None or n.bit_length() > 64:
                return no_value(at)
            result = getattr(result, name)(fmpz(n))
        return at.field(int(result))

    return apply


def _acot(x: Ball, at: Point) -> Ball:
    return at.field.pi() / 2 - x.atan()


def _reciprocal(name: str) -> Callable[[Ball, Point], Ball]:
    def apply(x: Ball, at: Point) -> Ball:
        return getattr(1 / x, name)()

    return apply


def _re(x: Ball, at: Point) -> Ball:
    return at.field(x.real) if isinstance(x, acb) else x


def _im(x: Ball, at: Point) -> Ball:
    return at.field(x.imag) if isinstance(x, acb) else at.field(0)


def _conj(x: Ball, at: Point) -> Ball:
    return x.conjugate() if isinstance(x, acb) else x


def _arg(x: Ball, at: Point) -> Ball:
    return at.field(acb(x).arg()) if x != 0 else no_value(at)


FUNCTIONS: Mapping[str, Callable[..., Ball]] = {
    **{name: _method(name) for name in ("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan")},
    **{name: _method(name) for name in ("asinh", "acosh", "atanh", "sqrt")},
    **{name: _saturating(name) for name in ("sinh", "cosh", "tanh", "coth")},
    **{name: _real_only(name) for name in ("floor", "ceil", "sgn", "max", "min")},
    **{name: _integers(name) for name in ("gcd", "lcm")},
    "asec": _reciprocal("acos"),
    "acsc": _reciprocal("asin"),
    "acot": _acot,
    "exp": exponential,
    "ln": _method("log"),
    "log": _log,
    "lg": _lg,
    "root": _root,
    "abs": _abs,
    "norm": _abs,
    "factorial": _factorial,
    "factorial2": _factorial2,
    "binom": _binom,
    "perm": _perm,
    "mod": _mod,
    "re": _re,
    "im": _im,
    "conj": _conj,
    "arg": _arg,
}
