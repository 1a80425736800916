"""Records as JSONL, for replay and audit: opt-in, bounded, and never in the way.

Rule 1: a log is two files at most: past its size it is kept once as `.1`, and a new one begins.
Rule 2: a full disk, a lost folder or a slow one costs lines, never an answer: lines wait in a bounded queue that a
        thread drains; what is dropped is counted.
Rule 3: several processes may write one log. Whoever writes holds a lock on the file, and no line is ever half there.
"""

import errno
import fcntl
import logging
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

MAX_WAITING = 1_000
"""Records of one request each, some hundred KB at most; a disk further behind than that is not worth the memory."""
FLUSH_S = 2.0
"""At closing."""

log = logging.getLogger("touchstone")
_encode = msgspec.json.Encoder().encode


class LineLog:
    """`put` takes records; `on_dropped(number)` counts lost lines; `name` is for the service's own log."""

    def __init__(self, name: str, path: Path, max_bytes: int, on_dropped: Callable[[int], None]) -> None:
        self._name = name
        self._path = path
        self._max_bytes = max_bytes
        self._on_dropped = on_dropped
        self._lines: queue.Queue[tuple[int, bytes] | None] = queue.Queue(MAX_WAITING)
        self._failing = False
        self._thread = threading.Thread(target=self._drain, name=f"{name}-log", daemon=True)
        self._thread.start()

    def put(self, *records: dict[str, Any]) -> None:
        """Keep the records soon, all of them together, if it can be done."""
        try:
            self._lines.put_nowait((len(records), b"".join(_encode(one) + b"\n" for one in records)))
        except queue.Full:
            self._on_dropped(len(records))

    def close(self) -> None:
        """Write what waits, for a moment at most."""
        try:
            self._lines.put(None, timeout=FLUSH_S)
        except queue.Full:
            return
        self._thread.join(FLUSH_S)

    def _drain(self) -> None:
        while (waiting := self._lines.get()) is not None:
            number, lines = waiting
            try:
                self._write(lines)
            except OSError as error:
                self._on_dropped(number)
                if not self._failing:
                    log.warning("the %s log cannot be written: %s", self._name, error.strerror or error)
                self._failing = True
            else:
                self._failing = False

    def _write(self, lines: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while not self._written(lines):
            pass

    def _written(self, lines: bytes) -> bool:
        """Whether the file that was opened was still the log; a full one is moved away."""
        # Opened each time: a file moved away, by us or by somebody's log rotation, is followed.
        with self._path.open("ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
            found = os.fstat(file.fileno())
            if not self._path.exists() or not os.path.samestat(found, self._path.stat()):
                return False
            if found.st_size and found.st_size + len(lines) > self._max_bytes:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
                return False
            if file.write(lines) < len(lines):
                file.truncate(found.st_size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return True
