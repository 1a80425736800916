"""`touchstone judge` as people run it: real files, a real service with a scripted judge, replay without any."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_verify import cells, read, touchstone, write
from tests.live import LiveService

SEA = "Write one sentence about the sea."


@pytest.fixture(scope="module")
def judging(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A running service whose judge gives `quality=N` its N of 9, and logs what it does."""
    folder = tmp_path_factory.mktemp("judging")
    live = LiveService(folder, {"TOUCHSTONE_JUDGE__LOG_FILE": str(folder / "log.jsonl")}, model="judge")
    yield live.wait_ready()
    live.stop()


def said(quality: int, words: str = "The sea") -> str:
    return f"{words} of quality={quality}."


def test_single_responses(judging: LiveService, tmp_path: Path) -> None:
    """Labels of single responses give an accuracy by category; the results hold one line a row."""
    rows = [
        {"id": "a", "question": SEA, "response": said(8), "label": True, "category": "good"},
        {"id": "b", "question": SEA, "response": said(2), "label": True, "category": "good"},
        {"id": "c", "question": SEA, "response": "...", "label": False, "category": "empty"},
    ]
    out = tmp_path / "out.jsonl"
    done = touchstone("judge", write(tmp_path / "in.jsonl", rows), "--url", judging.url, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert [row["id"] for row in read(out)] == ["a", "b", "c"]
    assert read(out)[2]["candidates"][0]["status"] == "rejected"
    # right, wrong, right
    assert cells(done.stdout, "good")[1:3] == ["2", "50.0%"]
    assert cells(done.stdout, "empty")[1:3] == ["1", "100.0%"]
    assert cells(done.stdout, "all")[1:3] == ["3", "66.7%"]
    assert "calls" in done.stdout


def test_several_responses(judging: LiveService, tmp_path: Path) -> None:
    """Pairs are judged in both orders: accuracy, order-consistency and ties come out as worked by hand."""
    rows = [
        {"question": SEA, "responses": [said(8), said(2)], "label": "A"},
        {"question": SEA, "responses": [said(8), said(2)], "label": 1},
        {"question": SEA, "chosen": said(7, "A wave"), "rejected": said(7, "A tide")},
        {"question": SEA, "responses": [said(6, "A gull"), said(6, "A crab")], "label": "tie"},
    ]
    arguments = ["--url", judging.url, "--protocol", "pairwise"]
    done = touchstone("judge", write(tmp_path / "in.jsonl", rows), *arguments)
    assert done.returncode == 0, done.stderr
    # (1 + 0 + 1/2 + 1) / 4; every order names the same one; two of four are ties; all are scored
    assert cells(done.stdout, "all")[1:] == ["4", "62.5%", "100.0%", "50.0%", "0.0%"]


def test_bad_rows_are_named_and_cost_only_themselves(judging: LiveService, tmp_path: Path) -> None:
    """Rows that cannot be read are reported by line; the others are judged."""
    rows = [
        {"question": SEA, "response": said(8)},
        "{not json",
        {"question": SEA},
        {"question": SEA, "response": "x", "label": "yes"},
        {"question": SEA, "responses": ["a", "b"], "label": 5},
        {"question": SEA, "response": "x", "protocol": "dice"},
    ]
    done = touchstone("judge", write(tmp_path / "in.jsonl", rows), "--url", judging.url)
    assert done.returncode == 1
    for line, complaint in [(2, "not JSON"), (3, "needs response"), (4, "label"), (5, "label")]:
        assert any(f"line {line}: " in said and complaint in said for said in done.stderr.splitlines()), done.stderr
    assert cells(done.stdout, "all")[1:3] == ["2", "no labels"]


LOGGED = ("pointwise", "pairwise", "listwise", "process")


def test_a_log_is_replayed_to_the_same_rewards(judging: LiveService, tmp_path: Path) -> None:
    """What the service logged, read again by the same code, gives the same rewards; a changed reply is noticed."""
    cases = [
        {
            "question": SEA,
            "candidates": [{"response": said(n, f"Sea {n}")}, {"response": said(4)}],
            "protocol": protocol,
        }
        for n, protocol in enumerate(LOGGED, 5)
    ]
    assert judging.client.post("/v1/judge", json={"cases": cases}).status_code == 200
    log = tmp_path / "log.jsonl"
    log.write_bytes(_settled((judging.folder / "log.jsonl").read_bytes))
    done = touchstone("judge", "--replay", str(log))
    assert done.returncode == 0, done.stderr
    assert cells(done.stdout, "all")[3].startswith("100.0%")
    changed = log.read_text().replace('\\"outcome_score\\": 5', '\\"outcome_score\\": 1')
    assert changed != log.read_text()
    log.write_text(changed)
    again = touchstone("judge", "--replay", str(log))
    assert not cells(again.stdout, "pointwise")[3].startswith("100.0%")


def _settled(look: Callable[[], bytes]) -> bytes:
    """The log once its writer has caught up: it holds all four protocols."""
    import time

    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        data = look()
        # They are judged side by side, so the last one asked is not always the last one written.
        if data.endswith(b"\n") and all(f'"protocol":"{name}"'.encode() in data for name in LOGGED):
            return data
        time.sleep(0.05)
    raise TimeoutError


def test_transcripts_from_elsewhere(tmp_path: Path) -> None:
    """Recorded replies in many manners are read without a service, and compared with what they should say."""
    rows = [
        {"reply": "Both are fine, but the first is right. [[A]]", "kind": "choice", "expected": "A"},
        {"reply": "Output (b)", "kind": "choice", "names": ["a", "b"], "expected": "b"},
        {"reply": "so \\boxed{7}", "kind": "score", "expected": 7, "category": "scores"},
        {"reply": "Feedback: good. [RESULT] 4", "kind": "score", "high": 5, "expected": 4, "category": "scores"},
        {"reply": "Final Decision: Yes", "kind": "label", "expected": True},
        {"reply": "I cannot tell.", "kind": "label", "expected": None},
        {"reply": "no kind"},
    ]
    out = tmp_path / "out.jsonl"
    done = touchstone("judge", "--replay", write(tmp_path / "in.jsonl", rows), "--out", str(out))
    assert done.returncode == 1
    assert "line 7: " in done.stderr
    assert cells(done.stdout, "scores")[1:] == ["2", "100.0%", "100.0% (2/2)"]
    assert cells(done.stdout, "all")[3] == "100.0% (6/6)"
    assert read(out)[0]["result"] == {"value": "A"}
    assert read(out)[5]["result"]["unread"] == "judge_no_verdict"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "give either"),
        (["in.jsonl", "--replay", "x.jsonl"], "give either"),
        (["no-such-file.jsonl"], "cannot read"),
        (["-", "--model", "http://localhost:1/v1"], "--local"),
        (["-", "--local", "--url", "http://localhost:1"], "exclude"),
        (["--replay", "no-such-file.jsonl"], "cannot read"),
    ],
)
def test_wrong_calls(arguments: list[str], complaint: str) -> None:
    """A call that cannot work is exit status 2 with what to fix."""
    done = touchstone("judge", *arguments, stdin=json.dumps({"question": "?", "response": "x"}))
    assert done.returncode == 2, done.stderr
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_service_without_a_judge(service: LiveService, tmp_path: Path) -> None:
    """A running service without a model ends the command with what to configure."""
    path = write(tmp_path / "in.jsonl", [{"question": SEA, "response": said(3)}])
    done = touchstone("judge", path, "--url", service.url)
    assert done.returncode == 2
    assert "--judge-model" in done.stderr
