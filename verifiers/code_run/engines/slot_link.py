"""Our end of one slot: start it, give it runs, read what they write, and be rid of it.

Rule 1: the slot and all it runs die with this process: its socket closes, and where the kernel can, a signal says so.
Rule 2: nothing of ours goes along: a fresh interpreter, an empty environment, no descriptor but its socket.
Rule 3: outputs are read here, straight from the program's pipes, and no further than the limit.
"""

import contextlib
import fcntl
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verifiers.code_run.engines.engine import MAX_OUTPUT_BYTES, EngineFailure, Limits
from verifiers.code_run.engines.view import Shown
from verifiers.code_run.inside.program import seal

START_LIMIT_S = 20.0
"""A fresh interpreter and its imports, on a machine that has much else to do."""
GRACE_S = 3.0
"""For the slot to report a run whose time is up, before it counts as broken."""
SCRATCH_BYTES = 64 << 20
PACKET_BYTES = 16_384
_READ_BYTES = 1 << 16
_STDIN_PATH = b"/dev/stdin"
"""A Python program that names it gets its input as a file; for the others that is work for nothing."""

_INSIDE = Path(__file__).parents[1] / "inside"
_BOOT = f"""
import sys, types
for name, folder in (("verifiers", {str(_INSIDE.parents[1])!r}), ("verifiers.code_run", {str(_INSIDE.parent)!r})):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
from verifiers.code_run.inside import slot
slot.main()
"""
# Fixed hashes: the order of a set, and with it a verdict, is the same on every run. One arena: threads would
# otherwise reserve address space that the memory limit counts.
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "MALLOC_ARENA_MAX": "1"}


class SlotRefused(EngineFailure):
    """The slot could not confine itself by this method."""


@dataclass(frozen=True, slots=True)
class Start:
    """One program of a run: what it is, its payload, and its descriptors 0 and 1 where they lead to another program;
    those are closed here once they are handed over, or neither program would see the other hang up.
    """

    kind: str
    payload: bytes
    limits: Limits
    stdin: bytes = b""
    stdin_fd: int | None = None
    stdout_fd: int | None = None
    tool: str | None = None
    arguments: tuple[str, ...] = ()


@dataclass(slots=True)
class Ended:
    """One program of a run: how it ended and what it wrote."""

    exit_code: int
    cause: str | None
    cpu_s: float
    wall_s: float
    stdout: bytes = b""
    stderr: bytes = b""


@dataclass(slots=True, eq=False)
class _Stream:
    """What one pipe has brought so far."""

    data: bytearray = field(default_factory=bytearray)
    over: bool = False


