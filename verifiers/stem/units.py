"""Units of physics and chemistry: text to what it measures and how many SI units it holds.

The factors are those of `math_answer.unit_table`, one table in the house; here the rest of the SI with every prefix,
derived and customary units of laboratories, brackets and broken powers are read besides, and temperatures have their
offset. `pint` would read these too, but knows no LaTeX and no Chinese, takes 0.27 s of CPU and 19 MB to import (0.25.3)
in every worker, and its floats would not be the exact fractions that the mathematics task compares.

Rule 1: factors are exact fractions; only pi is not, and is taken to 30 digits.
Rule 2: after a slash everything is below it up to the next bracket: J/mol K is J/(mol K).
Rule 3: radians are a dimension of their own, so that rad/s is no hertz; who compares may drop them.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from verifiers.math_answer.quantities import units
from verifiers.math_answer.quantities.unit_table import FACTORS, SPELLINGS, SYNONYMS, Dimension

MAX_UNIT_CHARS = 80
"""Longest unit text read: "kg m^2 s^-2 mol^-1 K^-1" with its LaTeX takes 60."""

MAX_POWER = 12
"""Largest power of one unit: a Lennard-Jones constant is in J m^12."""

CACHE_SIZE = 4096
"""Unit texts kept: they repeat between answers, garbage does not."""

_PI = Fraction(3141592653589793238462643383280, 10**30)
_MONTH_S = Fraction(2629800)  # a twelfth of the Julian year that a light year is made of

_SI: Final[Mapping[str, tuple[Dimension, str]]] = {
    "H": ((("A", -2), ("kg", 1), ("m", 2), ("s", -2)), "1"),
    "S": ((("A", 2), ("kg", -1), ("m", -2), ("s", 3)), "1"),
    "Bq": ((("s", -1),), "1"),
    "Gy": ((("m", 2), ("s", -2)), "1"),
    "Sv": ((("m", 2), ("s", -2)), "1"),
    "lm": ((("cd", 1),), "1"),
    "lx": ((("cd", 1), ("m", -2)), "1"),
    "kat": ((("mol", 1), ("s", -1)), "1"),
    "M": ((("m", -3), ("mol", 1)), "1000"),
    "Wh": ((("kg", 1), ("m", 2), ("s", -2)), "3600"),
    "Ah": ((("A", 1), ("s", 1)), "3600"),
}
_CUSTOMARY: Final[Mapping[str, tuple[Dimension, str]]] = {
    "Å": ((("m", 1),), "1/10000000000"),
    "u": ((("kg", 1),), "166053906660/100000000000000000000000000000000000000"),
    "c": ((("m", 1), ("s", -1)), "299792458"),
    "pc": ((("m", 1),), "30856775814913673"),
    "kpc": ((("m", 1),), "30856775814913673000"),
    "Mpc": ((("m", 1),), "30856775814913673000000"),
    "torr": ((("kg", 1), ("m", -1), ("s", -2)), "20265/152"),
    "mmHg": ((("kg", 1), ("m", -1), ("s", -2)), "133322387415/1000000000"),
    "cmHg": ((("kg", 1), ("m", -1), ("s", -2)), "133322387415/100000000"),
    "dyn": ((("kg", 1), ("m", 1), ("s", -2)), "1/100000"),
    "erg": ((("kg", 1), ("m", 2), ("s", -2)), "1/10000000"),
    "kgf": ((("kg", 1), ("m", 1), ("s", -2)), "196133/20000"),
    "hp": ((("kg", 1), ("m", 2), ("s", -3)), "37284993579113511/50000000000000"),
    "Btu": ((("kg", 1), ("m", 2), ("s", -2)), "52752792631/50000000"),
    "gauss": ((("A", -1), ("kg", 1), ("s", -2)), "1/10000"),
    "Ci": ((("s", -1),), "37000000000"),
    "ppm": ((), "1/1000000"),
    "ppb": ((), "1/1000000000"),
    "dB": ((("dB", 1),), "1"),
    "VA": ((("kg", 1), ("m", 2), ("s", -3)), "1"),
    "slug": ((("kg", 1),), "8896443230521/609600000000"),
}
_NAMES: Final[Mapping[str, str]] = {
    "henry": "H", "henries": "H", "henrys": "H", "siemens": "S", "becquerel": "Bq", "becquerels": "Bq",
    "gray": "Gy", "grays": "Gy",
    "sievert": "Sv", "sieverts": "Sv", "lumen": "lm", "lumens": "lm", "lux": "lx", "molar": "M",
    "angstrom": "Å", "angstroms": "Å",
    "ångström": "Å", "ångströms": "Å", "A°": "Å", "amu": "u", "Da": "u", "dalton": "u", "daltons": "u",
    "parsec": "pc", "parsecs": "pc",
    "Torr": "torr", "mm Hg": "mmHg", "dyne": "dyn", "dynes": "dyn", "ergs": "erg", "horsepower": "hp",
    "BTU": "Btu", "curie": "Ci",
    "curies": "Ci", "decibel": "dB", "decibels": "dB", "G": "gauss", "亨": "H", "亨利": "H", "电子伏": "eV",
    "电子伏特": "eV", "埃": "Å",
    "分贝": "dB", "勒克斯": "lx", "流明": "lm", "turn": "rev", "turns": "rev", "cycle": "rev",
    "cycles": "rev", "r": "rev", "sr": "1",
    "degree Celsius": "degC", "degrees Celsius": "degC", "oC": "degC", "° C": "degC", "°K": "K",
    "° F": "degF", "electron volt": "eV",
    "mole": "mol", "a.u.": "au", "cm³": "cc", "dps": "Bq", "cps": "Bq", "yr": "year", "法": "F",
    "库": "C", "特": "T", "韦": "Wb",
}  # fmt: skip
_PREFIXES: Final[Mapping[str, int]] = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "d": -1,
    "c": -2, "m": -3, "μ": -6, "u": -6,
    "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
    "giga": 9, "mega": 6, "kilo": 3, "centi": -2, "milli": -3, "micro": -6, "nano": -9, "pico": -12,
    "femto": -15, "tera": 12,
    "吉": 9, "兆": 6, "千": 3, "毫": -3, "微": -6, "纳": -9, "皮": -12,
}  # fmt: skip
_PREFIXED = frozenset("m g s A K mol cd Hz N Pa J W C V F ohm Wb T L eV bar cal".split()) | frozenset(_SI)
_HERTZ = frozenset({"Hz", "kHz", "MHz"})

_COMMANDS = {"\\mu": "μ", "\\Omega": "Ω", "\\ohm": "Ω", "\\AA": "Å", "\\degree": "°", "\\circ": "°",
    "\\%": "%", "\\ell": "L",
             "\\angstrom": "Å", "\\celsius": "°C"}  # fmt: skip
_MARKUP = re.compile(
    r"\\(?:text|mathrm|textrm|rm|mathit|mbox|operatorname|textbf|mathbf|unit|si|textnormal|upmu|left|right|bf)(?![A-Za-z])\s*"
)
_SUPERSCRIPTS = str.maketrans({"⁰": "0", "¹": "1", "²": "2", "³": "3", "⁴": "4", "⁵": "5", "⁶": "6",
    "⁷": "7", "⁸": "8", "⁹": "9",
                               "⁻": "-", "⁺": ""})  # fmt: skip
_RAISED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_TOKEN = re.compile(r"\s*(\*\*?|/|\(|\)|°\s*[CFK]?(?![A-Za-z])|[^\W\d_]+|%|‰)")
_POWER = re.compile(r"\s*\^\s*[({]?\s*[+-]?\d+(?:/\d+)?\s*[)}]?|[+-]?\d+(?![\d.])")


class Unit(NamedTuple):
    """`size` SI units of `dimension`, plus `offset` kelvin; `hertz` and `cycles` say that it counts cycles."""

    dimension: tuple[tuple[str, Fraction], ...]
    size: Fraction
    offset: Fraction = Fraction(0)
    hertz: bool = False
    cycles: bool = False

    def within(self) -> tuple[tuple[str, Fraction], ...]:
        """The dimension without radians."""
        return tuple(part for part in self.dimension if part[0] != "rad")


class _Parts:
    """A product under construction."""

    def __init__(self) -> None:
        self.powers: dict[str, Fraction] = {}
        self.size = Fraction(1)
        self.names: list[str] = []

    def times(self, name: str, size: Fraction, dimension: Dimension, power: Fraction) -> bool:
        if size != 1:
            if power.denominator != 1:
                return False
            self.size *= size**power.numerator
        for axis, exponent in dimension:
            self.powers[axis] = self.powers.get(axis, Fraction(0)) + exponent * power
        self.names.append(name)
        return True


@lru_cache(CACHE_SIZE)
def read(text: str) -> Unit | None:
    r"""The unit that a whole text names, None where it names none.

    >>> read("kJ/mol").size, read("\\mathrm{kg\\cdot m^{2}\\,s^{-2}}") == read("J"), read("apples")
    (Fraction(1000, 1), True, None)
    """
    if not text.strip() or len(text) > MAX_UNIT_CHARS:
        return None
    tidy = _tidy(text)
    alone = _temperature(tidy)
    if alone is not None:
        return alone
    parts = _Parts()
    if _product(tidy, parts):
        return _finished(parts)
    named = units.canonical(text)
    measured = units.dimension(named) if named else None
    if named is None or measured is None:
        return None
    parts = _Parts()
    parts.times(named, units.factor(named), measured, Fraction(1))
    return _finished(parts)


def _tidy(text: str) -> str:
    for command, plain in _COMMANDS.items():
        text = re.sub(re.escape(command) + (r"(?![A-Za-z])" if command[-1].isalpha() else ""), plain, text)
    for _ in range(2):  # a fraction in a fraction is nowhere written for units
        text = _FRACTION.sub(r"((\1)/(\2))", text)
    text = _RAISED.sub(lambda raised: f"^{raised[0].translate(_SUPERSCRIPTS)}", _MARKUP.sub("", text))
    text = re.sub(r"\\cdot|\\times|[⋅·•×∙]|(?<=[A-Za-z])\.(?=[A-Za-z])", "*", text)
    text = re.sub(r"\\[,;:! ]|~|\$", " ", text).replace("−", "-").replace("µ", "μ").replace("／", "/")
    text = re.sub(r"\^\{([^{}]*)\}", r"^(\1)", text)
    text = (
        re.sub(r"\^\(?°\)?", "°", text)
        .replace("{", "")
        .replace("}", "")
        .replace("º", "°")
        .replace("℃", "°C")
        .replace("℉", "°F")
    )
    text = re.sub(r"μ\s+(?=[A-Za-z])", "μ", re.sub(r"\bper\b|每", "/", text))
    return " ".join(text.split()).strip(" .")


def _temperature(tidy: str) -> Unit | None:
    name = SPELLINGS.get(tidy) or SPELLINGS.get(tidy.lower()) or _NAMES.get(tidy)
    kelvin = (("K", Fraction(1)),)
    if name == "degC":
        return Unit(kelvin, Fraction(1), Fraction(5463, 20))
    if name == "degF":
        return Unit(kelvin, Fraction(5, 9), Fraction(45967, 180))
    return None


def _product(tidy: str, parts: _Parts) -> bool:
    """Multiply the factors of a product into `parts`; a slash turns over what follows it, up to its bracket."""
    signs, sign, at = [1], 1, 0
    while at < len(tidy):
        token = _TOKEN.match(tidy, at)
        if token is None:
            return False
        mark, at = token[1], token.end()
        if mark == "/":
            sign = -signs[-1]
        elif mark == "(":
            signs.append(sign)
        elif mark == ")":
            if len(signs) == 1:
                return False
            signs.pop()
        elif mark[0].isalpha() or mark[0] in "°%‰":
            raised = _POWER.match(tidy, at)
            power = _power(raised[0]) if raised else Fraction(1)
            at = raised.end() if raised else at
            if power is None or not _factor(mark, power * sign, parts):
                return False
        elif mark[0] != "*":
            return False
    return bool(parts.names) and len(signs) == 1


def _power(mark: str) -> Fraction | None:
    figures = mark.strip("^(){} ")
    top, _, bottom = figures.partition("/")
    if bottom and not int(bottom):
        return None
    power = Fraction(int(top), int(bottom or 1)) if len(figures) <= 5 else None
    return power if power is not None and abs(power) <= MAX_POWER else None


def _factor(name: str, power: Fraction, parts: _Parts) -> bool:
    if abs(power) > MAX_POWER:
        return False
    if name in _CUSTOMARY or name in _SI:
        dimension, size = _CUSTOMARY.get(name) or _SI[name]
        return parts.times(name, Fraction(size), dimension, power)
    known = _NAMES.get(name) or SPELLINGS.get(name) or (SPELLINGS.get(name.lower()) if len(name) > 2 else None)
    if known is None and len(name) > 2:
        known = _NAMES.get(name.lower())
    if known == "1":
        return True
    if known is not None:
        known = SYNONYMS.get(known, known)
        if known in FACTORS:
            dimension, exact = FACTORS[known]
            return parts.times(known, exact, dimension, power)
        if known in _SI or known in _CUSTOMARY:
            return _factor(known, power, parts)
        whole = read(known)
        return whole is not None and parts.times(
            known, whole.size, tuple((a, int(p)) for a, p in whole.dimension), power
        )
    return _prefixed(name, power, parts)


def _prefixed(name: str, power: Fraction, parts: _Parts) -> bool:
    for length in (1, 2, 4, 5):
        exponent = _PREFIXES.get(name[:length]) or _PREFIXES.get(name[:length].lower() if length > 2 else "")
        rest = name[length:]
        base = _NAMES.get(rest) or SPELLINGS.get(rest) or (rest if rest in _SI else None)
        if (
            exponent is None
            or base not in _PREFIXED
            or (length > 2) != (len(rest) > 3 or rest in ("mole", "volt", "watt", "gray"))
        ):
            continue
        dimension, size = FACTORS[base] if base in FACTORS else (_SI[base][0], Fraction(_SI[base][1]))
        return parts.times(base, size * Fraction(10) ** exponent, dimension, power)
    return False


def _finished(parts: _Parts) -> Unit | None:
    """The product with degrees, turns, months and temperature scales in their base."""
    powers, size = dict(parts.powers), parts.size
    cycles = bool({"rev", "rev/min"} & set(parts.names))
    for axis, base, ratio in (("deg", "rad", _PI / 180), ("month", "s", _MONTH_S), ("degC", "K", Fraction(1)),
                              ("degF", "K", Fraction(5, 9)), ("%", "", Fraction(1, 100))):  # fmt: skip
        power = powers.pop(axis, Fraction(0))
        if power.denominator != 1:
            return None
        size *= ratio**power.numerator
        if base and power:
            powers[base] = powers.get(base, Fraction(0)) + power
    dimension = tuple(sorted((axis, power) for axis, power in powers.items() if power))
    return Unit(dimension, size, hertz=bool(_HERTZ & set(parts.names)), cycles=cycles)
