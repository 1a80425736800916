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

from touchstone_client.framework_samples import gym_label, gym_response
from touchstone_trainer.adapters.hook import Hook, OnNoVerdict, hook
from touchstone_trainer.adapters.rows import no_response, question_of, sample_of
from touchstone_trainer.rewards import CLIENT, JUDGE, MODEL, Scored

NATIVE = OnNoVerdict.ZERO
KINDS: Mapping[str, str] = {JUDGE: "judge_failed", MODEL: "judge_failed", CLIENT: "transport_unreachable"}
OTHER_KIND = "verifier_error"


async def verify(row: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a `/verify` request."""
    asked = hook()
    response = gym_response(row.get("response"))
    if response is None:
        return dict(row) | _told(asked, no_response("`response` is no object of the Responses API"))
    question = question_of((row.get("responses_create_params") or {}).get("input"))
    sample = sample_of(response, dict(row) | {"reference": gym_label(row)}, question=question)
    return dict(row) | _told(asked, await asked.scorer.score_one_async(sample))


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
