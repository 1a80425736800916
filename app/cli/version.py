"""`touchstone version`."""

from importlib.metadata import version as installed

import typer


def version() -> None:
    """Print the installed version."""
    typer.echo(installed("touchstone"))
