"""Entries in one SQLite file: the default, shared by the processes of one machine, safe through kill -9.

Rule 1: two threads own the file, one reads and one writes; the event loop never touches it.
Rule 2: write-ahead log and `synchronous=normal`: a killed process loses no committed batch, a power cut the
        last few.
Rule 3: a file that is corrupt, locked or not writable costs the entries, never a request. It is tried again.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.cache.store import Breaker, StoreState, WriteStop

REOPEN_EVERY_S = 5.0
BUSY_MS = 250
"""How long SQLite waits for another process's lock; writers hold it for milliseconds."""
READ_S = 0.5
"""A disk slower than this is no cache."""
MAX_WAITING_WRITES = 20_000
BATCH_WRITES = 1_024
MAX_KEYS = 500
"""In one statement; SQLite allows 999 in its oldest builds."""
EVICT_SHARE = 0.1
"""Of the entries, oldest first, when the file is full."""
FLUSH_S = 2.0
DISK_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
"""What is there can still be read."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    value BLOB NOT NULL
)
"""


def connect(file: Path, max_bytes: int) -> sqlite3.Connection:
    """Open the file for reading and writing. Raises sqlite3.Error and OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    connection = sqlite3.connect(file, timeout=BUSY_MS / 1000, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        # The log is cut back to this after a checkpoint; it counts on top of the file.
        connection.execute(f"PRAGMA journal_size_limit = {max_bytes // 10}")
        connection.execute(SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def read(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """What is kept under these keys."""
    found: dict[bytes, bytes] = {}
    for start in range(0, len(keys), MAX_KEYS):
        some = keys[start : start + MAX_KEYS]
        marks = ",".join("?" * len(some))
        select = f"SELECT key, value FROM entries WHERE key IN ({marks})"  # noqa: S608 - question marks only
        rows = connection.execute(select, some)
        found.update((key, value) for key, value in rows if isinstance(value, bytes))
    return found


def write(connection: sqlite3.Connection, entries: Sequence[tuple[bytes, bytes]], max_bytes: int) -> None:
    """Keep the entries, and drop the oldest ones once the file holds `max_bytes`."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany("INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)", entries)
        if held_bytes(connection) > max_bytes:
            first, last = connection.execute("SELECT min(number), max(number) FROM entries").fetchone()
            share = max(len(entries), int((last - first + 1) * EVICT_SHARE))
            connection.execute("DELETE FROM entries WHERE number < ?", (first + share,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def held_bytes(connection: sqlite3.Connection) -> int:
    """What the entries take in the file; free pages are used again and do not count."""
    pages, free, size = (
        connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


class SqliteStore:
    """`on_error(what)` counts failures: read, write, dropped."""

    def __init__(self, file: Path, *, max_bytes: int, on_error: Callable[[str], None]) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._on_error = on_error
        self._breaker = Breaker(f"the file {file}")
        self._stop = WriteStop(f"the file {file}")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="sqlite-reader")
        self._read_connection: sqlite3.Connection | None = None
        self._writes: queue.Queue[tuple[bytes, bytes] | None] = queue.Queue(MAX_WAITING_WRITES)
        self._writer = threading.Thread(target=self._write_on, name="sqlite-writer", daemon=True)
        self._watcher: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the file, or go on without."""
        await self._reopen()
        self._writer.start()
        self._watcher = asyncio.create_task(self._watch(), name="sqlite-watch")

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Read in the reader's thread; misses where the file cannot be read in time."""
        if keys and self._breaker.closed:
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(READ_S):
                    found = await loop.run_in_executor(self._reader, self._read, keys)
            except (sqlite3.Error, OSError, TimeoutError) as error:
                self._failed("read", error)
            else:
                self._breaker.succeeded()
                return [found.get(key) for key in keys]
        return [None] * len(keys)

    def put(self, key: bytes, value: bytes) -> None:
        """Queue the write; dropped while the file is unusable or far behind."""
        if not (self._breaker.closed and self._stop.writing):
            return
        try:
            self._writes.put_nowait((key, value))
        except queue.Full:
            self._on_error("dropped")

    def state(self) -> StoreState:
        """As the breaker sees it."""
        return self._stop.on_top_of(self._breaker.state())

    async def close(self) -> None:
        """Write what waits, then close the file."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
            try:
                await asyncio.to_thread(self._writes.put, None, timeout=FLUSH_S)
                await asyncio.to_thread(self._writer.join, FLUSH_S)
            except queue.Full:
                pass
        await asyncio.get_running_loop().run_in_executor(self._reader, self._close_reader)
        self._reader.shutdown(wait=False)

    def _failed(self, what: str, error: Exception) -> None:
        self._on_error(what)
        # A damaged file or a held lock does not heal within a few requests.
        self._breaker.failed(f"{type(error).__name__}: {error}", at_once=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(REOPEN_EVERY_S)
            if not self._breaker.closed:
                await self._reopen()

    async def _reopen(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._reader, self._open_reader)
        except (sqlite3.Error, OSError) as error:
            self._breaker.failed(f"{type(error).__name__}: {error}", at_once=True)
        else:
            self._breaker.succeeded()

    # In the reader's thread

    def _open_reader(self) -> None:
        self._close_reader()
        connection = connect(self._file, self._max_bytes)
        try:
            # Reading the schema alone would not find a file that lost its pages, or its right to be written.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("SELECT max(number) FROM entries").fetchone()
            connection.execute("ROLLBACK")
        except BaseException:
            connection.close()
            raise
        self._read_connection = connection

    def _close_reader(self) -> None:
        if self._read_connection is not None:
            self._read_connection.close()
            self._read_connection = None

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        if self._read_connection is None:
            raise sqlite3.OperationalError("the file is not open")
        return read(self._read_connection, keys)

    # In the writer's thread

    def _write_on(self) -> None:
        connection: sqlite3.Connection | None = None
        batch, more = self._next_batch()
        while batch or more:
            if batch:
                connection = self._write_batch(connection, batch)
            if not more:
                break
            batch, more = self._next_batch()
        if connection is not None:
            connection.close()

    def _next_batch(self) -> tuple[list[tuple[bytes, bytes]], bool]:
        """What waits, at least one; and whether there will be more."""
        batch: list[tuple[bytes, bytes]] = []
        entry = self._writes.get()
        while entry is not None:
            batch.append(entry)
            if len(batch) >= BATCH_WRITES or self._writes.empty():
                return batch, True
            entry = self._writes.get()
        return batch, False

    def _write_batch(
        self, connection: sqlite3.Connection | None, batch: list[tuple[bytes, bytes]]
    ) -> sqlite3.Connection | None:
        try:
            if connection is None:
                connection = connect(self._file, self._max_bytes)
            write(connection, batch, self._max_bytes)
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "sqlite_errorcode", None) in DISK_FULL:
                self._on_error("write")
                self._stop.refused(str(error))
            else:
                self._failed("write", error)
            if connection is not None:
                connection.close()
            return None
        self._stop.kept()
        return connection
