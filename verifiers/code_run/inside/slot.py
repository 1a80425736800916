"""The slot: a process that is confined once, then forks one program after the other and cleans up behind each.

    service worker -- one packet socket --> slot (first process of its pid namespace) -- fork --> program

Rule 1: it reads nothing that a program will see or has written: descriptors arrive with the request and go on to
        the program unread, so its memory, which every later program inherits, stays clean.
Rule 2: a run is over when every process in the namespace is dead and the scratch space is empty; if either cannot
        be had, the slot says so and is replaced.
Rule 3: when the other end of the socket closes, for whatever reason, the slot and all in it end.
"""

import contextlib
import gc
import importlib
import json
import math
import os
import resource
import select
import shutil
import signal
import socket
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from verifiers.code_run.inside import confine, kernel, program, seccomp

PACKET_BYTES: Final = 16_384
"""Requests and reports are small: everything large travels through descriptors."""
CHECK_S: Final = 0.02
"""Shortest time between two looks at a running program's CPU clock."""
WARM_MODULES: Final = tuple(
    "abc array ast bisect calendar cmath collections collections.abc contextlib copy dataclasses datetime decimal"
    " enum fractions functools hashlib heapq inspect io itertools json math numbers operator os queue random re"
    " statistics string struct sys textwrap threading time traceback types typing unicodedata warnings".split()
)
"""What programs usually import: loaded here once instead of in each of them."""


@dataclass(slots=True)
class Child:
    """One running program. `cause` says why it was killed, None while it was not."""

    pid: int
    pidfd: int
    started: float
    cpu_s: float
    wall_s: float
    cause: str | None = None
    report: dict[str, Any] | None = None

    def cpu_used(self) -> float:
        """CPU seconds of all its threads (the clock of another process, see clock_getcpuclockid)."""
        try:
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return 0.0  # it has just ended


