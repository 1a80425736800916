"""Frameworks' rows, messages and labels as `Sample`s; `Scored` as the columns that frameworks log.

Rule 1: a column called as a field of `Sample` is that field; only the reference has other names too. What it holds is
        read as a label, as the service's own endpoints read it (`touchstone_client.framework_samples`).
Rule 2: a column may hold its value as JSON text, and nulls where other rows have something: tables keep mixed tasks so.
Rule 3: `extras` has the same keys for every task, texts and numbers, never None: frameworks take the columns of the
        first sample for those of all.
"""

import json
from collections.abc import Mapping
from typing import Any

from touchstone_client import JudgeStatus, framework_samples
from touchstone_trainer.rewards import CLIENT, Reference, Sample, Scored

REFERENCE_COLUMNS = ("reference", "answer", "solution", "ground_truth", "expected_answer", "label", "tests")
"""In this order."""
TEXTS = ("question", "task", "group", "rule", "protocol", "reasoning")
STRUCTURES = ("options", "rubric")
COLUMNS = frozenset({*REFERENCE_COLUMNS, *TEXTS, *STRUCTURES})


def sample_of(response: str, row: Mapping[str, Any], *, question: str | None = None) -> Sample:
    """The sample of one response, from the columns of its row; `question` where the row has none."""
    fields = _label(row) | {name: row[name] for name in (*TEXTS, *STRUCTURES) if row.get(name) is not None}
    given: dict[str, Any] = {name: str(fields[name]) for name in TEXTS if fields.get(name) is not None}
    given |= {name: _structure(fields[name]) for name in STRUCTURES if fields.get(name) is not None}
    if question is not None:
        given.setdefault("question", question)
    return Sample(response, reference=_reference(fields.get("reference")), **given)


def text_of(message: Any) -> str:
    """The text of a response: as it stands, or of the last of a list of messages."""
    if isinstance(message, Mapping):
        return framework_samples.text_of(message.get("content"))
    if message is None or isinstance(message, str):
        return message or ""
    return text_of(message[-1]) if len(message) else ""


def question_of(prompt: Any) -> str | None:
    """What was asked: the prompt as text, or what the user said last."""
    return framework_samples.question_of(plain(prompt))


def no_response(reason: str) -> Scored:
    """What becomes of a sample whose response cannot be told from its prompt."""
    return Scored(None, CLIENT, "no_response", reason, task="", status=JudgeStatus.UNSCORED)


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


def _label(row: Mapping[str, Any]) -> dict[str, Any]:
    for name in REFERENCE_COLUMNS:
        if (value := _without_nulls(row.get(name))) is not None:
            return framework_samples.from_label({"tests": value} if name == "tests" else value)
    return {}


def _reference(value: Any) -> Reference | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return tuple(value)
    return json.dumps(value, ensure_ascii=False)


def _structure(value: Any) -> Any:
    return _without_nulls(json.loads(value) if isinstance(value, str) else value)


def _without_nulls(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, Mapping):
        return {key: _without_nulls(part) for key, part in value.items() if part is not None}
    return [_without_nulls(part) for part in value] if isinstance(value, list | tuple) else value
