"""Judgements as JSONL, for replay and audit: opt-in, bounded, and never in the way.

Rule 1: a line holds the case, every question with its reply, and what was made of them; `touchstone judge --replay`
        reads it again.
Rule 2: the log is two files at most: past its size it is kept once as `.1`, and a new one begins.
Rule 3: a full disk, a lost folder or a slow one costs lines, never a judgement: lines wait in a bounded queue that a
        thread drains; what is dropped is counted.
"""

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

MAX_WAITING = 1_000
"""Lines of up to some hundred KB each; a disk that falls further behind is not worth the memory."""
FLUSH_S = 2.0
"""At closing."""

log = logging.getLogger("touchstone")
_encode = msgspec.json.Encoder().encode


class JudgeLog:
    """`put` takes one judgement; `on_dropped()` counts the lines that were lost."""

    def __init__(self, path: Path, max_bytes: int, on_dropped: Callable[[], None]) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._on_dropped = on_dropped
        self._lines: queue.Queue[bytes | None] = queue.Queue(MAX_WAITING)
        self._failing = False
        self._thread = threading.Thread(target=self._drain, name="judge-log", daemon=True)
        self._thread.start()

    def put(self, record: dict[str, Any]) -> None:
        """Keep the record soon, if it can be done."""
        try:
            self._lines.put_nowait(_encode(record) + b"\n")
        except queue.Full:
            self._on_dropped()

    def close(self) -> None:
        """Write what waits, for a moment at most."""
        try:
            self._lines.put(None, timeout=FLUSH_S)
        except queue.Full:
            return
        self._thread.join(FLUSH_S)

    def _drain(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._write(line)
            except OSError as error:
                self._on_dropped()
                if not self._failing:
                    log.warning("the judgement log cannot be written: %s", error.strerror or error)
                self._failing = True
            else:
                self._failing = False

    def _write(self, line: bytes) -> None:
        if self._path.exists() and self._path.stat().st_size + len(line) > self._max_bytes:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Opened for each line: a file moved away by somebody's log rotation is followed.
        with self._path.open("ab") as file:
            file.write(line)
