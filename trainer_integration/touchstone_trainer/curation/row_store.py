"""Rows by number, without holding them: where each one begins in a file of lines, eight bytes a row.

Lines of text are indexed where they are; other forms are first written out as lines into a folder of the caller's.
"""

import json
from array import array
from collections.abc import Mapping
from pathlib import Path

from touchstone_trainer.curation import lines
from touchstone_trainer.curation.rows import Found, Place, Row, Unusable, conforming, read

MAX_PROBLEMS = 20
"""Unusable rows that are remembered with their place; all are counted."""


class RowStore:
    """The usable rows of one source. Unusable ones are counted and have no number."""

    def __init__(self, source: str, folder: Path, columns: Mapping[str, str] | None = None) -> None:
        self._source, self._columns = source, columns or {}
        self.unusable = 0
        self.problems: list[str] = []
        self._starts = array("Q")
        path = Path(source)
        if path.is_file() and lines.is_lines(path) and path.suffix not in lines.COMPRESSED:
            self._path = path
            self._index_lines()
        else:
            self._path = folder / "rows.jsonl"
            self._write_out()
        self._file = self._path.open("rb")

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> Row:
        self._file.seek(self._starts[number])
        found = conforming(number, Place(self._source, number), json.loads(self._file.readline()), self._columns)
        assert isinstance(found, Found), "it was looked at when it was indexed"
        return found.row

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _index_lines(self) -> None:
        ends = array("Q", [0])
        with self._path.open("rb") as file:
            ends.extend(file.tell() for _ in iter(file.readline, b""))
        for _, found in read([self._source], columns=self._columns, required=("question",)):
            if self._usable(found):
                self._starts.append(ends[found.place.number - 1])

    def _write_out(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("wb") as file:
            for _, found in read([self._source], columns=self._columns, required=("question",)):
                if self._usable(found):
                    assert isinstance(found, Found)
                    self._starts.append(file.tell())
                    file.write(lines.as_line(found.row))
        self._columns = {}

    def _usable(self, found: Found | Unusable) -> bool:
        if isinstance(found, Found):
            return True
        self.unusable += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(f"{found.place}: {found.problem}")
        return False
