"""A JSON verdict in whatever a judge wrote around it.

Rule 1: the ladder is: the whole text; else the last complete object in it that has the shape.
Rule 2: two objects of the right shape that decide differently contradict each other, and there is no verdict.
Rule 3: an object that stands word for word in what the judge was shown is a quote, not a verdict.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grm.asking import Unread
from grm.judgement import Reason
from grm.replies.shape import Misshapen, OffScale, shaped
from grm.replies.thinking import without_thinking

MAX_REPLY_CHARS = 200_000
"""Ten times the longest judgement that the schemas allow."""
MAX_OBJECTS = 64
"""Opening braces tried; a reply with more of them than that is not a judgement."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object of the right shape, and its own text, in which offsets are counted."""

    value: Mapping[str, Any]
    text: str


def read_json(
    text: str,
    schema: Mapping[str, Any],
    *,
    verdict: Sequence[str],
    finish_reason: str = "stop",
    shown: Sequence[str] = (),
) -> Found | Unread:
    """The judge's object. `verdict` names the fields that decide; `shown` is untrusted text from the prompt."""
    if len(text) > MAX_REPLY_CHARS:
        return Unread(Reason.UNPARSABLE, f"a reply of {len(text)} characters is no judgement")
    spoken = without_thinking(text).strip()
    found: list[Found] = []
    troubles: list[Misshapen] = []
    for value, raw in objects(spoken):
        if isinstance(value, Repeated):
            return Unread(Reason.CONTRADICTORY, f"an object that gives {value.name} twice")
        if any(raw in quoted for quoted in shown):
            continue
        try:
            found.append(Found(shaped(value, schema), raw))
        except Misshapen as trouble:
            troubles.append(trouble)
    if not found:
        return _lacking(text, spoken, troubles, finish_reason)
    decisions = {json.dumps([one.value.get(name) for name in verdict], sort_keys=True) for one in found}
    if len(decisions) > 1:
        return Unread(Reason.CONTRADICTORY, f"{len(found)} objects that decide differently")
    return found[-1]


def _lacking(text: str, spoken: str, troubles: list[Misshapen], finish_reason: str) -> Unread:
    if finish_reason == "length":
        return Unread(Reason.TRUNCATED, "the judge was cut short before its verdict")
    if not text.strip():
        return Unread(Reason.UNPARSABLE, "the judge said nothing")
    if not spoken:
        return Unread(Reason.NO_VERDICT, "the judge thought and said nothing")
    for trouble in troubles:
        if isinstance(trouble, OffScale):
            return Unread(Reason.OFF_SCALE, str(trouble))
    return Unread(Reason.UNPARSABLE, str(troubles[0]) if troubles else "no JSON object", said=spoken)


@dataclass(frozen=True, slots=True)
class Repeated:
    """Stands for an object in which one name has two values."""

    name: str


def objects(text: str) -> Iterator[tuple[Any, str]]:
    """Every complete outermost object, in order. Braces inside strings and broken starts are stepped over."""
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_pairs)
    at = tried = 0
    while (at := text.find("{", at)) >= 0 and tried < MAX_OBJECTS:
        tried += 1
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        yield value, text[at:end]
        at = end


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Repeated:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if isinstance(value, Repeated):
            return value
        if name in members and members[name] != value:
            return Repeated(name)
        members[name] = value
    return members
