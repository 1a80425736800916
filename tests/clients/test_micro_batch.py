"""Single items sent together: to the real service, and to a server that keeps what it was asked."""

import asyncio
import inspect
import json
import multiprocessing
import os
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from tests.live import LiveService
from touchstone_client import (
    AsyncClient,
    AsyncMicroBatcher,
    Client,
    Gathering,
    MicroBatcher,
    RequestRejected,
    RetryPolicy,
    ServerFault,
)

from .conftest import QUICK, Service, expected, items, status
from .test_lifecycle import forks

PATIENT = 30.0
"""Seconds for what other tests may not hurry: far above what a busy machine needs."""
TOGETHER = Gathering(wait_s=0.2)
"""Longer than a busy machine takes to start a few callers."""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The service as users start it, beside the recording one that this folder calls `service`."""
    running = LiveService(tmp_path_factory.mktemp("live"), {"TOUCHSTONE_POOL__WORKERS": "1"})
    yield running.wait_ready()
    running.stop()


def sent(service: Service) -> list[list[dict[str, Any]]]:
    """The items of each request."""
    return [json.loads(body)["items"] for _, _, body in service.requests]


def gather(url: str, count: int) -> list[float | None]:
    """`count` callers in an event loop of their own."""
    return use(AsyncMicroBatcher(AsyncClient(url)), count)


def use(batcher: AsyncMicroBatcher, count: int) -> list[float | None]:
    """The same with a batcher that was there before."""

    async def main() -> list[float | None]:
        return [one.reward for one in await asyncio.gather(*(batcher.verify(item) for item in items(count)))]

    return asyncio.run(main())


def use_blocking(batcher: MicroBatcher, count: int) -> list[float | None]:
    """`count` callers in threads."""
    with ThreadPoolExecutor(count) as threads:
        return [one.reward for one in threads.map(batcher.verify, items(count))]


def test_the_real_service_answers_single_calls_in_order(live: LiveService) -> None:
    """Hundreds of single verifications and rewards at once each get their own verdict from the real service."""
    assert gather(live.url, 300) == expected(300)

    async def rewards() -> list[float | None]:
        batcher = AsyncMicroBatcher(AsyncClient(live.url))
        asked = [batcher.reward({**item, "group": item["id"]}, step=3) for item in items(50)]
        return [one.reward for one in await asyncio.gather(*asked)]

    assert asyncio.run(rewards()) == expected(50)
    with MicroBatcher(Client(live.url)) as batcher:
        assert use_blocking(batcher, 20) == expected(20)


def test_calls_at_once_are_few_requests(service: Service) -> None:
    """Single calls of one moment travel in full requests, and nothing is sent twice."""
    assert gather(service.url, 300) == expected(300)
    assert sorted(len(request) for request in sent(service)) == [44, 64, 64, 64, 64]
    assert sorted(item["id"] for request in sent(service) for item in request) == sorted(map(str, range(300)))


def test_large_items_travel_in_requests_of_few(service: Service) -> None:
    """A request is full when its text is, and an item above the limit goes alone."""

    async def main() -> None:
        batcher = AsyncMicroBatcher(AsyncClient(service.url), Gathering(max_bytes=10_000))
        await asyncio.gather(*(batcher.verify({"response": "x" * size, "reference": "x"}) for size in [3_000] * 7))
        await batcher.verify({"response": "x" * 50_000, "reference": "x"})

    asyncio.run(main())
    assert sorted(len(request) for request in sent(service)) == [1, 1, 3, 3]


def test_calls_with_other_settings_are_kept_apart(service: Service) -> None:
    """Steps, recalls, deadlines and routes are never mixed in one request."""

    async def main() -> None:
        batcher, item = AsyncMicroBatcher(AsyncClient(service.url)), items(1)[0]
        asked = [batcher.verify(item, step=step, recall=recall) for step in (1, 2) for recall in ("auto", "never")]
        asked += [batcher.verify(item, step=1), batcher.verify(item, step=1, deadline_s=9)]
        await asyncio.gather(*asked, batcher.reward(item, step=1))

    asyncio.run(main())
    assert sorted(len(request) for request in sent(service)) == [1, 1, 1, 1, 1, 2]


def test_threads_share_requests(service: Service) -> None:
    """Callers that block in many threads are answered together, each with its own result."""
    others = set(threading.enumerate())  # a batcher that another test left open has its thread among them
    with MicroBatcher(Client(service.url), TOGETHER) as batcher:
        assert use_blocking(batcher, 24) == expected(24)
    assert len(service.requests) < 24
    assert not [thread for thread in set(threading.enumerate()) - others if thread.name == "touchstone-batcher"]


def test_one_batcher_for_loop_after_loop(service: Service) -> None:
    """A batcher kept between several `asyncio.run` works in each, as a trainer needs that makes a loop every step."""
    batcher = AsyncMicroBatcher(AsyncClient(service.url))
    assert [use(batcher, 10) for _ in range(3)] == [expected(10)] * 3
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda _: use(batcher, 10), range(3))) == [expected(10)] * 3
    assert len(service.requests) == 6


@forks
def test_batchers_survive_a_fork(service: Service) -> None:
    """After a bare fork, parent and child use the same batchers at once."""
    batcher, blocking = AsyncMicroBatcher(AsyncClient(service.url)), MicroBatcher(Client(service.url))

    assert use(batcher, 10) == expected(10)
    assert use_blocking(blocking, 4) == expected(4)
    child = os.fork()
    if child == 0:
        os._exit(0 if use(batcher, 10) == expected(10) and use_blocking(blocking, 4) == expected(4) else 1)
    assert use(batcher, 10) == expected(10)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    blocking.close()


def test_batchers_travel_to_worker_processes(service: Service) -> None:
    """Batchers in use here work in a spawned process, with the same settings."""
    batcher, blocking = AsyncMicroBatcher(AsyncClient(service.url), TOGETHER), MicroBatcher(Client(service.url))
    assert use_blocking(blocking, 2) == expected(2)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as workers:
        assert workers.submit(use, batcher, 10).result() == expected(10)
        assert workers.submit(use_blocking, blocking, 4).result() == expected(4)
    assert pickle.loads(pickle.dumps(batcher)).gathering == TOGETHER
    blocking.close()


# Groups


def member(group: str, number: int) -> dict[str, Any]:
    return {"group": group, "id": f"{group}{number}", "response": "4", "reference": "4"}


def test_a_group_waits_for_its_members(service: Service) -> None:
    """With a known size, members that come one after the other travel in one request once the last is there."""

    async def main() -> None:
        gathering = Gathering(group_size=4, group_wait_s=PATIENT)
        batcher = AsyncMicroBatcher(AsyncClient(service.url), gathering)
        early = [asyncio.ensure_future(batcher.reward(member(group, n))) for group in "ab" for n in range(3)]
        alone = await batcher.reward({"response": "4", "reference": "4"})
        assert alone.reward == 1.0
        assert not any(one.done() for one in early)
        await asyncio.gather(*early[3:], batcher.reward(member("b", 3)))
        await asyncio.gather(*early[:3], batcher.reward(member("a", 3)))

    asyncio.run(main())
    assert [[item["id"] for item in request] for request in sent(service)[1:]] == [
        ["b0", "b1", "b2", "b3"],
        ["a0", "a1", "a2", "a3"],
    ]


def test_a_group_that_stays_short_is_sent_after_a_while(service: Service) -> None:
    """Members whose siblings never come are sent when the wait is over; a late one goes by itself."""

    async def main() -> None:
        batcher = AsyncMicroBatcher(AsyncClient(service.url), Gathering(group_size=4, group_wait_s=0.2))
        await asyncio.gather(*(batcher.reward(member("a", n)) for n in range(3)))
        await batcher.reward(member("a", 3))

    asyncio.run(main())
    assert [[item["id"] for item in request] for request in sent(service)] == [["a0", "a1", "a2"], ["a3"]]


def test_a_group_is_never_cut(service: Service) -> None:
    """Groups of one moment share requests, and none is divided between two, however full they are."""

    async def main() -> None:
        batcher = AsyncMicroBatcher(AsyncClient(service.url), Gathering(wait_s=0.2, max_items=10))
        await asyncio.gather(*(batcher.reward(member(group, n)) for n in range(4) for group in "abcde"))

    asyncio.run(main())
    homes = [{item["group"] for item in request} for request in sent(service)]
    assert sorted(group for home in homes for group in home) == list("abcde")
    assert sorted(len(request) for request in sent(service)) == [4, 8, 8]


# Failures


def test_errors_reach_their_own_callers(live: LiveService) -> None:
    """A bad item, one that is no JSON and a call that needs a judge fail for their callers alone."""

    async def main() -> list[Any]:
        batcher = AsyncMicroBatcher(AsyncClient(live.url))
        asked: list[dict[str, Any]] = [
            {"response": "4", "reference": "4"},
            {"response": "4", "reference": "4", "task": "alchemy"},
            {"response": "4", "reference": "4", "options": {"x": object()}},
            {"response": "blue", "question": "Write about the sea."},
            {"response": "5", "reference": "4"},
        ]
        return await asyncio.gather(*map(batcher.reward, asked), return_exceptions=True)

    right, bad, no_json, judged, wrong = asyncio.run(main())
    assert (right.reward, wrong.reward) == (1.0, 0.0)
    assert bad.reward is None
    assert "no such task" in bad.problem.errors[0].message
    assert isinstance(no_json, RequestRejected)
    assert isinstance(judged, RequestRejected)
    assert "--judge-model" in str(judged)


def test_a_failed_request_is_every_callers_error(service: Service) -> None:
    """Where the service fails, each caller raises an error of its own, or gets None where it asked for that."""
    service.always = status(500)

    async def main(on_error: Any) -> list[Any]:
        batcher = AsyncMicroBatcher(AsyncClient(service.url, retry=RetryPolicy(max_retries=0)))
        asked = [batcher.verify(item, on_error=on_error) for item in items(3)]
        return await asyncio.gather(*asked, return_exceptions=True)

    raised = asyncio.run(main("raise"))
    assert [type(error) for error in raised] == [ServerFault] * 3
    assert len({id(error) for error in raised}) == 3
    assert [one.decided_by.name for one in asyncio.run(main("null"))] == ["ServerFault"] * 3


def test_a_cancelled_caller_takes_nobody_along(service: Service) -> None:
    """Callers cancelled before their request is sent, or while it is under way, cost the others nothing."""
    asked, go_on = threading.Event(), threading.Event()

    def slowly(_: object) -> bool:
        asked.set()
        go_on.wait(PATIENT)
        return False

    service.acts = [slowly]

    async def main() -> None:
        batcher = AsyncMicroBatcher(AsyncClient(service.url, retry=QUICK), TOGETHER)
        callers = [asyncio.ensure_future(batcher.verify(item)) for item in items(4)]
        await asyncio.sleep(0)
        callers[0].cancel()
        await asyncio.to_thread(asked.wait, PATIENT)
        callers[1].cancel()
        await asyncio.wait(callers[:2])
        go_on.set()
        assert [(await caller).reward for caller in callers[2:]] == expected(4)[2:]
        assert all(caller.cancelled() for caller in callers[:2])

    asyncio.run(main())
    assert [item["id"] for item in sent(service)[0]] == ["1", "2", "3"]


def test_a_request_that_nobody_waits_for_is_given_up(service: Service) -> None:
    """Once all its callers are cancelled, a request holds no connection any more."""
    asked, go_on = threading.Event(), threading.Event()

    def never(_: object) -> bool:
        asked.set()
        return go_on.wait(PATIENT)

    service.acts = [never]

    async def main() -> None:
        batcher = AsyncMicroBatcher(AsyncClient(service.url, concurrency=1, deadline_s=PATIENT / 2))
        callers = [asyncio.ensure_future(batcher.verify(item)) for item in items(3)]
        await asyncio.to_thread(asked.wait, PATIENT)
        for caller in callers:
            caller.cancel()
        # The only connection is free again, or this passes its deadline.
        assert (await batcher.verify(items(3)[2])).reward == 1.0

    asyncio.run(main())
    go_on.set()


def test_both_batchers_offer_the_same_calls() -> None:
    """`MicroBatcher` and `AsyncMicroBatcher` take what the clients' own calls take, but for progress."""
    for name in ("verify", "reward"):
        blocking = inspect.signature(getattr(MicroBatcher, name))
        assert blocking == inspect.signature(getattr(AsyncMicroBatcher, name))
        whole = inspect.signature(getattr(Client, name)).parameters
        assert set(blocking.parameters) - {"item"} == set(whole) - {"items", "progress"}
