"""The one composition root."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from app import compat_examples, errors, examples, judge_examples
from app.access import Access
from app.callers import Reception
from app.console import examples as console_examples
from app.gate import Gate
from app.routes import compat_nemo_gym, compat_openrlhf, compat_slime, console, judge, run_code, service, verify
from app.services import OpenServices, open_services
from app.settings import Settings
from touchstone_client import contract, contract_judge


def create_app(settings: Settings, open_services: OpenServices = open_services) -> FastAPI:
    """The application. `open_services` lets a test bring its own parts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            app.state.services = services
            yield

    app = _Documented(
        title="Touchstone",
        summary="Rewards for reinforcement learning of language models.",
        version=version("touchstone"),
        lifespan=lifespan,
        redirect_slashes=False,
        # The framework's own would send URLs, with the keys in them.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    errors.install(app)
    app.add_middleware(Reception, max_bytes=settings.limits.inflight_mb << 20)
    app.add_middleware(Gate)
    app.add_middleware(Access)
    app.include_router(verify.router)
    app.include_router(judge.router)
    app.include_router(run_code.router)
    app.include_router(service.router)
    app.include_router(console.router)
    for framework in (compat_openrlhf, compat_slime, compat_nemo_gym):
        app.include_router(framework.router)
        app.include_router(framework.router, prefix="/p/{profile}", include_in_schema=False)
    return app


_RESPONSES = {
    "/v1/verify": examples.VERIFY_RESPONSES,
    "/v1/judge": judge_examples.JUDGE_RESPONSES,
    "/v1/reward": judge_examples.REWARD_RESPONSES,
    "/v1/explain": console_examples.EXPLAIN_RESPONSES,
    "/get_reward": compat_examples.OPENRLHF_RESPONSES,
    "/rm": compat_examples.SLIME_RESPONSES,
    "/verify": compat_examples.GYM_RESPONSES,
}


_ANY_BODY = {
    "400": "Not JSON, or not UTF-8.",
    "401": "The service wants a key.",
    "408": "The request arrived too slowly.",
    "413": "The body is too large.",
    "422": "Nothing in the request can be worked on.",
    "429": "A limit of the key is reached; see Retry-After.",
    "503": "The service is busy, or cannot decide this now; see Retry-After.",
}
"""What every route that reads a body may answer."""


def _add_answers(responses: dict[str, Any], *, takes_body: bool) -> None:
    if "422" in responses and "application/json" in responses["422"]["content"]:
        # The framework's own words: `app.errors` puts them into ours.
        responses["422"] = examples.error(_ANY_BODY["422"], {})
    if takes_body:
        for status, description in _ANY_BODY.items():
            responses.setdefault(status, examples.error(description, {}))


class _Documented(FastAPI):
    """Adds the models of bodies that the routes read by hand, and the answers that all of them may give."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            _, extra = models_json_schema(
                [
                    (contract.VerifyRequest, "validation"),
                    (contract_judge.JudgeRequest, "validation"),
                    (contract_judge.RewardRequest, "validation"),
                    (compat_openrlhf.GetRewardRequest, "validation"),
                    (compat_slime.RmRequest, "validation"),
                    (compat_nemo_gym.VerifyBody, "validation"),
                    (contract.Problem, "serialization"),
                ],
                ref_template="#/components/schemas/{model}",
            )
            schemas = document["components"]["schemas"]
            for name, schema in extra["$defs"].items():
                schemas.setdefault(name, schema)
            for path in document["paths"].values():
                for method, operation in path.items():
                    _add_answers(operation["responses"], takes_body=method == "post")
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            # The framework drops what is null; a reward of null is the point of some examples.
            for path, documented in _RESPONSES.items():
                answers = document["paths"][path]["post"]["responses"]
                for status, answer in documented.items():
                    for media_type, content in answer["content"].items():
                        answers[str(status)]["content"][media_type]["examples"] = content["examples"]
        assert self.openapi_schema is not None
        return self.openapi_schema
