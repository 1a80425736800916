"""The embedded engine: our own sandbox, out of what the kernel offers. Linux only.

What it covers, at level "namespaces":
- Files: sees a small read-only file system with the interpreter's library (and a compiler's, where asked for), no
  /proc, no /sys, no home, no host /tmp, no installed packages; may write 64 MiB and 4,096 files of scratch space in
  memory, emptied after each run.
- Network: an own, empty network namespace; sockets cannot even be made, apart from pairs.
- Processes: an own pid namespace with an own user; no new processes (a compiler may), at most 64 threads; signals
  to itself only; no tracing. After each run everything in the namespace is killed.
- Kernel: a list of some 120 system calls; everything else (mount, unshare, bpf, keyctl, io_uring, userfaultfd,
  ptrace, ...) does not exist. Landlock stands behind the file system, the network and the signals a second time.
- Resources: CPU time, wall time, address space, stack, file sizes, open files, output (1 MiB for each stream).
- Our side: a fresh interpreter with an empty environment and no descriptor of ours; what a program may see is in its
  own process only; the slot that forks it holds no test data of any run.
What it does not cover: faults of the kernel or the processor (gVisor or a virtual machine does; use a container
engine with such a runtime, or a SandboxFusion server behind one); how busy a program keeps the CPU within its limits;
the sum of memory over all slots (limits times workers).

At level "landlock" (namespaces refused, as in many containers): the program can write no file, but can learn names and
sizes of files that its user may look up; the network is closed by the call list; Python only. Root of a container that
may become no other user keeps its uid, without capabilities.
Below that the engine refuses: Unavailable says what to allow.

Rule 1: a slot is given up after a run that had to be killed, after MAX_RUNS, and when it cannot tidy up.
Rule 2: a broken slot is replaced once for a run; the second time it is our failure.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from hashlib import sha256
from typing import TypeVar

from verifiers.code_run.engines.engine import (
    EngineFailure,
    Execution,
    Job,
    Language,
    Limits,
    Status,
    Unavailable,
    status_of,
)
from verifiers.code_run.engines.slot_link import Ended, SlotLink, SlotRefused, Start
from verifiers.code_run.engines.view import Shown, view
from verifiers.code_run.inside.confine import LANDLOCK, METHODS

MAX_RUNS = 500
"""Programs that one slot forks; what they might leave behind in it does not live longer."""
BUILD_CPU_S = 20.0
BUILD_MEMORY_MB = 2_048
"""A compiler on one file, with room for heavy templates; not counted against the program."""
CPP_ARGUMENTS = ("-O2", "-std=c++17", "-w", "-pipe")
T = TypeVar("T")
_KINDS = {Language.PYTHON: "python", Language.CPP: "binary", Language.JAVASCRIPT: "node"}


class Level(StrEnum):
    """How far programs are confined."""

    NAMESPACES = "namespaces"
    LANDLOCK = "landlock"


class EmbeddedEngine:
    """Keeps one slot for each language in use; runs one program at a time."""

    def __init__(
        self,
        minimum_level: Level = Level.LANDLOCK,
        *,
        interpreter: str = sys.executable,
        methods: tuple[str, ...] = METHODS,
    ) -> None:
        self._interpreter = interpreter
        self._minimum = minimum_level
        self._methods = methods
        self._lock = threading.Lock()
        self._slots: dict[Language, SlotLink] = {}
        self._method: str | None = None

    @property
    def name(self) -> str:
        return f"embedded ({self.level()})"

    def level(self) -> Level:
        """The level in force. Raises Unavailable when it is below the minimum."""
        with self._lock:
            method = self._method or self._slot(Language.PYTHON, self._view(Language.PYTHON)).method
        return Level.LANDLOCK if method == LANDLOCK else Level.NAMESPACES

    def slot_pids(self) -> list[int]:
        """The processes that head the slots."""
        return [slot.pid for slot in self._slots.values()]

    def close(self) -> None:
        with self._lock:
            for language in list(self._slots):
                self._slots.pop(language).close()

    def run(self, job: Job, limits: Limits) -> Execution:
        if job.language is Language.CPP:
            return self._tried(job.language, lambda slot, shown: _run_built(slot, shown, job, limits))
        return self._tried(job.language, lambda slot, shown: _execution(slot.run([_start(job, limits, shown)])[0]))

    def converse(self, program: Job, examiner: Job, limits: Limits) -> tuple[Execution, Execution]:
        payloads = [json.dumps(job.harnessed()).encode() for job in (program, examiner)]

        def both(slot: SlotLink, _: Shown) -> tuple[Execution, Execution]:
            to_program, from_examiner = os.pipe2(os.O_CLOEXEC)
            to_examiner, from_program = os.pipe2(os.O_CLOEXEC)
            served = Start("python", payloads[0], limits, stdin_fd=to_program, stdout_fd=from_program)
            examining = Start("python", payloads[1], limits, stdin_fd=to_examiner, stdout_fd=from_examiner)
            one, other = slot.run([served, examining])
            return _execution(one), _execution(other)

        return self._tried(Language.PYTHON, both)

    # Slots

    def _tried(self, language: Language, use: Callable[[SlotLink, Shown], T]) -> T:
        """Once more on a new slot where the first one broke."""
        with self._lock:
            try:
                return self._once(language, use)
            except Unavailable:
                raise
            except EngineFailure:
                return self._once(language, use)

    def _once(self, language: Language, use: Callable[[SlotLink, Shown], T]) -> T:
        shown = self._view(language)
        slot = self._slot(language, shown)
        try:
            return use(slot, shown)
        finally:
            if not slot.fit or slot.runs >= MAX_RUNS:
                self._slots.pop(language).close()

    def _view(self, language: Language) -> Shown:
        return view(language, self._interpreter)

    def _slot(self, language: Language, shown: Shown) -> SlotLink:
        slot = self._slots.get(language)
        if slot is not None and slot.owner == os.getpid():
            return slot
        if slot is not None:
            self._slots.pop(language).close()  # we are a fork of its owner
        self._slots[language] = self._start_slot(shown)
        return self._slots[language]

    def _start_slot(self, shown: Shown) -> SlotLink:
        if sys.platform != "linux":
            raise Unavailable(f"the embedded sandbox needs Linux; choose another engine: {_ALTERNATIVES}")
        reasons = []
        for method in (self._method,) if self._method else self._allowed_methods():
            try:
                slot = SlotLink(method, shown, self._interpreter)
            except SlotRefused as refusal:
                reasons.append(f"{method}: {refusal}")
                continue
            self._method = method
            return slot
        raise Unavailable(
            f"the sandbox cannot be confined to level {self._minimum} here ({'; '.join(reasons)}); allow namespaces "
            f"(run as root with CAP_SYS_ADMIN, or allow unprivileged user namespaces) or a kernel with Landlock, or "
            f"choose another engine: {_ALTERNATIVES}"
        )

    def _allowed_methods(self) -> tuple[str, ...]:
        return tuple(one for one in self._methods if one != LANDLOCK or self._minimum is Level.LANDLOCK)


def _run_built(slot: SlotLink, shown: Shown, job: Job, limits: Limits) -> Execution:
    """A compiled program: built once for its runs, and held by the slot."""
    if slot.method == LANDLOCK:
        raise Unavailable(f"{job.language} needs the sandbox at level namespaces; here it has landlock")
    source = job.source.encode(errors="replace")
    name = sha256(source).hexdigest()
    if slot.binary != name:
        room = Limits(min(BUILD_CPU_S, limits.build_s), limits.build_s, BUILD_MEMORY_MB)
        built = slot.run([Start("compile", source, room, tool=shown.tool, arguments=CPP_ARGUMENTS)])[0]
        if not (built.exit_code == 0 and slot.keep_binary(name)):
            log = _text(built.stderr)
            return Execution(Status.UNBUILT, built.exit_code, "", "", built.cpu_s, built.wall_s, log)
    return _execution(slot.run([Start("binary", b"", limits, stdin=job.stdin.encode(errors="replace"))])[0])


_ALTERNATIVES = "http://HOST:PORT of a SandboxFusion server, or container:docker:IMAGE"


def _start(job: Job, limits: Limits, shown: Shown) -> Start:
    if job.language is Language.PYTHON:
        payload = json.dumps(job.harnessed()).encode()
    else:
        payload = job.source.encode(errors="replace")
    return Start(_KINDS[job.language], payload, limits, stdin=job.stdin.encode(errors="replace"), tool=shown.tool)


def _execution(ended: Ended) -> Execution:
    stderr = _text(ended.stderr)
    status = status_of(ended.cause, ended.exit_code, stderr)
    return Execution(status, ended.exit_code, _text(ended.stdout), stderr, ended.cpu_s, ended.wall_s)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
