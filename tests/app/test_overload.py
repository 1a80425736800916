"""More than the service can do at once: who waits, who is refused, who is dropped. Real processes over HTTP."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from app.pool import frames
from app.pool.link import Ticket
from app.pool.queue import Lane
from tests.app.conftest import FAULTS
from tests.live import LiveService
from tests.processes import until
from verifiers.problem import Problem

StartService = Callable[..., LiveService]
ONE_WORKER = {"TOUCHSTONE_POOL__WORKERS": "1"}


def items(*responses: str) -> list[dict[str, str]]:
    return [{"task": "faulty", "response": response, "reference": "7"} for response in responses]


def ask(
    live: LiveService, sent: list[dict[str, Any]], headers: dict[str, str] | None = None, **envelope: Any
) -> httpx2.Response:
    # A client of its own: threads wait beside each other.
    with httpx2.Client(base_url=live.url, timeout=60) as client:
        return client.post("/v1/verify", json={"items": sent, **envelope}, headers=headers)


def in_background(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    thread.start()
    return thread, answers


def metric(live: LiveService, name: str) -> float:
    lines = live.client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


async def test_a_large_run_does_not_keep_out_a_small_one(start_service: StartService) -> None:
    """With one run's hundred slow items waiting, another run's single item is next, not last."""
    live = await asyncio.to_thread(start_service, settings=ONE_WORKER, registry=FAULTS)
    slow = items(*(f"nap 0.05 {number} 7" for number in range(100)))
    large, answers = in_background(lambda: ask(live, slow, {"X-Run-Id": "large"}))
    await until(lambda: metric(live, "touchstone_pool_queued_items") > 50)
    small = await asyncio.to_thread(ask, live, items("nap 0.01 small 7"), {"X-Run-Id": "small"})
    assert small.json()["results"][0]["outcome"] == "correct"
    assert large.is_alive()
    await asyncio.to_thread(large.join, 60)
    assert {result["outcome"] for result in answers[0].json()["results"]} == {"correct"}


async def test_programs_do_not_keep_out_everything_else(start_service: StartService) -> None:
    """With every worker's worth of long jobs waiting in the lane for programs, an ordinary item is decided."""
    live = await asyncio.to_thread(start_service, settings={"TOUCHSTONE_POOL__WORKERS": "2"}, registry=FAULTS)
    long = [{"task": "faulty", "response": f"nap 1 patiently {number} 7", "reference": "7"} for number in range(6)]
    programs, answers = in_background(lambda: ask(live, long))
    await until(lambda: metric(live, "touchstone_pool_queued_items") >= 4)
    assert (await asyncio.to_thread(ask, live, items("nap 0.01 7"))).json()["results"][0]["outcome"] == "correct"
    assert programs.is_alive()
    await asyncio.to_thread(programs.join, 60)
    assert {result["outcome"] for result in answers[0].json()["results"]} == {"correct"}


async def test_a_caller_that_hangs_up_takes_its_work_along(start_service: StartService) -> None:
    """Items that wait for a caller who is gone are dropped, and the next caller does not wait for them."""
    live = await asyncio.to_thread(start_service, settings=ONE_WORKER, registry=FAULTS)
    body = httpx2.Request("POST", live.url, json={"items": items(*(f"nap 1 {n} 7" for n in range(50)))}).content
    with socket.create_connection(("127.0.0.1", live.port)) as caller:
        head = f"POST /v1/verify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        caller.sendall(head.encode() + b"\r\n\r\n" + body)
        await until(lambda: metric(live, "touchstone_pool_queued_items") > 20)
    await until(lambda: metric(live, "touchstone_pool_queued_items") == 0)
    assert (await asyncio.to_thread(ask, live, items("so 7"))).json()["results"][0]["outcome"] == "correct"


