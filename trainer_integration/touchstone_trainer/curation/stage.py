"""Runs a step of the pipeline over its rows: read, work, write, remember; killed at any time and started again, it
goes on and its outputs are the same, byte for byte.

Rule 1: the unit is a chunk of rows. Its output is on the disk before the progress file says so, and the progress file
        is replaced in one motion; whatever lies behind what it says is cut off.
Rule 2: work on a chunk depends on its rows, their indices and the parameters, never on the clock or on other chunks.
        What has to be known of all rows is found out before, in a pass of its own.
Rule 3: progress belongs to one call. Other inputs or parameters are refused, not mixed.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from touchstone_trainer.curation import card
from touchstone_trainer.curation.outputs import Output, check_name, finish, partial
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.progress import Bar
from touchstone_trainer.curation.rows import Found, Position, Row, Unusable, known_rows, read

CHUNK_ROWS = 256
"""Rows between two entries in the progress file, for work that needs no model: some milliseconds' worth."""
KEPT_PROBLEMS = 20
"""Unusable rows that are remembered with their place; all are counted."""
UNUSABLE = "unusable"


@dataclass(frozen=True)
class Job:
    """One call of a command. `outputs` maps each stream that `work` fills to its path, the main one first.

    `parameters` holds all that changes the output, for the card and to know a half-done job again.
    """

    command: str
    inputs: Sequence[str]
    outputs: Mapping[str, str]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    required: Sequence[str] = ("question", "reference")
    limit: int | None = None
    dry_run: bool = False
    overwrite: bool = False
    chunk_rows: int = CHUNK_ROWS

    @property
    def main(self) -> Path:
        """The output that progress file and card are named after."""
        return Path(next(iter(self.outputs.values())))

    @property
    def marker(self) -> Path:
        """The progress file."""
        return self.main.with_name(f"{self.main.name}.progress.json")


