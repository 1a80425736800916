"""What an engine is: it runs one program, or a program and its examiner, confined, and says what happened.

Rule 1: an engine decides nothing about right or wrong; it reports.
Rule 2: whose fault: what a program does ends in an Execution, what we cannot do in an EngineFailure.

    EngineFailure (ours: try again, then undecidable) > Unavailable (says what to install or allow)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

MAX_OUTPUT_BYTES = 1 << 20
"""Of each output stream; a program that writes more is stopped."""


_NO_MEMORY = ("MemoryError", "std::bad_alloc", "heap out of memory", "Cannot allocate memory")


class Language(StrEnum):
    """What a program may be written in."""

    PYTHON = "python"
    CPP = "cpp"
    JAVASCRIPT = "javascript"


class Way(StrEnum):
    """How a Python program is run; see `inside.harness`. The other languages know only the script."""

    SCRIPT = "script"
    CALL = "call"
    SERVE = "serve"
    EXAMINE = "examine"


class Status(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    UNBUILT = "unbuilt"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. Time is CPU time; `wall_s`, which is larger, ends those who sleep. `build_s` is for the
    compiler, where there is one.
    """

    cpu_s: float
    wall_s: float
    memory_mb: int
    build_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Job:
    """One program, its input, and for the ways beyond the script what they need."""

    language: Language
    source: str
    stdin: str = ""
    way: Way = Way.SCRIPT
    request: Mapping[str, Any] | None = None

    def harnessed(self) -> dict[str, Any]:
        """The request to the harness."""
        return {"way": self.way, "source": self.source, "setup": "", **(self.request or {})}


@dataclass(frozen=True, slots=True)
class Execution:
    """What happened. `exit_code` is negative for a signal; `build_log` is what a compiler said."""

    status: Status
    exit_code: int
    stdout: str
    stderr: str
    cpu_s: float = 0.0
    wall_s: float = 0.0
    build_log: str = ""


class EngineFailure(Exception):
    """The engine could not run the program, through no fault of the program's."""


class Unavailable(EngineFailure):
    """Not to be had here at all; the text says what to install or allow."""


class Engine(Protocol):
    """Runs programs. Calls may come from any thread."""

    @property
    def name(self) -> str:
        """For verdicts and documents."""

    def run(self, job: Job, limits: Limits) -> Execution:
        """One program by itself. Raises EngineFailure."""

    def converse(self, program: Job, examiner: Job, limits: Limits) -> tuple[Execution, Execution]:
        """A program that serves and the examiner that asks it, in separate confinements or processes: what became of
        each. Raises EngineFailure.
        """

    def close(self) -> None:
        """End what it started."""


def status_of(cause: str | None, exit_code: int, stderr: str) -> Status:
    """How a run ended, from why it was killed and what it left behind."""
    if cause in ("cpu", "wall"):
        return Status.TIMEOUT
    if cause == "stopped":
        return Status.OUTPUT
    if exit_code and out_of_memory(stderr):
        return Status.MEMORY
    return Status.FINISHED


def out_of_memory(stderr: str) -> bool:
    """Whether the last words are those of a program without memory."""
    end = stderr[-2_000:]
    return any(
        sign in end for sign in ("MemoryError", "std::bad_alloc", "heap out of memory", "Cannot allocate memory")
    )
