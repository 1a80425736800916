"""`touchstone-data mix`: phase files from a mixing plan."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from touchstone_trainer.curation.commands.options import Columns, DryRun, Limit, Overwrite, columns_from, command
from touchstone_trainer.curation.mix import HELD_OUT, Drawing, bounded, report, sorted_out
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.row_store import RowStore
from touchstone_trainer.curation.stage import UNUSABLE, Job, State, run
from touchstone_trainer.mixing import MixingPlan, PlanError

CHUNK_ROWS = 1_024


@command
def mix(  # noqa: PLR0913, PLR0917 - one parameter for each option
    plan: Annotated[str, typer.Argument(help="The mixing plan, .toml or .json: what `touchstone-train` reads too.")],
    out: Annotated[str, typer.Option("--out", "-o", help="A folder; it gets a file for each phase.")],
    suffix: Annotated[str, typer.Option(help="Form of the files; empty for saved data sets.")] = ".jsonl",
    batch: Annotated[int, typer.Option(min=1, help="Questions in a training step; shares are exact in each.")] = 64,
    steps: Annotated[
        list[str] | None, typer.Option(help="PHASE=N: so many steps, for phases that end at a plateau.")
    ] = None,
    column: Columns = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
) -> State:
    """Write the rows of each phase in the order of training."""
    planned = bounded(_read(plan), _steps(steps or ()))
    sources = {name: domain.source for name, domain in planned.domains.items()}
    streams = [phase.name for phase in planned.phases]
    if any(domain.held_out for domain in planned.domains.values()):
        streams.append(HELD_OUT)
    job = Job(
        "mix",
        [plan, *dict.fromkeys(sources.values())],
        {name: str(Path(out) / f"{name}{suffix}") for name in streams},
        {"batch": batch, "plan": planned.model_dump(mode="json")},
        columns_from(column),
        limit=limit,
        dry_run=dry_run,
        overwrite=overwrite,
        chunk_rows=CHUNK_ROWS,
    )
    with TemporaryDirectory(prefix="touchstone-mix-") as folder, ExitStack() as opened:
        stores = {
            name: opened.enter_context(closing(RowStore(source, Path(folder) / name, job.columns)))
            for name, source in sources.items()
        }
        sizes = {name: len(store) for name, store in stores.items()}

        unusable = sum(store.unusable for store in stores.values())
        problems = [problem for store in stores.values() for problem in store.problems]

        def extra(counts: Mapping[str, Any]) -> dict[str, Any]:
            about = {"source_rows": sizes, "unusable_source_rows": unusable, "source_problems": problems}
            return {"shares": report(planned, sizes, counts), **about}

        state = run(job, sorted_out, extra, Drawing(planned, stores, batch))
        state.counts[UNUSABLE] += unusable
        state.problems += problems
    return state


def _read(path: str) -> MixingPlan:
    try:
        return MixingPlan.read(path)
    except (PlanError, OSError) as error:
        raise BadInput(str(error)) from error


def _steps(given: Sequence[str]) -> dict[str, int]:
    pairs = [spec.rpartition("=") for spec in given]
    if wrong := [spec for spec, (_, _, number) in zip(given, pairs, strict=True) if not number.isdecimal()]:
        raise BadInput(f"--steps takes PHASE=N, not {wrong[0]!r}")
    return {phase: int(number) for phase, _, number in pairs}
