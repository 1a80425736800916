"""`touchstone-data difficulty`: pass rates, the band that teaches, and suspect references."""

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
    Seed,
    Service,
    columns_from,
    command,
    service_at,
)
from touchstone_trainer.curation.difficulty import (
    HIGHEST_PASS_RATE,
    LOWEST_PASS_RATE,
    MIN_DECIDED,
    SAMPLE_TOKENS,
    Band,
    Rater,
    Sampling,
    report,
)
from touchstone_trainer.curation.model_server import ModelServer
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.stage import CHUNK_ROWS, Job, State, run

MODEL_CHUNK_ROWS = 16
"""With a model a chunk takes minutes: what a kill costs at most."""


@command
def difficulty(  # noqa: PLR0913, PLR0917 - one parameter for each option
    inputs: Inputs,
    out: Out,
    dropped: Annotated[str | None, typer.Option(help="Where the rows outside of the band go.")] = None,
    suspects: Annotated[str | None, typer.Option(help="Where rows with suspect references go, kept or not.")] = None,
    lowest: Annotated[float, typer.Option(min=0.0, max=1.0, help="Lowest pass rate kept.")] = LOWEST_PASS_RATE,
    highest: Annotated[float, typer.Option(min=0.0, max=1.0, help="Highest pass rate kept.")] = HIGHEST_PASS_RATE,
    min_decided: Annotated[int, typer.Option(min=1, help="Decided responses a rate needs.")] = MIN_DECIDED,
    model: Model = None,
    model_name: ModelName = None,
    model_key: ModelKey = None,
    samples: Annotated[int, typer.Option(min=1, help="Responses sampled for a row that brings none.")] = 8,
    temperature: Annotated[float, typer.Option(min=0.0, help="Of sampling; the one of training.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=1, help="Of a sampled response.")] = SAMPLE_TOKENS,
    keep_responses: Annotated[bool, typer.Option("--keep-responses", help="Leave the responses in the rows.")] = False,
    service: Service = "http://127.0.0.1:8080",
    api_key: ApiKey = None,
    seed: Seed = 0,
    column: Columns = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
) -> State:
    """Keep the questions that are right sometimes and wrong sometimes; flag suspect references."""
    if lowest > highest:
        raise BadInput(f"--lowest {lowest} lies above --highest {highest}")
    with ExitStack() as opened:
        client = opened.enter_context(service_at(service, api_key))
        server = None
        if model is not None:
            server = opened.enter_context(closing(ModelServer(model, model=model_name, api_key=model_key)))
        sampling = Sampling(samples, temperature, max_tokens, seed)
        streams = {"rows": out, "dropped": dropped, "suspects": suspects}
        parameters = {"band": [lowest, highest], "min_decided": min_decided, "keep_responses": keep_responses}
        job = Job(
            "difficulty",
            inputs,
            {name: path for name, path in streams.items() if path},
            parameters | ({"model": server.model, "sampling": vars(sampling)} if server else {}),
            columns_from(column),
            ("question", "reference", *(() if server else ("responses",))),
            limit=limit,
            dry_run=dry_run,
            overwrite=overwrite,
            chunk_rows=MODEL_CHUNK_ROWS if server else CHUNK_ROWS,
        )
        rater = Rater(client, server, sampling, Band(lowest, highest, min_decided), keep_responses=keep_responses)
        return run(job, rater, report)
