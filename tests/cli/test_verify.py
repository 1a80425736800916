"""`touchstone verify` as people run it: real files, a real service, its exit status and its tables."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Service, service, status
from tests.scripted_openai import Manners, ScriptedOpenAI, polite

__all__ = ["service"]

GOOD = [
    {"id": "a", "reference": "4", "response": "4", "label": True},
    {"id": "b", "reference": "4", "response": "5", "label": False},
    {"id": "c", "reference": "4", "response": "four", "label": True},
]


def touchstone(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from app.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, input=stdin, check=False)


def write(path: Path, rows: list[Any]) -> str:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def cells(output: str, heading: str) -> list[str]:
    """A table's row, cell by cell."""
    row = next(line for line in output.splitlines() if heading in line)
    return [cell.strip() for cell in row.strip("│").split("│")]


def test_results_and_tables(service: Service, tmp_path: Path) -> None:
    """One result a row, in order, with its id; the table's figures are right and no model is claimed."""
    out = tmp_path / "out.jsonl"
    done = touchstone("verify", write(tmp_path / "in.jsonl", GOOD), "--url", service.url, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert [(row["id"], row["reward"], row["label"]) for row in read(out)] == [
        ("a", 1.0, True),
        ("b", 0.0, False),
        ("c", 0.0, True),
    ]
    # 1 of 2 right answers accepted, no wrong one: 2 of 3 rows judged rightly
    assert cells(done.stdout, "accuracy")[2:] == ["not configured", "66.7%"]
    assert cells(done.stdout, "recall on correct")[3] == "50.0% (1/2)"
    assert cells(done.stdout, "false rewards")[3] == "0.0% (0/1)"
    assert cells(done.stdout, "same_text")[3:] == ["2", "66.7%"]


def test_bad_rows_are_named_and_cost_only_themselves(service: Service, tmp_path: Path) -> None:
    """Rows that cannot be read are reported by line with what to fix; the others are verified all the same."""
    rows = [
        GOOD[0],
        "{not json",
        "",
        {"reference": "4"},
        {"reference": {"a": 1}, "response": "4"},
        {"reference": "4", "response": "4", "label": "yes"},
        ["a", "list"],
        {"id": "no-ref", "reference": None, "response": "4"},
        {"reference": ["4", "5"], "response": "6", "must_reward": False},
    ]
    out = tmp_path / "out.jsonl"
    done = touchstone("verify", write(tmp_path / "in.jsonl", rows), "--url", service.url, "--out", str(out))
    assert done.returncode == 1
    for line, complaint in [(2, "not JSON"), (4, "response: "), (5, "reference: "), (6, "label: "), (7, "object")]:
        assert any(said.startswith(f"line {line}: ") and complaint in said for said in done.stderr.splitlines())
    assert [row["line"] for row in read(out)] == [1, 2, 4, 5, 6, 7, 8, 9]
    assert [row.get("reward") for row in read(out)] == [1.0, None, None, None, None, None, None, 0.0]
    assert read(out)[6]["skipped"] == "no reference"
    assert "1 rows have no reference" in done.stdout
    assert "5 rows were unusable" in done.stdout


def test_standard_input_and_output(service: Service) -> None:
    """With `-` rows come in and results go out through pipes, and nothing else is on standard output."""
    rows = "".join(json.dumps(row) + "\n" for row in GOOD)
    done = touchstone("verify", "-", "--url", service.url, "--out", "-", stdin=rows)
    assert done.returncode == 0
    assert [json.loads(line)["reward"] for line in done.stdout.splitlines()] == [1.0, 0.0, 0.0]
    assert "accuracy" in done.stderr


def test_rows_without_id_are_known_by_their_line(service: Service, tmp_path: Path) -> None:
    """A row without an id gets its line number for one, and the task that the option names."""
    touchstone(
        "verify", write(tmp_path / "in.jsonl", [{"reference": "4", "response": "4"}]), "--url", service.url,
        "--task", "exact", "--recall", "never",
    )  # fmt: skip
    asked = json.loads(service.requests[0][2])
    assert asked["items"][0]["id"] == "1"
    assert asked["items"][0]["task"] == "exact"
    assert (asked["recall"], asked["opinions"]) == ("never", False)


def test_model_column(service: Service, tmp_path: Path) -> None:
    """Where the service has a model, its own verdicts stand beside the rules' and the layered ones."""
    decided = {"decided_by": {"stage": "model", "name": "m"}, "reason": "r", "task": "math"}

    def report(outcome: str) -> dict[str, str]:
        return {"outcome": outcome, "name": "x", "reason": "r"}

    results = [
        # rules miss a right answer, the model rescues it
        {**decided, "outcome": "correct", "reward": 1, "rules": report("incorrect"), "model": report("correct")},
        # the model would have paid for a wrong answer that the rules knew nothing about
        {**decided, "outcome": "correct", "reward": 1, "rules": report("undecidable"), "model": report("correct")},
        # the model failed
        {
            **decided,
            "outcome": "undecidable",
            "reward": None,
            "rules": report("incorrect"),
            "model": report("undecidable"),
        },
    ]
    service.always = status(200, json.dumps({"results": results, "model": "m", "elapsed_ms": 1}).encode())
    rows = [{"reference": "4", "response": "x", "label": label} for label in (True, False, True)]
    done = touchstone("verify", write(tmp_path / "in.jsonl", rows), "--url", service.url)
    assert cells(done.stdout, "accuracy") == ["accuracy", "33.3%", "33.3%", "33.3%"]
    assert cells(done.stdout, "recall on correct")[1:] == ["0.0% (0/2)", "50.0% (1/2)", "50.0% (1/2)"]
    assert cells(done.stdout, "false rewards")[1:] == ["0.0% (0/1)", "100.0% (1/1)", "100.0% (1/1)"]
    assert cells(done.stdout, "undecided")[1:] == ["33.3% (1/3)", "33.3% (1/3)", "33.3% (1/3)"]


def test_results_that_cannot_be_written_are_refused_before_the_work(service: Service, tmp_path: Path) -> None:
    """A folder that is not there is exit status 2, and nothing was asked of the service."""
    out = tmp_path / "missing" / "out.jsonl"
    done = touchstone("verify", write(tmp_path / "in.jsonl", GOOD), "--url", service.url, "--out", str(out))
    assert done.returncode == 2
    assert f"cannot write {out}" in done.stderr
    assert not service.requests


def test_no_service(tmp_path: Path) -> None:
    """A service that is not there is exit status 3, with its address and without a traceback."""
    done = touchstone("verify", write(tmp_path / "in.jsonl", GOOD), "--url", "http://127.0.0.1:1")
    assert done.returncode == 3
    assert "http://127.0.0.1:1 gave no answer" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["no-such-file.jsonl"], "cannot read"),
        (["-", "--url", "localhost:8080"], "http://host:port"),
        (["-", "--model", "http://localhost:1/v1"], "--local"),
        (["-", "--local", "--url", "http://localhost:1"], "exclude"),
        (["-", "--local", "--model", "gpt"], "vllm:NAME"),
        (["-", "--recall", "sometimes"], "sometimes"),
    ],
)
def test_wrong_calls(arguments: list[str], complaint: str) -> None:
    """A call that cannot work is exit status 2 with what to fix."""
    done = touchstone("verify", *arguments, stdin=json.dumps(GOOD[0]))
    assert done.returncode == 2, done.stderr
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_empty_file(tmp_path: Path) -> None:
    """A file without rows is a mistake worth a word."""
    done = touchstone("verify", write(tmp_path / "in.jsonl", [""]))
    assert (done.returncode, "has no rows" in done.stderr) == (2, True)


