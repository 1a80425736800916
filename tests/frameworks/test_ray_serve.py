"""The service under Ray Serve: deployed by our command on a Ray of this machine, called by our client over HTTP."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
import yaml

from tests.frameworks.conftest import ROOT
from tests.live import LiveService, free_port
from touchstone_client import Client, VerifyItem

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings(  # of Ray's own settings and models
    "ignore:`use_.* is deprecated:DeprecationWarning",
    "ignore:Using extra keyword arguments on `Field`:DeprecationWarning",
)

REPLICAS = 2
BATCHES = 40
ITEMS = 64
REPLICA_TITLE = "ray::ServeReplica:touchstone"


def batch(seed: int) -> list[VerifyItem]:
    """Every second one is right; no two seeds share a response."""
    numbers = range(seed * ITEMS, (seed + 1) * ITEMS)
    return [
        VerifyItem(response=f"{'We add the terms. ' * 100}\\boxed{{{number + number % 2}}}", reference=str(number))
        for number in numbers
    ]


RIGHT = [float(number % 2 == 0) for number in range(ITEMS)]


def replicas() -> list[psutil.Process]:
    """The replicas of this test's own Ray."""
    children = psutil.Process().children(recursive=True)
    return [one for one in children if any(REPLICA_TITLE in part for part in one.cmdline())]


def cpu_s(root: psutil.Process) -> float:
    """CPU seconds of a process and of all below it."""
    return sum(sum(one.cpu_times()[:2]) for one in [root, *root.children(recursive=True)])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the proxy; two replicas behind it."""
    port = free_port()
    settings = {"TOUCHSTONE_CACHE__FILE": str(tmp_path_factory.mktemp("ray") / "cache.sqlite3")}
    with pytest.MonkeyPatch.context() as patch:
        # Ray's other proxy answers 500 for what a dying replica had, and costs ten times the CPU.
        patch.setenv("RAY_SERVE_ENABLE_HA_PROXY", "1")
        patch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'clients'}")
        ray.init(num_cpus=2 * REPLICAS, include_dashboard=False, object_store_memory=100 << 20, log_to_driver=False)
        try:
            command = [sys.executable, "-c", "from app.cli import main; main()", "deploy", "ray"]
            command += ["--address", ray.get_runtime_context().gcs_address, "--host", "127.0.0.1", "--port", str(port)]
            command += ["--min-replicas", str(REPLICAS), "--max-replicas", str(REPLICAS), "--workers", "1"]
            ran = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
            assert ran.returncode == 0, ran.stderr
            yield f"http://127.0.0.1:{port}"
        finally:
            ray.shutdown()


def test_a_batch_is_scored_through_ray(url: str) -> None:
    """Our client gets every reward, and readiness says that the pool of a replica is up."""
    with Client(url) as client:
        assert [result.reward for result in client.verify(batch(0))] == RIGHT
    page = httpx2.get(f"{url}/readyz").json()
    assert page["ready"] is True
    assert page["components"]["pool"]["detail"].startswith("1 of 1 workers")


def test_a_killed_replica_costs_nothing(url: str) -> None:
    """One replica is killed under load: every item has its reward, and Ray puts another in its place."""
    before = replicas()
    assert len(before) == REPLICAS
    rewards: list[list[float | None]] = []

    def ask() -> None:
        with Client(url, deadline_s=60) as client:
            rewards.extend([result.reward for result in client.verify(batch(seed))] for seed in range(1, BATCHES))

    asking = threading.Thread(target=ask)
    asking.start()
    while not rewards:
        time.sleep(0.01)
    before[0].kill()
    asking.join(120)
    assert rewards == [RIGHT] * (BATCHES - 1)
    ends = time.monotonic() + 60
    while {one.pid for one in replicas()} <= {one.pid for one in before} or len(replicas()) < REPLICAS:
        assert time.monotonic() < ends, "no replica came in its place"
        time.sleep(0.2)


def test_cpu_for_a_batch_next_to_our_own_server(url: str, service: LiveService) -> None:
    """Both score the same batches. What each used, the client left out, is printed for docs/scaling.md."""
    here, server = psutil.Process(), psutil.Process(service.process.pid)

    def used() -> dict[str, float]:
        own = cpu_s(server)
        return {"our own server": own, "Ray Serve": cpu_s(here) - own - sum(here.cpu_times()[:2])}

    found = {}
    for name, address in (("our own server", service.url), ("Ray Serve", url)):
        with Client(address, deadline_s=60) as client:
            client.verify(batch(500))
            before = used()
            for seed in range(BATCHES):
                assert [result.reward for result in client.verify(batch(1_000 + seed))] == RIGHT
            found[name] = 1000 * (used()[name] - before[name]) / BATCHES
    print({name: f"{cpu_ms:.1f} ms of CPU for a batch of {ITEMS}" for name, cpu_ms in found.items()})  # noqa: T201
    assert min(found.values()) > 0


def test_the_serve_config_is_one() -> None:
    """Ray reads docker/ray/serve.yaml, and its arguments are ours."""
    from ray.serve.schema import ServeDeploySchema

    from app.ray_app import Scale

    config = yaml.safe_load((Path(ROOT) / "docker" / "ray" / "serve.yaml").read_text())
    (application,) = ServeDeploySchema.model_validate(config).applications
    assert application.import_path == "app.ray_app:build"
    assert Scale(**application.args).max_replicas >= Scale(**application.args).min_replicas
