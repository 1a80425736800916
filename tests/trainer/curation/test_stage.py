"""A command that is killed and started again gives what it would have given; cards tell what was done."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import app.cli.exit_codes
from touchstone_trainer.curation import outputs, problems
from touchstone_trainer.curation.problems import BadInput, NoService
from touchstone_trainer.curation.rows import Found, read_usable
from touchstone_trainer.curation.stage import Done, Job, State, run

ROWS = 400
CHUNK = 10
START_LIMIT_S = 60.0

SLOW = """
import sys, time
from collections.abc import Sequence
from tests.trainer.curation.test_stage import job, split_rows
from touchstone_trainer.curation.stage import run
def slow(chunk):
    time.sleep(0.01)
    return split_rows(chunk)
run(job(sys.argv[1]), slow)
"""


def job(suffix: str, **options: object) -> Job:
    paths = {"even": f"even{suffix}", "odd": f"odd{suffix}"}
    return Job("split", ["in.jsonl"], paths, {"by": 2}, chunk_rows=CHUNK, **options)  # type: ignore[arg-type]


def split_rows(chunk: Sequence[Found]) -> Done:
    done = Done()
    for found in chunk:
        stream = "odd" if found.index % 2 else "even"
        done.put(stream, found.row | {"index": found.index})
        done.counts[stream] += 1
    return done


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_input()
    return tmp_path


def write_input(rows: int = ROWS) -> None:
    text = "".join(json.dumps({"question": f"q{n}", "reference": str(n)}) + "\n" for n in range(rows))
    Path("in.jsonl").write_text(text + "broken\n")


def digests(suffix: str) -> dict[str, str]:
    """Of both outputs; of a folder's files in order."""
    found = {}
    for name in ("even", "odd"):
        path = Path(f"{name}{suffix}")
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        found[name] = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return found


