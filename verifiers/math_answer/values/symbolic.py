"""The last tier: computer algebra on text that our own reader cannot read or our own rules cannot decide.

Rule 1: nothing here is bounded. It runs only in a process that can be killed, and imports its libraries on
        first use.
Rule 2: both texts must be legible in full, as one expression or one equation each. The LaTeX parser drops
        what it does not know (base subscripts, words, units), so a text that holds anything of the kind is
        not ours.
Rule 3: True only when simplification proves it and points confirm it; False when points refute it; else None.
"""

import re
from typing import Any

MAX_CHARS = 2_000
"""Characters of one text; the parser takes seconds for more."""

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

TINY = 1e-80
"""Below it a computed value may be a rounding error of zero."""

APART = 8
"""Decimal digits to which refuted values differ; between the two nothing is concluded."""

_SPACING = re.compile(r"\\[,;:! ]")
_SHORT_FRACTION = re.compile(r"\\[dt]?frac *([0-9a-z]) *([0-9a-z])(?![0-9a-z])")  # \frac12

_COMMAND = re.compile(r"\\([a-zA-Z]+)")

_ILLEGIBLE = re.compile(
    r"""
    [0-9] \s* _                      # a base, or an index on a number
    | \\ [^a-zA-Z]                   # spacing, line breaks, escaped signs
    | (?<! [\\a-zA-Z]) [a-zA-Z]{3,}  # words
    | [,;:?'"%&#@~$<>]
    | (?<! sqrt) \[                  # lists and intervals
    | [^\x00-\x7f]
    | \.\.
    | \\log (?! \s* _)               # base 10 or e: no algebra can tell
    """,
    re.VERBOSE,
)

_COMMANDS = frozenset(
    (
        *("frac", "dfrac", "tfrac", "sqrt", "binom", "left", "right", "cdot", "times", "div", "to"),
        *("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"),
        *("ln", "log", "exp", "int", "sum", "prod", "lim", "pi", "infty"),
        *("rightarrow", "alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "phi", "omega"),
    )
)
"""What the parser is known to read without dropping anything."""


def settle(a_text: str, b_text: str) -> bool | None:
    """Whether two LaTeX texts say the same; None when either cannot be read or nothing is certain."""
    a, b = _read(a_text), _read(b_text)
    if a is None or b is None:
        return None
    return _same(a, b)


def _legible(text: str) -> bool:
    """Whether nothing in a text is of a kind that the parser would drop."""
    if len(text) > MAX_CHARS or _ILLEGIBLE.search(text) or text.count("=") > 1:
        return False
    return all(command in _COMMANDS for command in _COMMAND.findall(text))


def _read(text: str) -> Any:
    """The sympy expression of a whole text, None when it is no single expression."""
    from latex2sympy2_extended import latex2sympy  # noqa: PLC0415
    from sympy import Basic  # noqa: PLC0415

    plain = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", _SPACING.sub(" ", text))
    if not _legible(plain):
        return None
    try:
        value = latex2sympy(plain)
        return value.doit() if isinstance(value, Basic) else None
    except Exception:
        return None


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
    if seen is False and a.free_symbols != b.free_symbols:
        return None  # a letter may be a unit: 5 cm and 0.05 m
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
    if scale < TINY:
        return None
    return float(-log(distance / scale, 10)) if distance else float(DIGITS)
