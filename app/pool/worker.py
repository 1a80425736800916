"""The inside of a worker process: read jobs, run each under the kernel's limits, answer each by itself.

Rule 1: limits that stop C code are the kernel's: CPU time by an interval timer whose signal kills, memory by
        the address space limit. A Python signal handler would wait for the C call to return.
Rule 2: the exit status says what happened; the service decides whom to blame.
"""

import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.pool import frames
from verifiers import hooks
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from verifiers.registry import Verifier

EXIT_OUT_OF_MEMORY = 64
"""No memory was left even to say so."""
EXIT_RECYCLED = 65
"""The worker has grown and wants a successor; no job is to blame."""
RECYCLE_SHARE = 0.25
"""Of the memory limit: a worker that holds this much between jobs would leave too little for the next one."""
READ_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use, unless it brings its own."""

    cpu_s: float
    memory_bytes: int


def address_space_bytes() -> int:
    """What this process has mapped; 0 where the kernel does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def run(
    job: frames.Job,
    verifiers: Mapping[str, "Verifier"],
    limits: Limits,
    announce: Callable[[frames.PassedOn], None],
) -> frames.Done:
    """One job under its CPU limit."""
    cpu_s = job.limits.cpu_s if job.limits else limits.cpu_s
    started = time.perf_counter()
    verdict = None
    by_facts = out_of_memory = False
    raised = ""
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        verifier = verifiers[job.task]
        if job.found is None:
            verdict = _explained(verifier, job.problem) if job.explain else verifier.verify(job.problem)
        else:
            verdict, by_facts = hooks.verify_found(verifier, job.problem, job.found)
        if verdict.passed_on:
            announce(frames.PassedOn(verdict, by_facts))
            passed_on, verdict = verdict, None
            verdict = hooks.last_resort(verifier, job.problem, passed_on)
    except MemoryError:
        out_of_memory = True
    except BaseException as error:  # SystemExit in a library must not end the worker unnoticed
        raised = type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return frames.Done(verdict, time.perf_counter() - started, out_of_memory, raised, by_facts)


def _explained(verifier: "Verifier", problem: Problem) -> Verdict:
    """No verdict: a place for the explanation, which has the limits of any job."""
    told = hooks.explain(verifier, problem)
    return Verdict(Outcome.UNDECIDABLE, "explained", "", details=None if told is None else asdict(told))


def _messages(connection: socket.socket) -> Iterator[bytes]:
    buffer = bytearray()
    while data := connection.recv(READ_BYTES):
        buffer += data
        yield from frames.split(buffer)


def _taken_back(connection: socket.socket) -> bool:
    """Whether the service has sent something while a list of jobs is under way: it wants the rest back."""
    return bool(select.select([connection], [], [], 0)[0])


def _work(connection: socket.socket, verifiers: Mapping[str, "Verifier"], limits: Limits, memory: "_Memory") -> None:
    def announce(passed_on: frames.PassedOn) -> None:
        connection.sendall(frames.encode_answer(passed_on))

    for message in _messages(connection):
        jobs = frames.decode_jobs(message)
        if not jobs:
            connection.sendall(frames.encode_answer(frames.Yielded()))
        for job in jobs:
            if job is not jobs[0] and _taken_back(connection):
                break
            memory.allow(job)
            done = run(job, verifiers, limits, announce)
            connection.sendall(frames.encode_answer(done))
            if done.out_of_memory:
                os._exit(EXIT_RECYCLED)
        if memory.grown():
            os._exit(EXIT_RECYCLED)


class _Memory:
    """The address space limit, counted from what this process starts with."""

    def __init__(self, memory_bytes: int) -> None:
        self._start = address_space_bytes()
        self._memory_bytes = memory_bytes
        self._capped = 0

    def allow(self, job: frames.Job) -> None:
        """Set the job's limit. Only the soft one, which the next job may have raised again."""
        cap = job.limits.memory_mb << 20 if job.limits else self._memory_bytes
        if self._start and cap != self._capped:
            # The hard limit stays what it was: a sandbox started from here sets its own.
            resource.setrlimit(resource.RLIMIT_AS, (self._start + cap, resource.getrlimit(resource.RLIMIT_AS)[1]))
            self._capped = cap

    def grown(self) -> bool:
        """Whether a successor should take over."""
        return address_space_bytes() > self._start + int(self._memory_bytes * RECYCLE_SHARE)


def serve(connection: socket.socket, verifiers: Mapping[str, "Verifier"], limits: Limits) -> None:
    """Work until the service hangs up."""
    try:
        _work(connection, verifiers, limits, _Memory(limits.memory_bytes))
    except MemoryError:
        os._exit(EXIT_OUT_OF_MEMORY)
    except OSError:
        return  # the service is gone
