"""The wall clock jumps under a running service."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.conftest import FAULTS
from tests.faults.conftest import SMALL, items, wait_for
from tests.live import LiveService
from touchstone_client import Client, VerifyResult

libfaketime = pytest.importorskip("libfaketime", reason="needs libfaketime")


def test_the_clock_jumps(start_service: Callable[..., LiveService], tmp_path: Path) -> None:
    """A year forwards and two back while an item runs: no deadline, limit or wait notices."""
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    _, faked = libfaketime.get_reload_information()
    service = start_service(SMALL | faked | {"FAKETIME_TIMESTAMP_FILE": str(offset)}, registry=FAULTS)
    results: list[VerifyResult] = []
    year = _year(service)
    with Client(service.url) as client:

        def ask() -> None:
            results.extend(client.verify(items("nap 3 then 7", "spin", "so 7"), deadline_s=20))

        asking = threading.Thread(target=ask)
        asking.start()
        offset.write_text("+366d\n")
        wait_for(lambda: _year(service) == year + 1)
        offset.write_text("-366d\n")
        wait_for(lambda: _year(service) == year - 1)
        asking.join(30)
        results.extend(client.verify(items("and now 7")))
    assert [(str(result.outcome), result.reward) for result in results] == [
        ("correct", 1.0),
        ("unreadable", 0.0),
        ("correct", 1.0),
        ("correct", 1.0),
    ]


def _year(service: LiveService) -> int:
    """As the service sees it: uvicorn's Date header."""
    return int(service.client.get("/healthz").headers["date"].split()[3])
