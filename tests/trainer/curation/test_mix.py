"""Phase files are what the trainer's curriculum would draw."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainer.curation.commands import touchstone_data
from touchstone_trainer.curation.mix import Drawing
from touchstone_trainer.curation.row_store import RowStore
from touchstone_trainer.curation.rows import Position
from touchstone_trainer.curriculum import Curriculum
from touchstone_trainer.mixing import MixingPlan

SIZES = {"math": 100, "code": 50, "geo": 30}
BATCH = 10


def write_sources(folder: Path) -> None:
    """One domain in plain lines, one compressed in Parquet, one with a broken line in its middle."""
    rows = {
        name: [{"id": f"{name}{n}", "question": f"{name} {n}?", "reference": str(n)} for n in range(size)]
        for name, size in SIZES.items()
    }
    math = [json.dumps(row) for row in rows["math"]]
    (folder / "math.jsonl").write_text("\n".join([*math[:40], "broken", "", *math[40:]]) + "\n")
    pq.write_table(pa.Table.from_pylist(rows["code"]), folder / "code.parquet")
    geo = [
        json.dumps({"problem": row["question"], **{k: v for k, v in row.items() if k != "question"}})
        for row in rows["geo"]
    ]
    (folder / "geo.jsonl").write_text("\n".join(geo) + "\n")


def domain(name: str, file: str, **more: Any) -> dict[str, Any]:
    return {"source": file, "task": "math" if name != "code" else "code", **more}


def plan_of(second: dict[str, Any], **more: Any) -> dict[str, Any]:
    math = domain("math", "math.jsonl", held_out=5)
    first = {"name": "one", "domains": {"math": {**math, "ratio": 1.0}}, "steps": 3}
    return {
        "seed": 11,
        "phases": [first, {"name": "two", "domains": {"math": {**math, **second["math"]}, **second["rest"]}, **more}],
    }


RATIOS: dict[str, Any] = {
    "math": {"ratio": 0.5},
    "rest": {
        "code": domain("code", "code.parquet", ratio=0.3),
        "geo": domain("geo", "geo.jsonl", ratio=0.2),
    },
}


def mixed(folder: Path, plan: dict[str, Any], *arguments: str) -> tuple[Any, dict[str, list[dict[str, Any]]]]:
    (folder / "plan.json").write_text(json.dumps(plan))
    ran = touchstone_data(
        "mix", "plan.json", "-o", "out", "--batch", str(BATCH), "-c", "question=problem", *arguments, cwd=folder
    )
    files = sorted((folder / "out").glob("*.jsonl")) if (folder / "out").exists() else []
    return ran, {file.stem: [json.loads(line) for line in file.read_text().splitlines()] for file in files}


def test_phase_files_are_what_the_curriculum_draws(tmp_path: Path) -> None:
    """Row for row: domains, order, epochs; shares are exact in every batch; held-out rows are drawn nowhere."""
    write_sources(tmp_path)
    plan = plan_of(RATIOS, steps=8)
    ran, files = mixed(tmp_path, plan)
    assert ran.returncode == 1, "the broken line is said"
    assert "math.jsonl:41: is not JSON" in ran.stderr
    assert json.loads((tmp_path / "out" / "one.jsonl.card.json").read_text())["unusable_source_rows"] == 1
    curriculum = Curriculum(MixingPlan.parse(plan), SIZES)
    drawn: dict[str, list[str]] = {"one": [], "two": []}
    while not curriculum.finished:
        phase = curriculum.phase.name
        drawn[phase] += [f"{draw.domain}{draw.row}" for draw in curriculum.draw(BATCH)]
        curriculum.step_done()
    assert {phase: [row["id"] for row in files[phase]] for phase in drawn} == drawn
    for start in range(0, 80, BATCH):
        batch = Counter(row["domain"] for row in files["two"][start : start + BATCH])
        assert batch == {"math": 5, "code": 3, "geo": 2}
    held_out = {row["id"] for row in files["held_out"]}
    assert len(held_out) == 5
    assert not held_out & {row["id"] for rows in (files["one"], files["two"]) for row in rows}
    assert files["two"][0].keys() >= {"phase", "domain", "task", "epoch", "question", "reference"}


def test_the_drawing_can_be_entered_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind any row the stream goes on as it would have: what a killed job needs."""
    monkeypatch.chdir(tmp_path)
    write_sources(tmp_path)
    plan = MixingPlan.parse(plan_of(RATIOS, steps=4))
    stores = {
        name: RowStore(part.source, tmp_path / name, {"question": "problem"}) for name, part in plan.domains.items()
    }
    whole = [found for _, found in Drawing(plan, stores, BATCH)(Position())]
    assert len(whole) == 5 + 30 + 40
    for rows in (1, 5, 33, 60):
        assert [found for _, found in Drawing(plan, stores, BATCH)(Position(0, rows, rows))] == whole[rows:]
    for store in stores.values():
        store.close()


