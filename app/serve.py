"""Run the service with uvicorn."""

import functools
import signal
import sys
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess

from app.main import create_app
from app.services import OpenServices, open_services
from app.settings import Settings

DRAIN_S = 60
"""After SIGTERM, for requests in flight; the usual grace of an orchestrator is shorter and kills first."""


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """What a signal does once uvicorn has drained and raises it again: an orderly end exits with 0."""
    sys.exit(0)


def run(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    open_services: OpenServices = open_services,
) -> None:
    """Serve until SIGTERM or SIGINT, finish what is in flight, exit with status 0.

    With several `workers`, each server process has its own worker pool, memory cache and metrics.
    """
    config = uvicorn.Config(
        functools.partial(create_app, settings, open_services),
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        timeout_graceful_shutdown=DRAIN_S,
    )
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    if workers > 1:
        Multiprocess(config, sockets=[config.bind_socket()]).run()
        return
    server = uvicorn.Server(config)
    server.run()
    if not server.started:
        sys.exit(3)  # uvicorn has logged why
