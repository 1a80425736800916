"""Run the service with uvicorn."""

import asyncio
import functools
import gc
import multiprocessing
import signal
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from app.drain import on_sigterm
from app.http_protocol import TimedProtocol
from app.logs import configuration
from app.main import create_app
from app.services import OpenServices, Services, open_services
from app.settings import Settings

DRAIN_S = 60
"""After SIGTERM, for requests in flight; the usual grace of an orchestrator is shorter and kills first."""

YOUNG_OBJECTS = 50_000
"""Between two runs of the garbage collector; a batch makes thousands of objects, and hardly any in a cycle."""


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """What a signal does once uvicorn has drained and raises it again: an orderly end exits with 0."""
    sys.exit(0)


@contextmanager
def not_alone() -> Iterator[None]:
    """One of several server processes ends in order when the one that watches over them is gone: else it would hold the
    port, and nobody would stop it.
    """
    watcher = multiprocessing.parent_process()
    if watcher is None:
        yield
        return
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(watcher.sentinel)
        signal.raise_signal(signal.SIGTERM)

    loop.add_reader(watcher.sentinel, end)
    try:
        yield
    finally:
        loop.remove_reader(watcher.sentinel)


def served_app(settings: Settings, open_services: OpenServices, peers: Path | None) -> FastAPI:
    """The application as a server process runs it; `peers` is the folder in which several of them meet."""

    @asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Services]:
        async with open_services(settings) as services, AsyncExitStack() as met:
            if peers is not None:
                await met.enter_async_context(services.metrics.together(peers))
            # What there is now stays: looked through again and again it would stop the event loop for 100 ms at a time.
            gc.collect()
            gc.freeze()
            gc.set_threshold(YOUNG_OBJECTS)
            with on_sigterm(services.drain, settings.limits.drain_grace_s), not_alone():
                yield services

    return create_app(settings, opened)


def run(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    open_services: OpenServices = open_services,
) -> None:
    """Serve until SIGTERM or SIGINT, finish what is in flight, exit with status 0. After SIGTERM, readiness says no and
    requests are taken for `limits.drain_grace_s`.

    With several `workers`, each server process has its own worker pool and memory cache; `/metrics` of any is of all.
    """
    with tempfile.TemporaryDirectory(prefix="touchstone-") if workers > 1 else nullcontext() as peers:
        factory = functools.partial(served_app, settings, open_services, Path(peers) if peers else None)
        _run(settings, factory, host, port, workers)


def _run(settings: Settings, factory: Callable[[], FastAPI], host: str, port: int, workers: int) -> None:
    tls = settings.tls
    config = uvicorn.Config(
        factory,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        log_config=configuration(settings.log.form, settings.log.level),
        ssl_certfile=tls.certificate,
        ssl_keyfile=tls.private_key,
        ssl_keyfile_password=tls.private_key_password.get_secret_value() if tls.private_key_password else None,
        ssl_ca_certs=str(tls.client_ca) if tls.client_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls.client_ca else ssl.CERT_NONE,
        http=functools.partial(TimedProtocol, arrival_s=settings.limits.arrival_s),  # type: ignore[arg-type]
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
