"""Agreement of a rounded number with the number it stands for.

Rule 1: one side must be the other, correctly rounded (a half goes away from zero; cutting digits off is no
        rounding).
Rule 2: never looser than the digits that are shown; an integer is exact unless the question asks to
        approximate.
Rule 3: False when the numbers are far apart or the notation shows that they differ; None when they are near
        but the table does not allow it, so that a later stage may look.

    reference  response        accepted when one rounds to the other, and
    decimal    exact           the reference shows 3 significant digits, or 2 that are both decimals (0.71)
    exact      decimal         the response shows 4 significant digits, or 3 digits and 3 decimals; no exact
                               answer is asked for; the reference is no integer and no decimal of up to
                               6 places (3/8 is 0.375, and 0.38 is refuted)
    decimal    more decimals   the reference shows 3 significant digits
    decimal    fewer decimals  the response shows 3 significant digits
    integer    decimal         asked to approximate, and the integer shows 3 digits (or the reverse)
    any        any             the question names the precision: equal at that precision, the response shows
                               no less, and a reference that the response exceeds shows 2 digits where the
                               response is exact and 3 where it is a longer decimal; nothing else counts then

A decimal may be written as a percentage or times a power of ten: digits count on the number as written.
"""

from fractions import Fraction
from typing import NamedTuple

from flint import arb

from verifiers.math_answer.context import Context
from verifiers.math_answer.tree import Mul, Neg, Node, Num, Percent, Pow
from verifiers.math_answer.values.balls import enclose
from verifiers.math_answer.values.exact import as_fraction, bits, rational
from verifiers.math_answer.values.point import NotAValueError, Point, magnitude

PRECISION = 256
"""Bits to which an irrational value is taken; a decimal in an answer has far fewer digits."""

MAX_BITS = 1_024
"""Size of a number that is looked at: 300 digits."""

SHORT_DECIMAL_PLACES = 6
"""A fraction that ends within so many decimals is expected in full."""

FAR = Fraction(1, 100)
"""Relative distance from which two numbers are called different: 1 %, where three digits are the least
accepted."""


class Shown(NamedTuple):
    """What a written decimal claims: `places` is the position of its last digit (2 for hundredths), `digits`
    how many significant digits it shows, `decimals` how many stand after the point.
    """

    places: int
    digits: int
    decimals: int


class Amount(NamedTuple):
    """A number and, for a literal decimal or integer, what it shows. `whole` is a literal integer."""

    value: Fraction
    shown: Shown | None
    whole: bool

    def unit(self) -> Fraction:
        """The value of one unit in the last digit shown."""
        assert self.shown is not None
        return _unit(self.shown.places)

    def decimal(self) -> bool:
        """Whether it was written with a decimal point."""
        return self.shown is not None and not self.whole


def agrees_by_rounding(reference: Node, response: Node, ctx: Context) -> bool | None:
    """Whether one number is the other to the digits that are shown; None where that is not the question."""
    asked = ctx.hints.places is not None or ctx.hints.significant is not None
    shown = _shown(reference), _shown(response)
    if shown == (None, None) or not (asked or ctx.hints.approximate or any(map(_has_point, shown))):
        return None
    first, second = _amount(reference, ctx), _amount(response, ctx)
    if first is None or second is None:
        return None
    if first.value == second.value:
        return True
    if asked:
        return _at_asked_precision(first, second, ctx)
    allowed = _allowed(first, second, ctx)
    return allowed if allowed is not None else _unless_far(first, second)


def near(reference: Node, response: Node, ctx: Context) -> bool:
    """Whether two numbers are close enough that one could be the other, rounded more freely than allowed here."""
    first, second = _amount(reference, ctx), _amount(response, ctx)
    return first is not None and second is not None and _unless_far(first, second) is None


def _allowed(reference: Amount, response: Amount, ctx: Context) -> bool | None:
    """The table, for unequal numbers and no stated precision."""
    if reference.decimal() and response.decimal():
        return _both_decimal(reference, response, ctx)
    if reference.whole or response.whole:
        return _with_integer(reference, response, ctx)
    if reference.shown is not None:
        enough = reference.shown.digits >= 3 or reference.shown.digits == reference.shown.decimals == 2
        return True if enough and _rounds_to(response.value, reference) else None
    if _ends_early(reference.value) and not ctx.hints.approximate:
        return False
    assert response.shown is not None
    enough = response.shown.digits >= (3 if response.shown.places >= 3 else 4)
    return True if enough and not ctx.hints.exact and _rounds_to(reference.value, response) else None


def _both_decimal(reference: Amount, response: Amount, ctx: Context) -> bool | None:
    assert reference.shown is not None
    assert response.shown is not None
    if reference.shown.places < response.shown.places:
        enough = reference.shown.digits >= 3
        return True if enough and _rounds_to(response.value, reference) else None
    if response.shown.places < reference.shown.places:
        enough = response.shown.digits >= 3
        return True if enough and _rounds_to(reference.value, response) else None
    return None


