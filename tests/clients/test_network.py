"""Both drivers against a real server that misbehaves."""

import itertools
import json
import random
import re
import socket
import subprocess
import sys
import time

import pytest

from touchstone_client import (
    AsyncClient,
    Client,
    DeadlineExceeded,
    Overloaded,
    RequestRejected,
    RetryPolicy,
    ServerFault,
    Unreachable,
    VerifyItem,
)

from .conftest import Act, Caller, Handler, Service, drip, expected, hang, items, reset, status, truncated

PROBLEM = json.dumps(
    {
        "type": "no_model",
        "title": "No model",
        "status": 422,
        "detail": "Start the service with --model.",
        "errors": [],
    }
).encode()


def test_results_are_typed_and_in_order(call: Caller, service: Service) -> None:
    """A thousand items come back in their order although the chunks' answers do not."""
    dice = random.Random(7)
    delays = [dice.uniform(0.0, 0.03) for _ in range(12)]
    service.acts = [hang(delay) for delay in delays]
    results = call(service.url, "verify", items(1_000), client={"concurrency": 12})
    assert [result.id for result in results] == [str(at) for at in range(1_000)]
    assert [result.reward for result in results] == expected(1_000)
    assert len(service.requests) == 12


def test_no_more_than_the_allowed_requests_at_once(call: Caller, service: Service) -> None:
    """The bound on concurrency holds at the server, too."""
    running = 0
    seen: list[int] = []

    def counted(handler: Handler) -> bool:
        nonlocal running
        with service.lock:
            running += 1
            seen.append(running)
        time.sleep(0.01)
        with service.lock:
            running -= 1
        return False

    service.always = counted
    call(service.url, "verify", items(3_000), client={"concurrency": 3})
    assert len(seen) == 12
    assert max(seen) <= 3


def test_nothing_asked_nothing_sent(call: Caller, service: Service) -> None:
    """An empty list is an empty list, without a request."""
    assert call(service.url, "verify", []) == []
    assert service.requests == []


def test_one_item(call: Caller, service: Service) -> None:
    """`verify_one` gives the result itself."""
    assert call(service.url, "verify_one", VerifyItem(response="4", reference="4")).reward == 1.0


def test_progress_counts_items(call: Caller, service: Service) -> None:
    """The callback hears after each chunk how many items are done, and ends at the total."""
    heard: list[tuple[int, int]] = []
    call(service.url, "verify", items(200), progress=lambda done, total: heard.append((done, total)))
    assert [total for _, total in heard] == [200] * 4
    assert sorted(done for done, _ in heard) == [done for done, _ in heard]
    assert heard[-1] == (200, 200)


def test_settings_reach_the_service(call: Caller, service: Service) -> None:
    """Recall, opinions, the deadline and the API key are in the request."""
    call(
        service.url,
        "verify",
        items(1),
        recall="always",
        opinions=True,
        deadline_s=30.0,
        client={"api_key": "k3y"},
    )
    path, headers, body = service.requests[0]
    asked = json.loads(body)
    assert (path, headers["authorization"]) == ("/v1/verify", "Bearer k3y")
    assert (asked["recall"], asked["opinions"]) == ("always", True)
    assert 28 < asked["deadline_s"] <= 29.5