async def test_bytes_in_the_house_are_bounded_before_they_are_parsed(start_service: StartService) -> None:
    """While one large request is being worked on, a second one is 503 with Retry-After; alone it is taken."""
    settings = {"TOUCHSTONE_LIMITS__INFLIGHT_MB": "1"}
    live = await asyncio.to_thread(start_service, settings=settings, registry=FAULTS)
    large = items("nap 2 " + "x" * 700_000 + " 7")
    first, answers = in_background(lambda: ask(live, large))
    await until(lambda: 'result="miss"} 1.0' in live.client.get("/metrics").text)
    refused = await asyncio.to_thread(ask, live, large)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    await asyncio.to_thread(first.join, 60)
    assert answers[0].json()["results"][0]["outcome"] == "correct"
    again = await asyncio.to_thread(ask, live, large)
    assert again.status_code == 200


@pytest.mark.parametrize(("header", "body"), [("0.4", None), ("30", 0.4)])
async def test_the_shorter_deadline_holds(faulty_service: LiveService, header: str, body: float | None) -> None:
    """A deadline in the header reaches the pool as one in the body does; the shorter of the two counts."""
    envelope = {} if body is None else {"deadline_s": body}
    reply = await asyncio.to_thread(
        ask, faulty_service, items(f"nap 3 {header} 7", "7"), {"X-Request-Deadline": header}, **envelope
    )
    late, known = reply.json()["results"]
    assert (late["outcome"], late["decided_by"]["name"]) == ("undecidable", "deadline")
    assert known["outcome"] == "correct"


async def test_sigterm_is_told_before_it_is_felt(start_service: StartService) -> None:
    """After SIGTERM readiness is 503, a request that comes in the grace period is answered in full, the end is 0."""
    settings = {"TOUCHSTONE_LIMITS__DRAIN_GRACE_S": "1.5"}
    live = await asyncio.to_thread(start_service, settings=settings, registry=FAULTS)
    assert live.client.get("/readyz").status_code == 200
    live.process.send_signal(signal.SIGTERM)
    await until(lambda: live.client.get("/readyz").status_code == 503)
    page = live.client.get("/readyz").json()
    assert page["ready"] is False
    assert "leaving" in page["components"]["service"]["detail"]
    late, answers = in_background(lambda: ask(live, items("nap 2 7", "so 7")))
    await asyncio.to_thread(late.join, 60)
    assert [result["outcome"] for result in answers[0].json()["results"]] == ["correct", "correct"]
    assert await asyncio.to_thread(live.process.wait, 30) == 0


async def test_turns_in_the_queue() -> None:
    """Callers take turns by what they were given; a caller that comes later starts where the others stand."""
    loop = asyncio.get_running_loop()

    def ticket(caller: str, text: str = "") -> Ticket:
        return Ticket(frames.Job("any", Problem(text, ("1",))), len(text), loop.create_future(), caller)

    lane = Lane()
    for _ in range(4):
        lane.push(ticket("a"))
    lane.push(ticket("b"))
    lane.push(ticket("b"))
    assert [lane.pop().caller for _ in range(3)] == ["a", "b", "a"]
    lane.push(ticket("c"))
    back = ticket("a", "sent back")
    lane.push(back, front=True)
    rest = [lane.pop() for _ in range(5)]
    assert [one.caller for one in rest] == ["b", "c", "a", "a", "a"]
    assert rest[2] is back
    assert (lane.items, lane.size) == (0, 0)


async def test_what_nobody_waits_for_leaves_the_queue() -> None:
    """Cancelled jobs are forgotten with their bytes, wherever they stand."""
    loop = asyncio.get_running_loop()
    lane = Lane()
    tickets = [Ticket(frames.Job("any", Problem("x", ("1",))), 2, loop.create_future(), n % 2) for n in range(6)]
    for one in tickets:
        lane.push(one)
    for one in tickets[1:5]:
        one.future.cancel()
    lane.drop_cancelled()
    assert (lane.items, lane.size) == (2, 4)
    assert {id(lane.pop()) for _ in range(2)} == {id(tickets[0]), id(tickets[5])}
