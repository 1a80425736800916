"""Rows in and out: every form, our names for their columns, and errors that point."""

import gzip
import json
import random
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainer.curation.commands import touchstone_data
from touchstone_trainer.curation import lines, outputs
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.rows import Found, Position, Row, Unusable, known_rows, read, read_usable

ROWS: list[Row] = [
    {"id": "a", "question": "What is 1/2 + 1/2?", "reference": "1", "options": {"rel_tol": 0.1}, "level": 3},
    {"id": "b", "question": "二加二等于几？\n", "reference": ["4", "four"], "tags": ["x", "y"], "score": 0.5},
    {"id": "c", "question": "Half a pair: \ud83d", "reference": "\\frac{1}{2}", "nested": {"k": [1, "two", None]}},
    {"id": "d", "question": "Mixed?", "reference": "no", "level": "hard", "options": {}},
]
FORMS = ["rows.jsonl", "rows.jsonl.gz", "rows.jsonl.zst", "rows.parquet", "rows"]


def write(path: Path, rows: list[Row], chunk: int = 2) -> str:
    output = outputs.Output(path)
    for start in range(0, len(rows), chunk):
        output.append(rows[start : start + chunk])
    output.close()
    outputs.finish(path)
    return str(path)


def usable(source: str, **options: Any) -> list[Row]:
    return [found.row for found in read_usable([source], **options)]


@pytest.mark.parametrize("form", FORMS[:3])
def test_lines_come_back_as_they_were(form: str, tmp_path: Path) -> None:
    """Plain or compressed, a row of JSON survives exactly: nested values, odd Unicode, mixed types."""
    assert usable(write(tmp_path / form, ROWS)) == ROWS


def test_parquet_comes_back_but_for_what_tables_cannot_say(tmp_path: Path) -> None:
    """Through Parquet, one reference among lists becomes a list of one; all else comes back, mixed types included."""
    sound = [row for row in ROWS if row["id"] != "c"]
    back = usable(write(tmp_path / "rows.parquet", sound))
    assert back == [{**row, "reference": row["reference"] if row["id"] == "b" else [row["reference"]]} for row in sound]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_reads_from_the_middle(form: str, tmp_path: Path) -> None:
    """Reading goes on behind any position, also across sources, as if it had never stopped."""
    rows = [{"question": f"q{n}", "reference": str(n)} for n in range(2_500)]
    sources = [write(tmp_path / form, rows[:2_400], 700), write(tmp_path / f"more-{form}", rows[2_400:], 700)]
    whole = list(read(sources))
    assert [found.row["question"] for _, found in whole if isinstance(found, Found)] == [f"q{n}" for n in range(2_500)]
    for at in random.Random(4).sample(range(2_500), 4):
        assert list(read(sources, after=whole[at][0])) == whole[at + 1 :]
    assert known_rows(sources) == (None if "jsonl" in form else 2_500)


def test_saved_data_sets_are_read_by_the_library(tmp_path: Path) -> None:
    """What is written without a suffix is a folder for `load_from_disk`, the same for the same rows."""
    rows = [{"question": f"q{n}", "reference": "1"} for n in range(5)]
    folder = write(tmp_path / "set", rows)
    assert datasets.load_from_disk(folder).to_list() == rows
    again = write(tmp_path / "again", rows)
    names = sorted(path.name for path in Path(folder).iterdir())
    assert all((Path(folder) / name).read_bytes() == (Path(again) / name).read_bytes() for name in names)


def test_data_sets_are_streamed_by_name(tmp_path: Path) -> None:
    """hf:NAME:SPLIT is whatever the datasets library knows under that name, here a folder of files."""
    (tmp_path / "set").mkdir()
    write(tmp_path / "set" / "train.jsonl", [{"question": f"q{n}", "reference": "1"} for n in range(4)])
    source = f"hf:{tmp_path / 'set'}:train"
    assert [row["question"] for row in usable(source)] == ["q0", "q1", "q2", "q3"]
    behind = read([source], after=Position(0, 3, 3))
    assert [found.row["question"] for _, found in behind if isinstance(found, Found)] == ["q3"]
    with pytest.raises(BadInput, match="no-such-set"):
        usable(f"hf:{tmp_path}/no-such-set:train")


def test_splits_must_be_named(tmp_path: Path) -> None:
    """A folder of several splits is no rows: the message names them."""
    one = datasets.Dataset.from_list([{"question": "q", "reference": "1"}])
    datasets.DatasetDict({"train": one, "test": one}).save_to_disk(tmp_path / "both")
    with pytest.raises(BadInput, match="train, test"):
        usable(str(tmp_path / "both"))
    assert len(usable(str(tmp_path / "both" / "test"))) == 1


def test_columns_take_our_names(tmp_path: Path) -> None:
    """Their column, nested ones too, stands under our name; all others stay as they are."""
    table = [{"problem": "q", "reward_model": {"ground_truth": 42}, "extra": {"a": 1}}]
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "t.parquet")
    columns = {"question": "problem", "reference": "reward_model.ground_truth"}
    (row,) = usable(str(tmp_path / "t.parquet"), columns=columns)
    assert row == {"reward_model": {"ground_truth": 42}, "extra": {"a": 1}, "question": "q", "reference": "42"}


