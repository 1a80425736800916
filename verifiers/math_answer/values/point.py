"""Where an expression is evaluated: values for its names, the field to calculate in, and the work done."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from flint import arb

from verifiers.math_answer.context import Context

MAX_ARGUMENT_BITS = 4_096
"""Magnitude in bits past which a number is no longer fed to sin, exp or gamma: a tower, not an answer."""

Ball: TypeAlias = Any  # flint.arb or flint.acb: no types are published


class NotAValueError(Exception):
    """The tree holds something that has no numeric value: a set, a limit, an unknown function."""


class Point:
    """Values for the names, the field to calculate in, the reading of a bare `log` (None is e), the work
    done.

    `height` adds up the sizes in bits of the numbers met, when `measuring`: how precise a comparison has to
    be before equality may be believed. `bare_log` tells that a `log` without base was met.
    """

    __slots__ = ("bare_log", "cost", "ctx", "field", "height", "log_base", "measuring", "names")

    def __init__(self, names: Mapping[str, Ball], field: Any, log_base: int | None, ctx: Context) -> None:
        self.names = dict(names)
        self.field = field
        self.log_base = log_base
        self.ctx = ctx
        self.cost = 1
        self.bare_log = False
        self.measuring = False
        self.height = 0

    def real(self) -> bool:
        """Whether the arithmetic is real."""
        return self.field is arb


def magnitude(value: Ball) -> int:
    """How far a finite value is from 1, in bits: |log2 |value||, and 0 for a ball that holds zero."""
    if value.contains(0):
        return 0
    man, exp = abs(value).mid().man_exp()
    return abs(int(man.bit_length()) + int(exp))


def no_value(at: Point) -> Ball:
    """Undefined, or not to be told, in the point's field."""
    return at.field(arb.nan())


def whole(value: Ball) -> int | None:
    """The integer that an exact ball is."""
    real = value if isinstance(value, arb) else value.real
    if not real.is_exact() or (real is not value and not value.imag.is_zero()):
        return None
    if not real.is_finite() or magnitude(real) > MAX_ARGUMENT_BITS:
        return None
    found = real.unique_fmpz()
    return None if found is None or not real.is_integer() else int(found)


def negative(value: Ball) -> bool:
    """Certainly a negative real."""
    if isinstance(value, arb):
        return bool(value < 0)
    return bool(value.imag.is_zero() and value.real < 0)


def as_real(value: Ball) -> Ball | None:
    """The value as a real ball, None when its imaginary part is not exactly zero."""
    if isinstance(value, arb):
        return value
    return value.real if value.imag.is_zero() else None
