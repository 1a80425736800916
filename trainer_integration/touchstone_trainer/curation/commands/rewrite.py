"""`touchstone-data rewrite`: multiple-choice and true/false questions into open ones."""

from contextlib import ExitStack, closing
from typing import Annotated

import typer

from touchstone_trainer.curation.commands.options import (
    ApiKey,
    Columns,
    DryRun,
    Inputs,
    Limit,
    Model,
    ModelKey,
    ModelName,
    Out,
    Overwrite,
    Service,
    columns_from,
    command,
    service_at,
)
from touchstone_trainer.curation.model_server import ModelServer
from touchstone_trainer.curation.rewriting.by_model import SOLVE_TOKENS, Writer
from touchstone_trainer.curation.rewriting.rewriter import Rewriter
from touchstone_trainer.curation.stage import CHUNK_ROWS, Job, State, run

MODEL_CHUNK_ROWS = 32
"""With a model a chunk takes seconds: what a kill costs at most."""


@command
def rewrite(  # noqa: PLR0913, PLR0917 - one parameter for each option
    inputs: Inputs,
    out: Out,
    dropped: Annotated[str | None, typer.Option(help="Where the dropped rows go, each with its reason.")] = None,
    solve_tokens: Annotated[
        int, typer.Option(min=1, help="Tokens of such a try; fewer than the model's window.")
    ] = SOLVE_TOKENS,
    index_from: Annotated[
        int | None, typer.Option(min=0, max=1, help="References that are numbers count the options from 0 or 1.")
    ] = None,
    service: Service = "http://127.0.0.1:8080",
    api_key: ApiKey = None,
    model: Model = None,
    model_name: ModelName = None,
    model_key: ModelKey = None,
    attempts: Annotated[
        int,
        typer.Option(min=0, help="Tries of the model to solve each new question; one must agree. 0: no such check."),
    ] = 1,
    column: Columns = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
) -> State:
    """Make open questions of multiple-choice and true/false ones, or drop them."""
    with ExitStack() as opened:
        client = opened.enter_context(service_at(service, api_key))
        server = writer = None
        if model is not None:
            server = opened.enter_context(closing(ModelServer(model, model=model_name, api_key=model_key)))
            writer = Writer(server, client, attempts, solve_tokens)
        job = Job(
            "rewrite",
            inputs,
            {"rows": out} | ({"dropped": dropped} if dropped else {}),
            {
                "model": server.model if server else None,
                "attempts": attempts if server else None,
                "index_from": index_from,
            },
            columns_from(column),
            limit=limit,
            dry_run=dry_run,
            overwrite=overwrite,
            chunk_rows=MODEL_CHUNK_ROWS if server else CHUNK_ROWS,
        )
        return run(job, Rewriter(client, writer, index_from))
