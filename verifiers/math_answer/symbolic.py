"""The last tier: computer algebra on text that our own reader cannot read or our own rules cannot decide.

Rule 1: nothing here is bounded. It runs only in a process that can be killed, and imports its libraries on
        first use.
Rule 2: both texts must be read whole, as one expression or one equation each; text is never searched for a
        number.
Rule 3: True only when simplification proves it and points confirm it; False when points refute it; else None.
"""

from typing import Any

POINTS = (
    (2.37, 0.61, 1.13, 3.71),
    (0.43, 1.79, 2.91, 0.17),
    (5.03, 2.11, 0.73, 1.57),
    (-1.21, 0.87, -2.33, 1.91),
)
"""Values for up to four names, in several regions."""

DIGITS = 40
"""Decimal digits of the numeric confirmation."""

CLOSE = 30
"""Decimal digits, relative to the larger side, to which confirmed values agree."""

APART = 8
"""Decimal digits to which refuted values differ; between the two nothing is concluded."""


def settle(a_text: str, b_text: str) -> bool | None:
    """Whether two LaTeX texts say the same; None when either cannot be read or nothing is certain."""
    a, b = _read(a_text), _read(b_text)
    if a is None or b is None:
        return None
    return _same(a, b)


def _read(text: str) -> Any:
    """The sympy expression of a whole text, None when it is no single expression."""
    from latex2sympy2_extended import latex2sympy  # noqa: PLC0415
    from sympy import Basic  # noqa: PLC0415

    try:
        value = latex2sympy(text)
    except Exception:
        return None
    return value if isinstance(value, Basic) else None


def _same(a: Any, b: Any) -> bool | None:
    from sympy import Eq, Expr  # noqa: PLC0415

    if isinstance(a, Expr) and isinstance(b, Expr):
        return _same_expression(a, b)
    if isinstance(a, Eq) and isinstance(b, Eq) and a.lhs == b.lhs:
        return _same_expression(a.rhs, b.rhs)
    return True if type(a) is type(b) and a == b else None


def _same_expression(a: Any, b: Any) -> bool | None:
    from sympy import simplify  # noqa: PLC0415

    if not (a.is_commutative and b.is_commutative):
        return None
    seen = _at_points(a, b)
    if seen is not True:
        return seen
    return True if simplify(a - b) == 0 else None


def _at_points(a: Any, b: Any) -> bool | None:
    """True when all points agree, False when one clearly differs, None when too few have values."""
    names = sorted(a.free_symbols | b.free_symbols, key=str)
    if len(names) > len(POINTS[0]):
        return None
    agreed = 0
    for point in POINTS if names else POINTS[:1]:
        values = dict(zip(names, point, strict=False))
        digits = _agreeing_digits(a, b, values)
        if digits is None:
            continue
        if digits < APART:
            return False
        if digits < CLOSE:
            return None
        agreed += 1
    return True if agreed >= (2 if names else 1) else None


def _agreeing_digits(a: Any, b: Any, values: dict[Any, float]) -> float | None:
    from sympy import Abs, log  # noqa: PLC0415

    first, second = a.evalf(DIGITS, subs=values), b.evalf(DIGITS, subs=values)
    if not (first.is_number and second.is_number and first.is_finite and second.is_finite):
        return None
    distance, scale = Abs(first - second), Abs(first) + Abs(second)
    if distance == 0:
        return float(DIGITS)
    return float(-log(distance / scale, 10)) if scale else None
