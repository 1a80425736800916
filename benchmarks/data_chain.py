"""Rows, seconds and peak memory of each data command, one after the other as a pipeline.

    python benchmarks/data_chain.py                   100,000 synthetic rows; six minutes on one core
    python benchmarks/data_chain.py --rows 5000
    python benchmarks/data_chain.py --real FILE ...   rows with question, reference and response

Rule 1: each command runs in a process of its own, on one thread; seconds are CPU seconds of that process, and the wall
        clock is shown beside them, since the service that it asks runs in another process.
Rule 2: rows are synthetic questions in two wordings and Chinese, one in ten a duplicate; the benchmark has 200
        questions of the same kinds. Each row brings four short responses, so that `difficulty` needs no model.
Rule 3: of real rows those with one question are one row with all their responses, and every tenth question is the
        benchmark's.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))  # runs as a plain file, from any folder

from benchmarks.rewordings import Change, problems
from tests.live import LiveService
from touchstone_trainer.curation import lines

DUPLICATES = 0.1
WORDINGS = (None, Change.REWORDED, Change.TRANSLATED)
BENCHMARK_ROWS = 200
REAL_BENCHMARK_STEP = 10
"""Of real questions every so many-th is the benchmark's."""
COMMAND = str(Path(sys.executable).parent / "touchstone-data")
PLAN = """
[[phases]]
name = "one"
[phases.domains.math]
ratio = 1
source = "measured.jsonl"
task = "math"
epochs = 1
"""
STEPS: Sequence[tuple[str, Sequence[str], str]] = (
    ("rewrite", ("rows.jsonl", "-o", "open.jsonl"), "open.jsonl"),
    ("decontaminate", ("open.jsonl", "-o", "clean.jsonl", "--against", "benchmark.jsonl"), "clean.jsonl"),
    ("select", ("clean.jsonl", "-o", "selected.jsonl", "--target", "TARGET"), "selected.jsonl"),
    ("difficulty", ("selected.jsonl", "-o", "measured.jsonl", "--min-decided", "2"), "measured.jsonl"),
    ("mix", ("plan.toml", "-o", "phases"), "phases/one.jsonl"),
)


@dataclass(frozen=True)
class Spent:
    """What a command took and did."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    counts: dict[str, float]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--real", nargs="+", type=Path, metavar="FILE")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="touchstone-chain-") as name:
        folder = Path(name)
        before = write_real(folder, given.real) if given.real else write_synthetic(folder, given.rows)
        table = Table("command", "rows in", "rows out", "CPU s", "wall s", "peak MiB", title=f"{before:,} rows")
        (folder / "plan.toml").write_text(PLAN)
        service = LiveService(folder, {}).wait_ready()
        try:
            for command, arguments, output in STEPS:
                spent = run(
                    folder, service.url, command, [one.replace("TARGET", str(before // 2)) for one in arguments]
                )
                after = sum(1 for _ in lines.read(folder / output))
                figures = (f"{spent.cpu_s:.0f}", f"{spent.wall_s:.0f}", f"{spent.peak_mib:.0f}")
                table.add_row(command, f"{before:,}", f"{after:,}", *figures)
                Console(stderr=True).print(command, before, after, *figures, spent.counts)
                before = after
        finally:
            service.stop()
    Console().print(table)


def write_synthetic(folder: Path, count: int) -> int:
    """Benchmark and rows; returns how many rows."""
    random = Random(7)
    _write(folder / "benchmark.jsonl", (problem.row for problem in problems(BENCHMARK_ROWS, random)))
    _write(folder / "rows.jsonl", rows(count, random))
    return count


def write_real(folder: Path, files: Sequence[Path]) -> int:
    """The same of real rows."""
    asked: dict[str, dict[str, Any]] = {}
    for file in files:
        for _, row in lines.read(file):
            if isinstance(row, dict) and row.get("reference") and row.get("response"):
                kept = {"question": row["question"], "reference": row["reference"], "responses": []}
                asked.setdefault(row["question"], kept)["responses"].append(row["response"])
    every = list(asked.values())
    _write(folder / "benchmark.jsonl", iter(every[::REAL_BENCHMARK_STEP]))
    _write(folder / "rows.jsonl", iter(every))
    return len(every)


def rows(count: int, random: Random) -> Iterator[dict[str, Any]]:
    """Synthetic rows with responses: right ones and wrong ones."""
    made = problems(count, random)
    last: dict[str, Any] = {}
    for at in range(count):
        if last and random.random() < DUPLICATES:
            yield {**last, "id": at, "question": f"{last['question']} "}
            continue
        problem = next(islice(made, 1))
        change = WORDINGS[at % len(WORDINGS)]
        row = problem.changed(change, random) if change else problem.row
        rate = random.random()
        answers = [row["reference"] if random.random() < rate else str(random.randrange(10**6)) for _ in range(4)]
        last = {**row, "id": at, "responses": [f"The answer is \\boxed{{{answer}}}." for answer in answers]}
        yield last


def run(folder: Path, url: str, command: str, arguments: Sequence[str]) -> Spent:
    """One command to its end."""
    call = [COMMAND, command, *arguments] + (["--service", url] if command != "mix" else [])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(call, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cards = (folder / f"{_out(arguments)}.card.json", folder / "phases/one.jsonl.card.json")
    card = json.loads(next(path for path in cards if path.exists()).read_text())
    return Spent(
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        time.monotonic() - started,
        card["peak_memory_mib"],
        card["counts"],
    )


def _out(arguments: Sequence[str]) -> str:
    return arguments[list(arguments).index("-o") + 1]


def _write(path: Path, made: Iterator[dict[str, Any]]) -> None:
    with path.open("wb") as file:
        file.writelines(map(lines.as_line, made))


if __name__ == "__main__":
    main()
