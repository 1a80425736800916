"""The remote reward of slime and miles: `POST /rm` (`--rm-type remote_rm --rm-url http://…/rm`)."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from app import compat, compat_examples
from app.deps import ServicesDep
from app.errors import Unusable
from app.profiles import OnNoVerdict
from app.wire import FieldProblem
from touchstone_client.framework_samples import question_of, without_end_tokens

FRAMEWORK = "slime"
FORMATS = ("number", "dict")

router = APIRouter(tags=["frameworks"])


class RmRequest(BaseModel):
    """What slime sends. The label is the reference, or a JSON object with `task`, `tests`, `rubric`, …"""

    model_config = ConfigDict(extra="ignore")

    prompt: str | list[dict[str, Any]] | None = None
    response: str
    label: Any = None


@router.post(
    "/rm",
    summary="The reward for slime and miles",
    response_model=float | dict[str, Any],
    responses=compat_examples.SLIME_RESPONSES,
    openapi_extra={
        "requestBody": compat_examples.SLIME_BODY,
        "parameters": [*compat_examples.PARAMETERS, compat_examples.FORMAT],
    },
)
async def rm(request: Request, services: ServicesDep) -> Response:
    """The whole body is the reward: a number, or with `?format=dict` an object for `--reward-key reward`. Also under
    `/p/{profile}`.
    """
    profile = compat.asked(request, services, "format")
    form = request.query_params.get("format", FORMATS[0])
    if form not in FORMATS:
        raise Unusable("the URL is wrong", [FieldProblem("format", f"must be one of {', '.join(FORMATS)}")])
    _, asked = await compat.read(request, services, RmRequest)
    places = {"response": "response", "question": "prompt", "label": "label"}
    response = without_end_tokens(asked.response)
    sample = compat.sample(profile, asked.label, response, question_of(asked.prompt), places)
    (result,) = await compat.pay(services, profile, [sample])
    reward = compat.number(services, profile, result, FRAMEWORK, OnNoVerdict.ERROR)
    if form == "number":
        return compat.answer(reward)
    told = {"reason": result.reason, "detail": result.detail, "task": result.task, "rule": result.rule}
    return compat.answer(
        {"reward": reward, "no_verdict": result.reward is None, **told, "components": compat.numbers(result)}
    )
