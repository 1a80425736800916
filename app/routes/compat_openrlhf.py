"""OpenRLHF's remote reward model: `POST /get_reward` (`--reward.remote_url`, formerly `--remote_rm_url`)."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app import compat, compat_examples
from app.compat import Sample
from app.deps import ServicesDep
from app.errors import Unusable
from app.profiles import OnNoVerdict, Profile
from app.wire import FieldProblem
from touchstone_client.contract import MAX_ITEMS
from touchstone_client.framework_samples import response_of

FRAMEWORK = "openrlhf"
NOT_FOUND = "the prompt is not found at the beginning of the query, so the response cannot be told from it"

router = APIRouter(tags=["frameworks"])


class GetRewardRequest(BaseModel):
    """What OpenRLHF sends. `query` is prompt and response with their special tokens."""

    # Its forks send more.
    model_config = ConfigDict(extra="ignore")

    query: list[str] = Field(min_length=1, max_length=MAX_ITEMS)
    prompts: list[str]
    labels: list[Any] | None = None


class GetRewardResponse(BaseModel):
    """A reward and a score, both the same, for each query. Values of `extra_logs` are numbers."""

    rewards: list[float]
    scores: list[float]
    extra_logs: dict[str, list[float]]


@router.post(
    "/get_reward",
    summary="Rewards for OpenRLHF",
    response_model=GetRewardResponse,
    responses=compat_examples.OPENRLHF_RESPONSES,
    openapi_extra={"requestBody": compat_examples.OPENRLHF_BODY, "parameters": compat_examples.PARAMETERS},
)
async def get_reward(request: Request, services: ServicesDep) -> Response:
    """The response is what follows the prompt in the query. Also under `/p/{profile}`."""
    profile = compat.asked(request, services)
    _, asked = await compat.read(request, services, GetRewardRequest)
    labels = asked.labels if asked.labels is not None else [None] * len(asked.query)
    for name, column in {"prompts": asked.prompts, "labels": labels}.items():
        if len(column) != len(asked.query):
            complaint = FieldProblem(
                name, f"has {len(column)} entries for {len(asked.query)} queries; send one for each"
            )
            raise Unusable("the request's own fields are wrong; `errors` says what to fix", [complaint])
    rows = zip(asked.query, asked.prompts, labels, strict=True)
    results = await compat.pay(services, profile, [_sample(profile, at, *row) for at, row in enumerate(rows)])
    rewards = [compat.number(services, profile, one, FRAMEWORK, OnNoVerdict.ERROR) for one in results]
    logs = {
        "touchstone_no_verdict": [float(one.reward is None) for one in results],
        "touchstone_judged": [float(one.components.judge is not None) for one in results],
    }
    return compat.answer({"rewards": rewards, "scores": rewards, "extra_logs": logs})


def _sample(profile: Profile, at: int, query: str, prompt: str, label: Any) -> Sample:
    response = response_of(query, prompt)
    if response is None:
        return Sample({}, lost=f"query[{at}]: {NOT_FOUND}")
    places = {"response": f"query[{at}]", "question": f"prompts[{at}]", "label": f"labels[{at}]"}
    return compat.sample(profile, label, response, prompt, places)
