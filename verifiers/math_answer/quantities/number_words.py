"""Numbers written out, in English and Chinese, as exact values.

Rule 1: the whole text is a number or nothing is: "one of the two" has no value.
Rule 2: an ordinal has the value of its number ("fifteenth", "15th", "第十五" are 15).
"""

import re
from fractions import Fraction
from functools import lru_cache

MAX_CHARS = 120
"""Longest text looked at: "nine hundred and ninety-nine million ..." to the unit fits."""

CACHE_SIZE = 1024

_ONE_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen
"""
_TEN_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES = {word: value for value, word in enumerate(_ONE_WORDS.split())}
_TENS = {word: 10 * value for value, word in enumerate(_TEN_WORDS.split(), start=2)} | {"fourty": 40}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS = {
    "first": "one",
    "second": "two",
    "third": "three",
    "fifth": "five",
    "eighth": "eight",
    "ninth": "nine",
    "twelfth": "twelve",
    **{f"{tens[:-1]}ieth": tens for tens in _TENS},
    **{f"{word}th": word for word in ("four", "six", "seven", "ten", "eleven", "hundred", *_SCALES)},
    **{f"{word}th": word for word in _ONES if word.endswith("teen")},
}
_PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4}

_NUMBER_ORDINAL = re.compile(r"(\d{1,15}) ?\^? ?(?:st|nd|rd|th)")
_HAN_DIGITS = {mark: value for value, mark in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_HAN_TENS = {"十": 10, "百": 100, "千": 1000}
_HAN_SCALES = {"万": 10**4, "亿": 10**8}
_HAN_NUMBER = re.compile(r"[零〇一二两三四五六七八九十百千万亿]+")
_HAN_SCALED = re.compile(r"(\d{1,12})(?:\.(\d{1,8}))?(万|亿|百万|千万)")


@lru_cache(CACHE_SIZE)
def exact(text: str) -> Fraction | None:
    """The value of a number in words, None when the whole text is no such number.

    >>> exact("twenty-one"), exact("three quarters"), exact("第十五"), exact("one of them")
    (Fraction(21, 1), Fraction(3, 4), Fraction(15, 1), None)
    """
    text = text.strip()
    if not text or len(text) > MAX_CHARS:
        return None
    if "\u3000" < text[0] < "\uff00" or text[-1] in "万亿":
        return _han(text)
    if not text[0].isascii():
        return None
    ordinal = _NUMBER_ORDINAL.fullmatch(text.lower())
    if ordinal:
        return Fraction(int(ordinal[1]))
    return _english(text.lower().replace("-", " ").replace(",", " ").split())


def _english(words: list[str]) -> Fraction | None:
    if words and words[0] in ("minus", "negative") and len(words) > 1:
        value = _english(words[1:])
        return None if value is None else -value
    if words and words[0] == "the" and len(words) > 1:
        words = words[1:]
    if not words:
        return None
    if words[-1] in ("dozen", "dozens"):
        return _dozens(words[:-1])
    if "point" in words:
        return _decimal(words)
    cardinal = _cardinal(words)
    if cardinal is not None:
        return Fraction(cardinal)
    return _ordinal(words) or _fraction(words)


def _cardinal(words: list[str]) -> int | None:
    """A whole number such as "two hundred and five": each scale once, in falling order."""
    total, group, last_scale, room = 0, None, 10**15, 1000
    for index, word in enumerate(words):
        if word in _ONES or word in _TENS:
            value = _ONES.get(word, _TENS.get(word, 0))
            if value >= room or (value < 10 and room > 100 and group):
                return None
            group, room = (group or 0) + value, 10 if word in _TENS else 1
        elif word in ("a", "an") and index == 0 and len(words) > 1:
            group, room = 1, 1
        elif word == "hundred" and group and group < 100:
            group, room = 100 * group, 100
        elif word in _SCALES and group and _SCALES[word] < last_scale:
            last_scale = _SCALES[word]
            total, group, room = total + group * last_scale, None, 1000
        elif not (word == "and" and 0 < index < len(words) - 1 and (room == 100 or group is None)):
            return None
    if group is None and not total:
        return None
    return total + (group or 0)


def _ordinal(words: list[str]) -> Fraction | None:
    stem = _ORDINALS.get(words[-1])
    # "two fifths" is a fraction and "a third" too; "third" alone counts places.
    if stem is None or (len(words) > 1 and (words[0] in ("a", "an") or words[-2] in _ONES)):
        return None
    value = _cardinal([*words[:-1], stem])
    if value is None and stem in ("hundred", *_SCALES):
        value = _cardinal(["one", *words[:-1], stem])
    return None if value is None else Fraction(value)


def _fraction(words: list[str]) -> Fraction | None:
    """A fraction: "half", "three quarters", "two and a half", "one fifth"."""
    if "and" in words:
        at = len(words) - 1 - words[::-1].index("and")
        if not 0 < at < len(words) - 1:
            return None
        whole, part = _cardinal(words[:at]), _fraction(words[at + 1 :])
        return None if whole is None or part is None or part >= 1 else whole + part
    name = words[-1]
    bottom = _PARTS.get(name)
    if bottom is None:
        stem = _ORDINALS.get(name.removesuffix("s"))
        bottom = _cardinal([stem]) if stem and stem != "two" else None
        bottom = bottom or {"hundred": 100, "thousand": 1000, "million": 10**6}.get(stem or "")
    if not bottom:
        return None
    count = words[:-1]
    top = 1 if count in ([], ["a"], ["an"]) and (count or name == "half") else _cardinal(count)
    return None if top is None else Fraction(top, bottom)


def _dozens(words: list[str]) -> Fraction | None:
    if words in (["a"], []):
        return Fraction(12)
    if words == ["half", "a"]:
        return Fraction(6)
    count = _cardinal(words)
    return None if count is None else Fraction(12 * count)


def _decimal(words: list[str]) -> Fraction | None:
    """A decimal, digit by digit behind the point: "three point one four"."""
    at = words.index("point")
    digits = [_ONES.get(word, 10) for word in words[at + 1 :]]
    whole = _cardinal(words[:at]) if at else 0
    if whole is None or not digits or max(digits) > 9:
        return None
    return whole + Fraction(int("".join(map(str, digits))), 10 ** len(digits))


def _han(text: str) -> Fraction | None:
    text = text.removeprefix("第")
    if text.startswith("负"):
        value = _han(text[1:])
        return None if value is None else -value
    scaled = _HAN_SCALED.fullmatch(text)
    if scaled:
        size = {"百万": 10**6, "千万": 10**7}.get(scaled[3]) or _HAN_SCALES[scaled[3]]
        return Fraction(f"{scaled[1]}.{scaled[2] or 0}") * size
    if text in ("一半", "半"):
        return Fraction(1, 2)
    bottom, mark, top = text.partition("分之")
    if mark:
        over, under = _han_integer(top), 100 if bottom == "百" else _han_integer(bottom)
        return Fraction(over, under) if over is not None and under else None
    whole, mark, digits = text.partition("点")
    value_before = _han_integer(whole)
    if not mark:
        return None if value_before is None else Fraction(value_before)
    if value_before is None or not digits or any(digit not in _HAN_DIGITS for digit in digits):
        return None
    return value_before + Fraction(int("".join(str(_HAN_DIGITS[d]) for d in digits)), 10 ** len(digits))


def _han_integer(text: str) -> int | None:
    """`一百零五` is 105, `三万五千` is 35000, `二〇二一` is 2021."""
    if not _HAN_NUMBER.fullmatch(text):
        return None
    if all(mark in _HAN_DIGITS for mark in text):
        # "五六" is "five or six".
        digits = "".join(str(_HAN_DIGITS[mark]) for mark in text)
        return int(digits) if len(text) != 2 or "零" in text else None
    if len(text) > 2 and text[-1] in _HAN_DIGITS and text[-2] in "百千万亿":
        return None  # "一百二" is 120 in speech, 102 on paper
    total = section = 0
    digit: int | None = None
    for mark in text:
        if mark in _HAN_DIGITS:
            if digit:
                return None
            digit = _HAN_DIGITS[mark]
        elif mark in _HAN_TENS:
            section += (1 if digit is None or (digit == 0 and mark == "十") else digit) * _HAN_TENS[mark]
            digit = None
        else:
            total = (total + section + (digit or 0)) * _HAN_SCALES[mark]
            section, digit = 0, None
    return total + section + (digit or 0)
