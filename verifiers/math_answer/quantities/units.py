"""Unit text to one canonical spelling, and what a canonical unit measures.

Rule 1: a canonical unit is a product of known names with integer powers, `kg*m/s^2`, with an optional scale
        in front, `million USD`. Text that is no such product has no canonical unit; it may be a counted noun.
Rule 2: conversion factors are exact fractions. Radians, temperatures and exchange rates are no conversions.
"""

import re
from fractions import Fraction
from functools import lru_cache

from verifiers.math_answer.quantities.unit_table import (
    COMPOUND_NAMES,
    FACTORS,
    NOT_COUNTED,
    NOT_WITHIN_COUNTED,
    SCALES,
    SPELLINGS,
    SYNONYMS,
    Dimension,
)

MAX_UNIT_CHARS = 60
"""Longest unit text looked at: the longest real ones, "square kilometers per kilowatt hour", take half."""

MAX_NOUN_WORDS = 6
"""Longest counted noun: "ways to choose the three books" has six words."""

MAX_POWER = 9
"""Largest power of a unit: nothing measured goes past s^4."""

CACHE_SIZE = 4096
"""Entries: unit texts repeat between answers, garbage does not."""

_MARKUP = re.compile(
    r"\\(?:text|mathrm|textrm|rm|mathit|mbox|operatorname|textbf|mathbf)\b\s*|\\[,;:! ]|[{}$~]|\\(?=%)"
)
_DEGREE_MARKS = ("°", "^°", "^\\circ", "\\circ")
_MONEY = re.compile(r"\\?\$")
_SUPERSCRIPTS = str.maketrans({"²": "^2", "³": "^3", "⁻": "^-", "¹": "1", "－": "-", "−": "-", "／": "/", "·": "*"})
_PRODUCT = re.compile(r"\\cdot|\\times|⋅|•|×|\*|(?<=[A-Za-z])\.(?=[A-Za-z])")
_SPACE_AROUND = re.compile(r"\s*([/*^])\s*")
_POWER_BRACES = re.compile(r"\^\(?([+-]?\d)\)?")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{(.+)\}\s*\{(.+)\}")
_PER = re.compile(r"\bper\b|每")
_LEADING_POWER = re.compile(r"(square|sq\.?|cubic|cu\.?)[ -]*(.+)|(平方|立方)(.+)")
_TRAILING_POWER = re.compile(r"(.+?)\s+(squared|cubed)")
_TAIL = re.compile(r" (?:of [a-z ]+|long|wide|tall|high|deep|thick|old|away|apart|each|in total|total|altogether)")
_NOUN_WORD = re.compile(r"[a-z]+(?:['’-][a-z]+)*")
_HAN_NOUN = re.compile(r"[\u4e00-\u9fff]{1,6}")

_NO_NOUN = frozenset(NOT_COUNTED.split())
_NO_LATER_WORD = frozenset(NOT_WITHIN_COUNTED.split())
_HAN_NO_NOUN = re.compile(
    r"[或和与及且是非无不则当若对任大小到至之间约许左右内外上下多余以零一二三四五六七八九十百千万亿]"
)


def _atom(text: str) -> str | None:
    """The canonical name of one unit without a power."""
    name = SPELLINGS.get(text) or SPELLINGS.get(text.lower() if len(text) > 2 else text)
    return SYNONYMS.get(name, name) if name else None


def _merge(parts: list[tuple[str, int]]) -> dict[str, int]:
    powers: dict[str, int] = {}
    for name, power in parts:
        powers[name] = powers.get(name, 0) + power
    return {name: power for name, power in powers.items() if power}


def _parts(unit: str) -> list[tuple[str, int]]:
    """The names and powers of a canonical unit without scale."""
    found = []
    sign = 1
    for piece in re.split(r"([*/])", unit):
        if piece in "*/":
            sign = -1 if piece == "/" else 1
            continue
        name, _, power = piece.partition("^")
        if name != "1":
            found.append((name, sign * int(power or 1)))
    return found