class SlotLink:
    """One slot. Raises SlotRefused when it cannot be confined by `method`. Not for several threads at once."""

    def __init__(self, method: str, shown: Shown, interpreter: str = sys.executable) -> None:
        self.method = method
        self.owner = os.getpid()
        self.runs = 0
        self.binary: str | None = None
        self.fit = True
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            config = {
                "control": theirs.fileno(),
                "method": method,
                # The signal would come when the thread that started us ends, not only the process.
                "die_with": os.getpid() if threading.current_thread() is threading.main_thread() else 0,
                "shown": shown.paths,
                "hidden": shown.hidden,
                "scratch_bytes": SCRATCH_BYTES,
            }
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and text
                [interpreter, "-s", "-S", "-P", "-B", "-c", _BOOT, json.dumps(config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        try:
            hello = self._hear(time.monotonic() + START_LIMIT_S)
        except EngineFailure:
            self.close()
            raise
        if "ready" not in hello:
            self.close()
            raise SlotRefused(str(hello.get("refused")))
        self.landlock = int(hello["landlock"])

    @property
    def pid(self) -> int:
        """The process that heads it."""
        return self._process.pid

    def close(self) -> None:
        """End the slot and all in it. In a process that was forked from its owner's: only let go."""
        self._control.close()
        if self.owner != os.getpid():
            self._process.returncode = 0  # it is not ours to wait for
            return
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()

    def _hear(self, deadline: float) -> dict[str, Any]:
        self._control.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            packet = self._control.recv(PACKET_BYTES)
        except OSError as error:
            self.fit = False
            raise EngineFailure(f"the sandbox did not answer: {error}") from error
        if not packet:
            self.fit = False
            raise EngineFailure("the sandbox ended unexpectedly")
        report: dict[str, Any] = json.loads(packet)
        return report

    def keep_binary(self, name: str) -> bool:
        """Have the slot hold what the last run built; False when it built nothing."""
        self._control.settimeout(GRACE_S)
        self._send({"kind": "keep"}, [])
        kept = bool(self._hear(time.monotonic() + START_LIMIT_S)["kept"])
        self.binary = name if kept else None
        return kept

    def _send(self, request: dict[str, Any], descriptors: list[int]) -> None:
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
        except OSError as error:
            self.fit = False
            raise EngineFailure(f"the sandbox is gone: {error}") from error

    def run(self, starts: list[Start]) -> list[Ended]:
        """Start these programs together and wait for the last of them. Raises EngineFailure."""
        self.runs += 1
        pipes: dict[int, _Stream] = {}
        try:
            try:
                streams = [self._start(start, pipes, last=start is starts[-1]) for start in starts]
            finally:
                for end in (end for start in starts for end in (start.stdin_fd, start.stdout_fd) if end is not None):
                    os.close(end)
            wall_s = max(start.limits.wall_s for start in starts)
            report = self._attend(pipes, time.monotonic() + wall_s + GRACE_S)
        finally:
            for descriptor in pipes:
                os.close(descriptor)
        ended = [
            Ended(run["exit"], run["cause"], run["cpu_s"], run["wall_s"], bytes(out.data), bytes(err.data))
            for run, (out, err) in zip(report["runs"], streams, strict=True)
        ]
        if not report["clean"] or any(one.cause in ("cpu", "wall", "stopped") for one in ended):
            self.fit = False
        return ended

    def _start(self, start: Start, pipes: dict[int, _Stream], *, last: bool) -> tuple[_Stream, _Stream]:
        out, err = _Stream(), _Stream()
        with contextlib.ExitStack() as ours:

            def held(descriptor: int) -> int:
                ours.callback(os.close, descriptor)
                return descriptor

            payload = held(_memory(start.payload))
            stdin = held(_memory(start.stdin)) if start.stdin_fd is None else start.stdin_fd
            stdout = held(_pipe_into(pipes, out)) if start.stdout_fd is None else start.stdout_fd
            stderr = held(_pipe_into(pipes, err))
            limits = {
                "cpu_s": start.limits.cpu_s,
                "wall_s": start.limits.wall_s,
                "memory_mb": start.limits.memory_mb,
                "file_bytes": SCRATCH_BYTES,
            }
            request = {
                "kind": start.kind,
                "last": last,
                "limits": limits,
                "stdin_file": start.stdin_fd is None and (start.kind != "python" or _STDIN_PATH in start.payload),
                "own_processes": self.method != "landlock" or os.geteuid() == 0,
                "compile": start.kind == "compile",
                "tool": start.tool,
                "arguments": start.arguments,
            }
            self._control.settimeout(GRACE_S)
            self._send(request, [payload, stdin, stdout, stderr])
        return out, err

    def _attend(self, pipes: dict[int, _Stream], deadline: float) -> dict[str, Any]:
        """Read the pipes until the slot reports and everything written has been read."""
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        for descriptor in pipes:
            poller.register(descriptor, select.POLLIN)
        open_pipes = set(pipes)
        report: dict[str, Any] | None = None
        while report is None or open_pipes:
            left = deadline - time.monotonic()
            events = poller.poll(max(0, left) * 1000) if left > 0 else []
            if not events:
                self.fit = False
                raise EngineFailure("the sandbox did not report in time")
            for descriptor, _ in events:
                if descriptor == self._control.fileno():
                    report = self._hear(deadline)
                elif not self._drain(descriptor, pipes[descriptor]):
                    poller.unregister(descriptor)
                    open_pipes.discard(descriptor)
        return report

    def _drain(self, descriptor: int, stream: _Stream) -> bool:
        """Take what the pipe has; False at its end. Too much ends the run."""
        data = os.read(descriptor, _READ_BYTES)
        room = MAX_OUTPUT_BYTES - len(stream.data)
        stream.data += data[:room]
        if len(data) > room and not stream.over:
            stream.over = True
            self._send({"kind": "stop"}, [])
        return bool(data)


def _memory(data: bytes) -> int:
    """A sealed file in memory, at its beginning."""
    descriptor = os.memfd_create("input", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    sent = 0
    while sent < len(data):
        sent += os.pwrite(descriptor, data[sent:], sent)
    seal(descriptor)
    return descriptor


def _pipe_into(pipes: dict[int, _Stream], stream: _Stream) -> int:
    """A pipe whose end for reading joins `pipes`; returns the one for writing."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK)
    pipes[reader] = stream
    return writer
