"""JSONL rows to items: what is usable, what is skipped, what has to be fixed, line by line.

Rule 1: a bad row is reported with its line number and what to fix, and costs nothing but itself.
Rule 2: a row without a reference cannot be verified; it is skipped and counted, not an error.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from touchstone_client import VerifyItem

LABELS = ("label", "must_reward")
FIELDS = ("id", "task", "question", "response", "reference", "options")


@dataclass(frozen=True, slots=True)
class Usable:
    """A row to verify. `label` says whether the response is right, None where the row does not tell."""

    line: int
    item: VerifyItem
    label: bool | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row without a reference."""

    line: int
    id: str | None


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that somebody has to fix."""

    line: int
    id: str | None
    problem: str


Row = Usable | Skipped | Unusable


def read_rows(lines: Iterable[bytes], task: str) -> list[Row]:
    """All rows in order; blank lines are none. `task` is for rows that name none."""
    return [_read(line, number, task) for number, line in enumerate(lines, 1) if line.strip()]


def _read(line: bytes, number: int, task: str) -> Row:
    try:
        fields = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return Unusable(number, None, f"is not UTF-8 at byte {error.start + 1}")
    except (ValueError, RecursionError) as error:
        return Unusable(number, None, f"is not JSON: {error}")
    if not isinstance(fields, dict):
        return Unusable(number, None, "must be an object with reference and response")
    name = str(fields["id"]) if fields.get("id") is not None else None
    if "reference" in fields and fields["reference"] is None:
        return Skipped(number, name)
    return _checked(fields, number, name or str(number), task)


def _checked(fields: dict[str, Any], number: int, name: str, task: str) -> Usable | Unusable:
    given = {field: fields[field] for field in FIELDS if fields.get(field) is not None}
    try:
        item = VerifyItem(**{"task": task, **given, "id": name})
        return Usable(number, item, _label(fields))
    except ValidationError as error:
        # `reference` is tried as a text and as a list: one complaint for a field is enough.
        wrong = {str(detail["loc"][0]): detail["msg"] for detail in reversed(error.errors())}
        return Unusable(number, name, "; ".join(f"{field}: {wrong[field]}" for field in sorted(wrong)))
    except ValueError as error:
        return Unusable(number, name, str(error))


def _label(fields: dict[str, Any]) -> bool | None:
    for field in LABELS:
        match fields.get(field):
            case None:
                continue
            case bool() as label:
                return label
            case other:
                raise ValueError(f"{field}: must be true or false, not {other!r}")
    return None
