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
    "result",
)
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
    ReplyKind.SCORES: ("scores", "ratings", "final_scores"),
    ReplyKind.LABEL: _LABEL,
}
# {"better_response": ...}, {"preferred_assistant": ...}
_ABOUT = re.compile(r"_(?:response|answer|assistant|output|model|candidate|option|one)$")
_OUT_OF = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:/\s*(\d+))?\s*")


def json_matches(text: str, expected: Expected) -> Iterator[Match]:
    """The verdict of every JSON object that has one."""
    at = 0
    for value, raw in objects(text):
        at = text.find(raw, at)
        if isinstance(value, Repeated) or not isinstance(value, dict):
            continue
        match = _verdict(value, expected, at)
        if match is not None:
            yield match


def _verdict(value: Mapping[str, Any], expected: Expected, at: int) -> Match | None:
    """What the object decides, itself or, where it is a wrapper, by the one object in it."""
    members = {_ABOUT.sub("", _folded(name)): member for name, member in value.items()}
    key = next((key for key in _KEYS[expected.kind] if key in members and not isinstance(members[key], dict)), None)
    if expected.kind is ReplyKind.SCORES:
        key = next((key for key in _KEYS[expected.kind] if key in members), None)
        return _read(members[key] if key else _by_name(value, expected), expected, at)
    if key is not None:
        return _read(members[key], expected, at)
    inner = [member for member in value.values() if isinstance(member, dict)]
    return _verdict(inner[0], expected, at) if len(inner) == 1 else None


def _folded(name: object) -> str:
    return str(name).casefold().replace(" ", "_").replace("-", "_")


def _by_name(value: Mapping[str, Any], expected: Expected) -> list[Any] | None:
    """{"A": 7, "B": 4} or {"score_1": 7, "score_2": 4}: one member per candidate, in the candidates' order."""
    table = aliases(expected)
    found: dict[str, Any] = {}
    for name, member in value.items():
        spelt = re.sub(r"^(?:score|response|assistant|answer|model)_|_(?:score|rating)$", "", _folded(name))
        if spelt in table and isinstance(member, int | float | str):
            found.setdefault(table[spelt], member)
    return [found[name] for name in expected.names] if len(found) == len(expected.names) else None


def _read(member: Any, expected: Expected, at: int) -> Match | None:
    match expected.kind:
        case ReplyKind.LABEL:
            said = member if isinstance(member, bool) else exact_label(str(member))
            return None if said is None else Match(said, at, Strength.FORMAL)
        case ReplyKind.SCORE:
            return _score(member, expected, at)
        case ReplyKind.SCORES:
            numbers = _by_name(member, expected) if isinstance(member, dict) else member
            if not isinstance(numbers, list) or len(numbers) != len(expected.names):
                return None
            read = [_score(number, expected, at) for number in numbers]
            if any(one is None for one in read):
                return None
            kept = [one for one in read if one is not None]
            values = tuple(float(one.value) for one in kept if isinstance(one.value, float))
            return Match(values, at, Strength.FORMAL, off_scale=any(one.off_scale for one in kept))
        case ReplyKind.CHOICE | ReplyKind.PREFERENCE:
            spelt = str(member).replace("_", " ").strip()
            name = exact_choice(spelt[:1].upper() + spelt[1:], expected) or aliases(expected).get(spelt.casefold())
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
