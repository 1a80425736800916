"""Numbers with units: read from text, compared by the precision that is written.

    the reference shows           the answer may differ by
    a decimal, or x × 10^n        half a unit of its last digit, at most 2 % and at least 0.01 %
    an integer with a unit        half a unit of its last digit that is not 0, at most 0.5 %
    an integer without unit       nothing: it may count things
    more digits than the answer   rounding to the answer's digits: three of them, or 0.1 %
    (options)                     rel_tol, abs_tol (in the reference's unit), sig_figs replace all of these

Rule 1: a number is compared in the reference's unit. Another dimension is wrong, whatever the number.
Rule 2: a text that states two amounts states them as equal; where they are not, it contradicts itself.
Rule 3: a range is not an amount; an amount with an error is one where the error is under 5 %.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from verifiers.stem.units import Unit, read

MAX_TEXT_CHARS = 400
"""Longest text read as an amount."""

MAX_DIGITS = 60
"""Digits of one number: constants are known to twelve."""

MAX_EXPONENT = 400
"""Power of ten: the largest numbers of cosmology stay under 10^130."""

MAX_SLACK = Fraction(2, 100)
INTEGER_SLACK = Fraction(1, 200)
ROUNDED_SLACK = Fraction(1, 1000)
LEAST_SLACK = Fraction(1, 10_000)
ENOUGH_DIGITS = 3
MAX_ERROR_SHARE = Fraction(5, 100)

_SUPERSCRIPTS = str.maketrans({"⁰": "0", "¹": "1", "²": "2", "³": "3", "⁴": "4", "⁵": "5", "⁶": "6",
    "⁷": "7", "⁸": "8", "⁹": "9",
                               "⁻": "-", "⁺": "+"})  # fmt: skip
_RAISED_TEN = re.compile(r"10([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_TIMES = r"(?:×|x|X|\*|·|⋅|∙|\\times|\\cdot|\\ast)"
_TEN = r"10\s*(?:\^|\*\*)\s*(?:\{\s*|\(\s*)?(?P<ten>[+-]?\s*\d{1,4})\s*[})]?"
_MANTISSA = r"(?P<mantissa>\d{1,3}(?:(?:,|\{,\}|\\,|\s)\d{3})+(?:\.\d+)?(?![\d.])|\d+(?:\.\d*)?|\.\d+)"
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)\s*(?:" + _TEN.replace("<ten>", "<alone>") + r"|\(?" + _MANTISSA
    + r"(?:[eE]\s*\{?(?P<e>[+-]?\d{1,4})\}?(?![\d.])|\s*" + _TIMES + r"\s*" + _TEN + r")?\)?)"
)  # fmt: skip
_FRACTION = re.compile(
    r"(?P<sign>[+-]?)\s*(?:\\[dt]?frac\s*\{\s*(?P<top>\d{1,15}(?:\.\d+)?)\s*\}\s*\{\s*(?P<bottom>\d{1,15})\s*\}|(?P<over>\d{1,9})\s*/\s*(?P<under>\d{1,9})(?![\d.]))"
)
_ERROR = re.compile(r"\s*(?:±|\\pm|\+/-|\+-)\s*(\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\s*(%|\\%)?")
_RANGE = re.compile(
    r"(?<![\^{(eE\d.+])\d+(?:\.\d+)?\s*[^\W\d]{0,4}\s*(?:–|—|~|\bto\b|至|到|(?<=\d)-(?=\d))\s*-?\d+(?:\.\d+)?|\bbetween\b|之间",
    re.IGNORECASE,
)
_PIECES = re.compile(r"\\approx|\\simeq|\\sim(?![A-Za-z])|≈|≃|=|\bor\b|或|\bi\.e\.,?|即|\bequals?\b|约为|约等于")
_LABEL = re.compile(
    r"\s*(?:about|approximately|approx\.?|roughly|around|nearly|exactly|约为?|大约|~|\\sim|\\approx|≈)+\s*",
    re.IGNORECASE,
)
_NOTE = re.compile(r"\s*[(（]\s*([^()（）]{1,120})\s*[)）]\s*\Z")
_SIUNITX = re.compile(r"\\(?:(?:SI|qty)\s*\{(?P<number>[^{}]{0,60})\}|si|unit)\s*\{(?P<unit>[^{}]{0,80})\}")
_PREFIX_MACRO = re.compile(r"\\(pico|nano|micro|milli|centi|deci|kilo|mega|giga|tera)\s*\\")
_MACRO = re.compile(r"\\([a-z]+)\s*")
_DOLLARS = re.compile(r"\$|\\(?:left|right|displaystyle|,|;|!|:|\s)(?![A-Za-z])|\\(?:quad|qquad)\b|~")
_FULL_WIDTH = str.maketrans(
    {
        "\u2126": "Ω",
        "\u212b": "Å",
        "\u212a": "K",
        "−": "-",
        "－": "-",
        "–": "–",
        "，": ",",
        "（": "(",
        "）": ")",
        "．": ".",
    }
)
DIRECTIONS: Mapping[str, tuple[str, str]] = {
    word: pair
    for pair, words in {
        ("x", "-"): "left leftward leftwards 向左 水平向左", ("x", "+"): "right rightward rightwards 向右 水平向右",
        ("y", "-"): "down downward downwards 向下 竖直向下", ("y", "+"): "up upward upwards 向上 竖直向上",
        ("n", "-"): "south southward 向南", ("n", "+"): "north northward 向北",
        ("e", "-"): "west westward 向西", ("e", "+"): "east eastward 向东",
        ("o", "-"): "inward inwards attractive into", ("o", "+"): "outward outwards repulsive",
        ("r", "-"): "clockwise 顺时针", ("r", "+"): "counterclockwise counter-clockwise anticlockwise 逆时针",
    }.items()
    for word in words.split()
}  # fmt: skip
_DIRECTION = re.compile(
    r"[\s,;(]*(?:(?:directed|pointing|acting|moving|to|toward|towards|in|due|the|direction|vertically|horizontally|of|方向)\s*)*"
    r"("
    + "|".join(sorted(map(re.escape, DIRECTIONS), key=len, reverse=True))
    + r")(?:\s*(?:direction|方向|the page|of the page))?[\s.)。]*\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` in its own unit; `place` is the power of ten of the last digit written, `digits` how many are
    significant, `whole` marks a plain integer, `trailing` its zeros at the end. `direction` is an axis and a sense.
    """

    value: Fraction
    unit: Unit | None
    digits: int
    place: int
    whole: bool
    trailing: int = 0
    exact: bool = False
    direction: tuple[str, str] | None = None

    def si(self) -> Fraction:
        """The value in SI units."""
        return self.value if self.unit is None else self.value * self.unit.size + self.unit.offset


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What the item allows instead of the written precision: shares, amounts in the reference's unit, digits."""

    rel: Fraction | None = None
    absolute: Fraction | None = None
    digits: int | None = None


