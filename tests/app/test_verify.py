"""What `POST /v1/verify` promises, through the whole application with real workers."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.app.conftest import StartApp
from tests.live import LiveService
from tests.processes import until
from touchstone_client import contract

GOOD = [f"good {number} 7" for number in range(6)]


def outcomes(results: list[dict[str, object]]) -> list[object]:
    return [result["outcome"] for result in results]


async def test_results_come_back_in_order_and_read_as_the_contract(start_app: StartApp) -> None:
    """Each item gets its own verdict, in order, and the body is what the contract's models say."""
    items = [{"id": str(n), "task": "faulty", "response": f"it is {n}", "reference": ["3", "5"]} for n in range(50)]
    async with start_app() as running:
        reply = await running.http.post("/v1/verify", json={"items": items})
    results = contract.VerifyResponse.model_validate_json(reply.content).results
    assert [result.id for result in results] == [str(n) for n in range(50)]
    assert [n for n, result in enumerate(results) if result.reward == 1.0] == [3, 5]
    assert results[3].decided_by == contract.DecidedBy(stage="rules", name="last_word")
    assert results[4].rules == contract.StageReport(
        outcome=contract.Outcome.INCORRECT, name="last_word", reason="the last word is incorrect"
    )
    assert {"quick", "cache", "queue", "rules"} == results[4].timings_ms.keys()


