"""The disk is full under the cache and the judgement log: a real one, of some hundred kilobytes."""

import contextlib
import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import metric, part, wait_for
from tests.live import LiveService
from touchstone_client import Client, VerifyItem

DROPPED = "touchstone_judge_log_dropped_total"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_full(start_service: Callable[..., LiveService], small_disk: Path) -> None:
    """With no room left verdicts and judgements are given as ever, what is kept is read, readiness says what is lost;
    with room again, both are written again."""
    log = small_disk / "judgements.jsonl"
    settings = {
        "TOUCHSTONE_CACHE__FILE": str(small_disk / "cache.sqlite3"),
        "TOUCHSTONE_JUDGE__LOG_FILE": str(log),
        "TOUCHSTONE_JUDGE__EMPTY_CONTROL": "false",
        "TOUCHSTONE_JUDGE__WRONG_CONTROL_SHARE": "0",
    }
    service = start_service(settings, model="judge")
    with Client(service.url) as client:

        def judged(name: str) -> list[float | None]:
            case = {"question": f"Praise {name}.", "candidates": [{"response": f"quality=7 {name}"}]}
            return [one.reward for result in client.judge([case]) for one in result.candidates]

        def rewards(number: int) -> list[float | None]:
            pairs = [VerifyItem(response=f"\\boxed{{{number}{n}+x}}", reference=f"x+{number}{n}") for n in range(3)]
            return [result.reward for result in client.verify(pairs, recall="never")]

        assert judged("spring") == judged("autumn") == [7 / 9]
        assert rewards(1) == [1.0] * 3
        wait_for(lambda: log.exists() and len(log.read_bytes().splitlines()) == 2)
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        for number in range(2, 12):
            assert rewards(number) == [1.0] * 3
        assert judged("winter") == [7 / 9]
        wait_for(lambda: metric(service, DROPPED) > 0 and not part(service, "cache")["ok"])
        assert service.client.get("/readyz").status_code == 200
        filler.unlink()
        later = itertools.count(100)
        wait_for(lambda: rewards(next(later)) == [1.0] * 3 and part(service, "cache")["ok"])
        assert judged("summer") == [7 / 9]
        wait_for(lambda: b"summer" in log.read_bytes())