def _with_integer(reference: Amount, response: Amount, ctx: Context) -> bool | None:
    if not ctx.hints.approximate or ctx.hints.exact or (reference.whole and response.whole):
        return None
    short, long = (reference, response) if reference.whole else (response, reference)
    assert short.shown is not None
    return True if short.shown.digits >= 3 and _rounds_to(long.value, short) else None


def _at_asked_precision(reference: Amount, response: Amount, ctx: Context) -> bool | None:
    places = ctx.hints.places
    if places is None:
        assert ctx.hints.significant is not None
        places = ctx.hints.significant - 1 - _exponent(reference.value)
    if response.shown is not None and response.shown.places < places and not response.whole:
        return _unless_far(reference, response)  # fewer digits than asked for
    if response.whole and places > 0 and not _is_multiple(reference.value, Fraction(1)):
        return _unless_far(reference, response)
    unit = _unit(places)
    short, long = (response, reference) if _is_multiple(response.value, unit) else (reference, response)
    if not _is_rounding(long.value, short.value, unit):
        return _unless_far(reference, response)
    if _is_multiple(response.value, unit):
        return True
    if not _is_multiple(reference.value, unit) or reference.shown is None:
        return None
    return True if reference.shown.digits >= (3 if response.decimal() else 2) else None


def _rounds_to(value: Fraction, decimal: Amount) -> bool:
    return _is_rounding(value, decimal.value, decimal.unit())


def _is_rounding(value: Fraction, rounded: Fraction, unit: Fraction) -> bool:
    """Nearest multiple of the unit; a half goes away from zero."""
    distance = 2 * abs(value - rounded)
    return distance < unit or (distance == unit and abs(rounded) > abs(value))


def _unless_far(first: Amount, second: Amount) -> bool | None:
    """False for numbers far apart, None for near ones: within 1 %, or the one is the other to the digits
    shown.
    """
    distance = abs(first.value - second.value)
    if distance <= FAR * max(abs(first.value), abs(second.value)):
        return None
    for one, other in ((first, second), (second, first)):
        if one.decimal() and one.value and _rounds_to(other.value, one):
            return None
    return False


def _ends_early(value: Fraction) -> bool:
    return bool((value * 10**SHORT_DECIMAL_PLACES).denominator == 1)


def _is_multiple(value: Fraction, unit: Fraction) -> bool:
    return (value / unit).denominator == 1


def _unit(places: int) -> Fraction:
    return Fraction(1, 10**places) if places >= 0 else Fraction(10**-places)


def _exponent(value: Fraction) -> int:
    """The power of ten of the first significant digit."""
    if not value:
        return 0
    size = abs(value)
    guess = len(str(size.numerator)) - len(str(size.denominator))
    return guess if size >= _unit(-guess) else guess - 1


# -- reading digits ------------------------------------------------------------------------------------------


def _has_point(shown: Shown | None) -> bool:
    return shown is not None and shown.decimals > 0


def _shown(node: Node) -> Shown | None:
    if type(node) is Num:
        return _shown_number(node)
    if type(node) is Neg:
        return _shown(node.x)
    if type(node) is Percent:
        return _moved(_shown(node.x), 2)
    if type(node) is Mul and len(node.factors) == 2:
        shift = _power_of_ten(node.factors[1])
        return None if shift is None else _moved(_shown(node.factors[0]), -shift)
    return None


def _shown_number(node: Num) -> Shown | None:
    if node.decimals is None:
        if node.den != 1 or node.num.bit_length() > MAX_BITS:
            return None
        return Shown(0, len(str(abs(node.num))), 0)
    if node.decimals > MAX_BITS // 4 or node.num.bit_length() > MAX_BITS:
        return None
    written = abs(node.num) * 10**node.decimals // node.den
    return Shown(node.decimals, len(str(written)) if written else 0, node.decimals)


def _moved(shown: Shown | None, shift: int) -> Shown | None:
    return None if shown is None else shown._replace(places=shown.places + shift)


def _power_of_ten(node: Node) -> int | None:
    if node == Num(10):
        return 1
    if type(node) is not Pow or node.base != Num(10):
        return None
    sign, size = (-1, node.exp.x) if type(node.exp) is Neg else (1, node.exp)
    if type(size) is not Num or size.den != 1 or abs(size.num) > MAX_BITS // 4:
        return None
    return sign * size.num


def _amount(node: Node, ctx: Context) -> Amount | None:
    value = _value(node, ctx)
    if value is None:
        return None
    shown = _shown(node)
    return Amount(value, shown, shown is not None and shown.decimals == 0 and not _scientific(node))


def _scientific(node: Node) -> bool:
    if type(node) is Neg or type(node) is Percent:
        return _scientific(node.x)
    return type(node) is Mul


def _value(node: Node, ctx: Context) -> Fraction | None:
    value = rational(node, ctx)
    if value is not None:
        return as_fraction(value) if bits(value) <= MAX_BITS else None
    try:
        enclosed = enclose(node, Point({}, arb, None, ctx), PRECISION)
    except NotAValueError:
        return None
    if not enclosed.is_finite() or enclosed.rel_accuracy_bits() < PRECISION // 2 or magnitude(enclosed) > MAX_BITS:
        return None
    return as_fraction(enclosed.mid().fmpq())
