"""The same step as a Ray Data job, for rows that are too many for one machine.

Rule 1: Ray reads, spreads, retries and writes; the work on a batch is `Decontaminator`, so both engines find the same.
        Each worker holds the benchmarks; the service has to be reachable from all of them.
Rule 2: outputs are folders of JSONL parts in no order, which the other commands read as one source a part. A job that
        was interrupted starts over (`--overwrite`); Ray itself repeats what a lost worker had in hand.
Rule 3: a row is named by its file and a number counted within its batch's worker, not by its line.
"""

import json
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from touchstone_client import Client
from touchstone_trainer.curation import card, lines
from touchstone_trainer.curation.decontamination.benchmark import Benchmark
from touchstone_trainer.curation.decontamination.decontaminator import Decontaminator
from touchstone_trainer.curation.decontamination.thresholds import Method, Thresholds
from touchstone_trainer.curation.outputs import remove
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.rows import Found, Place, Row, Unusable, conforming
from touchstone_trainer.curation.stage import CHUNK_ROWS, KEPT_PROBLEMS, UNUSABLE, Done, Job, State

if TYPE_CHECKING:
    import ray.data

Batch = dict[str, Any]
COUNTS, PROBLEMS = "counts", "problems"


class Worker:
    """One process of the job: the benchmarks in memory, a connection to the service."""

    def __init__(self, job: Job, against: Sequence[str], service: str, api_key: str | None) -> None:
        settings = job.parameters
        benchmark = Benchmark(
            against,
            settings["benchmark_columns"],
            [Method(name) for name in settings["methods"]],
            Thresholds(**settings["thresholds"]),
        )
        client = Client(service, api_key=api_key)
        self._job = job
        self._work = Decontaminator(benchmark, client, keep_variants=settings["keep_variants"])
        self._numbers = count(1)

    def __call__(self, batch: Batch) -> Batch:
        """Lines in, lines out: each with the stream that it belongs to."""
        chunk = [self._read(path, text) for path, text in zip(batch["path"], batch["text"], strict=True)]
        usable = [found for found in chunk if isinstance(found, Found)]
        bad = [found for found in chunk if isinstance(found, Unusable)]
        done = self._work(usable) if usable else Done()
        done.counts.update({"rows": len(chunk), UNUSABLE: len(bad)})
        out = [(name, line) for name, rows in done.rows.items() for line in map(lines.as_line, rows)]
        out.append((COUNTS, json.dumps(done.counts).encode()))
        out += [(PROBLEMS, f"{found.place}: {found.problem}".encode()) for found in bad]
        return {"stream": [name for name, _ in out], "text": [line.decode().rstrip("\n") for _, line in out]}

    def _read(self, path: str, text: str) -> Found | Unusable:
        number = next(self._numbers)
        row = lines.parsed(text.encode("utf-8", "surrogatepass"))
        if isinstance(row, str):
            return Unusable(number, Place(path, number), row)
        return conforming(number, Place(path, number), row, self._job.columns, self._job.required)


def run(job: Job, against: Sequence[str], service: str, api_key: str | None) -> State:
    """The whole job on the Ray cluster that `RAY_ADDRESS` names, else on this machine."""
    import ray  # noqa: PLC0415 - an extra of its own

    _check(job)
    started = time.monotonic()
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    sorted_out = _input(job).map_batches(
        Worker,
        fn_constructor_args=(job, against, service, api_key),
        batch_size=CHUNK_ROWS,
        concurrency=(1, max(1, int(ray.cluster_resources().get("CPU", 1)))),
    )
    kept = sorted_out.materialize()
    state = State(complete=True)
    for row in _stream(kept, COUNTS).iter_rows():
        state.counts.update(json.loads(row["text"]))
    if not job.dry_run:
        for name, folder in job.outputs.items():
            _write(_stream(kept, name), Path(folder))
    state.seconds = time.monotonic() - started
    state.problems = [row["text"] for row in _stream(kept, PROBLEMS).take(KEPT_PROBLEMS)]
    if not job.dry_run:
        card.write(job, state.counts, state.problems, state.seconds, {"engine": "ray"})
    return state


def _check(job: Job) -> None:
    for path in map(Path, job.outputs.values()):
        if path.suffix:
            raise BadInput(f"{path}: --engine ray writes folders of parts: name one without a suffix")
        if path.exists() and not job.dry_run:
            if not job.overwrite:
                raise BadInput(f"{path}: exists already; --overwrite replaces it")
            remove(path)
    for source in map(Path, job.inputs):
        if source.suffix not in (*lines.SUFFIXES, ".gz", ".parquet"):
            raise BadInput(f"{source}: --engine ray reads .jsonl, .jsonl.gz and .parquet")


def _input(job: Job) -> "ray.data.Dataset":
    """Every row as a line of text with the file that it comes from."""
    import ray.data  # noqa: PLC0415

    tables = [str(Path(source).resolve()) for source in job.inputs if source.endswith(".parquet")]
    texts = [str(Path(source).resolve()) for source in job.inputs if not source.endswith(".parquet")]
    parts = [ray.data.read_text(texts, include_paths=True)] if texts else []
    if tables:
        parts.append(ray.data.read_parquet(tables, include_paths=True).map(_as_text))
    whole = parts[0].union(parts[1]) if len(parts) > 1 else parts[0]
    return whole if job.limit is None else whole.limit(job.limit)


def _as_text(row: Row) -> Row:
    kept = {name: value for name, value in row.items() if name != "path" and value is not None}
    return {"path": row["path"], "text": lines.as_line(kept).decode()}


def _stream(dataset: "ray.data.Dataset", name: str) -> "ray.data.Dataset":
    from ray.data.expressions import col  # noqa: PLC0415

    return dataset.filter(expr=col("stream") == name)


def _write(dataset: "ray.data.Dataset", folder: Path) -> None:
    """The lines as they are, in parts."""
    from ray.data.datasource import BlockBasedFileDatasink  # noqa: PLC0415

    class Lines(BlockBasedFileDatasink):  # type: ignore[misc]
        def write_block_to_file(self, block: Any, file: Any) -> None:
            # An accessor is what comes; it converts rows of whatever kind.
            for text in block.to_arrow().column("text").to_pylist() if block.num_rows() else ():
                file.write(text.encode() + b"\n")

    folder.mkdir(parents=True)
    dataset.write_datasink(Lines(str(folder.resolve()), file_format="jsonl"))
