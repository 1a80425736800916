"""`POST /v1/judge` and `POST /v1/reward`. Read by hand, entry by entry, like `/v1/verify`.

In a thread: the contract's own models read a large request in a tenth of a second, in which others must be answered.
"""

import asyncio
import time

from fastapi import APIRouter, Request, Response

from app import bodies, callers, judge_examples, judge_requests, judge_to_wire, wire
from app.deps import ServicesDep
from app.errors import ModelMissing
from app.request_scope import count_items
from app.rewarding import NO_JUDGE
from touchstone_client import contract_judge

router = APIRouter(prefix="/v1", tags=["judge"])


@router.post(
    "/judge",
    summary="Judge responses with a model",
    response_model=contract_judge.JudgeResponse,
    responses=judge_examples.JUDGE_RESPONSES,
    openapi_extra={"requestBody": judge_examples.JUDGE_BODY},
)
async def judge(request: Request, services: ServicesDep) -> Response:
    """One result for each case, with a judgement on each candidate. A bad case never fails its request."""
    started = time.perf_counter()
    limits = services.settings.limits
    body = await bodies.read_body(request, limits.body_mb << 20)
    read = await asyncio.to_thread(judge_requests.read_judge, body)
    count_items(sum(len(one.case.candidates) for one in read.entries if isinstance(one, judge_requests.ToJudge)))
    if services.judging is None:
        raise ModelMissing(NO_JUDGE)
    answers = await services.judging.judge_all(read, callers.allowed_s(read.deadline_s, limits.deadline_s))
    response = wire.JudgeResponse(
        results=[judge_to_wire.judged(entry, answer) for entry, answer in zip(read.entries, answers, strict=True)],
        model=services.judging.name,
        alarms=services.guard.alarms(),
        elapsed_ms=round((time.perf_counter() - started) * 1000, 3),
    )
    return Response(wire.encode(response), media_type="application/json")


@router.post(
    "/reward",
    summary="Rewards by verifier, judge or both",
    response_model=contract_judge.RewardResponse,
    responses=judge_examples.REWARD_RESPONSES,
    openapi_extra={"requestBody": judge_examples.REWARD_BODY},
)
async def reward(request: Request, services: ServicesDep) -> Response:
    """One reward for each item, by the rule that it or its task names. A bad item never fails its request."""
    started = time.perf_counter()
    limits = services.settings.limits
    body = await bodies.read_body(request, limits.body_mb << 20)
    verifiers, rules = services.verification.verifiers, services.settings.reward.rules
    read = await asyncio.to_thread(judge_requests.read_reward, body, verifiers, rules)
    count_items(len(read.entries))
    answered = await services.rewarding.reward(read, callers.allowed_s(read.deadline_s, limits.deadline_s))
    response = wire.RewardResponse(
        results=[judge_to_wire.rewarded(entry) for entry in answered],
        model=services.model.name if services.model else None,
        judge=services.judging.name if services.judging else None,
        alarms=services.guard.alarms(),
        elapsed_ms=round((time.perf_counter() - started) * 1000, 3),
    )
    return Response(wire.encode(response), media_type="application/json")
