"""The service under Ray Serve, for clusters that are Ray already: the same application in each replica.

    serve run app.ray_app:build max_replicas=8          # or docker/ray/serve.yaml with `serve deploy`

Rule 1: the settings come from the environment of the replicas (`runtime_env: env_vars`), as everywhere else.
Rule 2: Ray is asked for a CPU for each worker of the pool and one for the server: two replicas never share them.
Rule 3: start Ray with RAY_SERVE_ENABLE_HA_PROXY=1. Its other proxy answers 500 for what a dying replica had, which
        no client repeats, and costs ten times the CPU of a batch (docs/scaling.md).
"""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from ray import serve

from app.main import create_app
from app.serve import DRAIN_S
from app.settings import PoolSettings, Settings

INGRESS = "Touchstone"
BATCHES_IN_FLIGHT = 4
"""In each replica, on average; above it Ray adds replicas. Four keep the server and its pool busy."""
MOST_BATCHES_IN_FLIGHT = 256
"""In each replica. The service refuses by items and bytes before that; Ray's own limit would hold requests back."""


class Scale(BaseModel):
    """How far the application may grow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_replicas: int = Field(default=1, ge=1)
    max_replicas: int = Field(default=4, ge=1)
    workers: int = Field(default=3, ge=1, description="Of each replica's pool.")


def build(scale: Scale) -> Any:
    """The Serve application."""

    def service() -> FastAPI:
        settings = Settings()
        pool = PoolSettings(**settings.pool.model_dump() | {"workers": scale.workers})
        return create_app(settings.model_copy(update={"pool": pool}))

    deployment = serve.deployment(
        serve.ingress(service)(),
        name=INGRESS,
        ray_actor_options={"num_cpus": scale.workers + 1},
        max_ongoing_requests=MOST_BATCHES_IN_FLIGHT,
        graceful_shutdown_timeout_s=DRAIN_S,
        autoscaling_config={
            "min_replicas": scale.min_replicas,
            "max_replicas": scale.max_replicas,
            "target_ongoing_requests": BATCHES_IN_FLIGHT,
            # Load comes in steps: grow at once, shrink only after several steps without need.
            "upscale_delay_s": 5,
            "downscale_delay_s": 900,
        },
    )
    return deployment.bind()
