"""Parquet files and Hugging Face data sets in and out, a batch of rows at a time.

Rule 1: tables have one type a column and no missing keys. Nulls are dropped on reading (at the top and inside
        structs); where values disagree in type, texts beside lists of texts become lists, and all else is kept as JSON
        text, marked in a Parquet file's metadata so that it is read back as it was.
Rule 2: a table is written at the end from the finished lines (`lines.py`), in two passes: types, then rows. So only
        one form of unfinished output has to survive a kill.
"""

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from touchstone_trainer.curation import lines
from touchstone_trainer.curation.digest import sha256
from touchstone_trainer.curation.problems import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 1_024
"""Rows in memory at once, and in a row group of what is written."""
JSON_COLUMNS = b"touchstone.json_columns"

Entry = tuple[int, dict[str, Any] | str]


def parquet(path: Path, skip: int = 0) -> Iterator[Entry]:
    """(row number, row) of a Parquet file."""
    import pyarrow as pa  # noqa: PLC0415 - heavy, and needed for tables only
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            marked = json.loads((file.schema_arrow.metadata or {}).get(JSON_COLUMNS, b"[]"))
            number = 0
            groups: list[int] = []
            for group in range(file.num_row_groups):
                held = file.metadata.row_group(group).num_rows
                if not groups and number + held <= skip:
                    number += held
                else:
                    groups.append(group)
            # Asked for no row groups the library fails.
            for batch in file.iter_batches(BATCH_ROWS, row_groups=groups) if groups else ():
                for row in batch.to_pylist():
                    number += 1
                    if number > skip:
                        yield number, _read_back(row, marked)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path}: cannot be read as Parquet: {error}") from error


def parquet_rows(path: Path) -> int | None:
    """How many rows a Parquet file has; None where it cannot be opened."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        rows: int = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError):
        return None
    return rows


def saved(folder: Path, skip: int = 0) -> Iterator[Entry]:
    """(row number, row) of a folder that `Dataset.save_to_disk` wrote."""
    dataset = _loaded(folder)
    for start in range(skip, len(dataset), BATCH_ROWS):
        batch = dataset.with_format("arrow")[start : start + BATCH_ROWS]
        for number, row in enumerate(batch.to_pylist(), start + 1):
            yield number, _read_back(row, ())


def saved_rows(folder: Path) -> int:
    """How many rows such a folder has."""
    return len(_loaded(folder))


def named(name: str, skip: int = 0) -> Iterator[Entry]:
    """(row number, row) of a data set that the library loads by name, `NAME` or `NAME:SPLIT`, streaming."""
    import datasets  # noqa: PLC0415 - heavy, and needed for this form only

    path, _, split = name.partition(":")
    try:
        stream = datasets.load_dataset(path, split=split or "train", streaming=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise BadInput(f"hf:{name}: {error}") from error
    for number, row in enumerate(stream.skip(skip), skip + 1):
        yield number, _read_back(row, ())


def write_parquet(rows: Path, target: Path) -> None:
    """A file of lines as Parquet."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = _schema(rows)
    with pq.ParquetWriter(target, schema) as writer:
        for batch in _batches(rows):
            writer.write_table(pa.Table.from_pylist(_fitted(batch, schema), schema=schema))


def write_saved(rows: Path, target: Path) -> None:
    """A file of lines as a folder for `datasets.load_from_disk`."""
    import datasets  # noqa: PLC0415

    table = target.with_name(f"{target.name}.table.parquet")
    cache = target.with_name(f"{target.name}.cache")
    try:
        write_parquet(rows, table)
        shown = datasets.is_progress_bar_enabled()
        datasets.disable_progress_bars()
        try:
            if parquet_rows(table):
                made = datasets.Dataset.from_parquet(str(table), cache_dir=str(cache))
                # The library's own fingerprint goes by path and time; ours makes equal rows equal folders.
                datasets.Dataset(made.data, made.info, fingerprint=sha256(str(table))).save_to_disk(target)
            else:
                # From no rows the library infers no columns, and by itself writes a folder that it cannot read.
                empty = datasets.Dataset.from_dict(
                    {"question": []}, features=datasets.Features(question=datasets.Value("string"))
                )
                empty.save_to_disk(target, num_shards=1)
        finally:
            if shown:
                datasets.enable_progress_bars()
    finally:
        table.unlink(missing_ok=True)
        shutil.rmtree(cache, ignore_errors=True)


def _loaded(folder: Path) -> Any:
    import datasets  # noqa: PLC0415

    try:
        dataset = datasets.load_from_disk(folder)
    except (OSError, ValueError) as error:
        raise BadInput(f"{folder}: cannot be read as a saved data set: {error}") from error
    if isinstance(dataset, datasets.DatasetDict):
        raise BadInput(
            f"{folder}: holds several splits ({', '.join(dataset)}): name one, as in {folder}/{min(dataset)}"
        )
    return dataset


def _read_back(row: Mapping[str, Any], marked: Any) -> dict[str, Any]:
    kept = {name: _without_nulls(value) for name, value in row.items() if not _is_null(value)}
    return {name: json.loads(value) if name in marked else value for name, value in kept.items()}


def _is_null(value: Any) -> bool:
    # pandas writes what is missing in a column of numbers as NaN.
    return value is None or (isinstance(value, float) and math.isnan(value))


def _without_nulls(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_nulls(part) for name, part in value.items() if not _is_null(part)}
        case list():
            return [_without_nulls(part) for part in value]
        case _:
            return value


def _batches(rows: Path) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for _, row in lines.read(rows):
        assert isinstance(row, dict), "our own lines are sound"
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _schema(rows: Path) -> "pa.Schema":
    """One type for each column, in the order in which they first appear."""
    import pyarrow as pa  # noqa: PLC0415

    types: dict[str, Any] = {}
    for batch in _batches(rows):
        for name in dict.fromkeys(name for row in batch for name in row):
            values = [row[name] for row in batch if row.get(name) is not None]
            types[name] = _joined(types.get(name, pa.null()), values)
    marked = [name for name, kind in types.items() if kind is None]
    fields = [(name, pa.string() if kind is None else kind) for name, kind in types.items()]
    return pa.schema(fields, metadata={JSON_COLUMNS: json.dumps(marked).encode()} if marked else None)


def _joined(known: Any, values: list[Any]) -> Any:
    """The type that fits what was seen so far and these values; None where there is none."""
    import pyarrow as pa  # noqa: PLC0415

    if known is None or any(value == {} for value in values):
        return None
    kinds = {type(value) for value in values}
    if kinds == {str, list}:
        values = [_listed(value) for value in values]
    try:
        seen = pa.array(values).type
        if pa.types.is_list(known) and seen == pa.string():
            seen = pa.list_(pa.string())
        if pa.types.is_list(seen) and known == pa.string():
            known = pa.list_(pa.string())
        both = pa.unify_schemas([pa.schema([("x", known)]), pa.schema([("x", seen)])], promote_options="permissive")
    except (pa.ArrowException, OverflowError):
        return None
    return both.field("x").type


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _fitted(batch: list[dict[str, Any]], schema: "pa.Schema") -> list[dict[str, Any]]:
    import pyarrow as pa  # noqa: PLC0415

    marked = json.loads((schema.metadata or {}).get(JSON_COLUMNS, b"[]"))
    several = {field.name for field in schema if pa.types.is_list(field.type)}
    return [
        {
            name: json.dumps(value, ensure_ascii=False)
            if name in marked and value is not None
            else _listed(value)
            if name in several
            else value
            for name, value in row.items()
        }
        for row in batch
    ]
