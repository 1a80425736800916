"""Verifiers that misbehave on request: the response says how. Named by import path, never in the product's
registry."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from verifiers.hooks import WorkLimits
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from verifiers.registry import Verifier


def _spin_in_c() -> None:
    sum(range(10**12))


def _sleep() -> None:
    time.sleep(3600)


def _eat_memory() -> None:
    hoard = []
    while True:
        hoard.append(bytes(1 << 20))  # not touched: on a busy machine filling it takes longer than the CPU limit


def _segfault() -> None:
    ctypes.string_at(0)


def _abort() -> None:
    os.abort()


def _exit() -> None:
    sys.exit(3)


def _exit_now() -> None:
    os._exit(3)


def _raise() -> None:
    raise ValueError("secret text of the user")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


FAULTS: Mapping[str, Callable[[], None]] = {
    "abort": _abort,
    "die": _die,
    "exit": _exit,
    "exit-now": _exit_now,
    "memory": _eat_memory,
    "raise": _raise,
    "segfault": _segfault,
    "sleep": _sleep,
    "spin": _spin_in_c,
}


DEATHS = {"once": 1, "twice": 2}


def _verify(problem: Problem) -> Verdict:
    word, _, rest = problem.response.partition(" ")
    if word in FAULTS:
        FAULTS[word]()
    if word == "nap":
        time.sleep(float(rest.split()[0]))
    if word == "work":  # so many seconds of CPU time and so many MiB
        seconds, mib = rest.split()[:2]
        hoard = bytearray(int(mib) << 20)
        ends = time.process_time() + float(seconds)
        while time.process_time() < ends:
            hoard[0] ^= 1
    if word == "count":  # leaves a mark for every time that it really ran
        with Path(rest.split()[0]).open("a", encoding="utf-8") as marks:
            marks.write("x")
    if word in DEATHS:  # dies so many times, then answers
        with Path(rest.split()[0]).open("ab") as marks:
            marks.write(b"x")
            died = marks.tell()
        if died <= DEATHS[word]:
            _die()
    if word == "unknown":
        return Verdict(Outcome.UNDECIDABLE, "none", "no rule applies", rest, (rest, "?"), passed_on=True)
    if word == "partly":
        tests = {"tests": [{"passed": True}, {"passed": False}]}
        credit, _, answer = rest.partition(" ")
        return Verdict(Outcome.INCORRECT, "partly", "one of two", answer or None, credit=float(credit), details=tests)
    answer = problem.response.rpartition(" ")[2]
    outcome = Outcome.CORRECT if answer in problem.references else Outcome.INCORRECT
    return Verdict(outcome, "last_word", f"the last word is {outcome}", answer)


def _last_resort(problem: Problem, verdict: Verdict) -> Verdict:
    _, _, word = problem.response.partition(" choking ")
    if word in FAULTS:
        FAULTS[word]()
    if problem.response == "unknown settled":
        return Verdict(Outcome.CORRECT, "last_resort", "settled at last", verdict.answer)
    return verdict


def _quick(problem: Problem) -> Verdict | None:
    if problem.response in problem.references:
        return Verdict(Outcome.CORRECT, "same_text", "the same text", problem.response)
    return None


def _work_limits(problem: Problem) -> WorkLimits | None:
    """More than the tests' pools allow, to those that ask for it."""
    return WorkLimits(cpu_s=30.0, wall_s=30.0, memory_mb=512) if "patiently" in problem.response else None


def _check_options(options: Mapping[str, object]) -> str | None:
    return None if not options else "takes no options; remove `options`"


_faulty = SimpleNamespace(
    VERSION="1",
    DESCRIPTION="Misbehaves on request.",
    check_options=_check_options,
    readable=lambda reference: reference != "unreadable",
    quick=_quick,
    verify=_verify,
    last_resort=_last_resort,
    work_limits=_work_limits,
)

VERIFIERS: "Mapping[str, Verifier]" = {"faulty": cast("Verifier", _faulty)}
