"""Precision and recall of decontamination on planted rewordings, by method and by kind of change.

    python benchmarks/decontaminate.py                    200 benchmark questions, 700 planted rows, 1,000 clean ones
    python benchmarks/decontaminate.py --questions 50 --seed 3

Rule 1: planted rows are rewordings of the benchmark's questions, as many for each change: another dress, synonyms, a
        new wording, other names, surrounded by text, translated into Chinese, other numbers.
Rule 2: clean rows are as hard as they come: other questions on the same facts and numbers as a benchmark question, and
        the same kinds of problem in the other wording with other numbers.
Rule 3: "other numbers" are variants, not copies: a line of their own, and left out of precision and recall.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))  # runs as a plain file, from any folder

from benchmarks.rewordings import Change, Problem, problems
from tests.live import LiveService
from touchstone_client import Client
from touchstone_trainer.curation import lines
from touchstone_trainer.curation.decontamination.benchmark import Benchmark
from touchstone_trainer.curation.decontamination.decontaminator import Decontaminator
from touchstone_trainer.curation.decontamination.thresholds import Method
from touchstone_trainer.curation.rows import Found, Place

CHUNK_ROWS = 256
COPIES = tuple(change for change in Change if change is not Change.NUMBERS)
HARD, OTHER = "hard negative", "unrelated numbers"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    random = Random(given.seed)
    asked = list(problems(given.questions, random))
    rows = planted(asked, random) + clean(asked, random)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.jsonl"
        path.write_bytes(b"".join(lines.as_line(problem.row) for problem in asked))
        service = LiveService(Path(folder), {}).wait_ready()
        try:
            with Client(service.url) as client:
                found = {str(method): dropped(Benchmark([str(path)], {}, [method]), client, rows) for method in Method}
                every = Benchmark([str(path)])
                found["all"] = dropped(every, client, rows)
                found["all, variants kept"] = dropped(every, client, rows, keep_variants=True)
        finally:
            service.stop()
    show(rows, found)


def planted(asked: Sequence[Problem], random: Random) -> list[dict[str, Any]]:
    """Rows that must go, a share of the benchmark for each change, each with what was changed."""
    half = len(asked) // 2
    return [
        {**problem.changed(change, random), "planted": str(change)}
        for change in Change
        for problem in random.sample(asked, half)
    ]


def clean(asked: Sequence[Problem], random: Random) -> list[dict[str, Any]]:
    """Rows that must stay."""
    hard = [{**problem.hard_negative(), "planted": HARD} for problem in asked]
    others = problems(4 * len(asked), random)
    return hard + [
        {**other.as_row(other.filled(other.kind.reworded), other.kind.answer), "planted": OTHER} for other in others
    ]


def dropped(
    benchmark: Benchmark, client: Client, rows: Sequence[dict[str, Any]], *, keep_variants: bool = False
) -> Counter[str]:
    """How many rows of each sort were left out."""
    work = Decontaminator(benchmark, client, keep_variants=keep_variants)
    gone: Counter[str] = Counter()
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = [
            Found(at, Place("planted", at + 1), row) for at, row in enumerate(rows[start : start + CHUNK_ROWS], start)
        ]
        gone.update(row["planted"] for row in work(chunk).rows.get("dropped", []))
    return gone


def show(rows: Sequence[dict[str, Any]], found: dict[str, Counter[str]]) -> None:
    """Share of each sort that was left out; then precision and recall over copies and clean rows."""
    sizes = Counter(row["planted"] for row in rows)
    table = Table("rows", "count", *found, title="share left out")
    for sort, size in sizes.items():
        table.add_row(sort, str(size), *(f"{gone[sort] / size:.2f}" for gone in found.values()))
    for name, shares in (("precision", precision), ("recall", recall)):
        table.add_row(name, "", *(_figure(shares(gone, sizes)) for gone in found.values()), style="bold")
    Console(width=140).print(table)


def precision(gone: Counter[str], sizes: Counter[str]) -> float | None:
    """Of all that were left out, variants aside, the share of copies; None where nothing was left out."""
    right, wrong = sum(gone[change] for change in COPIES), gone[HARD] + gone[OTHER]
    return right / (right + wrong) if right + wrong else None


def recall(gone: Counter[str], sizes: Counter[str]) -> float | None:
    """Of all copies the share that was left out."""
    return sum(gone[change] for change in COPIES) / sum(sizes[change] for change in COPIES)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
