"""Dates and clock times: read to one spelling, compared.

Rule 1: a moment is a Text: `date 2021-03-05` (`date ????-03-05` without a year), `time 15:30`, or
        `time 03:30?` where nothing says whether it is morning or afternoon.
Rule 2: only what can be nothing else is read: `3:30` stays a ratio and `3/5/2021` a quotient; a Ratio becomes
        a clock time when it meets a time, or when the question asks for one.
Rule 3: half a day apart is a different time; an unknown half of the day is yes only where the question asks
        for a clock time and one side names the half, as with a unit left out.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from verifiers.math_answer.context import Context
from verifiers.math_answer.tree import Node, Num, Ratio, Text

Same = Callable[[Node, Node], bool | None]

MAX_CHARS = 60
"""Longest text looked at: "Wednesday, the 23rd of September, 2021" has 38 characters."""

CACHE_SIZE = 1024

_MARKUP = re.compile(r"\\(?:text|mathrm|textrm|mbox)\b|\\[,;:! ]|[{}$*~]|\^")
_MONTH_NAMES = (
    "january|jan february|feb march|mar april|apr may june|jun july|jul august|aug september|sept|sep "
    "october|oct november|nov december|dec"
)
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES.split(), start=1) for name in names.split("|")}
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?(?:the )?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?P<year>\d{4}))?"
_DATES = (
    re.compile(rf"(?:on )?{_WEEKDAY}(?P<month>{_MONTH})\.? {_DAY}{_YEAR}"),
    re.compile(rf"(?:on )?{_WEEKDAY}{_DAY}(?: of)? (?P<month>{_MONTH})\.?{_YEAR}"),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"),
    re.compile(r"(?:(?P<year>\d{4}) ?年 ?)?(?P<month>\d{1,2}) ?月 ?(?P<day>\d{1,2}) ?[日号]"),
)
_CLOCK = re.compile(
    r"(?:at )?(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?)?"
    r" ?(?P<half>a\.? ?m|p\.? ?m|in the morning|in the afternoon|in the evening|at night|noon|midnight)\.?"
)
_HALF = r"(?: ?(?P<half>a\.? ?m|p\.? ?m|in the morning|in the afternoon|in the evening|at night))?\.?"
_OCLOCK = re.compile(r"(?:at )?(?P<hour>\d{1,2}|[a-z]+) ?o[’']? ?clock" + _HALF)
_PAST = re.compile(
    r"(?:at )?(?P<part>half|(?:a )?quarter|\d{1,2}(?: minutes?)?) "
    r"(?P<way>past|to|after|before) (?P<hour>\d{1,2}|[a-z]+)" + _HALF
)
_HAN = re.compile(
    r"(?P<half>上午|早上|凌晨|下午|晚上|中午|傍晚)?(?P<hour>\d{1,2})(?:[点时](?:钟|整)?|:)"
    r"(?:(?P<minute>\d{1,2})分?|(?P<part>半))?"
)
_HOUR_NAMES = "one two three four five six seven eight nine ten eleven twelve"
_HOURS = {name: hour for hour, name in enumerate(_HOUR_NAMES.split(), start=1)}
_SPELLING = re.compile(r"date [\d?]{4}-\d\d-\d\d|time \d\d:\d\d\??")
_MORNING = ("a", "in the morning", "上午", "早上", "凌晨")
_FIXED = {"noon": "time 12:00", "midday": "time 12:00", "midnight": "time 00:00", "正午": "time 12:00"}


@lru_cache(CACHE_SIZE)
def moment(text: str) -> Text | None:
    """The date or clock time that a whole text names and can only name.

    >>> moment("March 5th, 2021"), moment("3.30 p.m."), moment("half past three"), moment("5:8")
    (Text(words='date 2021-03-05'), Text(words='time 15:30'), Text(words='time 03:30?'), None)
    """
    if len(text) > MAX_CHARS or not text:
        return None
    if text.isascii() and not any(mark.isalpha() for mark in text) and text.count("-") != 2:
        return None
    words = " ".join(_MARKUP.sub(" ", text).split()).lower().strip(" .,。")
    if words in _FIXED:
        return Text(_FIXED[words])
    return _date(words) or _time(words)


def _date(words: str) -> Text | None:
    for pattern in _DATES:
        found = pattern.fullmatch(words)
        if found:
            month = _MONTHS.get(found["month"]) or int(found["month"])
            day = int(found["day"])
            if not 1 <= month <= 12 or not 1 <= day <= _MONTH_DAYS[month - 1]:
                return None
            return Text(f"date {found['year'] or '????'}-{month:02}-{day:02}")
    return None


def _time(words: str) -> Text | None:
    for pattern in (_CLOCK, _OCLOCK, _PAST, _HAN):
        found = pattern.fullmatch(words)
        if found:
            parts = found.groupdict()
            # "3点" is also a decimal point left open, and "3时" three hours.
            if pattern is _HAN and not (words.endswith(("钟", "整", "分", "半")) or parts["half"]):
                return None
            return _clock(parts)
    return None


def _clock(parts: dict[str, str | None]) -> Text | None:
    written = parts["hour"] or ""
    hour = int(written) if written.isdigit() else _HOURS.get(written)
    minute = int(parts.get("minute") or 0)
    if hour is None or hour > 24 or minute > 59 or int(parts.get("second") or 0) > 59:
        return None
    part = parts.get("part")
    if part:
        size = 30 if part in ("half", "半") else 15 if "quarter" in part else int(part.split()[0])
        if part.isdigit() and written.isdigit() and not parts.get("half"):
            return None  # "3 to 5" is a range
        backwards = parts.get("way") in ("to", "before")
        if size > 59 or (backwards and part == "half"):
            return None
        hour, minute = (hour - 1, 60 - size) if backwards else (hour, size)
    return _spelt(hour, minute, parts.get("half"))


def _spelt(hour: int, minute: int, half: str | None) -> Text | None:
    if half is None:
        unknown = "?" if 0 < hour <= 12 else ""
        return Text(f"time {hour % 24:02}:{minute:02}{unknown}")
    if hour > 12:
        return Text(f"time {hour % 24:02}:{minute:02}") if not half.startswith(_MORNING) else None
    if half == "midnight" or (half in ("at night", "晚上") and hour == 12):
        return Text(f"time {hour % 12:02}:{minute:02}")
    if half == "中午" and hour in (11, 12):
        return Text(f"time {hour:02}:{minute:02}")
    if half == "at night" and hour < 5:
        return Text(f"time {hour:02}:{minute:02}")
    return Text(f"time {hour % 12 + (0 if half.startswith(_MORNING) else 12):02}:{minute:02}")


def moments(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Whether two dates, or two clock times, are one. `same` is for the interface: a moment has no parts."""
    clock = ctx.hints.clock
    first, second = _moment_of(reference, clock=clock), _moment_of(response, clock=clock)
    if first is None and second is None:
        return None
    if first is None and second is not None and second.startswith("time"):
        first = _moment_of(reference, clock=True)
    elif second is None and first is not None and first.startswith("time"):
        second = _moment_of(response, clock=True)
    if first is None or second is None:
        return None
    ctx.spend()
    if first[:4] != second[:4]:
        return None
    return _same_date(first, second) if first.startswith("date") else _same_time(first, second, clock=clock)


def _moment_of(node: Node, *, clock: bool) -> str | None:
    if isinstance(node, Text):
        return node.words if node.words[:5] in ("date ", "time ") and _SPELLING.fullmatch(node.words) else None
    if clock and isinstance(node, Ratio) and len(node.items) in (2, 3):
        figures = [item.num for item in node.items if isinstance(item, Num) and item.den == 1]
        if len(figures) == len(node.items) and figures[0] <= 24 and all(0 <= f < 60 for f in figures):
            unknown = "?" if 0 < figures[0] <= 12 else ""
            return f"time {figures[0] % 24:02}:{figures[1]:02}{unknown}"
    return None


def _same_date(first: str, second: str) -> bool | None:
    if first[-5:] != second[-5:]:
        return False
    years = first[5:9], second[5:9]
    return True if years[0] == years[1] else None if "????" in years else False


def _same_time(first: str, second: str, *, clock: bool) -> bool | None:
    if first == second:
        return True
    hours = int(first[5:7]), int(second[5:7])
    if first[8:10] != second[8:10] or hours[0] % 12 != hours[1] % 12:
        return False
    if not first.endswith("?") and not second.endswith("?"):
        return False
    return True if clock else None
