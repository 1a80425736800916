"""Identity of rational functions, and of numbers made of square roots, by residues modulo two large primes.

Rule 1: reduction modulo p respects + - * / and powers, so two different residues at one point prove that two
        expressions differ. Equal residues at random points modulo two primes prove identity up to the
        Schwartz-Zippel error, degree / p: below 2^-60 for every degree that is let in.
Rule 2: both primes are 1 modulo 8 and modulo every prime in SMALL_PRIMES, so i and the square roots of those
        primes have residues; choosing one root for each is a homomorphism. Other roots are not ours.
Rule 3: pi and e are taken as further unknowns: neither satisfies a polynomial equation over the rationals.
Conventions: (x^2 - 1)/(x - 1) is x + 1; sqrt(-n) is i sqrt(n).
"""

import math
from collections.abc import Callable, Mapping
from functools import cache
from random import Random

from flint import fmpz_mod_ctx

from verifiers.math_answer.context import Context
from verifiers.math_answer.tree import (
    Add,
    Based,
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

SMALL_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)

PRIMES = (7603071477647313915355396219736296892401, 1007814215379369545666789041977751826281)
"""Found from a hash, so that no number anybody writes down has a special residue."""

MAX_DEGREE_BITS = 64
"""Bits of the exponents above one another: bounds the degree, and with it the chance of a false identity."""

MAX_RADICAND_BITS = 4_096
"""Bits of a number whose square root is taken: more is no answer, and the root would take milliseconds."""


class NotAResidueError(Exception):
    """The expression is no rational function of its unknowns, or is undefined at the point."""


class _Field:
    """One prime, values for the unknowns, and the exponent bits on the path down to here."""

    __slots__ = ("ctx", "degree_bits", "names", "p", "random")

    def __init__(self, p: int, random: Random, ctx: Context) -> None:
        self.p = p
        self.random = random
        self.ctx = ctx
        self.names: dict[str, int] = {}
        self.degree_bits = 0
        if "i" not in ctx.hints.variables:
            self.names["i"] = _root_modulo(-1, p)

    def unknown(self, name: str) -> int:
        """The same random residue for the same name."""
        if name not in self.names:
            self.names[name] = self.random.randrange(1, self.p)
        return self.names[name]


def identical(a: Node, b: Node, seed: int, ctx: Context) -> bool | None:
    """Whether two expressions are the same rational function; None where one of them is none."""
    random = Random(seed)
    try:
        for p in PRIMES:
            field = _Field(p, random, ctx)
            if _residue(a, field) != _residue(b, field):
                return False
    except NotAResidueError:
        return None
    return True


def _residue(node: Node, field: _Field) -> int:
    field.ctx.spend()
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise NotAResidueError
    return handler(node, field)


def _inverse(value: int, p: int) -> int:
    if value == 0:
        raise NotAResidueError
    return pow(value, -1, p)


def _reduced(value: Rational | None, p: int) -> int:
    if value is None:
        raise NotAResidueError
    if isinstance(value, int):
        return value % p
    return int(value.p) * _inverse(int(value.q) % p, p) % p


def _num(node: Num, field: _Field) -> int:
    if node.den == 1:
        return node.num % field.p
    return node.num * _inverse(node.den % field.p, field.p) % field.p


def _sym(node: Sym, field: _Field) -> int:
    return field.unknown(node.name)


def _const(node: Const, field: _Field) -> int:
    if node.name != "pi":
        raise NotAResidueError
    return field.unknown("\\pi")


def _neg(node: Neg, field: _Field) -> int:
    return -_residue(node.x, field) % field.p


def _add(node: Add, field: _Field) -> int:
    return sum(_residue(term, field) for term in node.terms) % field.p


def _mul(node: Mul, field: _Field) -> int:
    product = 1
    for factor in node.factors:
        product = product * _residue(factor, field) % field.p
    return product


def _div(node: Div, field: _Field) -> int:
    return _residue(node.top, field) * _inverse(_residue(node.bottom, field), field.p) % field.p


def _percent(node: Percent, field: _Field) -> int:
    return _residue(node.x, field) * _inverse(100, field.p) % field.p


def _quantity(node: Quantity, field: _Field) -> int:
    if node.unit != "deg":
        raise NotAResidueError
    return _residue(node.x, field) * field.unknown("\\pi") * _inverse(180, field.p) % field.p


def _based(node: Based, field: _Field) -> int:
    return _reduced(node.value, field.p)


def _pow(node: Pow, field: _Field) -> int:
    exponent = rational(node.exp, field.ctx)
    if exponent is not None and not isinstance(exponent, int) and exponent.q == 2:
        return _power(_square_root(node.base, field), int(exponent.p), field)
    if not isinstance(exponent, int):
        raise NotAResidueError
    field.degree_bits += exponent.bit_length()
    if field.degree_bits > MAX_DEGREE_BITS:
        raise NotAResidueError
    base = _residue(node.base, field)
    field.degree_bits -= exponent.bit_length()
    return _power(base, exponent, field)


def _power(base: int, exponent: int, field: _Field) -> int:
    if base == 0 and exponent <= 0:
        raise NotAResidueError
    return pow(base, exponent, field.p)


def _call(node: Call, field: _Field) -> int:
    if node.name == "sqrt" and len(node.args) == 1:
        return _square_root(node.args[0], field)
    return _reduced(rational(node, field.ctx), field.p)


def _square_root(node: Node, field: _Field) -> int:
    value = rational(node, field.ctx)
    if value is None:
        raise NotAResidueError
    top, bottom = (value, 1) if isinstance(value, int) else (int(value.p), int(value.q))
    root = _integer_root(abs(top) * bottom, field.p) * _inverse(bottom % field.p, field.p)
    if top < 0:
        if "i" in field.ctx.hints.variables:
            raise NotAResidueError
        root *= field.names["i"]
    return root % field.p


@cache
def _root_modulo(value: int, p: int) -> int:
    return int(fmpz_mod_ctx(p)(value).sqrt())


def _integer_root(value: int, p: int) -> int:
    """The chosen root of a non-negative integer whose prime factors to an odd power are all small."""
    if value.bit_length() > MAX_RADICAND_BITS:
        raise NotAResidueError
    root = 1
    for prime in SMALL_PRIMES:
        times = 0
        while value and value % prime == 0:
            value //= prime
            times += 1
        root = root * prime ** (times // 2) * (_root_modulo(prime, p) if times % 2 else 1)
    whole = math.isqrt(value)
    if whole * whole != value:
        raise NotAResidueError
    return root * whole % p


_HANDLERS: Mapping[type[Node], Callable[..., int]] = {
    Num: _num,
    Sym: _sym,
    Const: _const,
    Neg: _neg,
    Add: _add,
    Mul: _mul,
    Div: _div,
    Pow: _pow,
    Percent: _percent,
    Quantity: _quantity,
    Based: _based,
    Call: _call,
}
