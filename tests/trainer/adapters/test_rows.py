"""What frameworks hand over, as samples."""

import doctest
from typing import Any

import pytest

from touchstone_client import JudgeStatus
from touchstone_trainer.adapters import openrlhf, rows
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


@pytest.mark.parametrize(
    ("label", "row"),
    [
        ("42", {"reference": "42"}),
        (42, {"reference": 42}),
        (None, {}),
        ('{"reference": "B", "task": "choice"}', {"reference": "B", "task": "choice"}),
        ({"reference": "B", "task": "choice"}, {"reference": "B", "task": "choice"}),
        ('{"a": 1}', {"reference": '{"a": 1}'}),
        ("{1, 2}", {"reference": "{1, 2}"}),
        ("{}", {"reference": "{}"}),
        (Column("42"), {"reference": "42"}),
    ],
)
def test_labels_are_references_or_fields(label: Any, row: dict[str, Any]) -> None:
    """Only an object made of a sample's fields is taken as one: a reference may itself be JSON, or a set."""
    assert rows.labelled(label) == row


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


@pytest.mark.parametrize(
    ("query", "prompt", "response"),
    [
        ("<s>2+2?<a>4</s>", "<s>2+2?<a>", "4"),
        ("2+2?<a>4<|im_end|>\n<|endoftext|>", "x" * 300 + "2+2?<a>", "2+2?<a>4"),
        ("y" * 200 + "<a>4<|eot_id|>", "x" * 300 + "y" * 200 + "<a>", "4"),
        ("PQ 4<｜end▁of▁sentence｜>", "PQ", " 4"),
        ("P<think>a</think> 4", "P", "<think>a</think> 4"),
    ],
)
def test_response_is_cut_out_of_the_query(query: str, prompt: str, response: str) -> None:
    """After the prompt, or after the end of one that lost its beginning; without the end tokens, with the thinking."""
    assert openrlhf.response_in(query, prompt) == response


def test_examples_run() -> None:
    """The docstrings' examples give what they say."""
    assert doctest.testmod(rows).failed == 0
    assert doctest.testmod(openrlhf).failed == 0
