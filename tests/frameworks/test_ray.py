"""Decontamination as a Ray Data job finds what it finds on one machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.live import LiveService
from touchstone_trainer.curation.commands.decontaminate import Engine, decontaminate
from touchstone_trainer.curation.decontamination.thresholds import Method
from touchstone_trainer.curation.problems import BadInput

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore:`use_.* is deprecated:DeprecationWarning")  # of its own settings

METHODS = [Method.EXACT, Method.NGRAM, Method.TEMPLATE]
QUESTION = "A shop sells {} pens for {} dollars each. How many dollars do all of the pens in the shop cost together?"


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return str(path)


def row(number: int, price: int) -> dict[str, Any]:
    return {"id": f"{number}x{price}", "question": QUESTION.format(number, price), "reference": str(number * price)}


def lines(path: Path) -> list[dict[str, Any]]:
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Ray on this machine, gone when the tests are."""
    yield
    ray.shutdown()


def ids(path: Path) -> list[str]:
    return sorted(one["id"] for one in lines(path))


def test_both_engines_leave_out_the_same_rows(service: LiveService, tmp_path: Path) -> None:
    """The same rows stay and go, the same pairs are reported, the same counts are in the card."""
    rows = [row(number, 7) for number in range(3, 40)] + [
        {"id": "好", "question": "求所有质数的个数吗？", "reference": "无穷"}
    ]
    source = written(tmp_path / "rows.jsonl", [*rows, {"id": "bad", "question": 5, "reference": "1"}])
    benchmark = written(tmp_path / "benchmark.jsonl", [row(5, 7), row(9, 4)])
    counts = {}
    for engine, suffix in (("local", ".jsonl"), ("ray", "")):
        outs = {name: str(tmp_path / f"{engine}-{name}{suffix}") for name in ("rows", "dropped", "report")}
        with pytest.raises(typer.Exit) as ended:
            decontaminate(
                [source],
                outs["rows"],
                [benchmark],
                report=outs["report"],
                dropped=outs["dropped"],
                method=METHODS,
                engine=Engine(engine),
                service=service.url,
            )
        assert ended.value.exit_code == 1, "one row is unusable"
        counts[engine] = json.loads(Path(f"{outs['rows']}.card.json").read_text())["counts"]
    assert counts["ray"] == counts["local"]
    assert counts["local"]["contaminated: copy"] == 1
    assert counts["local"]["contaminated: other_answer"] == 36
    for name in ("rows", "dropped", "report"):
        local, spread = tmp_path / f"local-{name}.jsonl", tmp_path / f"ray-{name}"
        assert ids(spread) == ids(local)
    assert lines(tmp_path / "ray-rows") == lines(tmp_path / "local-rows.jsonl")


def test_ray_writes_folders(service: LiveService, tmp_path: Path) -> None:
    """A name with a suffix is refused before anything starts."""
    from touchstone_trainer.curation.decontamination.ray_job import run
    from touchstone_trainer.curation.stage import Job

    source = written(tmp_path / "rows.jsonl", [row(3, 4)])
    with pytest.raises(BadInput, match="folders of parts"):
        run(Job("decontaminate", [source], {"rows": str(tmp_path / "out.jsonl")}), [source], service.url, None)
