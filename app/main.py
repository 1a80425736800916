"""The one composition root."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from app import errors, examples
from app.routes import service, verify
from app.services import OpenServices, open_services
from app.settings import Settings
from touchstone_client import contract


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
    )
    errors.install(app)
    app.include_router(verify.router)
    app.include_router(service.router)
    return app


class _Documented(FastAPI):
    """Adds the models of bodies that the routes read by hand."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            _, extra = models_json_schema(
                [(contract.VerifyRequest, "validation"), (contract.Problem, "serialization")],
                ref_template="#/components/schemas/{model}",
            )
            schemas = document["components"]["schemas"]
            for name, schema in extra["$defs"].items():
                schemas.setdefault(name, schema)
            # The framework drops what is null; a reward of null is the point of some examples.
            answers = document["paths"]["/v1/verify"]["post"]["responses"]
            for status, answer in examples.VERIFY_RESPONSES.items():
                for media_type, content in answer["content"].items():
                    answers[str(status)]["content"][media_type]["examples"] = content["examples"]
        assert self.openapi_schema is not None
        return self.openapi_schema
