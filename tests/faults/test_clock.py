"""The wall clock jumps under a running service."""

import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.app.conftest import FAULTS
from tests.faults.conftest import SMALL, items, wait_for
from tests.live import LiveService
from touchstone_client import Client, VerifyResult

libfaketime = pytest.importorskip("libfaketime")

YEAR_S = 365 * 24 * 3600


def test_the_clock_jumps(start_service: Callable[..., LiveService], tmp_path: Path) -> None:
    """A year forwards and two back while items run: no deadline, limit or retry notices."""
    offset = tmp_path / "offset"
    offset.write_text("+0")
    preload = libfaketime.get_environment()  if hasattr(libfaketime, "get_environment") else {}
    service = start_service(SMALL | FAKED | {"FAKETIME_TIMESTAMP_FILE": str(offset)}, registry=FAULTS)
