"""JSON Lines, plain or compressed (`.gz`, `.zst`), read by the line and written by the chunk.

Each chunk is written as a compressed member of its own, so that a file can be cut back to any chunk's end and is the
same, byte for byte, however often the writing was interrupted.
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from touchstone_trainer.curation.problems import BadInput

SUFFIXES = (".jsonl", ".ndjson")
COMPRESSED = (".gz", ".zst")
MAX_LINE_BYTES = 64 * 1024 * 1024
"""A longer line is no row but a file of another kind, and would not fit in memory either."""


def is_lines(path: Path) -> bool:
    """Whether the name says so."""
    return (path.with_suffix("") if path.suffix in COMPRESSED else path).suffix in SUFFIXES


def read(path: Path, skip: int = 0) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """(line number, row) after the first `skip` lines; blank lines are none. A text says what is wrong."""
    number = 0
    try:
        with _opened(path) as stream:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    raise BadInput(f"{path}:{number}: the line is longer than {MAX_LINE_BYTES} bytes")
                if number > skip and line.strip():
                    yield number, parsed(line)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: cannot be read after line {number}: {error}") from error


def written(rows: list[Mapping[str, Any]], path: Path) -> bytes:
    """The bytes to append for these rows, in the form that the name asks for."""
    text = b"".join(as_line(row) for row in rows)
    if not text:
        return b""
    match path.suffix:
        case ".gz":
            return gzip.compress(text, mtime=0)
        case ".zst":
            import pyarrow  # noqa: PLC0415 - needed for this form only

            packed: bytes = pyarrow.Codec("zstd").compress(text, asbytes=True)
            return packed
        case _:
            return text


def as_line(row: Mapping[str, Any]) -> bytes:
    """One row as a line of JSON. Dates become texts; what JSON has no form for is BadInput."""
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False, default=_as_text)
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"a row cannot be written as JSON ({error}): drop the column first; it has {sorted(row)}"
        ) from error
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        # Half a surrogate pair, from text cut between two tokens: UTF-8 cannot carry it, an escape can.
        return json.dumps(row, default=_as_text).encode() + b"\n"


def _as_text(value: Any) -> str:
    if isinstance(value, date | time | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _opened(path: Path) -> io.BufferedIOBase:
    match path.suffix:
        case ".gz":
            return gzip.open(path)
        case ".zst":
            import pyarrow  # noqa: PLC0415 - needed for this form only

            return io.BufferedReader(pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd"))
        case _:
            return path.open("rb")


def parsed(line: bytes) -> dict[str, Any] | str:
    """The row of a line, or what is wrong with it."""
    try:
        row = json.loads(line.decode("utf-8-sig"), parse_constant=_refused)
    except UnicodeDecodeError as error:
        return f"is not UTF-8 at byte {error.start + 1}"
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    return row if isinstance(row, dict) else f"must be a JSON object, not {type(row).__name__}"


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
