"""`touchstone-data concise`: reasoning without anxious re-checking."""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

from touchstone_trainer.curation.commands.options import (
    ApiKey,
    Columns,
    DryRun,
    Inputs,
    Limit,
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
from touchstone_trainer.curation.concise.compressor import Compressor, report
from touchstone_trainer.curation.concise.generator import CHAT
from touchstone_trainer.curation.concise.settings import ConciseSettings
from touchstone_trainer.curation.model_server import ModelServer
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.stage import Job, State, run

CHUNK_ROWS = 16
"""A chain takes seconds to minutes: what a kill costs at most."""


@command
def concise(  # noqa: PLR0913, PLR0917 - one parameter for each option
    inputs: Inputs,
    out: Out,
    model: Annotated[str, typer.Option(help="Address of an OpenAI-compatible model server.")],
    pairs: Annotated[str | None, typer.Option(help="Where preference pairs go: prompt, chosen, rejected.")] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0.01, max=1.0, help="Confidence from which on the reasoning ends.")
    ] = None,
    prompts: Annotated[str | None, typer.Option(help="TOML file with other phrases, probes and limits.")] = None,
    template: Annotated[
        str, typer.Option(help="`chat`, or a file with {question} for plain completions: see the documents.")
    ] = CHAT,
    service: Service = "http://127.0.0.1:8080",
    api_key: ApiKey = None,
    model_name: ModelName = None,
    model_key: ModelKey = None,
    seed: Seed = 0,
    column: Columns = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
) -> State:
    """Shorten chains of thought whose answer the verifier accepts; rows without a response get one first."""
    settings = ConciseSettings.read(prompts)
    if threshold is not None:
        settings = settings.model_copy(update={"threshold": threshold})
    form = template if template == CHAT else _template(template)
    with ExitStack() as opened:
        client = opened.enter_context(service_at(service, api_key))
        server = opened.enter_context(closing(ModelServer(model, model=model_name, api_key=model_key)))
        job = Job(
            "concise",
            inputs,
            {"rows": out} | ({"pairs": pairs} if pairs else {}),
            {"model": server.model, "template": form, "seed": seed, **settings.model_dump(mode="json")},
            columns_from(column),
            limit=limit,
            dry_run=dry_run,
            overwrite=overwrite,
            chunk_rows=CHUNK_ROWS,
        )
        return run(job, Compressor(client, server, settings, template=form, seed=seed), report)


def _template(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError) as error:
        raise BadInput(f"--template: {error}") from error
    if "{question}" not in text:
        raise BadInput(f"--template: {path} does not hold {{question}}")
    return text