def _spell(powers: dict[str, int]) -> str:
    """`{"kg": 1, "s": -2}` to `kg/s^2`."""
    over = "*".join(n if p == 1 else f"{n}^{p}" for n, p in sorted(powers.items()) if p > 0) or "1"
    under = "".join(f"/{n}" if p == -1 else f"/{n}^{-p}" for n, p in sorted(powers.items()) if p < 0)
    return over + under


def _factor(text: str) -> list[tuple[str, int]] | None:
    """One factor: a name, a power, or words such as "square metres"."""
    text = text.strip()
    known = COMPOUND_NAMES.get(text) or _atom(text)
    if known:
        return _parts(known)
    base, mark, power = text.partition("^")
    if mark and _is_power(power):
        inner = _atom(base.strip())
        if inner:
            return [(n, p * int(power)) for n, p in _parts(inner)]
    worded = _LEADING_POWER.fullmatch(text)
    if worded:
        inner, count = _atom(worded[2] or worded[4]), 2 if (worded[1] or worded[3])[0] in "s平" else 3
        return [(n, p * count) for n, p in _parts(inner)] if inner else None
    worded = _TRAILING_POWER.fullmatch(text)
    if worded:
        inner, count = _atom(worded[1]), 2 if worded[2] == "squared" else 3
        return [(n, p * count) for n, p in _parts(inner)] if inner else None
    return _run_together(text)


def _is_power(text: str) -> bool:
    digits = text.lstrip("+-")
    return digits.isdigit() and digits.isascii() and 0 < int(digits[:2]) <= MAX_POWER and len(digits) == 1


def _run_together(text: str) -> list[tuple[str, int]] | None:
    """Factors parted by spaces or hyphens, "newton metres", "m s^-1", "m2"."""
    if len(text) > 1 and text[-1] in "23" and text[:-1].isalpha():
        inner = _atom(text[:-1])
        return [(n, p * int(text[-1])) for n, p in _parts(inner)] if inner else None
    pieces = text.replace("-", " ").split() if "^" not in text else text.split()
    if len(pieces) < 2 or len(pieces) > 4:
        return None
    found: list[tuple[str, int]] = []
    for piece in pieces:
        factor = _factor(piece)
        if factor is None:
            return None
        found += factor
    return found


def _product(text: str) -> list[tuple[str, int]] | None:
    """A product with at most a few divisions: `kg*m/s^2`."""
    found: list[tuple[str, int]] = []
    for index, side in enumerate(text.split("/")):
        if index and not side.strip():
            return None
        for piece in side.strip(" ()").split("*"):
            if piece == "1" and not index:
                continue
            factor = _factor(piece)
            if factor is None:
                return None
            found += [(n, -p) for n, p in factor] if index else factor
    return found


def _tidy(text: str) -> str:
    text = _MARKUP.sub(lambda m: " " if m[0] in "~\\ " else "", text.translate(_SUPERSCRIPTS))
    text = _PRODUCT.sub("*", " ".join(text.split()))
    text = _SPACE_AROUND.sub(r"\1", _POWER_BRACES.sub(r"^\1", text)).strip(" .")
    return text.replace(" ", "") if text.startswith(_DEGREE_MARKS) else text


@lru_cache(CACHE_SIZE)
def canonical(text: str) -> str | None:
    """The canonical unit that a text names, LaTeX, English or Chinese; None when it names none.

    >>> canonical("kilometres per hour"), canonical("平方厘米"), canonical("apples")
    ('km/h', 'cm^2', None)
    """
    if not text or len(text) > MAX_UNIT_CHARS:
        return None
    known = COMPOUND_NAMES.get(text) or _atom(text)
    if known:
        return known
    fraction = _FRACTION.search(text)
    if fraction:
        text = f"{fraction[1]}/{fraction[2]}"
    if "$" in text and _MONEY.fullmatch(text.split("/")[0].strip()):
        text = _MONEY.sub("USD", text, count=1)
    return _canonical_tidy(_tidy(text))


