"""The wire formats of two sandbox servers that trainers already speak: SandboxFusion's `POST /run_code` and
open-instruct's `POST /test_program` and `POST /test_program_stdio`.

Rule 1: their shapes and their words, our sandbox: a program is never run in this process.
Rule 2: what we could not run is said as their clients understand it: `SandboxError`, or status 503. Tests that cannot
        be used are the caller's to fix: 422.
"""

import math
from typing import Any, Literal

import msgspec
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from app import callers
from app.deps import ServicesDep
from app.errors import Unusable
from app.pool import frames
from app.pool.outcome import JobOutcome, Lost
from app.request_scope import count_items
from app.services import Services
from verifiers.code_run import execution
from verifiers.code_run.engines import Language, Status
from verifiers.code_run.options import DEFAULT_MEMORY_MB, MAX_MEMORY_MB, MAX_TESTS
from verifiers.hooks import WorkLimits
from verifiers.problem import Problem
from verifiers.verdict import Outcome

TASK = "code"
MARGIN_S = 1.5
"""Kept back from a worker's own limit, so that a slow program is stopped by the sandbox and not with its worker."""
UNFIT = ("unread_tests", "unfit_tests")
"""Rules of a verdict that is about the tests and not about us: sent again they would fare no better."""
LANGUAGES = {
    "python": Language.PYTHON,
    "cpp": Language.CPP,
    "nodejs": Language.JAVASCRIPT,
    "javascript": Language.JAVASCRIPT,
}

router = APIRouter(tags=["code"])


class RunCodeRequest(BaseModel):
    """One program to run, as SandboxFusion takes it."""

    code: str = Field(description="The program.")
    language: str = Field(default="python", description="`python`, `cpp` or `nodejs`.")
    stdin: str | None = Field(default=None, description="Its standard input.")
    compile_timeout: float = Field(default=10.0, gt=0, description="Seconds for the compiler.")
    run_timeout: float = Field(default=10.0, gt=0, description="Seconds for the program.")
    memory_limit_MB: int = Field(default=-1, description="MiB for the program; -1 is our default.")  # noqa: N815
    files: dict[str, str | None] = Field(default_factory=dict, description="Not supported: must be empty.")
    fetch_files: list[str] = Field(default_factory=list, description="Not supported: must be empty.")


class CommandResult(BaseModel):
    """What one command did."""

    status: Literal["Finished", "Error", "TimeLimitExceeded"]
    execution_time: float | None = None
    return_code: int | None = None
    stdout: str | None = None
    stderr: str | None = None


class RunCodeResponse(BaseModel):
    """What became of the program, as SandboxFusion says it."""

    status: Literal["Success", "Failed", "SandboxError"]
    message: str = ""
    compile_result: CommandResult | None = None
    run_result: CommandResult | None = None
    executor_pod_name: str | None = None
    files: dict[str, str] = Field(default_factory=dict)


class TestProgramRequest(BaseModel):
    """A Python program and assert lines, as open-instruct sends them."""

    program: str
    tests: list[str] = Field(min_length=1, max_length=MAX_TESTS)
    max_execution_time: float = Field(default=1.0, gt=0, description="CPU seconds for each test.")


class InputOutput(BaseModel):
    """One test by standard input and output."""

    input: str
    output: str


class TestProgramStdioRequest(BaseModel):
    """A Python program and pairs of input and output."""

    program: str
    tests: list[InputOutput] = Field(min_length=1, max_length=MAX_TESTS)
    max_execution_time: float = Field(default=1.0, gt=0, description="CPU seconds for each test.")


class TestProgramResponse(BaseModel):
    """1 or 0 for each test, and the seconds that it took."""

    results: list[int]
    runtimes: list[float]


