"""Exact rational values of constant nodes.

Rule 1: the value is exact or None; nothing here rounds.
Rule 2: the size of a result is bounded before it is computed: nine characters can ask for 370 million digits.
Rule 3: integers stay Python ints and fractions are FLINT rationals, both several times faster than
        `fractions.Fraction`; `exact` turns the result into a Fraction at the door.
Conventions: percent is x/100; 0^0 is undefined; a decimal is the fraction it is written as.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeAlias

from flint import fmpq, fmpz

from verifiers.math_answer.context import Context, OutOfSteps
from verifiers.math_answer.tree import Add, Based, Call, Div, Mul, Neg, Node, Num, Percent, Pow

MAX_BITS = 1 << 18
"""Bits of a computed numerator or denominator: about 79,000 digits, where one FLINT operation takes about a
millisecond. Literals may be longer: they are only compared."""

MAX_EXPONENT_BITS = 64
"""Bits of an exponent that is looked at: no base but 0, 1 and -1 stays within MAX_BITS beyond that."""

MAX_PERM_BITS = 1 << 16
"""Bits of a falling product, which takes time in the square of them."""

MAX_ROOT = 64
"""Largest index of an exact root."""

Rational: TypeAlias = int | fmpq


def exact(node: Node, ctx: Context | None = None) -> Fraction | None:
    """The exact rational value of a constant; None when it has none, is too large or needs more."""
    if type(node) is Num and node.den == 1:
        return Fraction(node.num)
    try:
        value = rational(node, ctx or Context())
    except OutOfSteps:
        if ctx is None:
            return None
        raise
    return None if value is None else as_fraction(value)


def as_fraction(value: Rational) -> Fraction:
    """The standard library's type for the same number."""
    return Fraction(value) if isinstance(value, int) else Fraction(int(value.p), int(value.q))


def rational(node: Node, ctx: Context) -> Rational | None:
    """Like `exact`, as an int where the value is whole and a FLINT rational elsewhere."""
    handler = _HANDLERS.get(type(node))
    if handler is None:
        return None
    ctx.spend()
    return handler(node, ctx)


def integer(node: Node, ctx: Context) -> int | None:
    """The value when it is a whole number."""
    value = rational(node, ctx)
    return value if isinstance(value, int) else None


def bits(value: Rational) -> int:
    """Size of the longer of numerator and denominator."""
    if isinstance(value, int):
        return value.bit_length()
    return int(value.height_bits())


def _plain(value: fmpq) -> Rational:
    return int(value.p) if value.q == 1 else value


def _charge(value: Rational, ctx: Context) -> Rational:
    large = bits(value)
    if large > 1024:
        ctx.spend(large >> 6)
    return value


def _num(node: Num, ctx: Context) -> Rational | None:
    if node.den == 1:
        return node.num
    return _charge(_plain(fmpq(node.num, node.den)), ctx)


def _neg(node: Neg, ctx: Context) -> Rational | None:
    value = rational(node.x, ctx)
    return None if value is None else -value


def _add(node: Add, ctx: Context) -> Rational | None:
    total: Rational = 0
    for term in node.terms:
        value = rational(term, ctx)
        if value is None or bits(total) + bits(value) > MAX_BITS:
            return None
        total = _charge(total + value, ctx)
    return total if isinstance(total, int) else _plain(total)


def _mul(node: Mul, ctx: Context) -> Rational | None:
    total: Rational = 1
    for factor in node.factors:
        value = rational(factor, ctx)
        if value is None or bits(total) + bits(value) > MAX_BITS:
            return None
        total = _charge(total * value, ctx)
    return total if isinstance(total, int) else _plain(total)


def _div(node: Div, ctx: Context) -> Rational | None:
    top = rational(node.top, ctx)
    if top is None:
        return None
    bottom = rational(node.bottom, ctx)
    if not bottom or bits(top) + bits(bottom) > MAX_BITS:
        return None
    return _charge(_plain(fmpq(top) / bottom), ctx)


def _percent(node: Percent, ctx: Context) -> Rational | None:
    value = rational(node.x, ctx)
    return None if value is None else _plain(fmpq(value) / 100)


def _based(node: Based, ctx: Context) -> Rational | None:
    return node.value


def _pow(node: Pow, ctx: Context) -> Rational | None:
    exponent = rational(node.exp, ctx)
    if exponent is None:
        return None
    base = rational(node.base, ctx)
    if base is None:
        return None
    if isinstance(exponent, int):
        return power(base, exponent, ctx)
    root = exact_root(base, int(exponent.q)) if exponent.q <= MAX_ROOT else None
    return None if root is None else power(root, int(exponent.p), ctx)


def power(base: Rational, exponent: int, ctx: Context) -> Rational | None:
    """An integer power, None when undefined or too large."""
    if base == 0:
        return 0 if exponent > 0 else None
    if base in (1, -1):
        return base if exponent % 2 else 1
    if exponent.bit_length() > MAX_EXPONENT_BITS or bits(base) * abs(exponent) > MAX_BITS:
        return None
    if isinstance(base, int) and exponent >= 0:
        result = base**exponent if base.bit_length() * exponent < 4096 else int(fmpz(base) ** exponent)
        return _charge(result, ctx)
    return _charge(_plain(fmpq(base) ** exponent), ctx)