class Slot:
    """The loop of one slot, in its own confinement."""

    def __init__(self, control: socket.socket, *, namespaces: bool, base_bytes: int) -> None:
        self._control = control
        self._namespaces = namespaces
        self._base_bytes = base_bytes
        self._children: list[Child] = []
        self._binary: int | None = None

    def serve(self) -> None:
        """Take requests until the other end hangs up."""
        while True:
            packet, descriptors, _, _ = socket.recv_fds(self._control, PACKET_BYTES, 4)
            if not packet:
                return
            request = json.loads(packet)
            if request["kind"] == "keep":
                self._send({"kept": self._keep_binary()})
                continue
            self._begin(request, descriptors)
            if request["last"]:
                self._send(self._finish(clean=not request.get("compile")))

    def _send(self, report: dict[str, Any]) -> None:
        self._control.send(json.dumps(report).encode())

    def _begin(self, request: dict[str, Any], descriptors: list[int]) -> None:
        limits = request["limits"]
        pid = os.fork()
        if pid == 0:
            program.become(request, descriptors, self._binary, self._base_bytes, scratch=self._namespaces)
        for descriptor in descriptors:
            os.close(descriptor)
        self._children.append(Child(pid, os.pidfd_open(pid), time.monotonic(), limits["cpu_s"], limits["wall_s"]))

    # A run

    def _finish(self, *, clean: bool) -> dict[str, Any]:
        """Wait for the program started last, within everybody's limits; then leave nothing behind."""
        children, self._children = self._children, []
        before = _reaped_cpu_s()
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        for child in children:
            poller.register(child.pidfd, select.POLLIN)
        try:
            while children[-1].report is None:
                self._wait(children, poller)
        finally:
            self._end(children)
        if len(children) == 1 and children[0].report is not None:
            # With all that it started: a compiler is several programs.
            children[0].report["cpu_s"] = _reaped_cpu_s() - before
        emptied = self._empty_scratch() if clean and self._namespaces else True
        return {"runs": [child.report for child in children], "clean": emptied}

    def _wait(self, children: list[Child], poller: select.poll) -> None:
        running = [child for child in children if child.report is None]
        pause = max(CHECK_S, min(self._room(child) for child in running))
        for descriptor, _ in poller.poll(math.ceil(pause * 1000)):
            if descriptor == self._control.fileno():
                self._hear(running)
            else:
                _collect(next(child for child in children if child.pidfd == descriptor))
                poller.unregister(descriptor)
        for child in running:
            if child.report is None and self._room(child) <= 0:
                self._kill(child)

    def _room(self, child: Child) -> float:
        """Seconds that this program may go on before anybody need look again; 0 when its time is up."""
        wall = child.wall_s - (time.monotonic() - child.started)
        cpu = child.cpu_s - child.cpu_used()
        if child.cause is None and min(wall, cpu) <= 0:
            child.cause = "cpu" if cpu <= 0 else "wall"
        # Several threads use up CPU faster than the clock on the wall runs.
        return min(wall, cpu / 2 if cpu > CHECK_S else cpu)

    def _hear(self, running: list[Child]) -> None:
        """The other end wants the run to stop, or is gone."""
        if not self._control.recv(PACKET_BYTES):
            os._exit(0)
        for child in running:
            child.cause = child.cause or "stopped"
            self._kill(child)

    def _kill(self, child: Child) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)

    def _end(self, children: list[Child]) -> None:
        if self._namespaces:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        for child in children:
            if child.report is None:
                child.cause = child.cause or "over"
                self._kill(child)
                _collect(child)
            os.close(child.pidfd)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)

    # Between runs

    def _empty_scratch(self) -> bool:
        """Whether the scratch space is as it was. What cannot be removed simply ends the slot with it."""
        try:
            for entry in os.scandir(confine.SCRATCH):
                if entry.path == confine.WORK:
                    continue
                _remove(entry)
            for entry in os.scandir(confine.WORK):
                _remove(entry)
        except (OSError, RecursionError):
            return False
        return True

    def _keep_binary(self) -> bool:
        """Hold the compiled program, sealed, so that no run can change it for the next."""
        if self._binary is not None:
            os.close(self._binary)
            self._binary = None
        try:
            built = os.open(program.BINARY, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            self._empty_scratch()
            return False
        try:
            size = os.fstat(built).st_size
            kept = os.memfd_create("program", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            sent = 0
            while sent < size:
                sent += os.sendfile(kept, built, sent, size - sent)
            program.seal(kept)
            self._binary = kept
        finally:
            os.close(built)
        return self._empty_scratch()


def _reaped_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _collect(child: Child) -> None:
    _, status, usage = os.wait4(child.pid, 0)
    child.report = {
        "exit": os.waitstatus_to_exitcode(status),
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": time.monotonic() - child.started,
        "cause": child.cause,
    }


def _remove(entry: "os.DirEntry[str]") -> None:
    if stat.S_ISDIR(entry.stat(follow_symlinks=False).st_mode):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)


def _mapped_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _die_with(parent: int) -> None:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() not in (parent, 0):
        os._exit(0)


def _run_slot(control: socket.socket, method: str, uid: int, view: confine.View, keeper: int) -> None:
    base_bytes = _mapped_bytes()
    # The first process of a pid namespace is deaf to what it has no handler for; Python installs one for this.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    version = confine.confine(method, uid, view)
    _die_with(keeper)  # only now: a change of uid makes the kernel forget it
    if method != confine.LANDLOCK:
        os.chdir(confine.WORK)
    os.environ.clear()
    # Programs shall not find our modules.
    for name in [name for name in sys.modules if name.split(".")[0] == "verifiers"]:
        del sys.modules[name]
    seccomp.prepare()
    gc.collect()
    gc.freeze()
    control.send(json.dumps({"ready": method, "landlock": version}).encode())
    Slot(control, namespaces=method != confine.LANDLOCK, base_bytes=base_bytes).serve()


def main() -> None:
    """Confine by the method in the arguments, say how that went, serve."""
    config = json.loads(sys.argv[1])
    sys.argv[1:] = []
    view = confine.View(tuple(config["shown"]), tuple(config["hidden"]), config["scratch_bytes"])
    for module in WARM_MODULES:
        importlib.import_module(module)
    with socket.socket(fileno=config["control"]) as control:
        try:
            uid = confine.separate(config["method"])
            if config["die_with"]:
                _die_with(config["die_with"])  # forgotten when the uid changed
            keeper = os.getpid()
            pid = os.fork()
            if pid == 0:
                _run_slot(control, config["method"], uid, view, keeper)
                os._exit(0)
        except (OSError, confine.Refused) as error:
            control.send(json.dumps({"refused": str(error)}).encode())
            os._exit(1)
    os.waitpid(pid, 0)
    os._exit(0)
