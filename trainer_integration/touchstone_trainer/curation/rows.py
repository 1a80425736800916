"""The row convention, and reading rows from every kind of source.

A row is a mapping with these columns, all others being kept as they are: `question` (text), `reference` (text or list
of texts; numbers become texts), `task`, `id`, `options` (of the task's verifier), `choices` (of a multiple-choice
question), `response`, `domain`. Columns of other names are renamed when they are read.

Rule 1: memory is flat: one line of text, or one batch of a table, is held at a time.
Rule 2: a row that cannot be used is a value with its place and what to fix; a source that cannot be opened, or is
        broken in the middle, is `BadInput`.
Rule 3: a missing column and null are the same, since tables have no other way to leave something out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchstone_trainer.curation import lines, tables
from touchstone_trainer.curation.problems import BadInput

Row = dict[str, Any]

HUB = "hf:"
"""Prefix of a data set that the `datasets` library knows by name: `hf:NAME`, `hf:NAME:SPLIT`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: its line in a text file, its row in a table, counted from 1."""

    source: str
    number: int

    def __str__(self) -> str:
        return f"{self.source}:{self.number}"


@dataclass(frozen=True, slots=True)
class Found:
    """A usable row. `index` counts the rows of all sources, usable or not, from 0: seeds go by it."""

    index: int
    place: Place
    row: Row


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that somebody has to fix."""

    index: int
    place: Place
    problem: str


@dataclass(frozen=True, slots=True)
class Position:
    """How far reading has come: in which source, how many of its lines or rows, and of all sources together."""

    source: int = 0
    number: int = 0
    rows: int = 0


def read(
    sources: Sequence[str],
    *,
    columns: Mapping[str, str] | None = None,
    required: Sequence[str] = (),
    after: Position | None = None,
) -> Iterator[tuple[Position, Found | Unusable]]:
    """Every row after a position, with the position behind it. `columns` maps our names to the source's."""
    start = after or Position()
    rows = start.rows
    for at in range(start.source, len(sources)):
        skip = start.number if at == start.source else 0
        for number, entry in entries(sources[at], skip):
            place = Place(sources[at], number)
            found = (
                Unusable(rows, place, entry)
                if isinstance(entry, str)
                else conforming(rows, place, entry, columns or {}, required)
            )
            rows += 1
            yield Position(at, number, rows), found


def read_usable(
    sources: Sequence[str], *, columns: Mapping[str, str] | None = None, required: Sequence[str] = ()
) -> Iterator[Found]:
    """Every row of sources that must be sound, such as benchmark files. The first unusable row is BadInput."""
    for _, found in read(sources, columns=columns, required=required):
        if isinstance(found, Unusable):
            raise BadInput(f"{found.place}: {found.problem}")
        yield found


def entries(source: str, skip: int = 0) -> Iterator[tuple[int, Row | str]]:
    """(number, row) of one source, after the first `skip`; a text in place of the row says what is wrong."""
    if source.startswith(HUB):
        return tables.named(source.removeprefix(HUB), skip)
    path = Path(source)
    if path.is_dir():
        return tables.saved(path, skip)
    if not path.is_file():
        raise BadInput(f"{source}: no such file or folder; a data set of a library's name is written {HUB}NAME:SPLIT")
    if path.suffix == ".parquet":
        return tables.parquet(path, skip)
    if lines.is_lines(path):
        return lines.read(path, skip)
    raise BadInput(
        f"{source}: the kind of file is not known by its name; "
        "use .jsonl, .jsonl.gz, .jsonl.zst, .parquet or a folder that `save_to_disk` wrote"
    )


def known_rows(sources: Sequence[str]) -> int | None:
    """How many rows there are, where all sources can tell without being read."""
    counts = [_known(source) for source in sources]
    return None if None in counts else sum(count for count in counts if count is not None)


def _known(source: str) -> int | None:
    path = Path(source)
    if source.startswith(HUB):
        return None
    if path.is_dir():
        return tables.saved_rows(path)
    return tables.parquet_rows(path) if path.suffix == ".parquet" else None


def references(row: Mapping[str, Any]) -> list[str]:
    """The row's references as a list; empty where it has none."""
    match row.get("reference"):
        case None:
            return []
        case list() as several:
            return several
        case one:
            return [one]


def conforming(
    index: int, place: Place, given: Row, columns: Mapping[str, str], required: Sequence[str] = ()
) -> Found | Unusable:
    """The row under our names, or what is wrong with it."""
    try:
        row = _checked(_renamed(given, columns))
        for name in required:
            if row.get(name) in (None, "", []):
                raise ValueError(f"{name}: missing; name its column with --column {name}=THEIRS")
    except ValueError as error:
        return Unusable(index, place, str(error))
    return Found(index, place, row)


def _renamed(given: Row, columns: Mapping[str, str]) -> Row:
    row = dict(given)
    for ours, theirs in columns.items():
        value = row.pop(theirs) if theirs in row else _nested(row, theirs)
        if value is None:
            continue
        if row.get(ours) is not None:
            raise ValueError(f"{ours}: the row has it already, so {theirs} cannot take its name")
        row[ours] = value
    return row


def _nested(row: Row, path: str) -> Any:
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _checked(row: Row) -> Row:
    for name in ("question", "response", "task", "domain"):
        if row.get(name) is not None and not isinstance(row[name], str):
            raise ValueError(f"{name}: must be a text, not {type(row[name]).__name__}")
    if row.get("reference") is not None:
        row["reference"] = _reference(row["reference"])
    if row.get("options") is not None and not isinstance(row["options"], dict):
        raise ValueError(f"options: must be an object, not {type(row['options']).__name__}")
    return row


def _reference(value: Any) -> str | list[str]:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list() if value and not any(isinstance(part, list | dict) or part is None for part in value):
            return [str(_reference(part)) for part in value]
        case _:
            raise ValueError(f"reference: must be a text or a list of texts, not {type(value).__name__}")