def test_local_needs_no_service(tmp_path: Path) -> None:
    """With `--local` the real application runs in the command itself."""
    rows = [
        {"id": "half", "reference": "\\frac{1}{2}", "response": "It is \\boxed{0.5}.", "label": True},
        {"id": "two", "reference": "\\frac{1}{2}", "response": "It is \\boxed{2}.", "label": False},
    ]
    out = tmp_path / "out.jsonl"
    done = touchstone("verify", write(tmp_path / "in.jsonl", rows), "--local", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert [row["reward"] for row in read(out)] == [1.0, 0.0]
    assert cells(done.stdout, "accuracy")[1:] == ["100.0%", "not configured", "100.0%"]


def test_asking_for_a_model_that_is_not_there(tmp_path: Path) -> None:
    """`--recall always` without a model is refused with what to configure."""
    done = touchstone("verify", write(tmp_path / "in.jsonl", GOOD), "--local", "--recall", "always")
    assert done.returncode == 2
    assert "model" in done.stderr


def test_local_with_a_running_model(tmp_path: Path) -> None:
    """`--local --model http://…` waits for the model, asks it about every answer and shows its column."""
    rows = [
        {"id": "rules", "reference": "4", "response": "\\boxed{4}", "label": True},
        {"id": "rescued", "reference": "4", "response": "\\boxed{5}", "label": False},
    ]
    out = tmp_path / "out.jsonl"
    with ScriptedOpenAI(polite(Manners(yes=0.97, no=0.02))) as server:
        arguments = ["--local", "--model", server.url, "--out", str(out)]
        done = touchstone("verify", write(tmp_path / "in.jsonl", rows), *arguments)
    assert done.returncode == 0, done.stderr
    assert [(row["reward"], row["decided_by"]["stage"]) for row in read(out)] == [(1.0, "rules"), (None, "model")]
    # a model that says yes to everything, also to an empty answer, is heard nowhere: the rules alone were right twice
    assert cells(done.stdout, "accuracy")[1:] == ["100.0%", "50.0%", "100.0%"]
