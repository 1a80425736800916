"""JSONL rows for `touchstone judge`: cases, with what is known of the right judgement.

Rule 1: a bad row is reported with its line number and what to fix, and costs nothing but itself.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from touchstone_client import JudgeCandidate, JudgeCase

CASE_FIELDS = ("id", "question", "reference", "rubric", "kind", "aspects", "protocol", "votes")
TIE = "tie"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A case. `label` is True or False for one response, the best one's place among several, "tie", or None."""

    line: int
    case: JudgeCase
    label: bool | int | str | None
    category: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that somebody has to fix."""

    line: int
    id: str | None
    problem: str


Row = Labelled | Unusable


def read_rows(lines: Iterable[bytes], protocol: str, votes: int | None) -> list[Row]:
    """All rows in order; blank lines are none. `protocol` and `votes` are for rows that name none."""
    return [_read(line, number, protocol, votes) for number, line in enumerate(lines, 1) if line.strip()]


def _read(line: bytes, number: int, protocol: str, votes: int | None) -> Row:
    try:
        fields = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        return Unusable(number, None, f"is not JSON: {error}")
    if not isinstance(fields, dict):
        return Unusable(number, None, "must be an object with question and response, or responses")
    name = str(fields.get("id") or number)
    try:
        texts = _responses(fields)
        given = {field: fields[field] for field in CASE_FIELDS if fields.get(field) is not None}
        if isinstance(given.get("rubric"), str):
            given["rubric"] = [{"id": "rubric", "text": given["rubric"]}]
        candidates = [JudgeCandidate(response=text) for text in texts]
        case = JudgeCase(**{"protocol": protocol, "votes": votes, **given, "id": name, "candidates": candidates})
        return Labelled(number, case, _label(fields, len(texts)), str(fields.get("category") or "other"))
    except ValidationError as error:
        wrong = {".".join(map(str, detail["loc"])): detail["msg"] for detail in error.errors()}
        return Unusable(number, name, "; ".join(f"{field}: {message}" for field, message in wrong.items()))
    except ValueError as error:
        return Unusable(number, name, str(error))


def _responses(fields: dict[str, Any]) -> list[str]:
    match fields:
        case {"responses": [*texts]} if texts and all(isinstance(text, str) for text in texts):
            return texts
        case {"chosen": str(chosen), "rejected": str(other)}:
            return [chosen, other]
        case {"response": str(text)}:
            return [text]
        case _:
            raise ValueError("needs response, responses (texts), or chosen and rejected")


def _label(fields: dict[str, Any], count: int) -> bool | int | str | None:
    if "chosen" in fields and "responses" not in fields:
        return 0
    label = fields.get("label", fields.get("must_reward"))
    match label:
        case None:
            return None
        case bool() if count == 1:
            return label
        case int() if count > 1 and not isinstance(label, bool) and 0 <= label < count:
            return label
        case str() if count > 1 and label.casefold() == TIE:
            return TIE
        case str() if count > 1 and len(label) == 1 and label.upper() in LETTERS[:count]:
            return LETTERS.index(label.upper())
        case _:
            wanted = "true or false" if count == 1 else f"0 to {count - 1}, a letter, or tie"
            raise ValueError(f"label: must be {wanted}, not {label!r}")
