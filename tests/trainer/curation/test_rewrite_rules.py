"""Rewriting by rules alone, checked by a real service over HTTP. The behaviour is in tests/cases/rewrite.json."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.live import LiveService
from touchstone_client import Client
from touchstone_trainer.curation.rewriting.rewriter import Rewriter
from touchstone_trainer.curation.rows import Found, Place
from touchstone_trainer.curation.stage import Done

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "cases" / "rewrite.json").read_text())
EXPECTATIONS = ("from", "outcome", "reason", "becomes", "new_reference", "new_task")


def found(rows: list[dict[str, Any]]) -> list[Found]:
    return [Found(at, Place("cases", at + 1), row) for at, row in enumerate(rows)]


@pytest.fixture(scope="module")
def done(service: LiveService) -> Done:
    """All cases as one chunk."""
    rows = [{name: value for name, value in case.items() if name not in EXPECTATIONS} for case in CASES]
    with Client(service.url) as client:
        return Rewriter(client)(found(rows))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(case: dict[str, Any], done: Done) -> None:
    """Each case ends as its line says: kept, rewritten into what, or dropped and why."""
    (row,) = [row for rows in done.rows.values() for row in rows if row["id"] == case["id"]]
    assert (row["rewrite"], row["rewrite_reason"]) == (case["outcome"], case["reason"])
    given = {"becomes": row["question"], "new_reference": row["reference"], "new_task": row.get("task")}
    for name, value in given.items():
        assert name not in case or value == case[name]
