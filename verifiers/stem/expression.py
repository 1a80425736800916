r"""Amounts written as expressions: `\sqrt{2} m`, `2\pi rad/s`, read by the mathematics reader and evaluated.

Rule 1: only constants have a value; an expression with variables is a formula and belongs to the judge.
"""

import re
from fractions import Fraction

from verifiers.math_answer.reading.errors import Unparsable
from verifiers.math_answer.reading.reader import readings
from verifiers.math_answer.values.equality import real_constant
from verifiers.stem.quantity import MAX_TEXT_CHARS, Quantity, plain
from verifiers.stem.units import Unit
from verifiers.stem.units import read as read_unit

MAX_CUTS = 12
"""Places at which a unit may begin, from the end of the text."""

EXACT_DIGITS = 12
"""Digits that an expression is worth: those of a double, less what a comparison needs."""

_CUT = re.compile(r"\s+|(?=\\(?:text|mathrm|rm)\b)")


def evaluated(text: str) -> Quantity | None:
    r"""The amount of an expression with or without unit, None where it has no value.

    >>> float(evaluated("v = \\sqrt{4}\\,\\mathrm{m/s}").value)
    2.0
    """
    text = re.split(r"=|\\approx|≈", plain(text))[-1].strip(" .,")
    if not text or len(text) > MAX_TEXT_CHARS:
        return None
    whole = _value(text)
    if whole is not None:
        return _quantity(whole, None)
    for cut in [found.start() for found in _CUT.finditer(text)][-MAX_CUTS:]:
        unit = read_unit(text[cut:]) if cut else None
        value = _value(text[:cut].strip()) if unit is not None else None
        if value is not None:
            return _quantity(value, unit)
    return None


def _value(text: str) -> Fraction | None:
    try:
        value = real_constant(readings(text)[0])
    except Unparsable:
        return None
    return Fraction(value) if value is not None and abs(value) < float("inf") else None


def _quantity(value: Fraction, unit: Unit | None) -> Quantity:
    return Quantity(value, unit, EXACT_DIGITS, -EXACT_DIGITS, whole=False, exact=True)
