"""The code verifier's behaviour, kept as data: `tests/cases/code.json`, one test a case.

A case is {"id", "from", "response", "reference" (one or a list), "options", "outcome" (one or the allowed ones),
"credit"?}. Rule 1 of the mathematical cases holds here too: a misjudgement becomes a line there before its fix.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from verifiers import code_run
from verifiers.code_run import Configuration, Level, configure
from verifiers.code_run.engines import EngineFailure, current
from verifiers.problem import Problem
from verifiers.verdict import Outcome

FILE = Path(__file__).parents[1] / "cases" / "code.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
KEYS = {"id", "from", "response", "reference", "options", "outcome"}
TOOLS = {"cpp": "g++", "c++": "g++", "javascript": "node", "js": "node"}


@pytest.fixture(scope="module", autouse=True)
def sandbox() -> Iterator[None]:
    """The embedded engine; time enough for a busy machine."""
    configure(Configuration(minimum_level=Level.NAMESPACES, item_wall_s=30.0))
    try:
        assert current().name
    except EngineFailure as refused:
        pytest.skip(f"no sandbox here: {refused}")
    yield
    configure(Configuration())


def allowed(case: dict[str, Any]) -> set[str]:
    outcome = case["outcome"]
    return {outcome} if isinstance(outcome, str) else set(outcome)


def problem(case: dict[str, Any]) -> Problem:
    reference = case["reference"]
    references = (reference,) if isinstance(reference, str) else tuple(reference)
    return Problem(case["response"], references, None, case["options"])


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome that it allows, with the credit that it names."""
    tool = TOOLS.get(case["options"].get("language", ""))
    if tool is not None and shutil.which(tool, path="/usr/local/bin:/usr/bin") is None:
        pytest.skip(f"needs {tool}")
    verdict = code_run.verify(problem(case))
    assert verdict.outcome in allowed(case), (verdict.rule, verdict.reason, verdict.details)
    assert verdict.credit == case.get("credit")
    assert verdict.answer is None
    json.dumps(verdict.details)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES if case["options"]])
def test_options_are_refused_before_the_run_or_not_at_all(case: dict[str, Any]) -> None:
    """What `check_options` lets through is never undecidable for its options; what it refuses always is."""
    complaint = code_run.check_options(case["options"])
    if complaint is not None:
        assert allowed(case) == {Outcome.UNDECIDABLE}
        assert code_run.verify(problem(case)).reason == complaint


def test_cases_are_well_formed() -> None:
    """Ids are unique, keys known, outcomes real."""
    assert [name for name, count in Counter(case["id"] for case in CASES).items() if count > 1] == []
    for case in CASES:
        assert set(case) - {"credit"} == KEYS, case["id"]
        assert allowed(case) <= set(Outcome), case["id"]


def test_near_misses_are_as_many_as_two_in_five() -> None:
    """The collection cannot be passed by a verifier that says yes too easily."""
    refused = sum("correct" not in allowed(case) for case in CASES)
    assert refused >= 0.4 * len(CASES)
