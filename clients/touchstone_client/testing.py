"""A service without a network, for the tests of code that calls one.

    client = Client(transport=canned(lambda item: 1.0 if item["response"] == item["reference"] else 0.0))

The client's own code runs as in production, down to the bytes of the request; only the network is left out.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from touchstone_client.contract import (
    ComponentState,
    DecidedBy,
    Outcome,
    Readiness,
    TaskInfo,
    TasksResponse,
    VerifyResponse,
    VerifyResult,
)
from touchstone_client.contract_judge import (
    CandidateResult,
    JudgeResponse,
    JudgeResult,
    JudgeStatus,
    RewardResponse,
    RewardResult,
)

Judge = Callable[[Mapping[str, Any]], float | None]
"""Gives an item or a candidate, as it stands in the request, its reward."""


def canned(judge: Judge) -> httpx2.MockTransport:
    """A transport for `Client` and `AsyncClient` on which `judge` decides every item."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        match request.url.path:
            case "/v1/verify":
                results = [_result(item, judge(item)) for item in json.loads(request.content)["items"]]
                body = VerifyResponse(results=results, elapsed_ms=0.0).model_dump_json()
            case "/v1/judge":
                cases = [_judged(case, judge) for case in json.loads(request.content)["cases"]]
                body = JudgeResponse(results=cases, model="canned", elapsed_ms=0.0).model_dump_json()
            case "/v1/reward":
                rewards = [_rewarded(item, judge(item)) for item in json.loads(request.content)["items"]]
                body = RewardResponse(results=rewards, elapsed_ms=0.0).model_dump_json()
            case "/v1/tasks":
                task = TaskInfo(name="math", version="canned", description="Decided by the test.")
                body = TasksResponse(tasks=[task]).model_dump_json()
            case "/readyz":
                state = ComponentState(ok=True, required=True, detail="canned")
                body = Readiness(ready=True, version="canned", components={"judge": state}).model_dump_json()
            case "/healthz":
                body = "{}"
            case path:
                return httpx2.Response(404, text=f"canned has no {path}")
        return httpx2.Response(200, text=body)

    return httpx2.MockTransport(answer)


def _result(item: Mapping[str, Any], reward: float | None) -> VerifyResult:
    outcomes = {1.0: Outcome.CORRECT, 0.0: Outcome.INCORRECT, None: Outcome.UNDECIDABLE}
    return VerifyResult(
        id=item.get("id"),
        task=item.get("task", "math"),
        outcome=outcomes[reward],
        reward=reward,
        decided_by=DecidedBy(stage="canned", name="judge"),
        reason="decided by the test",
    )


def _judged(case: Mapping[str, Any], judge: Judge) -> JudgeResult:
    candidates = [
        CandidateResult(id=one.get("id"), status=_status(reward), reward=reward, model="canned")
        for one in case["candidates"]
        for reward in [judge(one)]
    ]
    return JudgeResult(id=case.get("id"), candidates=candidates)


def _rewarded(item: Mapping[str, Any], reward: float | None) -> RewardResult:
    return RewardResult(
        id=item.get("id"),
        group=item.get("group"),
        task=item.get("task") or ("math" if item.get("reference") else "open"),
        rule=item.get("rule") or "verifier",
        reward=reward,
        status=_status(reward),
        reason="decided by the test",
    )


def _status(reward: float | None) -> JudgeStatus:
    return JudgeStatus.UNSCORED if reward is None else JudgeStatus.SCORED
