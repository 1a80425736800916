"""Runs a program against its tests, one by one, and says what became of each.

Rule 1: expected values never leave this process but for test code, which runs in a confinement of its own.
Rule 2: a test's time is CPU time, so that a busy machine changes no verdict; the wall clock only ends those who
        sleep, and the item as a whole.
Rule 3: when the item's time runs out, it is the program's fault if it has used much of it or idled; else ours.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from verifiers.code_run import expectations
from verifiers.code_run.engines import Engine, Execution, Job, Language, Limits, Status, Way
from verifiers.code_run.inside.plain_data import NotData, decode
from verifiers.code_run.options import BadOptions, Compare, Reward, Settings
from verifiers.code_run.test_forms import AssertTest, CallTest, StdioTest, Test

MIN_ROOM_S: Final = 0.05
"""Less than this left for an item is none."""
WALL_PER_CPU: Final = 2.0
WALL_EXTRA_S: Final = 1.0
"""A test's wall clock allowance: twice its CPU time and a second, for a machine with other work."""
HEAVY_SHARE: Final = 0.5
"""Of the item's time spent as CPU time: the program is slow, whatever else the machine did."""
IDLE_SHARE: Final = 0.1
"""Of its running time spent as CPU time: the program waits for something that does not come."""
EXCERPT_CHARS: Final = 200
MAX_EXCERPTS: Final = 20
_CHECKER_S: Final = 4.0
_CHECKER_MB: Final = 512


class Result(StrEnum):
    """What became of one test."""

    PASSED = "passed"
    WRONG = "wrong"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    UNBUILT = "unbuilt"
    SKIPPED = "skipped"


class OutOfTime(Exception):
    """The item's time ran out, and it was not the program that used it."""


@dataclass(slots=True)
class Report:
    """One test's result, with what a person needs to see."""

    result: Result
    seconds: float = 0.0
    why: str = ""
    got: str = ""

    def plain(self, *, full: bool) -> dict[str, Any]:
        """For the verdict's details."""
        said = {name: text for name, text in (("why", self.why), ("got", self.got)) if full and text}
        return {"result": str(self.result), "seconds": round(self.seconds, 4), **said}


