"""Every task with a right answer, one line each. To add one: write the module, add its line."""

from collections.abc import Mapping
from typing import Protocol

from verifiers import (
    choice,
    code_run,
    exact_text,
    grid,
    instructions,
    json_answer,
    list_answer,
    math_answer,
    routing,
    span,
    stem,
    tool_calls,
)
from verifiers.problem import Problem
from verifiers.verdict import Verdict


class Verifier(Protocol):
    """What a verifier module offers; `verifiers.hooks` lists what it may offer besides. All functions are pure
    and never raise for bad model output.
    """

    @property
    def VERSION(self) -> str:  # noqa: N802 - a module constant
        """Raised whenever a verdict can change: it is part of every cache key."""

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802 - a module constant
        """One line for `GET /v1/tasks`."""

    def check_options(self, options: Mapping[str, object], /) -> str | None:
        """None when the options are usable, else what to fix."""

    def readable(self, reference: str, /) -> bool:
        """Whether this verifier can read the reference at all; decides whom a time-out is blamed on."""

    def verify(self, problem: Problem, /) -> Verdict:
        """The verdict by every bounded rule. Safe in any thread: limits go by size and steps."""


TASKS: Mapping[str, Verifier] = {
    "choice": choice,
    "code": code_run,
    "exact_text": exact_text,
    "grid": grid,
    "instructions": instructions,
    "json": json_answer,
    "list": list_answer,
    "math": math_answer,
    "span": span,
    "stem": stem,
    "tools": tool_calls,
}
VERIFIERS: Mapping[str, Verifier] = {**TASKS, "auto": routing.over(TASKS)}

FINAL = frozenset({"choice", "code", "grid", "instructions", "json", "tools"})
"""Tasks whose rules have the last word: a program that fails its tests, a broken instruction or another letter is wrong
whatever a model says."""


def may_be_rescued(task: str, verdict: Verdict) -> bool:
    """Whether a model may recognise an answer that the rules of the task, or of the one that `auto` chose, refuse."""
    chosen = (verdict.details or {}).get("task", task) if task == "auto" else task
    return chosen not in FINAL