def plain(text: str) -> str:
    """The text without maths delimiters, with one minus and powers of ten written with ^."""
    text = _SIUNITX.sub(_siunitx, text) if "\\" in text else text
    text = _DOLLARS.sub(" ", text.translate(_FULL_WIDTH)).replace("\\!", "")
    text = _RAISED_TEN.sub(lambda raised: f"10^{raised[1].translate(_SUPERSCRIPTS)}", text)
    return " ".join(text.replace("\\text{-}", "-").split())


def _siunitx(found: re.Match[str]) -> str:
    unit = _MACRO.sub(r" \1", _PREFIX_MACRO.sub(r"\\\1", found["unit"]))
    return f"{found['number'] or ''} {unit} "


def heading(text: str) -> tuple[str, str] | None:
    """The direction that ends a text."""
    found = _DIRECTION.search(text)
    return DIRECTIONS[found[1].lower()] if found else None


def is_range(text: str) -> bool:
    """Whether a text states an interval of amounts."""
    return _RANGE.search(plain(text[:MAX_TEXT_CHARS])) is not None


def amount(text: str) -> Quantity | None:
    r"""The amount that a whole text states, None where it is anything else.

    >>> amount("1.6 \\times 10^{-19} C").value == amount("1.6e-19 C").value, amount("3 apples")
    (True, None)
    """
    text = _LABEL.sub("", plain(text[:MAX_TEXT_CHARS]), count=1).strip(" .,;") if len(text) <= MAX_TEXT_CHARS else ""
    found = _written(text)
    if found is None:
        return None
    number, rest = found
    error = _ERROR.match(rest)
    if error is not None:
        share = Fraction(error[1]) / 100 if error[2] else Fraction(error[1]) / (abs(number.value) or 1)
        if share > MAX_ERROR_SHARE:
            return None
        rest = rest[error.end() :].lstrip(") ")
        power = re.match(_TIMES + r"\s*" + _TEN, rest)
        if power is not None:
            number, rest = _shifted(number, int(power["ten"].replace(" ", ""))), rest[power.end() :]
    return _with_unit(number, rest)