def _canonical_tidy(text: str) -> str | None:
    known = COMPOUND_NAMES.get(text) or _atom(text)
    if known:
        return known
    tail = _TAIL.search(text)
    if tail and tail.end() == len(text) and tail.start():
        return _canonical_tidy(text[: tail.start()])
    if _PER.search(text):
        text = _SPACE_AROUND.sub(r"\1", _PER.sub("/", text))
    powers = _product(text)
    if powers:
        merged = _merge(powers)
        return _spell(merged) if merged else None
    return _scaled(text)


def _scaled(text: str) -> str | None:
    """A unit behind a word of scale: "million dollars", "万元"."""
    word, _, rest = text.partition(" ")
    if word in SCALES and rest:
        unit = _canonical_tidy(rest.removeprefix("of "))
        return f"{word} {unit}" if unit else None
    for length in (2, 1):
        if text[:length] in SCALES and len(text) > length:
            unit = _canonical_tidy(text[length:])
            return f"{text[:length]} {unit}" if unit else None
    return None


@lru_cache(CACHE_SIZE)
def dimension(unit: str) -> Dimension | None:
    """What a canonical unit measures, as base powers in order of name; None for a counted noun."""
    measured = _measure(unit)
    return measured[0] if measured else None


@lru_cache(CACHE_SIZE)
def factor(unit: str) -> Fraction:
    """How many base units a canonical unit holds, exactly; 1 for a counted noun."""
    measured = _measure(unit)
    return measured[1] if measured else Fraction(1)


def _measure(unit: str) -> tuple[Dimension, Fraction] | None:
    word, _, rest = unit.partition(" ")
    scale = Fraction(1)
    if rest and word in SCALES:
        scale, unit = Fraction(SCALES[word]), rest
    if not all(piece.partition("^")[0] in FACTORS or piece == "1" for piece in re.split(r"[*/]", unit)):
        return None
    bases: dict[str, int] = {}
    for name, power in _parts(unit):
        base, size = FACTORS[name]
        scale *= size**power
        for axis, exponent in base:
            bases[axis] = bases.get(axis, 0) + exponent * power
    return tuple(sorted((axis, exponent) for axis, exponent in bases.items() if exponent)), scale


def says_more(text: str) -> bool:
    """Whether words behind a number change it, and do not only say what is counted.

    >>> says_more("maybe"), says_more("到12之间"), says_more("apples"), says_more("million")
    (True, True, False, False)
    """
    words = _tidy(text).lower().split()
    if not words or words[0] in SCALES:
        return False
    first = len(words[0]) > 1 and words[0] in _NO_NOUN
    later = any(word in _NO_LATER_WORD for word in words[1:])
    return first or later or _HAN_NO_NOUN.search(text.replace("不同", "")) is not None


@lru_cache(CACHE_SIZE)
def counted_noun(text: str) -> bool:
    """Whether a text behind a number only says what is counted: "apples", "ways to do it", "个".

    >>> counted_noun("chocolate candies"), counted_noun("人"), counted_noun("or less"), counted_noun("km")
    (True, True, False, False)
    """
    if not text or len(text) > MAX_UNIT_CHARS:
        return False
    tidy = _tidy(text)
    if _HAN_NOUN.fullmatch(tidy):
        return not _HAN_NO_NOUN.search(tidy) and canonical(tidy) is None
    words = tidy.lower().split()
    if not 1 <= len(words) <= MAX_NOUN_WORDS or len(words[0]) < 2:
        return False
    # Later words may join ("ways to choose a book"); the first one must name the thing counted.
    if words[0] in _NO_NOUN or any(not _NOUN_WORD.fullmatch(word) for word in words):
        return False
    if any(word in _NO_LATER_WORD for word in words[1:]):
        return False
    return canonical(tidy) is None
