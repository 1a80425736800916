"""A resources server of NeMo Gym: `POST /verify` and what stands around it; and the directory in which Axolotl looks.

Rule 1: unknown fields are echoed: rows carry whatever their environment needs.
Rule 2: no verdict is `mask_sample`, with one of Gym's own failure kinds or `touchstone:<kind>`.
"""

import json
import statistics
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from app import compat, compat_examples, wire
from app.blame import STAGE
from app.deps import ServicesDep
from app.errors import Unusable
from app.profiles import OnNoVerdict
from app.wire import FieldProblem
from grm.judgement import Reason
from touchstone_client.framework_samples import gym_label, gym_response, question_of

FRAMEWORK = "nemo_gym"
SERVER = "touchstone"
TASK_INDEX = "_ng_task_index"
"""Where Gym's collector keeps the number of a row."""
JUDGE_FAILED = "judge_failed"
UNPARSEABLE = frozenset({Reason.UNPARSABLE, Reason.TRUNCATED, Reason.CONTRADICTORY, Reason.OFF_SCALE})

router = APIRouter(tags=["frameworks"])


class VerifyBody(BaseModel):
    """A row of the dataset with the model's response, an object of OpenAI's Responses API."""

    model_config = ConfigDict(extra="allow")

    responses_create_params: dict[str, Any] = {}
    response: dict[str, Any]


class SessionBody(BaseModel):
    """Of a session; newer versions of Gym name it and want its name back."""

    model_config = ConfigDict(extra="allow")

    resources_session_id: str | None = None


class MetricsBody(BaseModel):
    """Answers of `/verify`, each with the number of its row."""

    verify_responses: list[dict[str, Any]]


@router.post(
    "/verify",
    summary="The reward for NeMo Gym and Axolotl",
    response_model=dict[str, Any],
    responses=compat_examples.GYM_RESPONSES,
    openapi_extra={"requestBody": compat_examples.GYM_BODY, "parameters": compat_examples.PARAMETERS},
)
async def verify(request: Request, services: ServicesDep) -> Response:
    """The row echoed, with its reward. Checked against `expected_answer`, `verifier_metadata.unit_tests`, or
    `verifier_metadata` with `task`, `reference`, `rubric`, … Also under `/p/{profile}`.
    """
    profile = compat.asked(request, services)
    row, body = await compat.read(request, services, VerifyBody)
    response = gym_response(body.response)
    if response is None:
        complaint = FieldProblem("response.output", "must be a list of output items, as OpenAI's Responses API has it")
        raise Unusable("the response cannot be read", [complaint])
    question = row.get("question")
    if not isinstance(question, str):
        question = question_of(body.responses_create_params.get("input"))
    label = "verifier_metadata" if row.get("expected_answer") is None else "expected_answer"
    places = {"response": "response.output", "question": "responses_create_params.input", "label": label}
    sample = compat.sample(profile, gym_label(row), response, question, places)
    (result,) = await compat.pay(services, profile, [sample])
    missing = result.reward is None
    told = {
        "reward": compat.number(services, profile, result, FRAMEWORK, OnNoVerdict.ZERO),
        "mask_sample": missing,
        "failure_kind": failure_kind(result) if missing else None,
        "failure_reason": f"{result.reason}: {result.detail}" if missing else None,
        "reward_components": compat.numbers(result),
    }
    return compat.answer(row | told)


def failure_kind(result: wire.RewardResult) -> str:
    """Who failed, in Gym's words."""
    verdict, judged = result.components.verifier, result.components.judge
    if judged is not None:
        return "judge_unparseable" if judged.reason in UNPARSEABLE else JUDGE_FAILED
    if verdict is not None and verdict.decided_by.stage == STAGE:
        return "touchstone:deadline" if verdict.decided_by.name == "deadline" else "verifier_error"
    return JUDGE_FAILED if verdict is not None and verdict.decided_by.stage == "model" else "touchstone:undecidable"


@router.post("/seed_session", summary="Nothing to prepare (NeMo Gym)")
@router.post("/close_session", summary="Nothing to close (NeMo Gym)")
async def session(request: Request, services: ServicesDep) -> dict[str, str]:
    """No state is kept; a session's name comes back."""
    _, body = await compat.read(request, services, SessionBody)
    return {} if body.resources_session_id is None else {"resources_session_id": body.resources_session_id}


@router.get("/reverify_mode", summary="Whether answers can be verified again (NeMo Gym)")
async def reverify_mode() -> str:
    """Always, and to the same end."""
    return "stateless"


@router.post("/aggregate_metrics", summary="Means over answers (NeMo Gym)")
async def aggregate_metrics(request: Request, services: ServicesDep) -> dict[str, Any]:
    """Means of the rewards, over all rows and for each. Masked samples are no measurement and are counted apart."""
    _, body = await compat.read(request, services, MetricsBody)
    by_row: dict[Any, list[Mapping[str, Any]]] = {}
    for one in body.verify_responses:
        by_row.setdefault(one.get(TASK_INDEX), []).append(one)
    overall = _means(body.verify_responses)
    return {
        "group_level_metrics": [{TASK_INDEX: row, **_means(answers)} for row, answers in by_row.items()],
        "agent_metrics": overall,
        "key_metrics": overall,
    }


def _means(answers: list[Any] | list[Mapping[str, Any]]) -> dict[str, float]:
    scored = [float(one["reward"]) for one in answers if not one.get("mask_sample") and one.get("reward") is not None]
    shares = {"masked_share": 1 - len(scored) / len(answers)} if answers else {}
    return ({"mean/reward": statistics.fmean(scored)} if scored else {}) | shares


@router.get("/global_config_dict_yaml", summary="The directory of servers (Axolotl, NeMo Gym)")
async def global_config(request: Request, services: ServicesDep) -> str:
    """The service as `touchstone`, and each profile without a key under its name. JSON, which is YAML too."""
    host, port = request.url.hostname, request.url.port or {"https": 443}.get(request.url.scheme, 80)
    places: dict[str, int | str] = {SERVER: port}
    # Clients write `http://{host}:{port}/verify`: a path may hide in the port.
    places |= {name: f"{port}/p/{name}" for name, one in services.settings.profiles.items() if one.key is None}
    return json.dumps(
        {name: {"resources_servers": {name: {"host": host, "port": where}}} for name, where in places.items()}
    )
