"""The routing cases, and what holds whatever is chosen from."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from verifiers import choice, exact_text, grid, hooks, instructions, json_answer, math_answer, routing, span, tool_calls
from verifiers.problem import Problem
from verifiers.registry import Verifier
from verifiers.verdict import Outcome, Verdict

from .task_cases import check, check_collection, load, problem

PARAMS = load("routing")
CASES: list[dict[str, Any]] = [param.values[0] for param in PARAMS]
TASKS: dict[str, Verifier] = {
    "math": math_answer,
    "choice": choice,
    "exact_text": exact_text,
    "span": span,
    "grid": grid,
    "json": json_answer,
    "instructions": instructions,
    "tools": tool_calls,
}
AUTO: Verifier = routing.over(TASKS)


@pytest.mark.parametrize("case", PARAMS)
def test_case_has_its_task_and_outcome(case: dict[str, Any]) -> None:
    """Each case goes to the task that it names and ends in an outcome that it allows."""
    check(AUTO, case)
    assert (AUTO.verify(problem(case)).details or {}).get("task") == case.get("task")


def test_cases_are_well_formed() -> None:
    """Ids are unique, keys known, outcomes real, and the near misses many."""
    check_collection("routing", 50)


def test_the_response_has_no_say() -> None:
    """Whatever the responses of the cases say, the task stays the one that the reference asks for."""
    router = routing.over(TASKS)
    responses = [case["response"] for case in CASES]
    for case in CASES:
        asked = problem(case)
        rows = {
            router.choose(Problem(response, asked.references, asked.question, asked.options)) for response in responses
        }
        assert len(rows) == 1, case["id"]


def test_every_row_of_a_known_task_is_reached() -> None:
    """No row of the table stands behind another that takes all of its items."""
    router = routing.over(TASKS)
    reached = {row.task for case in CASES if (row := router.choose(problem(case))) is not None}
    assert reached >= {"math", "choice", "exact_text", "grid", "json", "instructions", "tools"}


@pytest.mark.parametrize(
    ("task", "reference", "options"),
    [
        ("code", '[{"input": "1\\n", "output": "2\\n"}]', {}),
        ("code", '{"inputs": ["1"], "outputs": ["2"]}', {}),
        ("code", '[{"fn_name": "f", "args": [1], "expected": 2}]', {}),
        ("code", '["assert f(1) == 2", "assert f(2) == 3"]', {}),
        ("code", "assert f(1) == 2\nassert f(2) == 3", {}),
        ("code", "def check(candidate):\n    assert candidate(1) == 2", {}),
        ("code", "42", {"language": "python", "tests": ["assert f(1) == 2"]}),
        ("json", '{"input": "a", "result": "b"}', {}),
        ("stem", "2H2 + O2 -> 2H2O", {}),
        ("math", "x \\to \\infty", {}),
        ("list", '["red", "green"]', {}),
        ("list", "red, green", {"ordered": True}),
        ("exact_text", "red, green", {}),
        ("exact_text", "red", {"level": "characters"}),
    ],
)
def test_shapes_of_the_other_tasks(task: str, reference: str, options: dict[str, Any]) -> None:
    """Tests of programs, reactions and lists go to their tasks; what looks a little like them does not."""
    chosen = routing.over({name: Offered(name) for name in ("code", "json", "stem", "math", "list", "exact_text")})
    row = chosen.choose(Problem("", (reference,), None, options))
    assert row is not None
    assert row.task == task


class Offered:
    """A task that takes its own options: only what routing asks of one that it does not run."""

    VERSION = "1"
    DESCRIPTION = "Offered."
    TAKES: ClassVar[dict[str, set[str]]] = {
        "code": {"language", "tests"},
        "list": {"ordered"},
        "exact_text": {"level"},
    }

    def __init__(self, name: str) -> None:
        self.name = name

    def check_options(self, options: Mapping[str, object]) -> str | None:
        return "not mine" if set(options) - self.TAKES.get(self.name, set()) else None

    def readable(self, reference: str) -> bool:
        return bool(reference)

    def quick(self, problem: Problem) -> Verdict | None:
        raise AssertionError(problem)

    def verify(self, problem: Problem) -> Verdict:
        raise AssertionError(problem)

    def last_resort(self, problem: Problem, verdict: Verdict) -> Verdict:
        raise AssertionError(problem, verdict)


def test_verdict_says_what_was_chosen() -> None:
    """The reason and the details name the task."""
    verdict = AUTO.verify(Problem("42", ("42",)))
    assert verdict.reason.startswith("as math (")
    assert verdict.details == {"task": "math"}


def test_quick_look_never_disagrees_with_the_full_one() -> None:
    """What is decided at a glance is what the task would have decided."""
    hasty = [(case, hooks.quick(AUTO, problem(case))) for case in CASES]
    assert any(quick is not None for _, quick in hasty)
    for case, quick in hasty:
        assert quick is None or quick.outcome is AUTO.verify(problem(case)).outcome, case["id"]


def test_a_task_that_is_not_offered_is_not_chosen() -> None:
    """Without the task that the shape asks for, the next row that fits decides, or none."""
    lonely = routing.over({"math": math_answer})
    assert lonely.verify(Problem("x", ('{"instruction_id_list": []}',))).outcome is Outcome.UNDECIDABLE


def test_version_follows_the_tasks() -> None:
    """The cache forgets when any task's version changes."""

    class Raised:
        VERSION = "99"

        def __getattr__(self, name: str) -> Any:
            return getattr(math_answer, name)

    raised: Any = Raised()
    assert routing.over({"math": raised}).VERSION != routing.over({"math": math_answer}).VERSION


def test_options_that_no_task_takes_are_complained_about() -> None:
    """A misspelt option is caught before any work."""
    assert AUTO.check_options({"no_such_option": 1}) is not None
    assert AUTO.check_options({"reward": "cells"}) is None