BAD = {
    "missing": ({"task": "faulty", "response": "7"}, "items[1].reference", "add it"),
    "too long": ({"task": "faulty", "response": "7", "reference": "7" * 100_001}, "items[1].reference", "shorten"),
    "wrong type": ({"task": "faulty", "response": 7, "reference": "7"}, "items[1].response", "string"),
    "no references": ({"task": "faulty", "response": "7", "reference": []}, "items[1].reference", "at least one"),
    "bad reference": ({"task": "faulty", "response": "7", "reference": ["7", 8]}, "items[1].reference[1]", "string"),
    "misspelt": ({"task": "faulty", "response": "7", "reference": "7", "qestion": "?"}, "items[1].qestion", "question"),
    "unknown task": ({"task": "alchemy", "response": "7", "reference": "7"}, "items[1].task", "`faulty`"),
    "bad options": (
        {"task": "faulty", "response": "7", "reference": "7", "options": {"x": 1}},
        "items[1].options",
        "remove",
    ),
    "lone surrogate": ({"task": "faulty", "response": "7 \ud800", "reference": "7"}, "items[1].response", "surrogates"),
    "surrogate in options": (
        {"task": "faulty", "response": "7", "reference": "7", "options": {"a": "\udfff"}},
        "items[1].options",
        "surrogates",
    ),
    "no object": (7, "items[1]", "object"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_item_never_fails_its_batch(faulty_service: LiveService, name: str) -> None:
    """A bad item comes back undecidable with what to fix; its neighbours are decided as ever."""
    bad, field, advice = BAD[name]
    good = {"task": "faulty", "response": "so 7", "reference": "7"}
    reply = faulty_service.client.post("/v1/verify", content=json.dumps({"items": [good, bad, good]}))
    results = reply.json()["results"]
    assert outcomes(results) == ["correct", "undecidable", "correct"]
    assert results[1]["reward"] is None
    assert results[1]["decided_by"]["stage"] == "service"
    problem = contract.Problem.model_validate(results[1]["problem"])
    assert problem.status == 422
    assert problem.errors[0].field == field
    assert advice in problem.errors[0].message
    alone = faulty_service.client.post("/v1/verify", content=json.dumps({"items": [bad]}))
    assert alone.status_code == 422
    assert alone.headers["content-type"] == "application/problem+json"
    assert contract.Problem.model_validate(alone.json()).errors[0].field == field.replace("[1]", "[0]", 1)


@pytest.mark.parametrize(
    ("body", "status", "kind", "advice"),
    [
        (b"", 400, "malformed", "not JSON"),
        (b'{"items": [', 400, "malformed", "not JSON"),
        (b'{"items": [\xff]}', 400, "malformed", "UTF-8"),
        (b'{"items": [{"response": "7", "reference": "7", "options": {"x": NaN}}]}', 400, "malformed", "NaN"),
        (b'{"items": ' + b"[" * 100_000, 400, "malformed", "deep"),
        (b"[]", 422, "invalid_request", "own fields"),
        (b'{"items": []}', 422, "invalid_request", "own fields"),
        (b'{"items": [{"response": "7", "reference": "7"}], "recall": "sometimes"}', 422, "invalid_request", "own"),
        (b'{"items": [{"response": "7", "reference": "7"}], "deadline_s": -1}', 422, "invalid_request", "own"),
        (b'{"items": [' + b",".join([b"{}"] * 4097) + b"]}", 422, "invalid_request", "own"),
        (b'{"items": [{"response": "' + b"7" * (1 << 20) + b'", "reference": "7"}]}', 413, "too_large", "fewer items"),
    ],
    ids=[
        "empty",
        "cut short",
        "not UTF-8",
        "NaN",
        "too deep",
        "no object",
        "no items",
        "unknown recall",
        "negative deadline",
        "too many items",
        "too large",
    ],
)
def test_a_request_that_cannot_be_read_says_what_to_do(
    faulty_service: LiveService, body: bytes, status: int, kind: str, advice: str
) -> None:
    """Bodies that are no requests get a problem that names its kind and the way out."""
    reply = faulty_service.client.post("/v1/verify", content=body)
    assert reply.status_code == status
    problem = contract.Problem.model_validate(reply.json())
    assert (problem.status, problem.type) == (status, kind)
    assert advice in problem.detail


def test_a_body_without_a_length_is_limited_too(faulty_service: LiveService) -> None:
    """A body that streams in without announcing its size is refused as soon as it passes the limit."""
    reply = faulty_service.client.post("/v1/verify", content=(b"7" * 65_536 for _ in range(40)))
    assert reply.status_code == 413


def test_unknown_paths_and_methods_are_problems_too(faulty_service: LiveService) -> None:
    """What the framework refuses by itself has the same shape as what we refuse."""
    for reply in (faulty_service.client.get("/nowhere"), faulty_service.client.get("/v1/verify")):
        assert reply.headers["content-type"] == "application/problem+json"
        assert contract.Problem.model_validate(reply.json()).status == reply.status_code


@pytest.mark.parametrize(
    ("response", "reference", "outcome", "name"),
    [
        ("spin", "7", "unreadable", "cpu_limit"),
        ("memory", "7", "unreadable", "memory_limit"),
        ("abort", "7", "unreadable", "aborted"),
        ("spin", "unreadable", "undecidable", "cpu_limit"),
        ("spin", ["7", "unreadable"], "undecidable", "cpu_limit"),
        ("sleep", "7", "undecidable", "wall_limit"),
        ("die", "7", "undecidable", "worker_died"),
        ("segfault", "7", "undecidable", "worker_died"),
        ("raise", "7", "undecidable", "verifier_raised"),
    ],
)
def test_blame(faulty_service: LiveService, response: str, reference: str | list[str], outcome: str, name: str) -> None:
    """What the response chose to cost is unreadable; what the reference or we may have caused is undecidable."""
    items = [{"task": "faulty", "response": text, "reference": reference} for text in ("so 7", response)]
    first, second = (faulty_service.client.post("/v1/verify", json={"items": items}).json() for _ in range(2))
    result = first["results"][1]
    assert (result["outcome"], result["decided_by"]) == (outcome, {"stage": "service", "name": name})
    assert first["results"][0]["decided_by"]["stage"] == "rules"
    assert second["results"][1]["cached"] is False


async def test_the_deadline_is_kept(start_app: StartApp) -> None:
    """What is not decided when the deadline passes is undecidable; what is done counts; the answer comes in time."""
    async with start_app(pool={"workers": 1, "item_wall_s": 60}) as running:
        async with asyncio.timeout(20):
            results = await running.verify("so 7", "sleep", "good 7", deadline_s=0.5)
        assert outcomes(results) == ["correct", "undecidable", "undecidable"]
        assert results[1]["decided_by"] == {"stage": "service", "name": "deadline"}
        assert "deadline" in results[2]["reason"]


async def test_the_same_item_twice_is_computed_once(start_app: StartApp, tmp_path: Path) -> None:
    """Identical items of one batch run once and say that they shared the work."""
    marks = tmp_path / "marks"
    async with start_app() as running:
        results = await running.verify(*[f"count {marks} 7"] * 20)
    assert outcomes(results) == ["correct"] * 20
    assert [result["cached"] for result in results] == [False] + [True] * 19
    assert marks.read_text() == "x"


async def test_the_same_item_in_flight_is_computed_once(start_app: StartApp, tmp_path: Path) -> None:
    """A caller that gives up does not take the work from another that waits for the same item."""
    item = f"twice {tmp_path / 'mark'} nap"
    nap = "nap 0.5 7"
    async with start_app() as running:
        first = asyncio.create_task(running.verify(nap))
        await until(lambda: len(running.services.verification.works.flights) > 0)
        second = asyncio.create_task(running.verify(nap))
        hasty = asyncio.create_task(running.verify(nap, deadline_s=0.05))
        await asyncio.sleep(0.1)
        first.cancel()
        assert outcomes(await second) == ["correct"]
        assert (await hasty)[0]["decided_by"]["name"] == "deadline"
        assert (await second)[0]["cached"] is True
        assert len(running.services.verification.works.flights) == 0
        assert outcomes(await running.verify(item)) == ["undecidable"]


async def test_undecidable_is_not_cached_and_the_rest_is(start_app: StartApp, tmp_path: Path) -> None:
    """An item whose worker died is computed again on the next request; a verdict is kept."""
    async with start_app() as running:
        item = f"twice {tmp_path / 'mark'} 7"
        assert outcomes(await running.verify(item)) == ["undecidable"]
        second, third = await running.verify(item), await running.verify(item)
        assert (second[0]["outcome"], second[0]["cached"]) == ("correct", False)
        assert (third[0]["outcome"], third[0]["cached"]) == ("correct", True)
        passed_on = [await running.verify("unknown thing") for _ in range(2)]
        assert [result[0]["cached"] for result in passed_on] == [False, False]


async def test_a_full_queue_is_503_with_retry_after(start_app: StartApp) -> None:
    """A request that does not fit into the queue is told to come back; the ones inside are finished."""
    async with start_app(pool={"workers": 1, "queue_items": 2}) as running:
        first = asyncio.create_task(running.verify(*[f"nap 0.1 {n}" for n in range(8)]))
        await until(lambda: running.services.pool.state().queued_items >= 2)
        body = {"items": [{"task": "faulty", "response": "it is 9", "reference": "9"}]}
        refused = await running.http.post("/v1/verify", json=body)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert contract.Problem.model_validate(refused.json()).type == "queue_full"
        quick = await running.verify("7")
        assert quick[0]["rules"]["name"] == "same_text"
        assert len(await first) == 8


async def test_metrics_count_what_happened_without_user_text(start_app: StartApp) -> None:
    """Outcomes, cache reads and restarts are counted; no label holds what a caller wrote."""
    async with start_app() as running:
        await running.verify("so 7", "so 8", "die", "7")
        await running.verify("so 7")
        bad = [
            {"task": "my-secret", "response": "7", "reference": "7"},
            {"task": "faulty", "response": "7", "reference": "7"},
        ]
        await running.http.post("/v1/verify", json={"items": bad})
        text = (await running.http.get("/metrics")).text
    assert 'touchstone_items_total{outcome="correct",stage="rules",task="faulty"} 4.0' in text
    assert 'touchstone_items_total{outcome="undecidable",stage="service",task="unknown"} 1.0' in text
    assert 'touchstone_cache_reads_total{kind="verdict",result="memory"} 2.0' in text
    assert 'touchstone_pool_restarts_total{reason="worker_died"} 2.0' in text
    assert "secret" not in text


async def test_partial_credit_and_details_reach_the_caller(start_app: StartApp) -> None:
    """A verifier's credit becomes the reward and its details come along, from the cache as well."""
    async with start_app() as running:
        results = [(await running.verify("partly 0.25"))[0] for _ in range(2)]
    for result, cached in zip(results, (False, True), strict=True):
        assert (result["outcome"], result["reward"], result["cached"]) == ("incorrect", 0.25, cached)
        assert result["details"] == {"tests": [{"passed": True}, {"passed": False}]}


async def test_readiness_shows_the_parts(start_app: StartApp) -> None:
    """A service with its pool up is ready and says that it has no model."""
    async with start_app() as running:
        reply = await running.http.get("/readyz")
        assert (await running.http.get("/healthz")).status_code == 200
        tasks = contract.TasksResponse.model_validate((await running.http.get("/v1/tasks")).json())
    page = contract.Readiness.model_validate(reply.json())
    assert reply.status_code == 200
    assert page.components["pool"].ok
    assert "none configured" in page.components["model"].detail
    assert [task.name for task in tasks.tasks] == ["faulty"]


def test_the_service_process_does_not_load_sympy() -> None:
    """Only workers load the libraries without bounds."""
    import subprocess

    program = (
        "import sys, asyncio, app.main\nfrom app.services import open_services\nfrom app.settings import Settings\n"
        "async def main():\n"
        "    async with open_services(Settings(cache={'file': None})) as services:\n"
        "        from app.requests import read\n"
        '        batch = read(b\'{"items":[{"response":"x+1","reference":"1+x"}]}\', services.verification.verifiers)\n'
        "        print(len(await services.verification.verify(batch, 30)), 'sympy' in sys.modules)\n"
        "asyncio.run(main())"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]