@dataclass(slots=True)
class Grading:
    """One program and its tests. Raises EngineFailure, BadOptions (an unfit test) and OutOfTime."""

    engine: Engine
    settings: Settings
    source: str
    wall_s: float
    reports: list[Report] = field(default_factory=list)
    _ends: float = 0.0
    _cpu_s: float = 0.0
    _last_s: float = 0.0
    _running_s: float = 0.0

    def grade(self, tests: tuple[Test, ...]) -> list[Report]:
        """A report for each test. Where all must pass, the first failure ends it."""
        self._ends = time.monotonic() + self.wall_s
        for test in tests:
            report = self._graded(test)
            self.reports.append(report)
            stopped = report.result in (Result.UNBUILT, Result.SKIPPED) or self._spent()
            if report.result is not Result.PASSED and (self.settings.reward is Reward.PASS or stopped):
                break
        self.reports += [Report(Result.SKIPPED) for _ in tests[len(self.reports) :]]
        return self.reports

    def _spent(self) -> bool:
        return self._ends - time.monotonic() < MIN_ROOM_S

    def _graded(self, test: Test) -> Report:
        if self._spent():
            return self._too_late()
        match test:
            case StdioTest():
                return self._stdio(test)
            case CallTest():
                return self._call(test)
            case AssertTest():
                return self._assert(test)

    # Time

    def _limits(self) -> Limits:
        left = self._ends - time.monotonic()
        cpu_s = min(self.settings.timeout_s, self.wall_s)
        return Limits(cpu_s, min(cpu_s * WALL_PER_CPU + WALL_EXTRA_S, left), self.settings.memory_mb, build_s=left)

    def _count(self, execution: Execution) -> None:
        self._last_s = execution.cpu_s
        self._cpu_s += execution.cpu_s
        self._running_s += execution.wall_s

    def _too_late(self) -> Report:
        """The item's time is over: whose fault?"""
        idle = self._cpu_s < IDLE_SHARE * self._running_s and self._running_s > HEAVY_SHARE * self.wall_s
        if self._cpu_s < HEAVY_SHARE * self.wall_s and not idle:
            raise OutOfTime(
                f"the {self.wall_s:g} s for one item were over before all tests had run, and the program had used "
                f"{self._cpu_s:.1f} s of CPU time: the machine is busy or the tests are too many for one item"
            )
        return Report(Result.TIMEOUT, why=f"all tests together took longer than {self.wall_s:g} s")

    def _failed(self, execution: Execution, limits: Limits) -> Report | None:
        """What went wrong with a run by itself, None when it finished in order."""
        seconds, last_words = execution.cpu_s, _excerpt(execution.stderr.strip().rpartition("\n")[2])
        match execution.status:
            case Status.TIMEOUT:
                if execution.cpu_s < limits.cpu_s and self._spent():
                    return self._too_late()
                return Report(Result.TIMEOUT, seconds, f"used up its {self.settings.timeout_s:g} s")
            case Status.MEMORY:
                return Report(Result.MEMORY, seconds, f"used up its {self.settings.memory_mb} MiB")
            case Status.OUTPUT:
                return Report(Result.OUTPUT, seconds, "wrote too much")
            case Status.UNBUILT:
                if execution.exit_code < 0 and execution.cpu_s < HEAVY_SHARE * execution.wall_s:
                    raise OutOfTime("the compiler was not done in the time for one item: the machine is busy")
                return Report(Result.UNBUILT, seconds, _excerpt(execution.build_log or "the compiler gave up"))
            case Status.FINISHED:
                if execution.exit_code == 0:
                    return None
                return Report(Result.ERROR, seconds, last_words or _how_it_ended(execution.exit_code))

    # The three forms

    def _stdio(self, test: StdioTest) -> Report:
        source = self.source if not self.settings.setup else f"{self.settings.setup}\n{self.source}"
        limits = self._limits()
        execution = self.engine.run(Job(self.settings.language, source, test.stdin), limits)
        self._count(execution)
        if failed := self._failed(execution, limits):
            return failed
        if self.settings.checker is not None:
            right = self._checked(test, execution.stdout)
        else:
            right = expectations.same_text(
                test.expected, execution.stdout, self.settings.compare, self.settings.tolerance
            )
        return self._told(right, execution.cpu_s, execution.stdout)

    def _told(self, right: bool, seconds: float, got: str) -> Report:
        return Report(Result.PASSED, seconds) if right else Report(Result.WRONG, seconds, got=_excerpt(got))

    def _checked(self, test: StdioTest, output: str) -> bool:
        assert self.settings.checker is not None
        answer = self._checker_says(test, output)
        if isinstance(answer, (bool, int, float)):
            return answer is True or (answer is not False and answer >= 1)
        # It may have choked on what the program wrote; one that chokes on the expected output is unfit.
        control = self._checker_says(test, test.expected)
        if isinstance(control, (bool, int, float)):
            return False
        why = control.why if isinstance(control, Report) else f"returned a {type(control).__name__}"
        raise BadOptions(f"the checker failed: {why}; it must define check(input, expected, output) -> bool")

    def _checker_says(self, test: StdioTest, output: str) -> Any:
        assert self.settings.checker is not None
        limits = Limits(_CHECKER_S, max(MIN_ROOM_S, self._ends - time.monotonic()), _CHECKER_MB)
        return self._called(self.settings.checker, "check", (test.stdin, test.expected, output), limits)

    def _call(self, test: CallTest) -> Report:
        limits = self._limits()
        answer = self._called(self.source, test.entry, test.arguments, limits)
        if isinstance(answer, Report):
            return answer
        tolerance = self.settings.tolerance if self.settings.compare is Compare.FLOAT else None
        right = any(expectations.same_value(one, answer, tolerance) for one in test.accepted)
        return self._told(right, self._last_s, _shown(answer))

    def _called(self, source: str, entry: str, arguments: tuple[Any, ...], limits: Limits) -> Any:
        """The value that a function returned, or a Report when it returned none."""
        if self.settings.language is not Language.PYTHON and source is self.source:
            raise BadOptions("tests that call a function are for Python programs; use stdin and stdout tests")
        nonce = secrets.token_hex(16)
        request = {"entry": entry, "arguments": arguments, "nonce": nonce}
        if source is self.source:
            request["setup"] = self.settings.setup
        execution = self.engine.run(Job(Language.PYTHON, source, way=Way.CALL, request=request), limits)
        if source is self.source:
            self._count(execution)
        if failed := self._failed(execution, limits):
            return failed
        said = _behind(nonce, execution.stdout)
        if said is None:
            return Report(Result.ERROR, execution.cpu_s, "ended without a result")
        if "error" in said:
            result = Result.MEMORY if said["error"] == "MemoryError" else Result.ERROR
            return Report(result, execution.cpu_s, _excerpt(str(said["error"])))
        try:
            return decode(said["value"])
        except (NotData, KeyError):
            return Report(Result.ERROR, execution.cpu_s, "returned something that is no plain data")

    def _assert(self, test: AssertTest) -> Report:
        if self.settings.language is not Language.PYTHON:
            raise BadOptions("assert tests are for Python programs; use stdin and stdout tests")
        nonce = secrets.token_hex(16)
        setup = self.settings.setup
        program = Job(Language.PYTHON, self.source, way=Way.SERVE, request={"setup": setup})
        request = {"setup": setup, "entry": test.entry, "nonce": nonce}
        examiner = Job(Language.PYTHON, test.code, way=Way.EXAMINE, request=request)
        limits = self._limits()
        served, examined = self.engine.converse(program, examiner, limits)
        self._count(served)
        verdict = _behind(nonce, examined.stderr)
        if verdict is None:
            return self._no_verdict(served, examined, limits)
        if verdict.get("passed") is True:
            return Report(Result.PASSED, served.cpu_s)
        why = str(verdict.get("why"))
        if verdict.get("unfit"):
            raise BadOptions(f"the test code fails by itself: {_excerpt(why)}")
        if why.startswith("ProgramGone"):
            failed = self._failed(served, limits)
            return failed or Report(Result.ERROR, served.cpu_s, _excerpt(why))
        kind = Result.WRONG if why.startswith("assertion failed") else Result.ERROR
        return Report(Result.MEMORY if why.startswith("MemoryError") else kind, served.cpu_s, _excerpt(why))

    def _no_verdict(self, served: Execution, examined: Execution, limits: Limits) -> Report:
        # Test code that hangs does so on what the program answered: else nobody could pass.
        if served.status is Status.TIMEOUT or examined.status is Status.TIMEOUT:
            timed_out = served if served.status is Status.TIMEOUT else examined
            report = self._failed(timed_out, limits)
            assert report is not None
            return report
        failed = self._failed(served, limits) or self._failed(examined, limits)
        return failed or Report(Result.ERROR, served.cpu_s, "ended without a verdict")


def _behind(nonce: str, text: str) -> Mapping[str, Any] | None:
    """What was said behind the nonce; the last word counts."""
    for line in reversed(text.split("\n")):
        if line.startswith(nonce):
            try:
                said = json.loads(line[len(nonce) :])
            except (ValueError, RecursionError):
                return None
            return said if isinstance(said, dict) else None
    return None


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except (ValueError, RecursionError):  # numbers of thousands of digits
        return f"a {type(value).__name__}"


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT_CHARS else f"{text[: EXCERPT_CHARS - 1]}…"


def _how_it_ended(exit_code: int) -> str:
    return f"ended by signal {-exit_code}" if exit_code < 0 else f"ended with status {exit_code}"
