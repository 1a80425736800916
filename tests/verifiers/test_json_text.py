"""JSON out of a response: what is read, what is refused and why, and hostile texts."""

import pytest

from verifiers import grid, json_answer, tool_calls
from verifiers.json_text import MAX_VALUES, NotJsonError, json_values, last_json, read_json
from verifiers.problem import Problem
from verifiers.verdict import Outcome

LONG = 300_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1,}', "comma before a closing bracket"),
        ("{'a': 1}", "single quotes"),
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ('{"a": 1e999}', "too large"),
        ('{"a": ' + "9" * 401 + "}", "too long"),
        ('{"a": {"b": 1}', "cut off"),
        ('{"a":' * 65 + "[1]" + "}" * 65, "too deeply"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "too deeply"),
        ('{"a": "\\ud800"}', "surrogate"),
        ("nothing here", "no JSON object"),
        ('[{"a": 1}]', "no JSON object"),
    ],
)
def test_refusals_name_the_flaw(text: str, reason: str) -> None:
    """Nothing is repaired, and the reason says what is wrong."""
    with pytest.raises(NotJsonError, match=reason):
        last_json(text)


def test_a_broken_object_hides_its_parts_only() -> None:
    """A good object inside of a broken one is no answer; one behind it is."""
    with pytest.raises(NotJsonError, match="last JSON object"):
        last_json('{"x": {"a": 1}, oops')
    assert last_json('{"x": {"a": 1}, oops} and then {"b": 2}').value == {"b": 2}


def test_a_broken_object_ends_with_its_code_block() -> None:
    """An object that is cut off in one fence does not swallow the next fence."""
    assert last_json('```json\n{"a": {\n```\nAgain:\n```json\n{"b": 2}\n```').value == {"b": 2}


def test_positions_are_those_of_the_text() -> None:
    """A value is found where it stands."""
    text = 'see {"a": [1]} here'
    found = last_json(text)
    assert text[found.start : found.end] == '{"a": [1]}'


def test_a_whole_text_is_one_value() -> None:
    """Nothing may stand beside a reference."""
    assert read_json(' {"a": 1} ') == {"a": 1}
    with pytest.raises(NotJsonError, match="text follows"):
        read_json('{"a": 1} x')


def test_formulas_are_no_objects() -> None:
    """Braces and brackets of LaTeX and of citations are passed over."""
    assert json_values("\\frac{1}{2} \\{x : x > 0\\} x_{1} f[0] $S={a}$") == []


def test_far_too_many_values_are_refused() -> None:
    """A text of nothing but small objects is not read to its end."""
    with pytest.raises(NotJsonError, match="more than"):
        last_json("{} " * (MAX_VALUES + 1))


HOSTILE = [
    *(
        "{",
        "[",
        '{"',
        '{"a":',
        "[[",
        "[{",
        "{'a':",
        '"',
        "\\",
        "```\n",
        "|",
        "|-",
        "<!--",
        "<think>",
        "f(",
        "f(a=",
        "9",
    ),
    *(
        "- f(",
        "<tool_call>",
        '<tool_call>{"',
        "[f(a=1),",
        "f(a=1)\n",
        '{"a":1}',
        "| a | b |\n|---|---|\n",
        "\n",
        " ",
        "-(",
    ),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_texts_end_in_a_verdict(piece: str) -> None:
    """Repeating what opens something without end is read once and never rewarded."""
    response = piece * (LONG // len(piece))
    for task, reference in (
        (grid, '{"House 1": {"Name": "Eric"}}'),
        (json_answer, '{"a": {"b": [1]}}'),
        (tool_calls, '[{"name": "f", "arguments": {"b": 1}}]'),
    ):
        verdict = task.verify(Problem(response, (reference,)))
        assert verdict.outcome in (Outcome.UNREADABLE, Outcome.INCORRECT)
