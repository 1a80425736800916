"""The process that forks workers: it has imported the verifiers once, and holds nothing of the service.

Rule 1: it runs no verifier itself, so it cannot hang and its memory stays clean for the next fork.
Rule 2: only it kills workers, because only it knows which process ids are still theirs.
Rule 3: when the service hangs up, for whatever reason, every worker dies and so does it.

Not multiprocessing's forkserver, which imports the service's main module again in every worker, is one for
the whole process, and keeps a second process beside it to track resources.
"""

import ctypes
import gc
import importlib
import os
import pkgutil
import select
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from app.pool import worker
from verifiers.code_run.engines import Configuration, configure

if TYPE_CHECKING:
    from verifiers.registry import Verifier

COMMAND = struct.Struct("<ci")
"""Fork (the worker's socket rides along) or kill, and a process id."""
FORK, KILL = b"F", b"K"
EVENT = struct.Struct("<cii")
"""Ready, started or exited; a process id; a wait status."""
READY, STARTED, EXITED = b"R", b"S", b"X"
PRELOADED = ("sympy", "latex2sympy2_extended")
"""What verifiers import only when they need it: seconds in a fresh process, nothing after a fork."""
PR_SET_PDEATHSIG = 1
WORKER_NICE = 10
"""A tenth of the server process's share where both want a core: items that hang must not delay others' answers."""


class Config(msgspec.Struct, frozen=True):
    """What the service tells its zygote, as JSON in the arguments."""

    control_fd: int
    registry: str
    cpu_s: float
    memory_bytes: int
    code: Configuration


def _reap(control: socket.socket, children: set[int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        children.discard(pid)
        control.sendall(EVENT.pack(EXITED, pid, status))


def _die_with_parent(parent: int) -> None:
    """Linux only; elsewhere a worker notices when it next reads its socket."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _fork(connection_fd: int, closing: tuple[int, ...], verifiers: Mapping[str, "Verifier"], config: Config) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(connection_fd)
        return pid
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _die_with_parent(parent)
        os.nice(WORKER_NICE)
        for fd in closing:
            os.close(fd)
        with socket.socket(fileno=connection_fd) as connection:
            worker.serve(connection, verifiers, worker.Limits(config.cpu_s, config.memory_bytes))
    finally:
        os._exit(0)


def _serve(control: socket.socket, verifiers: Mapping[str, "Verifier"], config: Config) -> None:
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    os.set_blocking(wake_read, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: set[int] = set()
    control.sendall(EVENT.pack(READY, 0, 0))
    while True:
        ready, _, _ = select.select([control.fileno(), wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 4096)
            _reap(control, children)
        if control.fileno() in ready:
            command, fds, _, _ = socket.recv_fds(control, COMMAND.size, 1)
            if len(command) < COMMAND.size:
                break
            name, pid = COMMAND.unpack(command)
            if name == FORK:
                pid = _fork(fds[0], (control.fileno(), wake_read, wake_write), verifiers, config)
                children.add(pid)
                control.sendall(EVENT.pack(STARTED, pid, 0))
            elif pid in children:
                os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)  # in a container, the one who would inherit a zombie may be the service itself


def main() -> None:
    """Load the verifiers, then fork on demand."""
    config = msgspec.json.decode(sys.argv[1], type=Config)
    # A supervisor's SIGTERM to the whole group must not end work that the service is draining.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    for module in PRELOADED:
        importlib.import_module(module)
    configure(config.code)
    verifiers: Mapping[str, Verifier] = pkgutil.resolve_name(config.registry)
    gc.collect()
    gc.freeze()  # pages that the collector never touches stay shared with every worker
    with socket.socket(fileno=config.control_fd) as control:
        try:
            _serve(control, verifiers, config)
        except OSError:
            return  # the service is gone; the workers die with us


if __name__ == "__main__":
    main()