def test_a_run_is_named(call: Caller, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request says whose it is: the run that was named, else the one in the environment, else a name that all
    processes of this command share.
    """
    monkeypatch.delenv("TOUCHSTONE_RUN_ID", raising=False)
    call(service.url, "verify", items(1), client={"run_id": "math-7b"})
    call(service.url, "verify", items(1))
    worker = "import sys, touchstone_client as t; t.Client(sys.argv[1]).verify([{'response': '', 'reference': ''}])"
    subprocess.run([sys.executable, "-c", worker, service.url], check=True)
    monkeypatch.setenv("TOUCHSTONE_RUN_ID", "from outside")
    call(service.url, "verify", items(1))
    named, unnamed, child, outside = (headers["x-run-id"] for _, headers, _ in service.requests)
    assert (named, outside) == ("math-7b", "from outside")
    assert unnamed == child
    assert re.fullmatch("[0-9a-f]{16}", unnamed)


@pytest.mark.parametrize("run_id", ["a\nx-api-key: b", "läuf", "x" * 129])
def test_a_run_id_that_no_header_can_hold(run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused where it is given, by the name of the option or of the variable."""
    with pytest.raises(ValueError, match=r"^run_id must be"):
        Client(run_id=run_id)
    monkeypatch.setenv("TOUCHSTONE_RUN_ID", run_id)
    with pytest.raises(ValueError, match=r"^TOUCHSTONE_RUN_ID must be"):
        AsyncClient()


def test_two_refusals_then_an_answer(call: Caller, service: Service) -> None:
    """A service that sheds load twice is asked a third time."""
    service.acts = [status(503, retry_after="0"), status(503)]
    assert call(service.url, "verify_one", items(2)[1]).reward == 1.0
    assert len(service.requests) == 3


@pytest.mark.parametrize(
    "misbehave",
    [reset, truncated, status(429), status(502), status(504)],
    ids=["reset", "truncated", "429", "502", "504"],
)
def test_lost_answers_are_asked_for_again(call: Caller, service: Service, misbehave: Act) -> None:
    """Resets, cut-off bodies and gateway errors cost another try, not the reward."""
    service.acts = [misbehave, misbehave]
    assert call(service.url, "verify_one", items(2)[1]).reward == 1.0
    assert len(service.requests) == 3


def test_half_of_the_chunks_fail_at_first(call: Caller, service: Service) -> None:
    """Chunks that fail are sent again, alone, and every result finds its place."""
    counter = itertools.count()
    service.always = lambda handler: next(counter) % 2 == 0 and reset(handler)
    results = call(service.url, "verify", items(640), client={"retry": RetryPolicy(20, 0.001, 0.002)})
    assert [result.reward for result in results] == expected(640)


def test_nobody_listens(call: Caller) -> None:
    """A closed port is reported as unreachable, with the address and a question that helps."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(Unreachable, match=f"{url} gave no answer .* is the service running"):
            call(url, "verify", items(1), client={"retry": RetryPolicy(max_retries=1, first_wait_s=0.01)})
        assert call(url, "healthy") is False


def test_hanging_service_meets_the_deadline(call: Caller, service: Service) -> None:
    """A service that does not answer is given up at the deadline, and not asked again."""
    service.always = hang(3.0)
    with pytest.raises(DeadlineExceeded):
        call(service.url, "verify", items(2), deadline_s=1.0)  # long enough to be asked once on a busy machine
    assert len(service.requests) == 1


def test_dripping_service_meets_the_deadline(call: Caller, service: Service) -> None:
    """An answer that comes byte by byte is late at the deadline, although no single read is."""
    service.always = drip(2.0)
    with pytest.raises(DeadlineExceeded):
        call(service.url, "verify", items(1), deadline_s=0.5)


def test_overload_says_how_long_to_wait(call: Caller, service: Service) -> None:
    """Shed load that outlasts the deadline is raised with the service's own waiting time."""
    service.always = status(503, PROBLEM, retry_after="90")
    with pytest.raises(Overloaded, match="Start the service") as error:
        call(service.url, "verify", items(1), deadline_s=1.0)
    assert error.value.retry_after_s == 90.0


def test_rejected_call(call: Caller, service: Service) -> None:
    """A 4xx is raised at once with the problem that the service sent."""
    service.always = status(422, PROBLEM)
    with pytest.raises(RequestRejected, match="--model") as error:
        call(service.url, "verify", items(1_000), recall="always", on_error="null")
    assert error.value.problem is not None
    assert error.value.problem.type == "no_model"


def test_broken_service(call: Caller, service: Service) -> None:
    """A 500 and an answer that is no answer are the service's fault."""
    service.acts = [status(500, b"boom"), status(200, b"{}")]
    for _ in range(2):
        with pytest.raises(ServerFault):
            call(service.url, "verify", items(1))


def test_lost_chunks_become_null_rewards(call: Caller, service: Service) -> None:
    """With `on_error="null"` a chunk that is lost for good costs its own items' rewards and no others."""
    service.always = lambda handler: b'"id":"70"' in handler.body and status(500, b"boom")(handler)
    results = call(service.url, "verify", items(192), on_error="null")
    assert [result.id for result in results] == [str(at) for at in range(192)]
    lost = [at for at, result in enumerate(results) if result.reward is None]
    assert lost == list(range(64, 128))
    assert {results[at].decided_by.name for at in lost} == {"ServerFault"}
    assert "boom" in results[64].reason


def test_failure_stops_what_was_not_sent_yet(call: Caller, service: Service) -> None:
    """When a call is going to raise, the rest of its items are not sent any more."""
    service.acts = [status(500)]
    service.always = hang(0.05)
    with pytest.raises(ServerFault):
        call(service.url, "verify", items(20 * 256), client={"concurrency": 2})
    assert len(service.requests) < 6


def test_failing_callback_ends_the_call(call: Caller, service: Service) -> None:
    """An exception out of the caller's own progress callback reaches the caller."""

    def fail(done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call(service.url, "verify", items(200), progress=fail)


def test_tasks_readiness_and_health(call: Caller, service: Service) -> None:
    """The three questions about the service itself have typed answers."""
    assert [task.name for task in call(service.url, "tasks")] == ["math"]
    assert call(service.url, "ready").ready is True
    assert call(service.url, "healthy") is True


def test_not_ready_is_an_answer(call: Caller, service: Service) -> None:
    """A service that starts up answers 503 with its state, which is returned and not retried."""
    service.always = status(503, b'{"ready": false, "version": "1", "components": {}}')
    assert call(service.url, "ready").ready is False
    assert len(service.requests) == 1


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://host", "http://", "unix:/tmp/x"])
def test_address_that_cannot_work(call: Caller, url: str) -> None:
    """A mistyped address is refused when the client is made, with an example of a right one."""
    with pytest.raises(ValueError, match="http://host:port"):
        call(url, "healthy")


@pytest.mark.parametrize("deadline_s", [0.0, -1.0, float("nan")])
def test_deadline_that_cannot_work(call: Caller, service: Service, deadline_s: float) -> None:
    """A deadline that is not positive is refused."""
    with pytest.raises(ValueError, match="deadline_s"):
        call(service.url, "verify", items(1), deadline_s=deadline_s)
