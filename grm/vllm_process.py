"""One run of a server process on a leash, and the last lines that it printed."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from grm import leash

LOG_LINES = 500
LOG_LINE_CHARS = 2_000
"""Together at most 1 MB kept, however much a server prints."""
TELLING_CHARS = 300
LOOK_EVERY_S = 0.1
LAST_WORDS_LIMIT_S = 2.0
"""After the end, for what is still in the pipe; a stray process could hold it open for ever."""
_LEASH = str(Path(leash.__file__).resolve())
_READ_BYTES = 65_536
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ERROR = re.compile(r"\b\w*(?:Error|Exception): \S|\berror: \S")


class LogTail:
    """The last lines of a stream, each cut to a bounded length. Progress bars count as lines."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=LOG_LINES)
        self._open = ""

    def feed(self, text: str) -> None:
        """Take in what was printed."""
        *whole, rest = re.split(r"[\r\n]+", self._open + text)
        self.lines.extend(line for line in (_ESCAPES.sub("", line)[:LOG_LINE_CHARS] for line in whole) if line)
        self._open = rest[:LOG_LINE_CHARS]

    def telling_line(self) -> str:
        """The first error with a message, without what a logger puts before it; else the last line.

        The first, because what follows a root cause is its echo in one process after another.
        """
        for line in self.lines:
            error = _ERROR.search(line)
            if error is not None and "WARNING" not in line:
                return line[error.start() :].strip()[:TELLING_CHARS]
        return self.lines[-1].strip()[:TELLING_CHARS] if self.lines else "it printed nothing"


class LeashedProcess:
    """A running command whose whole process group ends with it, with `stop`, and with us."""

    def __init__(self, process: asyncio.subprocess.Process, tail: LogTail, grace_s: float) -> None:
        self._process = process
        self._stop_limit_s = grace_s + LAST_WORDS_LIMIT_S
        self._tail = tail
        self._reader = asyncio.create_task(self._read(), name="read server log")

    @classmethod
    async def start(
        cls, command: Sequence[str], env: Mapping[str, str], tail: LogTail, *, grace_s: float
    ) -> "LeashedProcess":
        """Start the command, which gets `grace_s` to stop when it is asked to. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            _LEASH,
            str(grace_s),
            *command,
            env=dict(env),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return cls(process, tail, grace_s)

    @property
    def pid(self) -> int:
        """The leash's process and group id."""
        return self._process.pid

    async def ended(self) -> None:
        """Returns when the command has ended and its last words are read, or soon after."""
        # Not `wait()`: before Python 3.13 it also waits for the pipe, which survivors of a killed leash hold.
        while self._process.returncode is None:  # noqa: ASYNC110 - see above
            await asyncio.sleep(LOOK_EVERY_S)
        await asyncio.wait({self._reader}, timeout=LAST_WORDS_LIMIT_S)

    async def stop(self) -> None:
        """End the whole group, politely first; returns when it is gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended(), self._stop_limit_s)
        finally:
            # Also where somebody killed the leash and left the rest.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            await asyncio.wait({self._reader}, timeout=LAST_WORDS_LIMIT_S)
            self._reader.cancel()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while block := await self._process.stdout.read(_READ_BYTES):
            self._tail.feed(block.decode(errors="replace"))