@router.post("/run_code", summary="Run a program (SandboxFusion's wire format)")
async def run_code(request: RunCodeRequest, services: ServicesDep) -> RunCodeResponse:
    """Compile where needed, run once, and say what happened."""
    language = LANGUAGES.get(request.language)
    if language is None:
        known = ", ".join(LANGUAGES)
        return RunCodeResponse(status="SandboxError", message=f"no {request.language} here; there are {known}")
    if request.files or request.fetch_files:
        return RunCodeResponse(status="SandboxError", message="files and fetch_files are not supported here")
    memory = request.memory_limit_MB if request.memory_limit_MB > 0 else DEFAULT_MEMORY_MB
    most_s = _most_s(services)
    options = execution.options(
        language,
        stdin=request.stdin or "",
        run_s=min(request.run_timeout, most_s),
        build_s=min(request.compile_timeout, most_s),
        memory_mb=min(memory, MAX_MEMORY_MB),
    )
    outcome = await _run(services, Problem(request.code, (), None, options))
    if isinstance(outcome, Lost):
        return RunCodeResponse(status="SandboxError", message=outcome.detail)
    if outcome.verdict.details is None:
        return RunCodeResponse(status="SandboxError", message=outcome.verdict.reason)
    return _told(outcome.verdict.details)


@router.post("/test_program", summary="Test a program by assert lines (open-instruct's wire format)")
async def test_program(request: TestProgramRequest, services: ServicesDep) -> TestProgramResponse:
    """Every test by itself."""
    return await _test(services, request.program, request.tests, request.max_execution_time)


@router.post("/test_program_stdio", summary="Test a program by input and output (open-instruct's wire format)")
async def test_program_stdio(request: TestProgramStdioRequest, services: ServicesDep) -> TestProgramResponse:
    """Every test by itself."""
    tests = [{"stdin": one.input, "stdout": one.output} for one in request.tests]
    return await _test(services, request.program, tests, request.max_execution_time)


def _most_s(services: Services) -> float:
    wall_s = services.settings.pool.item_wall_s
    return max(wall_s / 2, wall_s - MARGIN_S)


async def _run(services: Services, problem: Problem) -> JobOutcome:
    count_items(1)
    try:
        msgspec.msgpack.encode(problem)
    except UnicodeEncodeError:
        raise Unusable("the request holds text that is not Unicode; remove lone surrogates") from None
    pool = services.settings.pool
    # The pool's own limits, said for the job: programs wait in their own lane.
    limits = WorkLimits(pool.item_cpu_s, pool.item_wall_s, pool.item_memory_mb)
    return await services.pool.submit([frames.Job(TASK, problem, limits)], callers.current().name)[0]


def _told(ran: dict[str, Any] | Any) -> RunCodeResponse:
    if ran["status"] == Status.UNBUILT:
        built = CommandResult(
            status="Error", execution_time=ran["wall_s"], return_code=1, stdout="", stderr=ran["build_log"]
        )
        return RunCodeResponse(status="Failed", compile_result=built)
    if ran["status"] == Status.TIMEOUT:
        result = CommandResult(
            status="TimeLimitExceeded", execution_time=ran["wall_s"], stdout=ran["stdout"], stderr=ran["stderr"]
        )
        return RunCodeResponse(status="Failed", run_result=result)
    result = CommandResult(
        status="Finished",
        execution_time=ran["wall_s"],
        return_code=ran["exit_code"],
        stdout=ran["stdout"],
        stderr=ran["stderr"],
    )
    return RunCodeResponse(status="Failed" if ran["exit_code"] else "Success", run_result=result)


async def _test(services: Services, program: str, tests: list[Any], timeout_s: float) -> TestProgramResponse:
    options = {
        "tests": tests,
        "reward": "fraction",
        "response_is_program": True,
        "timeout_s": min(timeout_s, math.floor(_most_s(services)) or 1.0),
    }
    outcome = await _run(services, Problem(program, (), None, options))
    if isinstance(outcome, Lost):
        raise HTTPException(503, outcome.detail)
    verdict = outcome.verdict
    if verdict.rule in UNFIT:
        raise Unusable(verdict.reason)
    if verdict.outcome is Outcome.UNDECIDABLE or verdict.details is None:
        # Their clients know no third answer; an error is at least not a wrong program.
        raise HTTPException(503, verdict.reason)
    pages = verdict.details["tests"]
    return TestProgramResponse(
        results=[int(page["result"] == "passed") for page in pages], runtimes=[page["seconds"] for page in pages]
    )
