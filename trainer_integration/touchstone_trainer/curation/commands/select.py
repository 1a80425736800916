"""`touchstone-data select`: a balanced, varied set of sound questions."""

from typing import Annotated

import typer

from touchstone_trainer.curation.commands.options import (
    ApiKey,
    Columns,
    DryRun,
    Inputs,
    Limit,
    Out,
    Overwrite,
    Seed,
    Service,
    columns_from,
    command,
    service_at,
)
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.selection.labels import LANGUAGES
from touchstone_trainer.curation.stage import Job, State


@command
def select(  # noqa: PLR0913, PLR0917 - one parameter for each option
    inputs: Inputs,
    out: Out,
    target: Annotated[
        int | None, typer.Option(min=1, help="Rows to choose; all sound and different ones if not given.")
    ] = None,
    dropped: Annotated[
        str | None, typer.Option(help="Where the rows that are left out go, each with its reason.")
    ] = None,
    language: Annotated[list[str] | None, typer.Option(help=f"Only these: {', '.join(LANGUAGES)}. Repeatable.")] = None,
    plots: Annotated[bool, typer.Option(help="Draw OUT.plots.png and OUT.plots.html: before and after.")] = True,
    service: Service = "http://127.0.0.1:8080",
    api_key: ApiKey = None,
    seed: Seed = 0,
    column: Columns = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
) -> State:
    """Check quality, remove near duplicates, label, cluster, and choose a balanced set."""
    from touchstone_trainer.curation.selection.selector import Selection, Settings, select  # noqa: PLC0415 - heavy

    languages = sorted(language or ())
    if unknown := sorted({*languages} - {*LANGUAGES}):
        raise BadInput(f"--language {', '.join(unknown)}: cannot be told; what can is {', '.join(LANGUAGES)}")
    job = Job(
        "select",
        inputs,
        {"rows": out} | ({"dropped": dropped} if dropped else {}),
        {"target": target, "languages": languages, "seed": seed},
        columns_from(column),
        ("question",),
        limit=limit,
        dry_run=dry_run,
        overwrite=overwrite,
    )

    def draw(selection: Selection) -> None:
        from touchstone_trainer.curation.selection import plots as drawn  # noqa: PLC0415

        drawn.draw(job.main.name, selection.distributions(), job.main.parent)

    with service_at(service, api_key) as client:
        return select(job, client, Settings(target, languages, seed), draw if plots else None)
