"""A service with a scripted judge, so that every operation can be asked."""

from collections.abc import Iterator

import pytest

from tests.fuzz.openapi import SETTINGS
from tests.live import LiveService


@pytest.fixture(scope="session")
def judging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """With one worker: whatever jams it is seen by the next request."""
    live = LiveService(tmp_path_factory.mktemp("fuzz"), SETTINGS, model="judge")
    yield live.wait_ready()
    live.stop()
