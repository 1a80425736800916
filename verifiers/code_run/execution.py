"""A run without tests, for callers that judge by themselves (`POST /run_code` and the like).

Rule 1: never a verdict: what happened stands in the details, the outcome is always undecidable.
Rule 2: the option that asks for it is not among an item's options; only the service itself sets it.
"""

from collections.abc import Mapping
from typing import Any, Final

from verifiers.code_run.engines import Engine, EngineFailure, Execution, Job, Language, Limits
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

EXECUTE: Final = "execute"
"""Holds the language, stdin and limits; the response is the program."""


def options(
    language: Language, *, stdin: str, run_s: float, build_s: float, memory_mb: int
) -> dict[str, dict[str, Any]]:
    """The options of a problem whose response shall only be run. `run_s` is by the wall clock, as callers mean it."""
    return {
        EXECUTE: {
            "language": str(language),
            "stdin": stdin,
            "run_s": run_s,
            "build_s": build_s,
            "memory_mb": memory_mb,
        }
    }


def asked_for(given: Mapping[str, Any]) -> bool:
    """Whether this problem is only to be run."""
    return EXECUTE in given


def executed(problem: Problem, engine: Engine) -> Verdict:
    """What happened, in the details."""
    asked = problem.options[EXECUTE]
    limits = Limits(asked["run_s"], asked["run_s"], asked["memory_mb"], build_s=asked["build_s"])
    try:
        ran = engine.run(Job(Language(asked["language"]), problem.response, asked["stdin"]), limits)
    except EngineFailure as failure:
        return Verdict(Outcome.UNDECIDABLE, "no_sandbox", str(failure))
    return Verdict(Outcome.UNDECIDABLE, "executed", "run without tests", details=_plain(ran))


def _plain(ran: Execution) -> dict[str, Any]:
    return {
        "status": str(ran.status),
        "exit_code": ran.exit_code,
        "stdout": ran.stdout,
        "stderr": ran.stderr,
        "cpu_s": ran.cpu_s,
        "wall_s": ran.wall_s,
        "build_log": ran.build_log,
    }
