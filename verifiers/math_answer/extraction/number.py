"""Numbers as written in prose, read just far enough to tell whether two final answers contradict each other."""

import re
from fractions import Fraction

_PLAIN = re.compile(
    r"(?:[A-Za-z]\s*=\s*)?([-+−]?)\s*(?:(\d{1,30})(?:\.(\d{1,30}))?"
    r"|\\[dt]?frac\{(\d{1,20})\}\{(\d{1,20})\})(?:\s*/\s*(\d{1,20}))?\s*"
    r"((?:\\?%|°|\\text\{[^{}]{0,20}\}|[A-Za-z]{2,12})?)"
)
_LETTER = re.compile(r"\(?([A-Ja-j])\)?")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))|\\[,;! ]|[$ ]")
NUMBER = re.compile(r"(?<![\w.])[-+−]?\d(?:[\d,  ]*\d)?(?:\.\d+)?")


def differ(first: str, second: str) -> bool:
    """Whether both are single plain values and not the same one; False whenever that takes more than reading digits.

    >>> differ("5", "x = 6"), differ("1/2", "0.5"), differ("2x", "3"), differ("A", "(B)")
    (True, False, False, True)
    """
    letters = _LETTER.fullmatch(first), _LETTER.fullmatch(second)
    if letters[0] and letters[1]:
        return letters[0][1].upper() != letters[1][1].upper()
    values = plain_value(first), plain_value(second)
    return None not in values and values[0] != values[1]


def same(first: str, second: str) -> bool:
    """Whether both are single plain values and one."""
    value = plain_value(first)
    return value is not None and value == plain_value(second)


def plain_value(text: str) -> Fraction | None:
    """The value of an integer, decimal or simple fraction, with a name or unit around it."""
    if len(text) > 120:
        return None
    match = _PLAIN.fullmatch(_GROUPED.sub("", text))
    if match is None:
        return None
    sign, whole, decimals, top, bottom, under, unit = match.groups()
    if "%" in unit:  # 50% and 0.5 may be the same answer
        return None
    value = Fraction(int(whole + (decimals or "")), 10 ** len(decimals or "")) if whole else Fraction(int(top))
    for divisor in (bottom, under):
        if divisor:
            if int(divisor) == 0:
                return None
            value /= int(divisor)
    return -value if sign in ("-", "−") else value
