"""Output files that grow chunk by chunk and appear under their own name only when they are whole.

Until then the rows are in `NAME.partial`, as lines; `finish` renames that, or makes a table of it.
"""

import fcntl
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from touchstone_trainer.curation import lines, tables
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.rows import Row


class Output:
    """One output. `size` is what of the unfinished file is to be kept: all behind it was not accounted for."""

    def __init__(self, path: Path, size: int = 0) -> None:
        self.path = path
        self._partial = partial(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._partial.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            raise BadInput(f"{path}: another process is writing it") from error
        if self._file.seek(0, os.SEEK_END) < size:
            self.close()
            raise BadInput(f"{self._partial}: shorter than its progress file says; start over with --overwrite")
        self._file.truncate(size)
        self.size = size

    def append(self, rows: Sequence[Row]) -> None:
        """Add rows; they are on the disk when this returns."""
        packed = lines.written(list(rows), self.path)
        self._file.write(packed)
        self._file.flush()
        os.fsync(self._file.fileno())
        self.size += len(packed)

    def close(self) -> None:
        """Let go of the file; what is in it stays."""
        self._file.close()


def partial(path: Path) -> Path:
    """Where the unfinished rows are."""
    return path.with_name(f"{path.name}.partial")


def finish(path: Path) -> None:
    """Give the file its name, making a table of its lines first. May be interrupted and called again."""
    rows = partial(path)
    if not rows.exists():
        return
    if check_name(path):
        rows.replace(path)
        return
    made = path.with_name(f"{path.name}.made")
    remove(made)
    (tables.write_parquet if path.suffix == ".parquet" else tables.write_saved)(rows, made)
    remove(path)
    made.replace(path)
    rows.unlink()


def check_name(path: Path) -> bool:
    """Whether lines are written to this name, else a table; BadInput where the name says neither."""
    if lines.is_lines(path):
        return True
    if path.suffix in ("", ".parquet"):
        return False
    raise BadInput(
        f"{path}: write to .jsonl, .jsonl.gz, .jsonl.zst, .parquet, or to a name without suffix "
        "for a folder that `datasets.load_from_disk` reads"
    )


def remove(path: Path) -> None:
    """Remove a file, or a folder with a saved data set in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
