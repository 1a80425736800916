"""The service that a command talks to: a running one, or the real application in this process without a port."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import httpx2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from app.cli.exit_codes import NO_SERVICE, USAGE, errors, fail, fail_for
from app.cli.options import settings_from
from touchstone_client import AsyncClient, Recall, RetryPolicy, TouchstoneError, VerifyItem, VerifyResult

DEFAULT_URL = "http://127.0.0.1:8080"
SLICE_ROWS = 512
"""Items in one call of the client, each call with a deadline of its own."""
SLICE_DEADLINE_S = 600.0
"""A file is no training step: a slow model should finish rather than leave rows undecided."""
MODEL_ANSWER_S = 30.0
"""For a model server that is said to be running."""
MODEL_START_S = 900.0
"""For a model server that starts with us: weights may have to be read from a slow disk."""
FEW_RETRIES = RetryPolicy(max_retries=3)
"""Somebody is waiting at a terminal: a mistyped address has to show in seconds."""


@asynccontextmanager
async def over_http(url: str, concurrency: int = 8) -> AsyncIterator[AsyncClient]:
    """A client of a running service."""
    try:
        client = AsyncClient(url, concurrency=concurrency, deadline_s=SLICE_DEADLINE_S, retry=FEW_RETRIES)
    except ValueError as error:
        fail(f"--{error}", USAGE)
    async with client:
        yield client


@asynccontextmanager
async def in_process(model: str | None) -> AsyncIterator[AsyncClient]:
    """A client of a service that lives as long as the context: same application, pool and cache as `serve`."""
    from app.main import create_app  # noqa: PLC0415 - see app.cli

    settings = settings_from(model={"source": model})
    patience_s = MODEL_START_S if (settings.model.source or "").startswith("vllm:") else MODEL_ANSWER_S
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with AsyncClient("http://in-process", transport=transport, deadline_s=SLICE_DEADLINE_S) as client:
            await _model_started(client, patience_s)
            yield client


async def _model_started(client: AsyncClient, patience_s: float) -> None:
    give_up_at = time.monotonic() + patience_s
    said = ""
    while not (state := (await client.ready()).components["model"]).ok:
        if state.detail != said:
            errors.print(f"waiting for the model: {state.detail}", markup=False)
            said = state.detail
        if time.monotonic() > give_up_at:
            fail(f"the model is not there after {patience_s:.0f} s: {state.detail}", NO_SERVICE)
        await asyncio.sleep(0.5)


def _show(bar: Progress, job: TaskID, before: int, done: int, _total: int) -> None:
    bar.update(job, completed=before + done)


async def verify_items(
    opened: AbstractAsyncContextManager[AsyncClient], items: Sequence[VerifyItem], recall: Recall
) -> list[VerifyResult]:
    """The results in order, with a progress bar on standard error; ends the command when the service fails."""
    shape = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    results: list[VerifyResult] = []
    try:
        async with opened as client:
            with Progress(*shape, console=Console(stderr=True)) as bar:
                job = bar.add_task("verifying", total=len(items))
                while len(results) < len(items):
                    results += await client.verify(
                        items[len(results) : len(results) + SLICE_ROWS],
                        recall=recall,
                        # What the model says by itself is a column of the table.
                        opinions=recall is not Recall.NEVER,
                        progress=partial(_show, bar, job, len(results)),
                    )
    except TouchstoneError as error:
        fail_for(error)
    return results
