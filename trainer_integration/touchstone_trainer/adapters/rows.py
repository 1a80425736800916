"""Frameworks' rows, messages and labels as `Sample`s; `Scored` as the columns that frameworks log.

Rule 1: a column called as a field of `Sample` is that field; only the reference has other names too.
Rule 2: a column may hold its value as JSON text: tables keep mixed tasks so.
Rule 3: `extras` has the same keys for every task, texts and numbers, never None: frameworks take the columns of the
        first sample for those of all.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from touchstone_trainer.rewards import Reference, Sample, Scored

REFERENCE_COLUMNS = ("reference", "answer", "solution", "ground_truth", "expected_answer", "label")
"""In this order."""
TEXTS = ("question", "task", "group", "rule", "protocol", "reasoning")
STRUCTURES = ("options", "rubric")
FIELDS = frozenset({*TEXTS, *STRUCTURES, "reference"})


def sample_of(response: str, row: Mapping[str, Any], *, question: str | None = None) -> Sample:
    """The sample of one response, from the columns of its row; `question` where the row has none."""
    given: dict[str, Any] = {name: str(row[name]) for name in TEXTS if row.get(name) is not None}
    if question is not None:
        given.setdefault("question", question)
    for name in STRUCTURES:
        if (value := row.get(name)) is not None:
            given[name] = without_nulls(json.loads(value) if isinstance(value, str) else plain(value))
    return Sample(response, reference=_reference(row), **given)


def labelled(label: Any) -> dict[str, Any]:
    """A label as a row: a mapping, or JSON text of one, whose keys are fields of a sample; else a bare reference.

    >>> labelled('{"task": "choice", "reference": "B"}')
    {'task': 'choice', 'reference': 'B'}
    >>> labelled("42"), labelled('{"a": 1}')
    ({'reference': '42'}, {'reference': '{"a": 1}'})
    """
    label = plain(label)
    row = _json_object(label) if isinstance(label, str) else label
    if isinstance(row, Mapping) and row and row.keys() <= FIELDS:
        return dict(row)
    return {} if label is None else {"reference": label}


def text_of(message: Any) -> str:
    """The text of a prompt or a response: as it stands, or of the last of a list of messages."""
    if message is None or isinstance(message, str):
        return message or ""
    if isinstance(message, Mapping):
        content = message.get("content")
        if content is None or isinstance(content, str):
            return content or ""
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))
    return text_of(message[-1]) if len(message) else ""


def question_of(prompt: Any) -> str | None:
    """What was asked: the last message of the user, or the prompt's text."""
    if prompt is None or isinstance(prompt, str):
        return prompt
    asked = [message for message in prompt if message.get("role") == "user"]
    return text_of(asked or list(prompt)) or None


def extras(scored: Scored) -> dict[str, float | str]:
    """What became of a sample, for a framework's log."""
    return {**numbers(scored), "task": scored.task, "stage": scored.stage, "name": scored.name, "rule": scored.rule}


def numbers(scored: Scored) -> dict[str, float]:
    """The part of `extras` that frameworks average."""
    return {
        "scored": float(not scored.left_out),
        "rescued": float(scored.rescued),
        "cached": float(scored.cached),
    }


def plain(value: Any) -> Any:
    """Arrays and array scalars, as columns of Parquet files come, as lists and numbers."""
    return value.tolist() if hasattr(value, "tolist") else value


def without_nulls(value: Any) -> Any:
    """Without the nulls with which tables fill the fields that other rows have."""
    if isinstance(value, Mapping):
        return {key: without_nulls(part) for key, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(part) for part in value]
    return plain(value)


def _reference(row: Mapping[str, Any]) -> Reference | None:
    value = next((found for name in REFERENCE_COLUMNS if (found := plain(row.get(name))) is not None), None)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Sequence) and value and all(isinstance(one, str) for one in value):
        return tuple(value)
    # Numbers, and tests of a program as a structure.
    return json.dumps(without_nulls(value), ensure_ascii=False)


def _json_object(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
