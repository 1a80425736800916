"""The `touchstone-data` command: one subcommand for each step of the pipeline, listed in `commands`."""

import sys

from touchstone_trainer.curation.problems import EXIT_CODES, USAGE


def main() -> None:
    """Run the command line."""
    try:
        import typer  # noqa: PLC0415 - not there without the extra, which is to be said and not thrown

        from touchstone_trainer.curation.commands import COMMANDS  # noqa: PLC0415
    except ModuleNotFoundError as error:
        sys.stderr.write(f"touchstone-data: needs {error.name}: pip install 'touchstone-trainer[data]'\n")
        sys.exit(USAGE)
    cli = typer.Typer(
        name="touchstone-data",
        help=f"Questions and answers made fit for training with verified rewards.\n\n{EXIT_CODES}",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    cli.callback()(lambda: None)  # with a single command typer would drop its name
    for name, function in COMMANDS.items():
        cli.command(name)(function)
    cli()
