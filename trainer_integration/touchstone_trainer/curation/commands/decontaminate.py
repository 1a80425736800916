"""`touchstone-data decontaminate`: rows that are benchmark questions in other words, found and left out."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from touchstone_trainer.curation.commands.options import (
    ApiKey,
    Columns,
    DryRun,
    Inputs,
    Limit,
    Out,
    Overwrite,
    Service,
    columns_from,
    command,
    service_at,
)
from touchstone_trainer.curation.decontamination.thresholds import Method, Thresholds
from touchstone_trainer.curation.digest import sha256
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.stage import Job, State, check, run


class Engine(StrEnum):
    """What runs the step."""

    LOCAL = "local"
    RAY = "ray"


@command
def decontaminate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    inputs: Inputs,
    out: Out,
    against: Annotated[list[str], typer.Option(help="A benchmark's questions, in any form of input. Repeatable.")],
    report: Annotated[str | None, typer.Option(help="Where the matched pairs go, with their scores.")] = None,
    dropped: Annotated[str | None, typer.Option(help="Where the rows that are left out go.")] = None,
    method: Annotated[list[Method] | None, typer.Option(help="Only these methods. Repeatable.")] = None,
    threshold: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, as in coverage=0.4. Repeatable.")] = None,
    keep_variants: Annotated[
        bool, typer.Option("--keep-variants", help="Keep questions of a benchmark's form with another right answer.")
    ] = False,
    benchmark_column: Annotated[list[str] | None, typer.Option(help="As --column, for the benchmarks.")] = None,
    service: Service = "http://127.0.0.1:8080",
    api_key: ApiKey = None,
    engine: Annotated[Engine, typer.Option(help="`ray`: as a Ray Data job, into folders.")] = Engine.LOCAL,
    column: Columns = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
) -> State:
    """Leave out rows that are a benchmark's questions in other words."""
    methods = sorted(set(method or Method))
    thresholds = _thresholds(threshold or ())
    settings = {
        "against": [{"path": source, "sha256": sha256(source)} for source in against],
        "benchmark_columns": columns_from(benchmark_column),
        "methods": [str(one) for one in methods],
        "thresholds": thresholds.model_dump(),
        "keep_variants": keep_variants,
    }
    streams = {"rows": out, "matches": report, "dropped": dropped}
    job = Job(
        "decontaminate",
        inputs,
        {name: path for name, path in streams.items() if path},
        settings,
        columns_from(column),
        ("question",),
        limit=limit,
        dry_run=dry_run,
        overwrite=overwrite,
    )
    if engine is Engine.RAY:
        from touchstone_trainer.curation.decontamination.ray_job import run as run_on_ray  # noqa: PLC0415 - an extra

        return run_on_ray(job, against, service, api_key)
    from touchstone_trainer.curation.decontamination.benchmark import Benchmark  # noqa: PLC0415 - heavy
    from touchstone_trainer.curation.decontamination.decontaminator import Decontaminator  # noqa: PLC0415

    check(job)  # before benchmarks are read, which may take minutes
    benchmark = Benchmark(against, columns_from(benchmark_column), methods, thresholds)

    def extra(counts: Mapping[str, Any]) -> dict[str, Any]:
        return {"benchmark_questions": len(benchmark.entries)}

    with service_at(service, api_key) as client:
        return run(job, Decontaminator(benchmark, client, keep_variants=keep_variants), extra)


def _thresholds(given: Sequence[str]) -> Thresholds:
    pairs = [spec.partition("=") for spec in given]
    try:
        return Thresholds.model_validate_strings({name: value for name, _, value in pairs})
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        names = ", ".join(Thresholds.model_fields)
        raise BadInput(f"--threshold takes NAME=VALUE with {names}: {told}") from error
