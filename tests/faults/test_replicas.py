"""A replica dies in the middle of a batch."""

import threading
from pathlib import Path

from tests.app.conftest import FAULTS
from tests.faults.conftest import SMALL, items, wait_for
from tests.faults.proxy import FaultProxy
from tests.live import LiveService, RedisServer
from touchstone_client import Client, VerifyResult

ITEMS = 400


def test_a_replica_killed_in_the_middle_of_a_batch(tmp_path: Path, redis_server: RedisServer) -> None:
    """Behind a balancer, what the dead replica had is asked of the other: every item has one result, in its place, for
    at most two runs an item on average."""
    settings = SMALL | {"TOUCHSTONE_CACHE__REDIS_URL": redis_server.url}
    replicas = [LiveService(tmp_path, settings, registry=FAULTS) for _ in range(2)]
    try:
        one, other = [replica.wait_ready() for replica in replicas]
        marks = tmp_path / "marks"
        batch = items(*(f"count {marks} {number} {7 if number % 3 else 8}" for number in range(ITEMS)))
        answers: list[VerifyResult] = []
        done: list[int] = []
        with FaultProxy(one.port, other.port) as balancer, Client(balancer.url, concurrency=2) as client:

            def ask() -> None:
                answers.extend(client.verify(batch, recall="never", progress=lambda count, _: done.append(count)))

            asking = threading.Thread(target=ask)
            asking.start()
            wait_for(marks.exists)
            one.kill()
            asking.join(60)
        assert [result.reward for result in answers] == [float(number % 3 > 0) for number in range(ITEMS)]
        assert done == sorted(set(done))
        assert done[-1] == ITEMS
        runs = len(marks.read_text())
        with Client(other.url) as client:
            again = client.verify(batch, recall="never")
        assert [result.reward for result in again] == [result.reward for result in answers]
        assert ITEMS <= runs <= 2 * ITEMS
    finally:
        for replica in replicas:
            replica.kill()