def _written(text: str) -> tuple[Quantity, str] | None:
    """The number that begins a text, and what follows it."""
    fraction = _FRACTION.match(text)
    if fraction is not None:
        bottom = int(fraction["bottom"] or fraction["under"])
        if bottom:
            value = Fraction(fraction["top"] or fraction["over"]) / bottom
            return Quantity(-value if fraction["sign"] == "-" else value, None, 9, 0, whole=False, exact=True), text[
                fraction.end() :
            ]
    found = _NUMBER.match(text)
    if found is None or not found[0].strip():
        return None
    sign = -1 if found["sign"] == "-" else 1
    if found["alone"] is not None:
        power = int(found["alone"].replace(" ", ""))
        return (
            (
                Quantity(sign * Fraction(10) ** power, None, 1, power, whole=False, exact=False),
                text[found.end() :],
            )
            if abs(power) <= MAX_EXPONENT
            else None
        )
    figures = re.sub(r"[^\d.]", "", found["mantissa"])
    power = int((found["e"] or found["ten"] or "0").replace(" ", ""))
    if len(figures) > MAX_DIGITS or abs(power) > MAX_EXPONENT:
        return None
    scientific = found["e"] is not None or found["ten"] is not None
    return _literal(sign, figures, power, scientific=scientific), text[found.end() :]


def _literal(sign: int, figures: str, power: int, *, scientific: bool) -> Quantity:
    whole_part, _, decimals = figures.partition(".")
    significant = (whole_part + decimals).lstrip("0")
    value = sign * Fraction(figures if figures[-1] != "." else figures + "0") * Fraction(10) ** power
    whole = "." not in figures and not scientific
    trailing = len(significant) - len(significant.rstrip("0")) if whole else 0
    return Quantity(value, None, len(significant), power - len(decimals), whole, trailing)


def _shifted(number: Quantity, power: int) -> Quantity:
    return Quantity(number.value * Fraction(10) ** power, None, number.digits, number.place + power, whole=False)


def _with_unit(number: Quantity, rest: str) -> Quantity | None:
    direction = _DIRECTION.search(rest) if not rest.isascii() or " " in rest or "," in rest else None
    heading = DIRECTIONS[direction[1].lower()] if direction else None
    rest = (rest[: direction.start()] if direction else rest).strip(" .,;")
    unit = read(rest) if rest else None
    if rest and unit is None:
        return None
    return Quantity(
        number.value, unit, number.digits, number.place, number.whole, number.trailing, number.exact, heading
    )


def stated(text: str) -> list[Quantity] | None:
    """The amounts that an answer states, equal ones among them; None where it states none or more than amounts.

    >>> [float(q.value) for q in stated("E = hf = 3.2e-19 J (about 2.0 eV)")]
    [3.2e-19, 2.0]
    """
    text = plain(text)
    if len(text) > MAX_TEXT_CHARS:
        return None
    note = _NOTE.search(text)
    noted = amount(note[1]) if note else None
    if note is not None and noted is not None and noted.unit is not None:
        text = text[: note.start()]
    else:
        noted = None
    pieces = [piece.strip(" ,;:") for piece in _PIECES.split(text)]
    found = [amount(piece) for piece in pieces]
    if found[-1] is None:
        return None
    amounts = [one for one in found if one is not None]
    return [*amounts, noted] if noted is not None else amounts


