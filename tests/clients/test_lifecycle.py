"""Where trainers carry a client: into other processes, threads and event loops."""

import asyncio
import gc
import multiprocessing
import os
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import httpx2
import pytest

from touchstone_client import (
    AsyncClient,
    Client,
    DeadlineExceeded,
    Overloaded,
    Problem,
    RequestRejected,
    RetryPolicy,
    TouchstoneError,
)

from .conftest import Service, expected, hang, items

# From 3.12 on Python warns of what these tests are about; the server's threads are not used in the child.
forks = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


def rewards(client: Client) -> list[float | None]:
    """A worker process's job."""
    return [result.reward for result in client.verify(items(200))]


def async_rewards(client: AsyncClient) -> list[float | None]:
    """The same with the other driver, in a loop of its own."""

    async def main() -> list[float | None]:
        return [result.reward for result in await client.verify(items(200))]

    return asyncio.run(main())


@forks
@pytest.mark.parametrize("context", ["spawn", "fork"])
def test_clients_travel_to_worker_processes(service: Service, context: str) -> None:
    """Clients with open connections here work after being pickled into another process."""
    client, async_client = Client(service.url), AsyncClient(service.url)
    assert rewards(client) == async_rewards(async_client) == expected(200)
    with ProcessPoolExecutor(1, multiprocessing.get_context(context)) as workers:
        assert workers.submit(rewards, client).result() == expected(200)
        assert workers.submit(async_rewards, async_client).result() == expected(200)
    client.close()


def test_pickling_keeps_the_settings() -> None:
    """The copy has the address, the key, the bounds and the retry policy of the original."""
    client = Client("http://reward:1", api_key="k", concurrency=3, deadline_s=7.0, retry=RetryPolicy(max_retries=1))
    copy = pickle.loads(pickle.dumps(client))
    assert copy._config == client._config
    assert repr(copy) == "Client('http://reward:1')"


@forks
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_fork_opens_connections_of_its_own(service: Service, kind: str) -> None:
    """After a bare fork, parent and child use the same client at once without mixing up their answers."""
    client, async_client = Client(service.url), AsyncClient(service.url)

    def use() -> list[float | None]:
        return rewards(client) if kind == "sync" else async_rewards(async_client)

    assert use() == expected(200)
    child = os.fork()
    if child == 0:
        # No pytest in the child: its exit status is its word.
        os._exit(0 if all(use() == expected(200) for _ in range(5)) else 1)
    assert all(use() == expected(200) for _ in range(5))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    client.close()


def test_loops_one_after_the_other(service: Service) -> None:
    """One client serves several `asyncio.run` in a row, and each loop's connections are closed with it."""
    client = AsyncClient(service.url)
    for _ in range(3):
        assert async_rewards(client) == expected(200)
    assert service.connections >= 3
    gc.collect()  # an unclosed transport would warn here, and warnings are errors


def test_loops_at_the_same_time(service: Service) -> None:
    """One client serves loops in several threads at once."""
    client = AsyncClient(service.url)
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: async_rewards(client), range(8)))
    assert results == [expected(200)] * 8


def test_connections_are_reused(service: Service) -> None:
    """Calls one after the other share a connection, in both drivers."""

    async def main() -> None:
        async with AsyncClient(service.url) as client:
            for _ in range(5):
                await client.verify_one(items(1)[0])

    asyncio.run(main())
    with Client(service.url) as client:
        for _ in range(5):
            client.verify_one(items(1)[0])
    assert service.connections == 2
    assert len(service.requests) == 10


def test_threads_share_a_client(service: Service) -> None:
    """Several threads verify with one client, each getting its own answers."""
    with Client(service.url) as client, ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda count: client.verify(items(count)), range(60, 120, 10)))
    assert [[result.reward for result in part] for part in results] == [expected(count) for count in range(60, 120, 10)]


async def test_blocking_client_inside_a_running_loop(service: Service) -> None:
    """The blocking client works where an event loop is running already, as in a notebook."""
    with Client(service.url) as client:
        assert rewards(client) == expected(200)


def test_no_thread_is_left_running(service: Service) -> None:
    """After a call the client has no threads, whether it went well or not."""
    with Client(service.url, retry=RetryPolicy(max_retries=0)) as client:
        client.verify(items(500))
        service.always = hang(0.5)
        with pytest.raises(TouchstoneError):
            client.verify(items(500), deadline_s=0.2)
        names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("touchstone-verify")]


async def test_many_single_calls_at_once(service: Service) -> None:
    """A reward function that awaits one item at a time, hundreds at once, stays within the client's bound."""
    async with AsyncClient(service.url, concurrency=4) as client:
        results = await asyncio.gather(*(client.verify_one(item) for item in items(300)))
    assert [result.reward for result in results] == expected(300)
    assert service.connections <= 4


async def test_cancelled_call_leaves_the_client_usable(service: Service) -> None:
    """After a cancelled call the connections are free for the next one."""
    service.always = lambda handler: threading.Event().wait(0.3)
    async with AsyncClient(service.url, concurrency=2) as client:
        running = asyncio.create_task(client.verify(items(400)))
        await asyncio.sleep(0.1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        service.always = lambda handler: False
        assert [result.reward for result in await client.verify(items(400))] == expected(400)


async def test_an_awaited_twin_of_a_blocking_client(service: Service) -> None:
    """`AsyncClient.like` has the client's settings; a transport that only blocks is refused when it is used."""
    client = Client(service.url, api_key="k", concurrency=3, deadline_s=7.0, retry=RetryPolicy(max_retries=1))
    twin = AsyncClient.like(client)
    assert twin._config == client._config
    assert [result.reward for result in await twin.verify(items(10))] == expected(10)
    blocking = AsyncClient.like(Client(service.url, transport=httpx2.HTTPTransport()))
    with pytest.raises(TypeError, match="blocking calls only"):
        await blocking.verify(items(1))


def test_use_after_close(service: Service) -> None:
    """Closing releases connections; a later call opens new ones."""
    client = Client(service.url)
    client.verify_one(items(1)[0])
    client.close()
    client.verify_one(items(1)[0])
    client.close()
    client.close()
    assert service.connections == 2


@pytest.mark.parametrize(
    "error",
    [
        Overloaded("busy", retry_after_s=3.0),
        RequestRejected("no", problem=Problem(type="t", title="T", status=422, detail="d")),
        DeadlineExceeded("late"),
    ],
)
def test_errors_cross_process_borders(error: TouchstoneError) -> None:
    """An error raised in a worker process arrives whole in its parent."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
