# ruff: noqa: S606 - becoming another program is what this is for
"""From a fresh fork of the slot to the program itself: descriptors, limits, the last filter, then no way back.

Rule 1: the program gets descriptors 0, 1 and 2 and no other (a compiled one also its own sealed file).
Rule 2: what follows `become` never returns to the slot's code.
"""

import fcntl
import json
import os
import resource
import signal
import traceback
from typing import Any, Final, NoReturn

from verifiers.code_run.inside import confine, examination, harness, seccomp

BINARY: Final = f"{confine.WORK}/program"
_SOURCES: Final = {"compile": f"{confine.WORK}/program.cpp", "node": f"{confine.WORK}/program.js"}
_BINARY_FD: Final = 3
EXIT_NOT_STARTED: Final = 120
"""Our own failure before the program's first instruction; what it says goes to its stderr."""
MAX_THREADS: Final = 64
"""Processes and threads of one slot, where the limit can be its own."""
MAX_DESCRIPTORS: Final = 256
STACK_BYTES: Final = 64 << 20
"""Judges give deep recursion room; it counts against the memory limit only as it is used."""
NODE_STACK_BYTES: Final = 8 << 20
"""Each of node's threads takes as much, at once."""
LIBRARY_BYTES: Final = 64 << 20
"""Address space for a compiled program's shared libraries, beside its own memory."""
NODE_BYTES: Final = 256 << 20
"""What node itself writes to before it runs anything (heaps, code, thread stacks)."""
_CPU_SLACK_S: Final = 2
"""The slot kills to the millisecond; the kernel's own limit, in whole seconds, stands behind it."""


def seal(descriptor: int) -> None:
    """Make a memory file unchangeable for everybody, for good."""
    every = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, every)


def become(
    request: dict[str, Any], descriptors: list[int], binary: int | None, base_bytes: int, *, scratch: bool
) -> NoReturn:
    """Turn this process into the requested program."""
    code = EXIT_NOT_STARTED
    try:
        code = _become(request, descriptors, binary, base_bytes, scratch=scratch)
    except BaseException:
        os.write(2, traceback.format_exc().encode(errors="replace"))
    finally:
        os._exit(code)


def _become(
    request: dict[str, Any], descriptors: list[int], binary: int | None, base_bytes: int, *, scratch: bool
) -> int:
    kind = request["kind"]
    payload, stdin, stdout, stderr = descriptors
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    text = _read(payload)
    if scratch and request["stdin_file"]:
        stdin = _stdin_as_file(stdin)
    os.dup2(stdin, 0)
    if kind == "binary":
        assert binary is not None
        os.dup2(binary, _BINARY_FD)
    os.closerange(_BINARY_FD + (kind == "binary"), 65_536)
    if kind in _SOURCES:
        with open(_SOURCES[kind], "xb") as source:
            source.write(text)
    _limit(kind, request["limits"], base_bytes, own_processes=request["own_processes"])
    signal.signal(signal.SIGPIPE, signal.SIG_IGN if kind == "python" else signal.SIG_DFL)
    executed = kind != "python"
    seccomp.install(seccomp.program_filter(os.getpid(), forks=kind == "compile", execs=executed))
    if executed:
        _execute(kind, request)
    return harness.run(json.loads(text), examination.ALL_WAYS)


def _read(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0)


def _stdin_as_file(memory: int) -> int:
    """The input as the file that /dev/stdin leads to; opened anew, so that reading it twice works."""
    with open(confine.STDIN_FILE, "xb") as file:
        file.write(_read(memory))
    return os.open(confine.STDIN_FILE, os.O_RDONLY)


def _limit(kind: str, limits: dict[str, Any], base_bytes: int, *, own_processes: bool) -> None:
    memory = int(limits["memory_mb"]) << 20
    if kind == "node":
        # V8 reserves address space by the gigabyte; what it may write to is what counts.
        _set(resource.RLIMIT_DATA, memory + NODE_BYTES)
    elif kind == "python":
        _set(resource.RLIMIT_AS, memory + base_bytes)
    else:
        _set(resource.RLIMIT_AS, memory + LIBRARY_BYTES)
    _set(resource.RLIMIT_STACK, NODE_STACK_BYTES if kind == "node" else STACK_BYTES)
    _set(resource.RLIMIT_CPU, int(limits["cpu_s"]) + _CPU_SLACK_S)
    _set(resource.RLIMIT_FSIZE, int(limits["file_bytes"]))
    _set(resource.RLIMIT_NOFILE, MAX_DESCRIPTORS)
    _set(resource.RLIMIT_CORE, 0)
    if own_processes:
        _set(resource.RLIMIT_NPROC, MAX_THREADS)


def _set(which: int, wanted: int) -> None:
    most = resource.getrlimit(which)[1]
    value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(which, (value, value))


def _execute(kind: str, request: dict[str, Any]) -> NoReturn:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": confine.WORK}
    environment["TMPDIR"] = confine.SCRATCH
    if kind == "binary":
        os.execve(_BINARY_FD, ["program"], environment)
    tool = request["tool"]
    if kind == "compile":
        os.execve(tool, [tool, *request["arguments"], "-o", BINARY, _SOURCES[kind]], environment)
    heap_mb = int(request["limits"]["memory_mb"])
    os.execve(tool, [tool, f"--max-old-space-size={heap_mb}", _SOURCES[kind]], environment)