BAD_LINES = {
    b'{"question": "q"': "is not JSON",
    b"[1, 2]": "must be a JSON object, not list",
    b'{"question": "q", "reference": NaN}': "NaN is no JSON",
    b'\xff\xfe{"question"': "is not UTF-8 at byte 1",
    b'{"question": 7, "reference": "1"}': "question: must be a text, not int",
    b'{"question": "q", "reference": {"a": 1}}': "reference: must be a text or a list of texts, not dict",
    b'{"question": "q", "reference": []}': "reference: must be a text or a list of texts, not list",
    b'{"question": "q", "reference": "1", "options": "x"}': "options: must be an object, not str",
    b'{"reference": "1"}': "question: missing; name its column with --column question=THEIRS",
    b'{"question": "", "reference": "1"}': "question: missing",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_an_unusable_line_is_named(line: bytes, tmp_path: Path) -> None:
    """A line that cannot be used is reported with file, line and what to fix; the rows around it are read."""
    good = b'{"question": "q", "reference": "1"}\n'
    path = tmp_path / "rows.jsonl"
    path.write_bytes(good + b"\n" + line + b"\n" + good)
    first, bad, last = (found for _, found in read([str(path)], required=("question", "reference")))
    assert isinstance(bad, Unusable)
    assert str(bad.place) == f"{path}:3"
    assert BAD_LINES[line] in bad.problem
    assert (first.place.number, last.place.number) == (1, 4)


def test_broken_sources_are_named(tmp_path: Path) -> None:
    """A file that is missing, of no known kind, cut short or no table stops the command with its name."""
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"question": "q"}\n' * 99)[:-9])
    (tmp_path / "no.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "rows.csv").write_bytes(b"a,b")
    (tmp_path / "folder").mkdir()
    for name in ("missing.jsonl", "cut.jsonl.gz", "no.parquet", "rows.csv", "folder"):
        with pytest.raises(BadInput, match=name):
            list(read([str(tmp_path / name)]))


def test_what_json_cannot_hold_is_said() -> None:
    """A column of bytes stops the command with its name instead of a traceback; dates become texts."""
    with pytest.raises(BadInput, match="picture"):
        lines.as_line({"picture": b"\x00"})
    assert lines.as_line({"at": date(2026, 5, 1)}) == b'{"at": "2026-05-01"}\n'


MEMORY = """
import json, resource, sys
from touchstone_trainer.curation.commands.convert import _copied
from touchstone_trainer.curation.stage import Job, run
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def convert(source, target): run(Job("convert", [source], {"rows": target}, required=()), _copied)
convert("small." + sys.argv[1], "warm." + sys.argv[2])
before = peak()
convert("big." + sys.argv[1], "out." + sys.argv[2])
print(peak() - before)
"""
BIG_MIB = 48
MAY_GROW_KIB = 24 * 1_024
"""Half of the file: tables keep some row groups and buffers, and a process never gives all back."""


@pytest.mark.parametrize(("source", "target"), [("jsonl", "jsonl"), ("jsonl", "parquet"), ("parquet", "jsonl.gz")])
def test_memory_stays_flat(source: str, target: str, tmp_path: Path) -> None:
    """A file of 48 MiB passes through a process that grows by less than half of that, in every form."""
    row = {"question": "?" * 2_000, "reference": "1"}
    for name, count in (("small", 3_000), ("big", BIG_MIB * 500)):
        rows = ({**row, "id": f"{n}", "noise": random.Random(n).randbytes(16).hex()} for n in range(count))
        if source == "jsonl":
            (tmp_path / f"{name}.jsonl").write_bytes(b"".join(map(lines.as_line, rows)))
        else:
            pq.write_table(pa.Table.from_pylist(list(rows)), tmp_path / f"{name}.parquet", row_group_size=1_000)
    ran = subprocess.run(
        [sys.executable, "-c", MEMORY, source, target], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < MAY_GROW_KIB


def test_the_command_counts_and_points(tmp_path: Path) -> None:
    """Unusable rows cost exit status 1 and are shown with their lines; the others are written, the card tells all."""
    (tmp_path / "in.jsonl").write_text('{"question": "a"}\nnonsense\n{"question": "b"}\n')
    ran = touchstone_data("convert", "in.jsonl", "-o", "out.parquet", cwd=tmp_path)
    assert ran.returncode == 1
    assert "in.jsonl:2: is not JSON" in ran.stderr
    assert usable(str(tmp_path / "out.parquet")) == [{"question": "a"}, {"question": "b"}]
    card = json.loads((tmp_path / "out.parquet.card.json").read_text())
    assert card["counts"] == {"rows": 3, "unusable": 1}
    assert "| unusable | 1 |" in (tmp_path / "out.parquet.card.md").read_text()


def test_wrong_calls_end_with_status_two(tmp_path: Path) -> None:
    """A missing input, an output that is there already, an input as output, a strange suffix: nothing is done."""
    (tmp_path / "in.jsonl").write_text('{"question": "a"}\n')
    (tmp_path / "there.jsonl").write_text("mine\n")
    calls = {
        "missing.jsonl -o out.jsonl": "no such file",
        "in.jsonl -o there.jsonl": "exists already; --overwrite replaces it",
        "in.jsonl -o in.jsonl": "named twice",
        "in.jsonl -o out.csv": "write to .jsonl",
        "in.jsonl -o out.jsonl -c question": "OURS=THEIRS",
    }
    for call, message in calls.items():
        ran = touchstone_data("convert", *call.split(), cwd=tmp_path)
        assert (ran.returncode, message in ran.stderr) == (2, True), ran.stderr
    assert (tmp_path / "there.jsonl").read_text() == "mine\n"
    assert not (tmp_path / "out.jsonl").exists()


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """--dry-run shows the counts, --limit takes the first rows, and no file appears."""
    (tmp_path / "in.jsonl").write_text('{"question": "a"}\n' * 7)
    ran = touchstone_data("convert", "in.jsonl", "-o", "out.jsonl", "--dry-run", "--limit", "5", cwd=tmp_path)
    assert ran.returncode == 0
    assert ran.stdout.split()[:2] == ["rows", "5"]
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
