"""Verdicts that a judge wraps in JSON without being held to a schema: {"Choice": "Model A"}, {"score": 7}.

Rule 1: an object that decides is set aside before prose is read. The strings in it are no prose: a score or a label
        inside an explanation is not the verdict. A mark stays where the object stood.
Rule 2: an object that stands word for word in what the judge was shown is a quote, and so is one whose mark is gone
        with the quote around it.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from grm.replies.choices import exact_choice, graded_choice, is_menu
from grm.replies.expected import Expected, ReplyKind
from grm.replies.json_reply import MAX_OBJECTS, objects
from grm.replies.labels import exact_label
from grm.replies.matches import Match, Strength, aliases

_CHOICE = (
    "final_verdict",
    "verdict",
    "winner",
    "choice",
    "decision",
    "better",
    "best",
    "preferred",
    "preference",
    "chosen",
    "selected",
    "answer",
    "label",
    "result",
)
_SCORE = (
    "final_score",
    "overall_score",
    "overall_rating",
    "total_score",
    "final_rating",
    "overall",
    "total",
    "score",
    "rating",
    "grade",
    "reward",
    "result",
    "综合得分",
    "总分",
)
_LABEL = (
    "final_verdict",
    "verdict",
    "decision",
    "final_decision",
    "correct",
    "is_correct",
    "criteria_met",
    "equivalent",
    "match",
    "label",
    "answer",
    "judgment",
    "judgement",
    "result",
    "score",
)
_KEYS: Mapping[ReplyKind, tuple[str, ...]] = {
    ReplyKind.CHOICE: _CHOICE,
    ReplyKind.PREFERENCE: _CHOICE,
    ReplyKind.SCORE: _SCORE,
    ReplyKind.SCORES: ("scores", "ratings", "final_scores", "results"),
    ReplyKind.LABEL: _LABEL,
}
_NAME = ("model", "name", "id", "response", "assistant", "candidate", "trajectory_id")
# {"better_response": ...}, {"preferred_assistant": ...}
_ABOUT = re.compile(r"_(?:response|answer|assistant|output|model|candidate|option|one)$")
_OUT_OF = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:/\s*(\d+))?\s*")
_FIRST_MARK = 0xE000
_MARKS = re.compile("[\ue000-\uf8ff]")
# Flat, in single quotes: a dictionary as Python prints it.
_LITERAL = re.compile(r"\{\s*'[^{}]{1,600}\}")


def set_aside(text: str, expected: Expected, shown: Sequence[str]) -> tuple[str, Mapping[str, Match]]:
    """The text with a mark in the place of each object that decides, and what each mark stands for."""
    text = _MARKS.sub("", text)
    aside: dict[str, Match] = {}
    for value, raw in (*objects(text), *_literals(text)):
        if not isinstance(value, dict):
            continue
        match = _verdict(value, expected)
        if match is None and not _members(value).keys() & _KEYS[expected.kind]:
            continue
        mark = " "
        if match is not None and not any(raw in one for one in shown):
            mark = chr(_FIRST_MARK + len(aside))
            aside[mark] = match
        text = text.replace(raw, mark, 1)
    return text, aside


def json_matches(voice: str, aside: Mapping[str, Match]) -> Iterator[Match]:
    """The verdicts whose marks the judge's own voice still has."""
    for mark, match in aside.items():
        if (at := voice.find(mark)) >= 0:
            yield replace(match, at=at)


def _literals(text: str) -> Iterator[tuple[Any, str]]:
    for found in islice(_LITERAL.finditer(text), MAX_OBJECTS):
        with suppress(ValueError, SyntaxError):
            yield ast.literal_eval(found[0]), found[0]


def _verdict(value: Mapping[Any, Any], expected: Expected) -> Match | None:
    """What the object decides, itself or, where it is a wrapper, by the one object in it."""
    members = _members(value)
    key = next((key for key in _KEYS[expected.kind] if key in members), None)
    if expected.kind is ReplyKind.SCORES:
        return _scores(_by_name(members[key] if key else value, expected), expected)
    if expected.kind is ReplyKind.LABEL and key == "score" and isinstance(members[key], int | float):
        return None  # 1 of 1, or of 10
    if key is not None and not isinstance(members[key], dict):
        return _read(members[key], expected)
    if expected.kind in (ReplyKind.CHOICE, ReplyKind.PREFERENCE) and members.get("rank") == 1:
        return next((_read(value[name], expected) for name in value if _folded(name) in _NAME), None)
    inner = [member for member in value.values() if isinstance(member, dict)]
    return _verdict(inner[0], expected) if len(inner) == 1 else None


def _members(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {_ABOUT.sub("", _folded(name)): member for name, member in value.items()}


def _folded(name: object) -> str:
    return str(name).casefold().replace(" ", "_").replace("-", "_")


def _by_name(value: Any, expected: Expected) -> list[Any] | None:
    """One score per candidate, in the candidates' order: {"A": 7, "B": 4}, {"score_1": 7, "score_2": 4}, [7, 4] or
    [{"id": "A", "score": 7}, {"id": "B", "score": 4}].
    """
    if isinstance(value, list):
        if not all(isinstance(one, dict) for one in value):
            return value
        value = {next((one[name] for name in _NAME if name in one), None): one.get("score") for one in value}
    if not isinstance(value, dict):
        return None
    table = aliases(expected)
    found: dict[str, Any] = {}
    for name, member in value.items():
        member = member.get("score") if isinstance(member, dict) else member  # noqa: PLW2901
        spelt = re.sub(r"^(?:score|response|assistant|answer|model)_|_(?:score|rating)$", "", _folded(name))
        known = table.get(_folded(name), table.get(str(name).casefold(), table.get(spelt)))
        if known is not None and isinstance(member, int | float | str):
            found.setdefault(known, member)
    return [found[name] for name in expected.names] if len(found) == len(expected.names) else None


def _read(member: Any, expected: Expected) -> Match | None:
    if expected.kind is ReplyKind.SCORE:
        return _score(member, expected)
    value: str | bool | None
    if expected.kind is ReplyKind.LABEL:
        value = {"true": True, "1": True, "false": False, "0": False}.get(str(member).casefold())
        value = exact_label(str(member)) if value is None else value
    else:
        value = _choice(str(member), expected)
    return None if value is None else Match(value, 0, Strength.FORMAL)


def _choice(member: str, expected: Expected) -> str | None:
    spelt = member.replace("_", " ").strip()
    if graded := graded_choice(spelt, expected):
        return graded
    name = exact_choice(spelt[:1].upper() + spelt[1:], expected) or aliases(expected).get(spelt.casefold())
    if name is None or is_menu(spelt):
        return None
    if expected.kind is ReplyKind.CHOICE:
        return name
    first, second = expected.names[:2]
    return f"{name}>{second if name == first else first}" if name in expected.names else f"{first}={second}"


def _scores(numbers: list[Any] | None, expected: Expected) -> Match | None:
    read = [_score(number, expected) for number in numbers or ()]
    kept = [one for one in read if one is not None]
    if len(kept) != len(expected.names) or len(read) != len(kept):
        return None
    values = tuple(float(one.value) for one in kept if isinstance(one.value, float))
    return Match(values, 0, Strength.FORMAL, off_scale=any(one.off_scale for one in kept))


def _score(member: Any, expected: Expected) -> Match | None:
    found = _OUT_OF.fullmatch(str(member)) if not isinstance(member, bool) else None
    if found is None:
        return None
    value = float(found[1])
    off = not expected.low <= value <= expected.high or (found[2] is not None and float(found[2]) != expected.high)
    return Match(value, 0, Strength.FORMAL, off_scale=off)
