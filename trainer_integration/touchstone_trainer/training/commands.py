"""`touchstone-train run | demo | plot`.

Rule 1: an error that a user can mend is one message and exit status 2; anything else is ours, and keeps its traceback.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from transformers.utils.logging import disable_progress_bar

from touchstone_client import TouchstoneError
from touchstone_trainer.generation.errors import GenerationError
from touchstone_trainer.metrics import read_steps
from touchstone_trainer.metrics.jsonl import RecordError
from touchstone_trainer.metrics.plot import plot as draw
from touchstone_trainer.routing import RoutingRefused
from touchstone_trainer.training import demo as demonstration
from touchstone_trainer.training.checkpoint import CheckpointError
from touchstone_trainer.training.config import ConfigError, RunConfig
from touchstone_trainer.training.loop import RunStopped
from touchstone_trainer.training.loop import run as train
from touchstone_trainer.training.service import NoService, running_service

MENDABLE: tuple[type[Exception], ...] = (
    CheckpointError,
    ConfigError,
    GenerationError,
    NoService,
    RecordError,
    RoutingRefused,
    RunStopped,
    TouchstoneError,
)
COMPARED_STEPS = 20  # at either end of a demonstration: the mean of one step is noise

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console()


@app.callback()
def _start() -> None:
    """Train a policy with rewards from a Touchstone service."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    disable_progress_bar()  # type: ignore[no-untyped-call] # transformers' own bars would break the run's


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="The run: a .toml or .json file.")],
    override: Annotated[
        list[str] | None, typer.Option("--set", "-s", help="section.field=value, in place of the file's.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the newest checkpoint in the run's folder.")] = False,
) -> None:
    """Train by a configuration.

    In several processes: torchrun --nproc-per-node 2 -m touchstone_trainer.training.cli run CONFIG
    """
    with _mendable():
        train(RunConfig.read(config, override or []), resume=resume)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("touchstone-demo"),
    moe: Annotated[bool, typer.Option("--moe", help="A mixture of experts with FP64 routing.")] = False,
    service: Annotated[
        str | None, typer.Option(help="Address of a running service; without it one is started.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with a demonstration that was interrupted.")] = False,
) -> None:
    """Watch a tiny policy learn from nothing: sums first, then sums, choices and texts; two minutes."""
    # Threads cost a model of this size more than they bring.
    torch.set_num_threads(1)
    with _mendable(), ExitStack() as opened:
        url = service or opened.enter_context(running_service(out))
        train(demonstration.prepare(out, url, experts=moe), resume=resume)
    steps = read_steps(out)
    first, last = (
        [record.reward_mean for record in part if record.reward_mean is not None]
        for part in (steps[:COMPARED_STEPS], steps[-COMPARED_STEPS:])
    )
    console.print(f"mean reward {sum(first) / len(first):.2f} at the start, {sum(last) / len(last):.2f} at the end")
    plot(out)


@app.command()
def plot(
    folder: Annotated[Path, typer.Argument(help="The run's folder.")],
    out: Annotated[Path | None, typer.Option(help="Where to put the pictures; else the run's folder.")] = None,
) -> None:
    """Draw a run's curves: a PNG and a page."""
    with _mendable((*MENDABLE, ValueError)):  # a run without steps yet
        plots = draw(folder, out)
    console.print(f"curves: {plots.png} and {plots.page}", soft_wrap=True)


@contextmanager
def _mendable(mendable: tuple[type[Exception], ...] = MENDABLE) -> Iterator[None]:
    try:
        yield
    except mendable as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