def killed_midway(suffix: str) -> int:
    """Start the job in a process, kill it once some of it is done; rows done by then."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen([sys.executable, "-c", SLOW, suffix], env=environment, stderr=subprocess.DEVNULL)
    marker = Path(f"even{suffix}.progress.json")
    ends = time.monotonic() + START_LIMIT_S
    rows = 0
    while rows < 3 * CHUNK and process.poll() is None and time.monotonic() < ends:
        time.sleep(0.01)
        rows = json.loads(marker.read_text())["state"]["position"]["rows"] if marker.exists() else 0
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    return rows


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".parquet", ""])
def test_killed_and_started_again_gives_the_same_bytes(suffix: str, folder: Path) -> None:
    """SIGKILL in the middle, then the same call: outputs and counts are those of an undisturbed run."""
    run(job(suffix), split_rows)
    undisturbed, card = digests(suffix), json.loads(Path(f"even{suffix}.card.json").read_text())
    for name in ("even", "odd"):
        outputs.remove(Path(f"{name}{suffix}"))
    done = killed_midway(suffix)
    assert 3 * CHUNK <= done < ROWS
    assert not Path(f"even{suffix}").exists()
    again: list[int] = []

    def noting(chunk: Sequence[Found]) -> Done:
        again.extend(found.index for found in chunk)
        return split_rows(chunk)

    state = run(job(suffix), noting)
    assert digests(suffix) == undisturbed
    assert state.counts == card["counts"]
    assert min(again) >= done
    assert not [*folder.glob("*.progress.json*"), *folder.glob("*.partial"), *folder.glob("*.made")]


def test_killed_between_the_outputs_finishes_the_rest(folder: Path) -> None:
    """Once all rows are worked off, a kill while the files get their names costs no work."""
    marker = Path("even.jsonl.progress.json")
    taken: list[str] = []

    def extra(counts: object) -> dict[str, object]:
        taken.append(marker.read_text())
        return {}

    run(job(".jsonl"), split_rows, extra)
    whole = digests(".jsonl")
    Path("odd.jsonl").replace("odd.jsonl.partial")
    marker.write_text(taken[0])

    def never(chunk: Sequence[Found]) -> Done:
        raise AssertionError("there is nothing left to work on")

    assert run(job(".jsonl"), never).counts["rows"] == ROWS + 1
    assert digests(".jsonl") == whole
    assert not marker.exists()


def test_outputs_without_rows_are_empty_and_whole(folder: Path) -> None:
    """An output that gets no rows is there, and can be read: no rows."""
    for suffix in (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet", ""):
        run(job(suffix, limit=0), split_rows)
        assert list(read_usable([f"even{suffix}"])) == []


def test_what_lies_behind_the_marker_is_cut_off(folder: Path) -> None:
    """Rows that were written but not accounted for when the kill came are not written twice."""
    run(job(".jsonl"), split_rows)
    whole = digests(".jsonl")
    for name in ("even", "odd"):
        Path(f"{name}.jsonl").unlink()
    killed_midway(".jsonl")
    with Path("even.jsonl.partial").open("a") as file:
        file.write('{"question": "half a ro')
    run(job(".jsonl"), split_rows)
    assert digests(".jsonl") == whole


def test_a_service_that_fails_costs_no_work(folder: Path) -> None:
    """Where the service is lost in the middle the same call goes on from there, to the same bytes."""
    run(job(".jsonl"), split_rows)
    whole = digests(".jsonl")
    seen: list[int] = []

    def failing(chunk: Sequence[Found]) -> Done:
        if chunk[0].index >= ROWS // 2 and not seen:
            raise NoService("gone")
        seen.extend(found.index for found in chunk if chunk[0].index >= ROWS // 2)
        return split_rows(chunk)

    with pytest.raises(NoService):
        run(job(".jsonl", overwrite=True), failing)
    seen.append(-1)
    run(job(".jsonl"), failing)
    assert digests(".jsonl") == whole
    assert min(seen[1:]) == ROWS // 2


def test_another_job_is_not_mixed_in(folder: Path) -> None:
    """Other parameters or another input than those of the unfinished job are refused; --overwrite starts over."""
    killed_midway(".jsonl")
    changed = Job("split", ["in.jsonl"], job(".jsonl").outputs, {"by": 3}, chunk_rows=CHUNK)
    with pytest.raises(BadInput, match="other parameters was not finished"):
        run(changed, split_rows)
    write_input(ROWS + 1)
    with pytest.raises(BadInput, match="other inputs was not finished"):
        run(job(".jsonl"), split_rows)
    assert run(job(".jsonl", overwrite=True), split_rows).counts["rows"] == ROWS + 2


def test_two_processes_cannot_write_one_output(folder: Path) -> None:
    """While a job writes, the same call in another process is refused."""
    refused: list[str] = []

    def second(chunk: Sequence[Found]) -> Done:
        if not refused:
            with pytest.raises(BadInput) as error:
                run(job(".jsonl"), split_rows)
            refused.append(str(error.value))
        return split_rows(chunk)

    run(job(".jsonl"), second)
    assert "another process is writing it" in refused[0]


def test_the_card_tells_what_was_done(folder: Path) -> None:
    """Counts, hashes of what went in and came out, parameters, problems with their lines, duration and memory."""
    state = run(job(".jsonl", limit=ROWS + 1), split_rows, lambda counts: {"share": counts["odd"] / counts["rows"]})
    assert isinstance(state, State)
    card = json.loads(Path("even.jsonl.card.json").read_text())
    assert card["inputs"] == [{"path": "in.jsonl", "sha256": hashlib.sha256(Path("in.jsonl").read_bytes()).hexdigest()}]
    assert [one["sha256"] for one in card["outputs"]] == list(digests(".jsonl").values())
    assert card["counts"] == {"even": 200, "odd": 200, "rows": 401, "unusable": 1}
    assert (card["parameters"], card["limit"], card["share"]) == ({"by": 2}, 401, 200 / 401)
    assert card["problems"][0].startswith("in.jsonl:401: is not JSON")
    assert card["seconds"] > 0
    assert card["peak_memory_mib"] > 1
    text = Path("even.jsonl.card.md").read_text()
    assert all(line in text for line in ("- command: split", "| odd | 200 |", card["inputs"][0]["sha256"]))


def test_exit_codes_are_those_of_the_service_command() -> None:
    """Both commands mean the same by a status."""
    for name in ("UNUSABLE_ROWS", "USAGE", "NO_SERVICE"):
        assert getattr(problems, name) == getattr(app.cli.exit_codes, name)


def test_a_wrong_column_leaves_nothing_in_the_way(folder: Path) -> None:
    """Where not one row can be used the call is wrong; the corrected one needs no --overwrite."""
    Path("in.jsonl").write_text('{"problem": "q", "reference": "1"}\n' * 3)
    with pytest.raises(BadInput, match=r"not one of 3 rows .* name its column with --column question=THEIRS"):
        run(job(".jsonl"), split_rows)
    assert [path.name for path in folder.iterdir()] == ["in.jsonl"]
    assert run(job(".jsonl", columns={"question": "problem"}), split_rows).counts["even"] == 2
