"""What frameworks hand over, as samples."""

from typing import Any

import pytest

from touchstone_client import JudgeStatus
from touchstone_trainer.adapters import rows
from touchstone_trainer.rewards import Sample, Scored


class Column:
    """As numpy's arrays and scalars."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def tolist(self) -> Any:
        return self.value


@pytest.mark.parametrize(
    ("row", "reference"),
    [
        ({"answer": "4"}, "4"),
        ({"reference": "4", "answer": "5"}, "4"),
        ({"ground_truth": 4}, "4"),
        ({"solution": ["1/2", "0.5"]}, ("1/2", "0.5")),
        ({"answer": Column(["1/2", "0.5"])}, ("1/2", "0.5")),
        ({"label": {"inputs": ["1"], "outputs": ["2"], "fn_name": None}}, '{"inputs": ["1"], "outputs": ["2"]}'),
        ({"answer": None}, None),
    ],
)
def test_references_come_under_many_names_and_in_many_shapes(row: dict[str, Any], reference: Any) -> None:
    """Text stays, several answers stay several, numbers and structures become text."""
    assert rows.sample_of("r", row).reference == reference


def test_columns_of_mixed_tasks_become_fields() -> None:
    """Structures may be JSON text, and the nulls of a table's other rows are gone."""
    row = {
        "task": "code",
        "options": '{"entry": "f", "timeout_s": null}',
        "rubric": [{"text": "Short.", "weight": 1.0, "kind": None}],
        "rule": None,
        "unknown": 1,
    }
    assert rows.sample_of("r", row, question="q") == Sample(
        "r", question="q", task="code", options={"entry": "f"}, rubric=[{"text": "Short.", "weight": 1.0}]
    )


def test_row_knows_its_question_better_than_the_prompt() -> None:
    """A question column wins over the rendered prompt."""
    assert rows.sample_of("r", {"question": "2+2?"}, question="<|user|>2+2?").question == "2+2?"


@pytest.mark.parametrize("label", ['{"reference": "B", "task": "choice"}', {"reference": "B", "task": "choice"}])
def test_labels_may_be_whole_items(label: Any) -> None:
    """As for the service's own endpoints; columns of the row win."""
    assert rows.sample_of("r", {"label": label}) == Sample("r", reference="B", task="choice")
    assert rows.sample_of("r", {"label": label, "task": "exact"}).task == "exact"


def test_json_may_itself_be_the_reference() -> None:
    """Only an object made of an item's fields is taken for one."""
    assert rows.sample_of("r", {"answer": '{"city": "Rome"}'}).reference == '{"city": "Rome"}'


def test_tests_make_a_program() -> None:
    """A column of tests, as in a label."""
    sample = rows.sample_of("r", {"tests": [{"stdin": "1", "stdout": "2", "timeout": None}]})
    assert (sample.task, sample.reference) == ("code", '[{"stdin": "1", "stdout": "2"}]')


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("plain", "plain"),
        ([{"role": "assistant", "content": "said"}], "said"),
        ([{"role": "assistant", "content": None, "tool_calls": []}], ""),
        ([{"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "image"}]}], "a"),
        ([], ""),
        (None, ""),
    ],
)
def test_text_of_messages(message: Any, text: str) -> None:
    """The response is the last message's text."""
    assert rows.text_of(message) == text


def test_question_is_what_the_user_asked_last() -> None:
    """Neither the system's message nor the begun answer."""
    chat = [("system", "Be brief."), ("user", "2+2?"), ("assistant", "<think>")]
    assert rows.question_of([{"role": role, "content": text} for role, text in chat]) == "2+2?"
    assert rows.question_of("2+2?") == "2+2?"
    assert rows.question_of(None) is None


def test_extras_have_the_same_keys_for_every_task_and_never_none() -> None:
    """Frameworks take the first sample's columns for those of all."""
    kinds = [
        Scored(1.0, "rules", "number", "", "math", JudgeStatus.SCORED),
        Scored(None, "client", "Unreachable", "", "open", JudgeStatus.UNSCORED, components={"judge": 0.5}),
    ]
    first, second = map(rows.extras, kinds)
    assert first.keys() == second.keys()
    assert (first["scored"], second["scored"]) == (1.0, 0.0)
    assert all(isinstance(value, float | str) for value in [*first.values(), *second.values()])
    assert set(rows.numbers(kinds[0])) == {"scored", "rescued", "cached"}
