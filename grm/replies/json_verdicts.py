"""Verdicts that a judge wraps in JSON without being held to a schema: {"Choice": "Model A"}, {"score": 7}."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from grm.replies.choices import exact_choice
from grm.replies.expected import Expected, ReplyKind
from grm.replies.json_reply import Repeated, objects
from grm.replies.labels import exact_label
from grm.replies.matches import Match, Strength, aliases

_CHOICE = (
    "final_verdict",
    "verdict",
    "winner",
    "choice",
    "decision",
    "better",
    "preferred",
    "preference",
    "answer",
    "label",
    "result",
)
_SCORE = ("final_score", "overall_score", "overall", "total", "score", "rating", "grade", "final_rating", "result")
_LABEL = (
    "final_verdict",
    "verdict",
    "decision",
    "final_decision",
    "correct",
    "is_correct",
    "equivalent",
    "match",
    "label",
    "answer",
    "judgment",
    "judgement",
    "result",
)
_KEYS: Mapping[ReplyKind, tuple[str, ...]] = {
    ReplyKind.CHOICE: _CHOICE,
    ReplyKind.PREFERENCE: _CHOICE,
    ReplyKind.SCORE: _SCORE,
    ReplyKind.SCORES: ("scores", "ratings"),
    ReplyKind.LABEL: _LABEL,
}
_OUT_OF = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:/\s*(\d+))?\s*")


def json_matches(text: str, expected: Expected) -> Iterator[Match]:
    """The verdict of every JSON object that has one."""
    at = 0
    for value, raw in objects(text):
        at = text.find(raw, at)
        if isinstance(value, Repeated) or not isinstance(value, dict):
            continue
        members = {str(name).casefold().replace(" ", "_").replace("-", "_"): member for name, member in value.items()}
        key = next((key for key in _KEYS[expected.kind] if key in members), None)
        match = _read(members[key], expected, at) if key is not None else None
        if match is not None:
            yield match


def _read(member: Any, expected: Expected, at: int) -> Match | None:
    match expected.kind:
        case ReplyKind.LABEL:
            said = member if isinstance(member, bool) else exact_label(str(member))
            return None if said is None else Match(said, at, Strength.FORMAL)
        case ReplyKind.SCORE:
            return _score(member, expected, at)
        case ReplyKind.SCORES:
            numbers = list(member.values()) if isinstance(member, dict) else member
            if not isinstance(numbers, list) or len(numbers) != len(expected.names):
                return None
            read = [_score(number, expected, at) for number in numbers]
            if any(one is None for one in read):
                return None
            kept = [one for one in read if one is not None]
            values = tuple(float(one.value) for one in kept if isinstance(one.value, float))
            return Match(values, at, Strength.FORMAL, off_scale=any(one.off_scale for one in kept))
        case ReplyKind.CHOICE | ReplyKind.PREFERENCE:
            name = exact_choice(str(member), expected) or aliases(expected).get(str(member).strip().casefold())
            if name is None:
                return None
            if expected.kind is ReplyKind.PREFERENCE:
                first, second = expected.names[:2]
                name = f"{name}>{second if name == first else first}" if name in expected.names else f"{first}={second}"
            return Match(name, at, Strength.FORMAL)


def _score(member: Any, expected: Expected, at: int) -> Match | None:
    found = _OUT_OF.fullmatch(str(member)) if not isinstance(member, bool) else None
    if found is None:
        return None
    value = float(found[1])
    off = not expected.low <= value <= expected.high or (found[2] is not None and float(found[2]) != expected.high)
    return Match(value, at, Strength.FORMAL, off_scale=off)
