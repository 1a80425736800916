"""NeMo Gym and NeMo RL: a resources server that hands verification on. `resources_servers/touchstone/app.py` is

    from touchstone_trainer.adapters.nemo_gym import resources_server
    if __name__ == "__main__":
        resources_server().run_webserver()

No reward is `mask_sample` with a `failure_kind` of NeMo Gym's vocabulary; NeMo RL then gives the loss weight 0.

Rule 1: NeMo Gym launches every server itself and calls no other address, so a server of its own must stand between.
Rule 2: the dataset's row is the request; its fields are a sample's, and are echoed.
"""

from collections.abc import Mapping
from typing import Any

from touchstone_trainer.adapters.hook import Hook, OnNoVerdict, hook
from touchstone_trainer.adapters.rows import question_of, sample_of
from touchstone_trainer.rewards import CLIENT, JUDGE, MODEL, Sample, Scored

NATIVE = OnNoVerdict.ZERO
KINDS: Mapping[str, str] = {JUDGE: "judge_failed", MODEL: "judge_failed", CLIENT: "transport_unreachable"}
OTHER_KIND = "verifier_error"


async def verify(row: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a `/verify` request."""
    asked = hook()
    return dict(row) | _told(asked, await asked.scorer.score_one_async(sample_in(row)))


def sample_in(row: Mapping[str, Any]) -> Sample:
    """The sample of a request: the fields of its row, the last user message as question, all output text."""
    fields = dict(row.get("verifier_metadata") or {}) | dict(row)
    asked = (row.get("responses_create_params") or {}).get("input")
    return sample_of(_output_text(row.get("response") or {}), fields, question=question_of(asked))


def resources_server() -> type[Any]:
    """The server's class; made here because it is NeMo Gym's subclass."""
    from nemo_gym.base_resources_server import (  # noqa: PLC0415
        BaseResourcesServerConfig,
        BaseVerifyRequest,
        BaseVerifyResponse,
        ReverifyMode,
        SimpleResourcesServer,
    )
    from pydantic import ConfigDict  # noqa: PLC0415

    class Config(BaseResourcesServerConfig):  # type: ignore[misc, unused-ignore]
        REVERIFY_MODE = ReverifyMode.STATELESS

    class Request(BaseVerifyRequest):  # type: ignore[misc, unused-ignore]
        model_config = ConfigDict(extra="allow")

    class Response(BaseVerifyResponse):  # type: ignore[misc, unused-ignore]
        model_config = ConfigDict(extra="allow")

    class TouchstoneResourcesServer(SimpleResourcesServer):  # type: ignore[misc, unused-ignore]
        config: Config

        async def verify(self, body: Request) -> Response:  # type: ignore[valid-type, unused-ignore]
            answer: Response = Response.model_validate(await verify(body.model_dump()))  # type: ignore[valid-type, unused-ignore]
            return answer

    return TouchstoneResourcesServer


def _told(asked: Hook, scored: Scored) -> dict[str, Any]:
    left_out = scored.left_out and asked.settings.on_no_verdict is OnNoVerdict.NATIVE
    return {
        "reward": asked.number(scored, NATIVE),
        "reward_components": dict(scored.components),
        "mask_sample": left_out,
        "failure_kind": KINDS.get(scored.stage, OTHER_KIND) if scored.left_out else None,
        "failure_reason": scored.reason if scored.left_out else None,
    }


def _output_text(response: Mapping[str, Any]) -> str:
    messages = [part for part in response.get("output") or [] if part.get("type") == "message"]
    parts = [piece for message in messages for piece in message.get("content") or []]
    return "".join(piece.get("text") or "" for piece in parts if piece.get("type") == "output_text")
