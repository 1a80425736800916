"""The service as a process: signals, restarts, documents that are true, wire structs that match the contract."""

import asyncio
import signal
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
import psutil
import pytest
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from app import wire
from app.services import REGISTRY
from tests.app.conftest import FAULTS, StartApp
from tests.app.scripted_judge import ScriptedJudge
from tests.live import LiveService
from tests.processes import until
from touchstone_client import contract, contract_judge
from verifiers import verdict

StartService = Callable[..., LiveService]


def ask(live: LiveService, *responses: str, **envelope: Any) -> list[dict[str, Any]]:
    items = [{"task": "faulty", "response": response, "reference": "7"} for response in responses]
    reply = live.client.post("/v1/verify", json={"items": items, **envelope})
    assert reply.status_code == 200, reply.text
    results: list[dict[str, Any]] = reply.json()["results"]
    return results


async def test_sigterm_finishes_what_is_in_flight(start_service: StartService) -> None:
    """After SIGTERM the request in flight is answered in full, then the process ends with status 0 and no children."""
    live = await asyncio.to_thread(start_service, registry=FAULTS)
    family = psutil.Process(live.process.pid).children(recursive=True)
    answers: list[list[dict[str, Any]]] = []
    flight = threading.Thread(target=lambda: answers.append(ask(live, "nap 1.5 7", "so 7")))
    flight.start()
    metrics = 'touchstone_cache_reads_total{kind="verdict",result="miss"} 2.0'
    await until(lambda: metrics in live.client.get("/metrics").text)
    live.process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(flight.join, 30)
    assert [result["outcome"] for result in answers[0]] == ["correct", "correct"]
    assert await asyncio.to_thread(live.process.wait, 30) == 0
    assert not [child for child in family if child.is_running()]


async def test_kill_9_of_the_service_keeps_its_verdicts(start_service: StartService) -> None:
    """A service killed by kill -9 leaves no worker behind, and its successor finds what it had decided."""
    live = await asyncio.to_thread(start_service, registry=FAULTS)
    family = psutil.Process(live.process.pid).children(recursive=True)
    assert ask(live, "so 7")[0]["cached"] is False
    await until(lambda: _rows(live.folder / "cache.sqlite3") == 1)
    live.kill()
    await until(lambda: not [one for one in family if one.is_running() and one.status() != "zombie"])
    after = await asyncio.to_thread(start_service, registry=FAULTS)
    assert ask(after, "so 7")[0]["cached"] is True


def _rows(file: Path) -> int:
    import contextlib
    import sqlite3

    with contextlib.closing(sqlite3.connect(file)) as connection:
        rows: int = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
        return rows


def test_several_server_processes(start_service: StartService) -> None:
    """With `workers=2` two processes answer on one port, and SIGTERM ends them all."""
    live = start_service(registry=FAULTS, workers=2)
    assert [result["outcome"] for result in ask(live, "so 7", "spin")] == ["correct", "unreadable"]
    family = psutil.Process(live.process.pid).children(recursive=True)
    assert live.stop() == 0
    _, alive = psutil.wait_procs(family, 10)
    assert not alive


async def test_server_processes_do_not_outlive_the_one_that_watches_them(start_service: StartService) -> None:
    """After kill -9 of the process that was started, the server processes drain and end, workers and all."""
    live = await asyncio.to_thread(start_service, registry=FAULTS, workers=2)
    await until(lambda: "touchstone_servers 2.0" in live.client.get("/metrics").text, 60)
    family = psutil.Process(live.process.pid).children(recursive=True)
    live.kill()
    _, alive = await asyncio.to_thread(psutil.wait_procs, family, 60)
    assert not alive


def test_an_unusable_pool_is_a_clear_end(start_service: StartService) -> None:
    """A service whose workers cannot come up does not pretend to serve."""
    with pytest.raises(TimeoutError, match="exit status 3"):
        start_service(registry="tests.app.no_such_module:VERIFIERS")


# The documents

SHAPES: dict[int, type[BaseModel]] = {200: contract.VerifyResponse, 422: contract.Problem}
VOLATILE = {"alarms", "cached", "elapsed_ms", "timings_ms", "reason", "detail", "rules", "decided_by"}
"""Of results: what depends on the machine, on what was asked before or on the rules of the day."""


def _steady(body: Any) -> Any:
    if isinstance(body, dict):
        return {key: _steady(value) for key, value in body.items() if key not in VOLATILE}
    return [_steady(value) for value in body] if isinstance(body, list) else body


def test_every_request_example_does_what_the_documents_say(service: LiveService) -> None:
    """Each documented request, sent to a live service, gets the documented response of the same name."""
    document = service.client.get("/openapi.json").json()
    call = document["paths"]["/v1/verify"]["post"]
    requests = call["requestBody"]["content"]["application/json"]["examples"]
    responses = {
        name: (int(status), example["value"])
        for status, response in call["responses"].items()
        for content in response["content"].values()
        for name, example in content["examples"].items()
    }
    assert requests.keys() <= responses.keys()
    for name, example in requests.items():
        status, documented = responses[name]
        reply = service.client.post("/v1/verify", json=example["value"])
        assert reply.status_code == status, name
        SHAPES[status].model_validate_json(reply.content)
        SHAPES[status].model_validate(documented)
        assert _steady(reply.json()) == _steady(documented), name