def test_epochs_and_caps_end_a_phase(tmp_path: Path) -> None:
    """Without a number of steps a phase ends where its rows do: twice over geo, 40 of math, each code row once."""
    write_sources(tmp_path)
    rest = {"code": {**RATIOS["rest"]["code"], "epochs": 1}, "geo": {**RATIOS["rest"]["geo"], "epochs": 2}}
    _, files = mixed(tmp_path, plan_of({"math": {"ratio": 0.5, "cap": 40}, "rest": rest}))
    assert Counter(row["domain"] for row in files["two"]) == {"math": 40, "code": 50, "geo": 60}
    assert set(Counter(row["id"] for row in files["two"] if row["domain"] == "geo").values()) == {2}
    card = json.loads((tmp_path / "out" / "one.jsonl.card.json").read_text())
    assert card["shares"]["two/geo"] == {"planned": 0.2, "got": 0.4, "rows": 60, "passes": 2.0}
    assert card["source_rows"] == SIZES


def test_temperature_weights_go_by_usable_rows(tmp_path: Path) -> None:
    """With an alpha the shares are n^alpha: for 0.5 and 100, 50, 30 rows 0.447, 0.317 and 0.235."""
    write_sources(tmp_path)
    rest = {name: {k: v for k, v in part.items() if k != "ratio"} for name, part in RATIOS["rest"].items()}
    mixed(tmp_path, plan_of({"math": {}, "rest": rest}, alpha=0.5, steps=4))
    shares = json.loads((tmp_path / "out" / "one.jsonl.card.json").read_text())["shares"]
    assert [shares[f"two/{name}"]["planned"] for name in SIZES] == pytest.approx([0.4472, 0.3162, 0.2449], abs=0.01)


def test_endless_phases_need_a_length(tmp_path: Path) -> None:
    """A phase that only training would end is refused with the option to give; the option ends it."""
    write_sources(tmp_path)
    plan = plan_of(RATIOS)
    ran, _ = mixed(tmp_path, plan)
    assert ran.returncode == 2
    assert "--steps two=N" in ran.stderr
    assert mixed(tmp_path, plan, "--steps", "three=2")[0].returncode == 2
    _, files = mixed(tmp_path, plan, "--steps", "two=2", "--suffix", ".jsonl")
    assert len(files["two"]) == 2 * BATCH


def test_plans_that_cannot_be_followed_are_refused(tmp_path: Path) -> None:
    """A misspelt field, a missing file and a domain without rows end with status 2 and their names."""
    write_sources(tmp_path)
    (tmp_path / "empty.jsonl").write_text("")
    wrong: dict[str, dict[str, Any]] = {
        "ratoi": {"ratoi": 1},
        "nowhere.jsonl": {"source": "nowhere.jsonl"},
        "has nothing to draw": {"source": "empty.jsonl"},
    }
    for name, change in wrong.items():
        only = {"ratio": 1.0, **domain("geo", "geo.jsonl"), **change}
        ran, files = mixed(tmp_path, {"phases": [{"name": "one", "domains": {"geo": only}, "steps": 1}]})
        assert (ran.returncode, files) == (2, {}), ran.stderr
        assert name in ran.stderr
