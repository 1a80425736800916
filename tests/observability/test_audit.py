"""The audit log: every decision, without its text, in two files at most, and never in the way."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.line_log import LineLog
from app.services import REGISTRY
from app.settings import AuditSettings
from tests.app.conftest import StartApp, start_app  # noqa: F401 - a fixture
from tests.app.scripted_judge import ScriptedJudge

TEXT = "PlUgH"


def lines(*files: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in files if file.exists() for line in file.read_text().splitlines()]


async def test_every_decision_has_its_line(
    start_app: StartApp,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    """Verdicts and rewards are there with request, step, outcome and who decided; equal items have equal digests, and
    no text of theirs is there.
    """
    file = tmp_path / "audit.jsonl"
    right = {"id": TEXT, "task": "math", "response": f"{TEXT} \\boxed{{4}}", "reference": "4", "question": TEXT}
    wrong = right | {"reference": "5"}
    async with start_app(
        groups={"audit": AuditSettings(file=file)}, judge=ScriptedJudge(), registry=REGISTRY
    ) as running:
        headers = {"x-request-id": "step-7"}
        body = {"items": [right, wrong, right], "step": 7}
        assert (await running.http.post("/v1/verify", json=body, headers=headers)).status_code == 200
        judged = {"question": TEXT, "response": f"{TEXT} quality=7"}
        told = await running.reward(right, judged)
    verdicts = [one for one in lines(file) if one["request_id"] == "step-7"]
    assert [(one["place"], one["outcome"], one["reward"]) for one in verdicts] == [
        (0, "correct", 1.0),
        (1, "incorrect", 0.0),
        (2, "correct", 1.0),
    ]
    assert {(one["kind"], one["step"], one["task"], one["stage"]) for one in verdicts} == {
        ("verdict", 7, "math", "rules")
    }
    assert verdicts[0]["digest"] == verdicts[2]["digest"] != verdicts[1]["digest"]
    rewards = [one for one in lines(file) if one["kind"] == "reward"]
    assert [one["reward"] for one in rewards] == [one["reward"] for one in told]
    assert rewards[0]["digest"] == verdicts[0]["digest"]
    assert TEXT not in file.read_text()


def test_the_log_stays_bounded(tmp_path: Path) -> None:
    """Past its size the file is kept once; a request's lines stay together, and the newest are never lost."""
    file = tmp_path / "audit.jsonl"
    log = LineLog("audit", file, 400, lambda _number: None)
    for number in range(50):
        log.put({"number": number, "part": 1}, {"number": number, "part": 2})
    log.close()
    old = tmp_path / "audit.jsonl.1"
    kept = lines(old, file)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["audit.jsonl", "audit.jsonl.1"]
    assert max(file.stat().st_size, old.stat().st_size) <= 400
    assert [(one["number"], one["part"]) for one in kept[-2:]] == [(49, 1), (49, 2)]
    assert len(kept) % 2 == 0


WRITER = """
import sys
from pathlib import Path
from app.line_log import LineLog

file, name = Path(sys.argv[1]), sys.argv[2]
for start in range(0, 3_000, 500):  # no more at once than may wait
    log = LineLog("audit", file, 2_000, lambda _number: sys.exit("dropped"))
    for number in range(start, start + 500):
        log.put({"name": name, "number": number, "pad": "x" * 60})
    log.close()
"""


def test_several_processes_share_a_log(tmp_path: Path) -> None:
    """Two processes that write one log move it away only when it is full, and leave no line torn or out of turn."""
    file = tmp_path / "audit.jsonl"
    old = tmp_path / "audit.jsonl.1"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, file, name]) for name in "ab"]
    sizes = set()
    while any(one.poll() is None for one in writers):
        with contextlib.suppress(FileNotFoundError):
            sizes.add(old.stat().st_size)
    assert [one.wait() for one in writers] == [0, 0]
    kept = lines(old, file)
    record = len(json.dumps(kept[-1], separators=(",", ":"))) + 1
    assert 2_000 - record <= min(sizes) <= max(sizes) <= 2_000
    for name in "ab":
        numbers = [one["number"] for one in kept if one["name"] == name]
        assert numbers == list(range(3_000))[-len(numbers) :] or not numbers


def test_lines_that_cannot_be_written_are_counted(tmp_path: Path) -> None:
    """Where a folder should be there is a file: both lines are lost, counted as two, and nothing is raised."""
    (tmp_path / "file").write_text("in the way")
    lost: list[int] = []
    log = LineLog("audit", tmp_path / "file" / "audit.jsonl", 400, lost.append)
    log.put({"number": 1}, {"number": 2})
    log.close()
    assert sum(lost) == 2
