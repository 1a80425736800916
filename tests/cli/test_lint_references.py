"""`touchstone lint-references` as people run it: real files, its table, its findings and its exit status."""

import json
from pathlib import Path
from typing import Any

import pytest

from verifiers import grid, instructions, math_answer, routing, tool_calls
from verifiers.problem import Problem
from verifiers.reference_lint import ADVICE, Kind, lint

from .test_verify import cells, read, touchstone, write


def test_clean_file(tmp_path: Path) -> None:
    """Nothing to fix is exit status 0 and says how many rows were looked at."""
    rows = [{"reference": "42"}, {"reference": ["\\frac{1}{2}", "0.5"], "question": "What is it?", "response": "x"}]
    done = touchstone("lint-references", write(tmp_path / "rows.jsonl", rows))
    assert (done.returncode, done.stdout.strip()) == (0, "2 rows, nothing to fix")


def test_findings_by_kind_and_line(tmp_path: Path) -> None:
    """Each problem is counted under its kind, with its line, and written to --out."""
    rows: list[Any] = [
        {"reference": "42"},
        {"reference": "1,234"},
        {"reference": "It rises because the gas expands when heated"},
        {"reference": ""},
        {"reference": "7", "options": {"no": 1}},
        "not json",
        {"reference": "8 or 9"},
        {"reference": "5 cm"},
        {"reference": "5 cm", "question": "How many cm?"},
        {"reference": "6 or 7"},
    ]
    out = tmp_path / "out.jsonl"
    done = touchstone("lint-references", write(tmp_path / "rows.jsonl", rows), "--out", str(out))
    assert done.returncode == 1
    assert [(finding["line"], finding["kind"]) for finding in read(out)] == [
        (2, "two readings"),
        (3, "sentence"),
        (4, "unreadable"),
        (5, "bad options"),
        (6, "bad row"),
        (7, "alternatives"),
        (8, "unit"),
        (10, "alternatives"),
    ]
    assert cells(done.stdout, "alternatives")[1:3] == ["2", "7, 10"]


def test_standard_streams() -> None:
    """Rows from standard input, findings on standard output, the table beside them."""
    done = touchstone("lint-references", "-", "--out", "-", stdin='\n{"reference": " "}\n')
    assert done.returncode == 1
    assert [json.loads(line)["line"] for line in done.stdout.splitlines()] == [2]
    assert "unreadable" in done.stderr


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("[1]", "object"),
        ('{"response": "x"}', "no reference"),
        ('{"reference": 5}', "text or a list"),
        ('{"reference": []}', "text or a list"),
        ('{"reference": "x", "question": 5}', "question"),
        ('{"reference": "x", "options": []}', "options"),
        ('{"reference": "x", "task": "no-such"}', "no such task"),
    ],
)
def test_bad_rows_say_what_to_fix(tmp_path: Path, row: str, complaint: str) -> None:
    """A row of the wrong shape is a finding of its own and costs its neighbours nothing."""
    out = tmp_path / "out.jsonl"
    file = write(tmp_path / "rows.jsonl", [row, {"reference": "8 or 9"}])
    assert touchstone("lint-references", file, "--out", str(out)).returncode == 1
    first, second = read(out)
    assert (first["kind"], second["kind"]) == ("bad row", "alternatives")
    assert complaint in first["what"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["no-such-file.jsonl"], "cannot read"),
        (["-"], "no rows"),
        (["-", "--task", "no-such"], "the known ones"),
        (["-", "--out", "/no/such/folder/out"], "cannot write"),
    ],
)
def test_wrong_calls(arguments: list[str], complaint: str) -> None:
    """A wrong call is exit status 2 and says what to fix."""
    done = touchstone("lint-references", *arguments, stdin="")
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def kinds(task: str, verifier: Any, reference: str, **more: Any) -> list[Kind]:
    return [finding.kind for finding in lint(task, verifier, Problem("", (reference,), **more))]


def test_structured_references() -> None:
    """Every task's own reference is looked at its own way."""
    assert kinds("grid", grid, '{"House 1": {"Name": "Eric"}}') == []
    assert kinds("grid", grid, "Eric") == [Kind.UNREADABLE]
    assert kinds("tools", tool_calls, '[{"f": {"a": [1, 2]}}]') == []
    assert kinds("tools", tool_calls, '[{"name": "f", "arguments": {"a": 1}}]') == []
    assert kinds("instructions", instructions, '{"instruction_id_list": ["no:such"]}') == [Kind.UNREADABLE]
    assert kinds("instructions", instructions, '{"instruction_id_list": ["punctuation:no_comma"]}') == []


def test_routed_references() -> None:
    """Behind `auto` the task that would be chosen looks; where none fits, that is the finding."""
    router = routing.over({"math": math_answer, "grid": grid})
    assert kinds("auto", router, "42") == []
    assert kinds("auto", router, "8 or 9") == [Kind.ALTERNATIVES]
    assert kinds("auto", router, "the mitochondria of a cell") == [Kind.UNREADABLE]


def test_a_reference_that_does_not_verify_against_itself() -> None:
    """What no response could ever match is found."""

    class Stubborn:
        """Reads everything and accepts nothing: a verifier with a fault."""

        def __getattr__(self, name: str) -> Any:
            return getattr(math_answer, name)

        def verify(self, problem: Problem) -> Any:
            return math_answer.verify(Problem("0", problem.references))

    assert kinds("math", Stubborn(), "42") == [Kind.NOT_ITSELF]


def test_every_kind_has_advice() -> None:
    """No finding goes without what to do."""
    assert set(ADVICE) == set(Kind)