@dataclass
class Done:
    """What came of a chunk: rows for each stream, counts by name (numbers that add up), rows that somebody must fix."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    unusable: list[Unusable] = field(default_factory=list)

    def put(self, stream: str, row: Row) -> None:
        """One row for a stream."""
        self.rows.setdefault(stream, []).append(row)


@dataclass
class State:
    """What the progress file holds."""

    position: Position = field(default_factory=Position)
    sizes: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    complete: bool = False


Work = Callable[[Sequence[Found]], Done]
Extra = Callable[[Counter[str]], Mapping[str, Any]]
Rows = Callable[[Position], Iterable[tuple[Position, Found | Unusable]]]
"""The rows after a position, each with the position behind it."""


def run(job: Job, work: Work, extra: Extra | None = None, rows: Rows | None = None) -> State:
    """The whole step; returns what it came to. `extra` makes further sections of the card from the counts.

    `rows` is for commands whose rows are not those of the inputs one after the other.
    """
    check(job)
    if job.dry_run:
        state = State()
        _all(job, work, state, {}, rows)
        _demand_usable(job, state)
        return state
    state = _resumed(job)
    if not state.complete:
        with ExitStack() as opened:
            outputs = {
                name: opened.enter_context(closing(Output(Path(path), state.sizes.get(name, 0))))
                for name, path in job.outputs.items()
            }
            if job.overwrite:
                job.marker.unlink(missing_ok=True)
            _all(job, work, state, outputs, rows)
            _demand_usable(job, state)
            state.complete = True
            _remember(job, state)
    for path in job.outputs.values():
        finish(Path(path))
    card.write(job, state.counts, state.problems, state.seconds, extra(state.counts) if extra else {})
    job.marker.unlink()
    return state


def check(job: Job) -> None:
    """Refuse what cannot work before any of it is done."""
    if not job.inputs:
        raise BadInput("no input was given")
    paths = [Path(path).resolve() for path in job.outputs.values()]
    for path in paths:
        check_name(path)
        if paths.count(path) > 1 or path in {Path(source).resolve() for source in job.inputs}:
            raise BadInput(f"{path}: is named twice, as an output and once more")
        if path.exists() and not (job.overwrite or job.dry_run or job.marker.exists()):
            raise BadInput(f"{path}: exists already; --overwrite replaces it")


def _all(job: Job, work: Work, state: State, outputs: Mapping[str, Output], rows: Rows | None) -> None:
    before, started = state.seconds, time.monotonic()
    counts = [job.limit, None if rows else known_rows(job.inputs)]
    total = min((count for count in counts if count is not None), default=None)
    with Bar(job.command, total, state.position.rows) as bar:
        for position, chunk in _chunks(job, rows or _rows(job), state.position):
            usable = [found for found in chunk if isinstance(found, Found)]
            done = work(usable) if usable else Done()
            bad = [found for found in chunk if isinstance(found, Unusable)] + done.unusable
            for name, output in outputs.items():
                output.append(done.rows.get(name, []))
            state.counts.update({"rows": len(chunk), UNUSABLE: len(bad)})
            state.counts.update(done.counts)
            state.problems += [f"{one.place}: {one.problem}" for one in bad][: KEPT_PROBLEMS - len(state.problems)]
            state.position, state.seconds = position, before + time.monotonic() - started
            if outputs:
                state.sizes = {name: output.size for name, output in outputs.items()}
                _remember(job, state)
            bar.add(len(chunk))


def _demand_usable(job: Job, state: State) -> None:
    """Where no row could be used, a column has another name, mostly: nothing is left in the way of the next call."""
    if not state.problems or state.counts[UNUSABLE] < state.counts["rows"]:
        return
    for path in () if job.dry_run else (job.marker, *(partial(Path(path)) for path in job.outputs.values())):
        path.unlink(missing_ok=True)
    raise BadInput(f"not one of {state.counts['rows']:,} rows can be used; the first problem: {state.problems[0]}")


def _rows(job: Job) -> Rows:
    return lambda after: read(job.inputs, columns=job.columns, required=job.required, after=after)


def _chunks(job: Job, rows: Rows, after: Position) -> Iterator[tuple[Position, list[Found | Unusable]]]:
    left = None if job.limit is None else max(job.limit - after.rows, 0)
    stream = islice(rows(after), left)
    while chunk := list(islice(stream, job.chunk_rows)):
        yield chunk[-1][0], [found for _, found in chunk]


def _identity(job: Job) -> dict[str, Any]:
    return {
        "command": job.command,
        "parameters": json.loads(json.dumps(job.parameters)),
        "columns": dict(job.columns),
        "outputs": dict(job.outputs),
        "limit": job.limit,
        "chunk_rows": job.chunk_rows,
        "inputs": [_stamp(source) for source in job.inputs],
    }


def _stamp(source: str) -> list[Any]:
    # Size and time tell whether an input was exchanged between two runs; its hash, which takes a pass, is in the card.
    path = Path(source)
    if not path.exists():
        return [source]
    stat = path.stat()
    return [source, stat.st_size, stat.st_mtime_ns]


def _resumed(job: Job) -> State:
    if job.overwrite or not job.marker.exists():
        return State()
    kept = json.loads(job.marker.read_text())
    if kept["identity"] != _identity(job):
        changed = [name for name, value in _identity(job).items() if kept["identity"].get(name) != value]
        raise BadInput(
            f"{job.marker}: a job with other {' and '.join(changed)} was not finished; "
            "call it again as it was, or start over with --overwrite"
        )
    state = kept["state"]
    return State(**state | {"position": Position(**state["position"]), "counts": Counter(state["counts"])})


def _remember(job: Job, state: State) -> None:
    text = json.dumps({"identity": _identity(job), "state": vars(state) | {"position": asdict(state.position)}})
    fresh = job.marker.with_name(f"{job.marker.name}.new")
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(job.marker)
