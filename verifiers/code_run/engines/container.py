"""A container for each run, by docker, podman or nerdctl, with whatever runtime they are set up with (gVisor's runsc
as docker's default runtime makes each run a gVisor sandbox).

Covers: no network, read-only root, nobody's uid, no capabilities, no new privileges, limits on memory, processes and
scratch space, the wall clock. CPU time is the container's wall time here: runtimes do not report it.
Does not cover: what the runtime itself does not (plain runc shares the kernel with the host).

Rule 1: the image is the user's and must have `python3` (and `g++`, `node` for those languages) on its PATH.
Rule 2: a container that we started is removed by name when its time is up: killing the client alone would leave it.
"""

import contextlib
import json
import os
import secrets
import selectors
import shutil
import subprocess
import time
from typing import Final

from verifiers.code_run.engines.bundle import harness_text
from verifiers.code_run.engines.engine import (
    MAX_OUTPUT_BYTES,
    EngineFailure,
    Execution,
    Job,
    Language,
    Limits,
    Status,
    Unavailable,
    Way,
    status_of,
)

_START_S: Final = 10.0
"""For the runtime to set up a container, on top of the program's own time."""
_EXIT_BY_RUNTIME: Final = (125, 126, 127)
"""The runtime could not start the container, or the command in it: not the program's doing."""
_EXIT_UNBUILT: Final = 119
_CHUNK_BYTES: Final = 1 << 16
_PIPE_BYTES: Final = 4_096
"""What a pipe that can be written to takes without blocking."""
_PROGRAMS: Final = {
    Language.PYTHON: 'exec python3 -I -c "$SOURCE"',
    Language.JAVASCRIPT: 'printf %s "$SOURCE" > program.js && exec node program.js',
    Language.CPP: f'printf %s "$SOURCE" > program.cpp && g++ -O2 -std=c++17 -w -o program program.cpp || exit '
    f"{_EXIT_UNBUILT}; exec ./program",
}
_NOBODY: Final = "65534:65534"


class ContainerEngine:
    """Starts containers of one image."""

    def __init__(self, program: str, image: str) -> None:
        self._program = program
        self._image = image
        self.name = f"container of {image} by {program}"

    def close(self) -> None:
        """Nothing outlives its run."""

    def run(self, job: Job, limits: Limits) -> Execution:
        text = job.stdin if job.way is Way.SCRIPT else json.dumps(job.harnessed()) + "\n"
        box = self._open(job, limits)
        return box.finish(text.encode(errors="replace"), limits)

    def converse(self, program: Job, examiner: Job, limits: Limits) -> tuple[Execution, Execution]:
        raise Unavailable("assert tests need the embedded engine: give them as entry_point, args and expected")

    def _open(self, job: Job, limits: Limits) -> "_Box":
        found = shutil.which(self._program)
        if found is None:
            raise Unavailable(f"no {self._program} on the PATH of the service: install it or choose another engine")
        name = f"touchstone-{secrets.token_hex(8)}"
        source = job.source if job.way is Way.SCRIPT else harness_text()
        command = [found, "run", "--rm", "--interactive", "--name", name, "--network", "none", "--read-only"]
        command += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", _NOBODY]
        command += ["--pids-limit", "64", "--memory", f"{limits.memory_mb}m", "--memory-swap", f"{limits.memory_mb}m"]
        command += ["--tmpfs", "/tmp:rw,exec,nosuid,nodev,size=64m", "--workdir", "/tmp", "--pull", "never"]  # noqa: S108
        command += ["--env", f"SOURCE={source}", self._image, "/bin/sh", "-c", _PROGRAMS[job.language]]
        return _Box(found, name, command)


class _Box:
    """One container and its client."""

    def __init__(self, program: str, name: str, command: list[str]) -> None:
        self._program = program
        self._name = name
        self._started = time.monotonic()
        try:
            self._client = subprocess.Popen(  # noqa: S603 - the configured runtime
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise EngineFailure(f"{program} could not be started: {error}") from error

    def finish(self, stdin: bytes, limits: Limits) -> Execution:
        """Feed it, read it, and end it when its time is up."""
        deadline = self._started + limits.wall_s + _START_S
        try:
            out, err, cause = self._exchange(stdin, deadline)
        finally:
            if self._client.poll() is None:
                self._remove()
        code = self._client.returncode
        stderr = err.decode(errors="replace")
        wall_s = time.monotonic() - self._started
        if cause is None and code in _EXIT_BY_RUNTIME and not out:
            raise EngineFailure(f"{self._program} could not run the container: {stderr[-300:]}")
        if code == _EXIT_UNBUILT:
            return Execution(Status.UNBUILT, code, "", "", 0.0, wall_s, stderr)
        return Execution(status_of(cause, code, stderr), code, out.decode(errors="replace"), stderr, wall_s, wall_s)

    def _exchange(self, stdin: bytes, deadline: float) -> tuple[bytes, bytes, str | None]:
        """What it wrote, and why it was given up: its time, too much output, or not at all."""
        client = self._client
        assert client.stdin is not None
        assert client.stdout is not None
        assert client.stderr is not None
        feed, out, err = client.stdin, client.stdout.fileno(), client.stderr.fileno()
        texts = {out: bytearray(), err: bytearray()}
        unsent = memoryview(stdin)
        cause = None
        with selectors.DefaultSelector() as waiting, feed, client.stdout, client.stderr:
            for stream in texts:
                waiting.register(stream, selectors.EVENT_READ)
            waiting.register(feed.fileno(), selectors.EVENT_WRITE)
            open_streams = set(texts)
            while open_streams and cause is None:
                ready = waiting.select(max(0.0, deadline - time.monotonic()))
                for key, _ in ready:
                    if key.fd in texts:
                        if not _read(key.fd, texts[key.fd]):
                            waiting.unregister(key.fd)
                            open_streams.discard(key.fd)
                    elif not (unsent := _write(key.fd, unsent)):
                        waiting.unregister(key.fd)
                        feed.close()
                if not ready:
                    cause = "wall"
                elif any(len(text) > MAX_OUTPUT_BYTES for text in texts.values()):
                    cause = "stopped"
        if cause is None:
            client.wait()
        return bytes(texts[out][:MAX_OUTPUT_BYTES]), bytes(texts[err][:MAX_OUTPUT_BYTES]), cause

    def _remove(self) -> None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(  # noqa: S603 - the configured runtime
                [self._program, "rm", "--force", self._name], capture_output=True, timeout=_START_S, check=False
            )
        self._client.kill()
        self._client.wait()


def _read(descriptor: int, text: bytearray) -> bool:
    data = os.read(descriptor, _CHUNK_BYTES)
    text += data
    return bool(data)


def _write(descriptor: int, unsent: memoryview) -> memoryview:
    """What is left to send; nothing to one who no longer reads."""
    try:
        return unsent[os.write(descriptor, unsent[:_PIPE_BYTES]) :]
    except BrokenPipeError:
        return unsent[:0]