def finest(amounts: list[Quantity]) -> Quantity | None:
    """The most precise of amounts that agree, None where two of them do not."""
    best = max(amounts, key=lambda one: (one.unit is not None, one.digits))
    for one in amounts:
        bare = (
            one
            if one.unit is not None or best.unit is None
            else Quantity(one.value, best.unit, one.digits, one.place, one.whole)
        )
        if same_dimension(best, bare) is not True or not agree(best, bare, Tolerance(rel=MAX_ERROR_SHARE)):
            return None
    return best


def same_dimension(reference: Quantity, answer: Quantity) -> bool:
    """Whether two amounts measure the same; radians may be left out, but a frequency is no angular one."""
    first, second = reference.unit, answer.unit
    if first is None or second is None:
        whole = first or second
        return whole is None or not whole.within()
    if first.dimension == second.dimension:
        return True
    return first.within() == second.within() and (not (first.hertz or second.hertz) or first.cycles or second.cycles)


def agree(reference: Quantity, answer: Quantity, tolerance: Tolerance) -> bool:
    """Whether two amounts of one dimension agree, in the reference's unit, by the table above."""
    wanted, given = reference.value, _converted(answer, reference)
    distance = abs(wanted - given)
    if tolerance.rel is not None or tolerance.absolute is not None:
        within_share = tolerance.rel is not None and distance <= tolerance.rel * abs(wanted)
        return within_share or (tolerance.absolute is not None and distance <= tolerance.absolute)
    if tolerance.digits is not None:
        return distance <= _half_unit(wanted, tolerance.digits)
    if distance == 0:
        return True
    if reference.unit is None and answer.unit is None and reference.whole and answer.whole:
        return False
    return distance <= _slack(reference, answer) or _rounded(reference, answer)


def _converted(answer: Quantity, reference: Quantity) -> Fraction:
    unit = reference.unit
    if unit is None:
        return answer.si()
    if answer.unit is None:
        return (answer.value - unit.offset) / unit.size
    cycles = (unit.cycles and answer.unit.hertz) or (answer.unit.cycles and unit.hertz)
    if cycles:
        turn = Fraction(3141592653589793238462643383280, 10**30) * 2
        return answer.si() * (turn if unit.cycles else 1 / turn) / unit.size
    return (answer.si() - unit.offset) / unit.size


def _half_unit(value: Fraction, digits: int) -> Fraction:
    """Half a unit of the last of so many significant digits."""
    size, power = abs(value) or Fraction(1), 0
    while size >= 10:
        size, power = size / 10, power + 1
    while size < 1:
        size, power = size * 10, power - 1
    return Fraction(10) ** (power - digits + 1) / 2


def _slack(reference: Quantity, answer: Quantity) -> Fraction:
    size = abs(reference.value)
    if reference.unit and answer.unit and reference.unit.offset != answer.unit.offset:
        size = abs(reference.si())  # 298 K for 25 °C: the share is of the absolute temperature
    if reference.exact:
        return ROUNDED_SLACK * size
    half = Fraction(10) ** (reference.place + reference.trailing) / 2
    if reference.whole:
        return min(half, INTEGER_SLACK * size) if reference.unit is not None else Fraction(0)
    return max(min(half, MAX_SLACK * size), LEAST_SLACK * abs(reference.value))


def _rounded(reference: Quantity, answer: Quantity) -> bool:
    """Whether the reference, rounded to the answer's digits, is the answer; and those are enough."""
    if answer.exact or (reference.whole and reference.unit is None):
        return False
    if reference.digits <= answer.digits and not reference.exact:
        return False
    back = reference.si() if answer.unit is None else (reference.si() - answer.unit.offset) / answer.unit.size
    if reference.unit is not None and answer.unit is None:
        back = reference.value
    if abs(back - answer.value) > Fraction(10) ** answer.place / 2:
        return False
    return answer.digits >= ENOUGH_DIGITS or abs(back - answer.value) <= ROUNDED_SLACK * abs(back)
