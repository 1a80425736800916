"""`touchstone-data convert`: rows from one form into another, columns renamed, unusable rows left out."""

from collections.abc import Sequence

from touchstone_trainer.curation.commands.options import (
    Columns,
    DryRun,
    Inputs,
    Limit,
    Out,
    Overwrite,
    columns_from,
    command,
)
from touchstone_trainer.curation.rows import Found
from touchstone_trainer.curation.stage import Done, Job, State, run


@command
def convert(
    inputs: Inputs,
    out: Out,
    column: Columns = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
) -> State:
    """Copy rows into another form: JSONL, Parquet, a saved data set."""
    job = Job(
        "convert",
        inputs,
        {"rows": out},
        {},
        columns_from(column),
        (),
        limit=limit,
        dry_run=dry_run,
        overwrite=overwrite,
    )
    return run(job, _copied)


def _copied(chunk: Sequence[Found]) -> Done:
    return Done(rows={"rows": [found.row for found in chunk]})
