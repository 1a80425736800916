"""Programs: found in the response, run in a sandbox against tests, compared outside of it.

    response --find--> program --engine--> what it did --expectations--> passed, wrong, error, timeout, ...

Rule 1: nothing runs unconfined: without a sandbox the item is undecidable and says what to install or allow.
Rule 2: what the program does wrong is its own fault (incorrect); unfit tests and a broken sandbox are ours
        (undecidable).
Rule 3: a run decides, so no opinion may rescue a program that failed: the verdict carries no answer for a second
        look; the program stands in its details.

What the sandbox covers and what it does not: `engines.embedded`. Choosing another one: `engines.configure`.
"""

from collections.abc import Mapping
from typing import Any

from verifiers.code_run import execution, options, program, test_forms
from verifiers.code_run.engines import Configuration, EngineFailure, Level, configuration, configure, current
from verifiers.code_run.grading import MAX_EXCERPTS, Grading, OutOfTime, Report, Result
from verifiers.code_run.options import BadOptions, Reward, Settings
from verifiers.hooks import WorkLimits
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

__all__ = [
    "DESCRIPTION",
    "VERSION",
    "Configuration",
    "Level",
    "check_options",
    "configure",
    "readable",
    "verify",
    "work_limits",
]

WORKER_CPU_S = 8.0
WORKER_MEMORY_MB = 1024
"""For comparing outputs of many tests; the program's own limits are the sandbox's."""
MARGIN_S = 4.0
VERSION = "1"
DESCRIPTION = "Programs in Python, C++ or JavaScript, run in a sandbox against tests."


def check_options(given: Mapping[str, object]) -> str | None:
    """None when the options are usable, else what to fix."""
    try:
        settings = options.read(given)
        if settings.tests is not None:
            test_forms.read(settings.tests, settings.entry_point)
    except BadOptions as bad:
        return str(bad)
    return None


def readable(reference: str) -> bool:
    """Whether the reference holds tests. One that leaves the function's name to the options counts, and so does an
    empty one, which leaves them all to the options.
    """
    if not reference.strip():
        return True
    try:
        test_forms.read(reference, "entry")
    except BadOptions:
        return False
    return True


def work_limits(problem: Problem) -> WorkLimits:
    """Longer than the sandbox's own limits, which are to stop a slow program before the pool stops its worker."""
    return WorkLimits(WORKER_CPU_S, configuration().item_wall_s + MARGIN_S, WORKER_MEMORY_MB)


def verify(problem: Problem) -> Verdict:
    """The verdict by running the program. Takes as long as the engine's configuration lets one item take."""
    if execution.asked_for(problem.options):
        return execution.executed(problem, current())
    try:
        settings = options.read(problem.options)
        tests = _tests(settings, problem.references)
    except BadOptions as bad:
        return Verdict(Outcome.UNDECIDABLE, "unread_tests", str(bad))
    source = problem.response
    if not settings.response_is_program:
        found = program.find(problem.response, settings.language, settings.entry_point or _asked_for(tests))
        if found is None:
            return Verdict(Outcome.UNREADABLE, "no_program", f"no complete {settings.language} program in the response")
        source = found
    try:
        engine = current()
        grading = Grading(engine, settings, source, configuration().item_wall_s)
        reports = grading.grade(tests)
    except BadOptions as bad:
        return Verdict(Outcome.UNDECIDABLE, "unfit_tests", str(bad))
    except OutOfTime as late:
        return Verdict(Outcome.UNDECIDABLE, "out_of_time", str(late))
    except EngineFailure as failure:
        return Verdict(Outcome.UNDECIDABLE, "no_sandbox", str(failure))
    return _concluded(settings, reports, _details(settings, reports, source, engine.name))


def _tests(settings: Settings, references: tuple[str, ...]) -> tuple[test_forms.Test, ...]:
    """From the options, else from all references together: several lines of asserts are several tests."""
    if settings.tests is not None:
        return test_forms.read(settings.tests, settings.entry_point)
    if not any(reference.strip() for reference in references):
        raise BadOptions("there are no tests: give them in options.tests or, as JSON or assert lines, as reference")
    return tuple(test for one in references for test in test_forms.read(one, settings.entry_point))


def _asked_for(tests: tuple[test_forms.Test, ...]) -> str | None:
    """The function that the tests call, where they say so."""
    names = {test.entry for test in tests if isinstance(test, (test_forms.CallTest, test_forms.AssertTest))}
    return names.pop() if len(names) == 1 else None


def _details(settings: Settings, reports: list[Report], source: str, engine: str) -> dict[str, Any]:
    passed = sum(report.result is Result.PASSED for report in reports)
    shown = 0
    pages = []
    for report in reports:
        full = shown < MAX_EXCERPTS
        pages.append(report.plain(full=full))
        shown += bool(report.why or report.got)
    return {
        "language": str(settings.language),
        "engine": engine,
        "passed": passed,
        "total": len(reports),
        "fraction": passed / len(reports),
        "tests": pages,
        "program": source,
    }


def _concluded(settings: Settings, reports: list[Report], details: dict[str, Any]) -> Verdict:
    passed, total = details["passed"], details["total"]
    credit = details["fraction"] if settings.reward is Reward.FRACTION else None
    if passed == total:
        return Verdict(Outcome.CORRECT, "tests", f"passed all {total} tests", credit=credit, details=details)
    first = next(number for number, report in enumerate(reports) if report.result is not Result.PASSED)
    why = f": {reports[first].why}" if reports[first].why else ""
    reason = f"test {first + 1} of {total}: {reports[first].result}{why}"
    return Verdict(Outcome.INCORRECT, "tests", reason, credit=credit, details=details)
