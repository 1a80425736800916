"""The options that every command has, and how a command ends.

@command
def rewrite(inputs: Inputs, out: Out, column: Columns = None, limit: Limit = None, ...) -> None:
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, NoReturn, ParamSpec

import typer
from rich.console import Console
from rich.table import Table

from touchstone_client import Client, RequestRejected, TouchstoneError
from touchstone_trainer.curation.problems import NO_SERVICE, UNUSABLE_ROWS, USAGE, BadInput, CurationError, NoService
from touchstone_trainer.curation.stage import UNUSABLE, State

Inputs = Annotated[
    list[str],
    typer.Argument(help="JSONL (.gz, .zst), Parquet, a saved data set's folder, or hf:NAME:SPLIT.", metavar="INPUT..."),
]
Out = Annotated[str, typer.Option("--out", "-o", help="Where the rows go; the form goes by the name.")]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column", "-c", help="OURS=THEIRS: their column (a.b for nested ones) is our question, reference ..."
    ),
]
Limit = Annotated[int | None, typer.Option(min=0, help="Only the first so many rows.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do the work, write nothing, show the counts.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there, finished or not.")]
Seed = Annotated[int, typer.Option(help="For all that is drawn at random.")]
Service = Annotated[str, typer.Option(help="Address of the Touchstone service.", envvar="TOUCHSTONE_URL")]
ApiKey = Annotated[str | None, typer.Option(help="Key of the service.", envvar="TOUCHSTONE_API_KEY")]
Model = Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible model server.")]
ModelName = Annotated[str | None, typer.Option(help="The model's name there, where the server has several.")]
ModelKey = Annotated[str | None, typer.Option(help="Key of the model server.", envvar="TOUCHSTONE_MODEL_API_KEY")]

P = ParamSpec("P")
stderr = Console(stderr=True, highlight=False, soft_wrap=True)
stdout = Console(highlight=False, soft_wrap=True)


def columns_from(given: Sequence[str] | None) -> dict[str, str]:
    """`OURS=THEIRS` as a mapping."""
    pairs = [spec.partition("=") for spec in given or ()]
    for ours, equals, theirs in pairs:
        if not (ours and equals and theirs):
            raise BadInput(f"--column takes OURS=THEIRS, not {ours + equals + theirs!r}")
    return {ours: theirs for ours, _, theirs in pairs}


def service_at(url: str, api_key: str | None) -> Client:
    """A client of a service that is alive; NoService at once where there is none."""
    client = Client(url, api_key=api_key)
    if not client.healthy():
        client.close()
        raise NoService(f"no Touchstone service at {url}: start one with `touchstone serve`, or name it by --service")
    return client


def command(function: Callable[P, State]) -> Callable[P, None]:
    """The function as a command: shows what it came to, and turns what stopped it into a message and an exit status."""

    @functools.wraps(function)
    def ended(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            state = function(*args, **kwargs)
        except CurationError as error:
            fail(str(error), NO_SERVICE if isinstance(error, NoService) else USAGE)
        except TouchstoneError as error:
            fail(str(error), USAGE if isinstance(error, RequestRejected) else NO_SERVICE)
        except OSError as error:  # a folder that cannot be written, a full disk: what is done stays done
            fail(str(error), USAGE)
        except ModuleNotFoundError as error:
            fail(f"needs {error.name}: pip install 'touchstone-trainer[data]'", USAGE)
        show(state.counts)
        if state.counts[UNUSABLE]:
            _complain(state)
            raise typer.Exit(UNUSABLE_ROWS)

    ended.__annotations__["return"] = None
    return ended


def fail(message: str, code: int) -> NoReturn:
    """Say what to fix and end."""
    stderr.print(f"touchstone-data: {message}", style="red", markup=False)
    raise typer.Exit(code)


def show(counts: Mapping[str, int | float]) -> None:
    """The counts as a table on stdout."""
    table = Table(show_header=False, box=None)
    for name, count in sorted(counts.items()):
        table.add_row(name, f"{count:,}")
    stdout.print(table)


def _complain(state: State) -> None:
    for problem in state.problems:
        stderr.print(problem, style="yellow", markup=False)
    if (more := int(state.counts[UNUSABLE]) - len(state.problems)) > 0:
        stderr.print(f"... and {more} more unusable rows", style="yellow")
