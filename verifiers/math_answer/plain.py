"""Literals compared as they stand: the fast path that decides most rewards, without a parse.

Rule 1: "same" for the same text or the same plain number; "different" for two plain integers or fractions, and for
        decimals that no rounding brings together. Everything else is not mine.
"""

import re

MAX_PLAIN_CHARS = 60
_NUMBER = re.compile(r"([+-]?)(?:(\d+)(?:\.(\d+))?|\.(\d+)|(?:(\d+)/(\d+))|\\[dt]?frac\{(-?\d+)\}\{(\d+)\})")
_WRAPPED = re.compile(r"\$([^$]*)\$")


def bare(text: str) -> str:
    """The text without surrounding space, dollar signs and a final full stop.

    >>> bare(" $42$. ")
    '42'
    """
    text = text.strip()
    if text[-1:] == "." and text[-2:-1] != ".":
        text = text[:-1].rstrip()
    if text[:1] == "$" and (wrapped := _WRAPPED.fullmatch(text)):
        return wrapped[1].strip()
    return text


def same_plain(reference: str, answer: str) -> bool | None:
    """True for the same text or value, False for two different integers or fractions and for decimals far apart, None
    for anything else.

    Both sides are `bare`.

    >>> same_plain("3/4", "0.75"), same_plain("3", "4"), same_plain("3.1", "3.14")
    (True, False, None)
    """
    if reference == answer:
        return True if reference else None
    if len(reference) > MAX_PLAIN_CHARS or len(answer) > MAX_PLAIN_CHARS:
        return None
    first, second = _fraction(reference), _fraction(answer)
    if first is None or second is None:
        return None
    if first[0] * second[1] == second[0] * first[1]:
        return True
    if not (first[2] or second[2]):
        return False
    # A decimal may be a rounded form of the other, or the other as a percentage: that is for the rules.
    return False if _far_apart(first[0] * second[1], second[0] * first[1]) else None


def _far_apart(a: int, b: int) -> bool:
    """Whether no rounding brings one to the other: other signs, or a factor that is neither near 1 nor near 100."""
    if not a or not b:
        return False
    if (a > 0) != (b > 0):
        return True
    small, large = sorted((abs(a), abs(b)))
    return 5 * small < 2 * large and not 90 * small < large < 110 * small


def _fraction(text: str) -> tuple[int, int, bool] | None:
    """Numerator, denominator, and whether it was written with decimals."""
    if text.isdecimal() and text.isascii():
        return int(text), 1, False
    m = _NUMBER.fullmatch(text)
    if m is None:
        return None
    sign = -1 if m[1] == "-" else 1
    if m[2] is not None:
        decimals = m[3] or ""
        return sign * int(m[2] + decimals), 10 ** len(decimals), bool(decimals)
    if m[4] is not None:
        return sign * int(m[4]), 10 ** len(m[4]), True
    top, bottom = (m[5], m[6]) if m[5] is not None else (m[7], m[8])
    return (sign * int(top), int(bottom), False) if int(bottom) else None