@pytest.mark.parametrize(
    ("path", "shape"), [("/v1/judge", contract_judge.JudgeResponse), ("/v1/reward", contract_judge.RewardResponse)]
)
async def test_every_example_of_the_judge_runs(start_app: StartApp, path: str, shape: type[BaseModel]) -> None:
    """Each documented request gets an answer of the documented shape; a refused one, the documented problem."""
    async with start_app(judge=ScriptedJudge(), registry=REGISTRY) as running:
        document = (await running.http.get("/openapi.json")).json()
        call = document["paths"][path]["post"]
        requests = call["requestBody"]["content"]["application/json"]["examples"]
        refused = call["responses"]["422"]["content"]["application/problem+json"]["examples"]
        shown = call["responses"]["200"]["content"]["application/json"]["examples"]
        for name, example in requests.items():
            reply = await running.http.post(path, json=example["value"])
            if name in refused:
                assert reply.json() == refused[name]["value"]
                continue
            assert reply.status_code == 200, reply.text
            answer = shape.model_validate_json(reply.content)
            if name in shown:
                documented = shape.model_validate(shown[name]["value"])
                assert len(answer.results) == len(documented.results)  # type: ignore[attr-defined]
                assert reply.json().keys() == shown[name]["value"].keys()
    assert shown.keys() <= requests.keys()


async def test_documented_rewards_are_what_is_paid(start_app: StartApp) -> None:
    """The documented answer for a group that the verifier decides is what is sent."""
    async with start_app(registry=REGISTRY) as running:
        call = (await running.http.get("/openapi.json")).json()["paths"]["/v1/reward"]["post"]
        asked = call["requestBody"]["content"]["application/json"]["examples"]["math_group"]["value"]
        documented = call["responses"]["200"]["content"]["application/json"]["examples"]["math_group"]["value"]
        reply = await running.http.post("/v1/reward", json=asked)
    assert _steady(reply.json()) == _steady(documented)


def test_the_error_examples_that_no_json_body_shows(service: LiveService) -> None:
    """The documented answers to a body that is no JSON and to one that is too large are what is sent."""
    call = service.client.get("/openapi.json").json()["paths"]["/v1/verify"]["post"]

    def documented(status: int, name: str) -> Any:
        return call["responses"][str(status)]["content"]["application/problem+json"]["examples"][name]["value"]

    assert service.client.post("/v1/verify", content=b"no").json() == documented(400, "not_json")
    large = service.client.post("/v1/verify", content=b"7" * 70_000_000)
    assert large.json() == documented(413, "too_large")


def test_the_document_has_the_schemas_it_points_to(service: LiveService) -> None:
    """Every `$ref` in the OpenAPI document leads somewhere."""
    text = service.client.get("/openapi.json").text
    schemas = service.client.get("/openapi.json").json()["components"]["schemas"]
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= schemas.keys()
    assert {"VerifyRequest", "VerifyItem", "VerifyResponse", "Problem"} <= named


# The wire structs

PAIRS = [
    (wire.Item, contract.VerifyItem),
    (wire.VerifyRequest, contract.VerifyRequest),
    (wire.FieldProblem, contract.FieldProblem),
    (wire.Problem, contract.Problem),
    (wire.DecidedBy, contract.DecidedBy),
    (wire.StageReport, contract.StageReport),
    (wire.VerifyResult, contract.VerifyResult),
    (wire.VerifyResponse, contract.VerifyResponse),
    (wire.CriterionResult, contract_judge.CriterionResult),
    (wire.StepError, contract_judge.StepError),
    (wire.JudgeUsage, contract_judge.JudgeUsage),
    (wire.CandidateResult, contract_judge.CandidateResult),
    (wire.JudgeResult, contract_judge.JudgeResult),
    (wire.JudgeResponse, contract_judge.JudgeResponse),
    (wire.RewardComponents, contract_judge.RewardComponents),
    (wire.RewardResult, contract_judge.RewardResult),
    (wire.RewardResponse, contract_judge.RewardResponse),
]


@pytest.mark.parametrize(("struct", "model"), PAIRS, ids=[model.__name__ for _, model in PAIRS])
def test_the_wire_structs_are_the_contract(struct: type[msgspec.Struct], model: type[BaseModel]) -> None:
    """Each struct of the hot path has the contract's fields, defaults and kinds of type."""
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    assert fields.keys() == model.model_fields.keys()
    hints = get_type_hints(struct)
    for name, described in model.model_fields.items():
        assert fields[name].required == described.is_required(), name
        if not described.is_required():
            default = fields[name].default
            made = msgspec.to_builtins(default if default is not msgspec.NODEFAULT else fields[name].default_factory())
            assert made == to_jsonable_python(described.default), name
        assert _kinds(hints[name]) == _kinds(described.annotation), name


def _kinds(annotation: Any) -> set[str]:
    """The plain types in an annotation, without limits."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kinds(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return set().union(*(_kinds(part) for part in get_args(annotation)))
    if origin is not None:
        return {getattr(origin, "__name__", str(origin))}
    return {getattr(annotation, "__name__", str(annotation)).replace("VerifyItem", "Item")}


def test_the_wire_and_the_domain_agree_on_outcomes() -> None:
    """A domain outcome without a word on the wire could not be sent."""
    assert {one.value for one in contract.Outcome} == {one.value for one in verdict.Outcome}