def exact_root(value: Rational, index: int) -> Rational | None:
    """The real `index`-th root when it is rational (odd roots of negative numbers are negative)."""
    if not 1 <= index <= MAX_ROOT or bits(value) > MAX_BITS:
        return None
    if value < 0:
        inner = exact_root(-value, index) if index % 2 else None
        return None if inner is None else -inner
    if isinstance(value, int):
        return _integer_root(value, index)
    top, bottom = _integer_root(int(value.p), index), _integer_root(int(value.q), index)
    return None if top is None or bottom is None else fmpq(top, bottom)


def _integer_root(value: int, index: int) -> int | None:
    if index == 2:
        root = math.isqrt(value)
        return root if root * root == value else None
    near = int(fmpz(value).root(index))
    return near if near**index == value else None


# -- functions -----------------------------------------------------------------------------------------------


def _call(node: Call, ctx: Context) -> Rational | None:
    if node.name == "mod":
        return _mod(node, ctx)
    function = _FUNCTIONS.get(node.name)
    if function is None:
        return None
    values = []
    for arg in node.args:
        value = rational(arg, ctx)
        if value is None:
            return None
        values.append(_charge(value, ctx))
    if node.name == "log":
        base = None if node.sub is None else rational(node.sub, ctx)
        if base is None:
            return None
        values.append(base)
    try:
        result = function(*values)
    except TypeError:  # a function at the wrong number of arguments has no value
        return None
    return None if result is None else _charge(result, ctx)


def _mod(node: Call, ctx: Context) -> Rational | None:
    if len(node.args) != 2:
        return None
    modulus = integer(node.args[1], ctx)
    if modulus is None or modulus <= 0 or modulus.bit_length() > MAX_EXPONENT_BITS:
        return None
    first = node.args[0]
    if type(first) is Pow:
        base, exponent = integer(first.base, ctx), integer(first.exp, ctx)
        if base is not None and exponent is not None and exponent > 0 and exponent.bit_length() <= 1 << 16:
            ctx.spend(exponent.bit_length() // 8)
            return pow(base, exponent, modulus)
    value = rational(first, ctx)
    return None if value is None else _floor(value / fmpq(modulus)) * -modulus + value


def _sqrt(x: Rational) -> Rational | None:
    return exact_root(x, 2)


def _root(x: Rational, index: Rational) -> Rational | None:
    return exact_root(x, index) if isinstance(index, int) and index > 0 else None


def _floor(x: Rational) -> int:
    return x if isinstance(x, int) else int(x.floor())


def _ceil(x: Rational) -> int:
    return x if isinstance(x, int) else int(x.ceil())


def _factorial(n: Rational) -> Rational | None:
    if not isinstance(n, int) or n < 0 or n * n.bit_length() > MAX_BITS:
        return None
    return int(fmpz.fac_ui(fmpz(n)))


def _factorial2(n: Rational) -> Rational | None:
    if not isinstance(n, int) or n < -1 or n > 2000:
        return None
    return math.prod(range(n, 0, -2))


def _binom(n: Rational, k: Rational) -> Rational | None:
    if not isinstance(n, int) or not isinstance(k, int) or not 0 <= k <= n:
        return None
    smaller = min(k, n - k)
    if n.bit_length() > MAX_EXPONENT_BITS - 1 or min(n, smaller * n.bit_length()) > MAX_BITS:
        return None
    return int(fmpz.bin_uiui(n, smaller))


def _perm(n: Rational, k: Rational) -> Rational | None:
    if not isinstance(n, int) or not isinstance(k, int) or not 0 <= k <= n or k * n.bit_length() > MAX_PERM_BITS:
        return None
    return math.perm(n, k)


def _gcd(*values: Rational) -> Rational | None:
    whole = [v for v in values if isinstance(v, int)]
    return math.gcd(*whole) if len(whole) == len(values) else None


def _lcm(*values: Rational) -> Rational | None:
    whole = [v for v in values if isinstance(v, int)]
    if len(whole) != len(values) or sum(map(bits, whole)) > MAX_BITS:
        return None
    return math.lcm(*whole)


def _sgn(x: Rational) -> Rational:
    return (x > 0) - (x < 0)


def _log(x: Rational, base: Rational) -> Rational | None:
    """The exponent when it is a whole number."""
    if not isinstance(base, int) or base < 2 or x <= 0:
        return None
    if not isinstance(x, int):
        inner = _log(int(x.q), base) if x.p == 1 else None
        return None if inner is None else -inner
    if x == 1:
        return 0
    exponent = round((x.bit_length() - 1) / math.log2(base)) if base.bit_length() < 1000 else 1
    near = (exponent - 1, exponent, exponent + 1)
    return next((k for k in near if k > 0 and base.bit_length() * k <= MAX_BITS and base**k == x), None)


def _lg(x: Rational) -> Rational | None:
    return _log(x, 10)


_FUNCTIONS: Mapping[str, Callable[..., Rational | None]] = {
    "abs": abs,
    "binom": _binom,
    "ceil": _ceil,
    "factorial": _factorial,
    "factorial2": _factorial2,
    "floor": _floor,
    "gcd": _gcd,
    "lcm": _lcm,
    "lg": _lg,
    "log": _log,
    "max": max,
    "min": min,
    "perm": _perm,
    "root": _root,
    "sgn": _sgn,
    "sqrt": _sqrt,
}

_HANDLERS: Mapping[type[Node], Callable[..., Rational | None]] = {
    Num: _num,
    Neg: _neg,
    Add: _add,
    Mul: _mul,
    Div: _div,
    Pow: _pow,
    Percent: _percent,
    Based: _based,
    Call: _call,
}
